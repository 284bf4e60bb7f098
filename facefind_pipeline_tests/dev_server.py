"""A real `facefind dev` for tests and screenshots: the UI with its daemon, in processes of their own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil

from facefind_pipeline.web.guard import TOKEN, cookie_name

COMMAND = Path(sys.executable).with_name("facefind")
PATIENCE_S = 300  # half a minute on a machine that does nothing else


@dataclass(frozen=True)
class Dev:
    """One that answers.

    Attributes:
        process: the command.
        output: file of what it printed.
        printed: the address with the token.
    """

    process: "subprocess.Popen[bytes]"
    output: Path
    printed: str

    @property
    def address(self) -> str:
        """Of the UI, for a browser that opened the printed one before."""
        return f"http://{urlsplit(self.printed).netloc}"

    @property
    def port(self) -> int:
        return urlsplit(self.printed).port or 80

    @property
    def token(self) -> str:
        return parse_qs(urlsplit(self.printed).query)[TOKEN][0]

    @property
    def cookie(self) -> dict[str, str]:
        """The header by which a program is let in."""
        return {"Cookie": f"{cookie_name(self.port)}={self.token}"}

    def family(self) -> list[psutil.Process]:
        """Its processes at this moment: the command's own, the UI's, the code server's, the daemon's, runs'."""
        command = psutil.Process(self.process.pid)
        return [command, *command.children(recursive=True)]


@contextmanager
def serve(output: Path) -> Iterator[Dev]:
    """Starts `facefind dev` as the environment says, its output going to a file; ends it by Ctrl-C.

    Yields:
        The server, once it has printed its address.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with output.open("wb") as printing:
        process = subprocess.Popen(
            [COMMAND, "dev", "--port", str(port)],
            stdout=printing,
            stderr=printing,
            preexec_fn=as_from_a_terminal,  # noqa: PLW1509 - no thread of ours runs yet
        )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while (printed := re.search(rf"http://\S+{TOKEN}=\S+", output.read_text())) is None:
            assert process.poll() is None, output.read_text() + dev_log()
            assert time.monotonic() < deadline, output.read_text() + dev_log()
            time.sleep(0.2)
        yield Dev(process, output, printed[0])
    finally:
        _end(process)


def as_from_a_terminal() -> None:
    """A shell that starts the tests in the background has them, and all that they start, ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def dev_log() -> str:
    """What the UI and the daemon wrote."""
    log = Path(os.environ["FACEFIND_HOME"]) / "dev.log"
    return log.read_text() if log.exists() else ""


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=60)
    finally:
        for member in (process, *family):
            with suppress(psutil.NoSuchProcess):
                member.kill()
