"""A real `facefind dev` for tests and screenshots: the UI with its daemon, in processes of their own."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

PATIENCE_S = 240  # half a minute on a machine that does nothing else


@contextmanager
def serve(log: Path) -> Iterator[str]:
    """Starts `facefind dev` as the environment says, its output going to `log`; ends it and its children.

    Yields:
        The address of the UI, once it answers.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host, port = free.getsockname()
    command = [sys.executable, "-P", "-c", "from facefind_pipeline.cli import main; main()", "dev", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not _answers(host, port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
        yield f"http://{host}:{port}"
    finally:
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.kill()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        process.wait()


def _answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0
