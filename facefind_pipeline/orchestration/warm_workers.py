"""How runs reach the processes that execute them on this host, and stay alive from one run to the next.

Starting a process for a run costs 2.3 s of one core, nearly all of it importing Dagster. Who launches runs is the
daemon, or a sweep's own process; so workers are nobody's children, and are reached by a socket each in the home.
"""

import hashlib
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from facefind_pipeline.environment import child_environment
from facefind_pipeline.settings import Settings
from facefind_pipeline.warm_commands import ANSWER_S, BUSY, TAKEN

LARGEST_LOG = 1 << 20  # bytes, beyond which it is begun anew


def folder(settings: Settings) -> Path:
    """Where the sockets of workers are that were started with the same settings, of another database not least."""
    said = sorted((name, value) for name, value in os.environ.items() if name.startswith("FACEFIND_"))
    return settings.home / "workers" / hashlib.sha256(repr(said).encode()).hexdigest()[:8]


def hand_out(settings: Settings, run_id: str) -> None:
    """Gives a run to a worker that has nothing to do, else to a new one."""
    for socket_file in sorted(folder(settings).glob("*.sock")):
        if _ask(socket_file, f"{os.getpid()} {run_id}\n".encode()) == TAKEN:
            return
    _start(settings, run_id)


def start_ahead(settings: Settings) -> None:
    """Starts a worker that waits for its first run, unless one is there; it ends with this process."""
    if not any(folder(settings).glob("*.sock")):
        _start(settings)


def _ask(socket_file: Path, message: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(ANSWER_S)
        try:
            client.connect(os.fspath(socket_file))
            client.sendall(message)
            return client.recv(16).strip()
        except ConnectionRefusedError:  # its process died
            with suppress(FileNotFoundError):
                socket_file.unlink()
        except OSError:  # it ends, or is stuck
            pass
    return BUSY


def _start(settings: Settings, *runs: str) -> None:
    """Starts a worker that begins with this run, if any; the process between, whose child it is, ends at once."""
    folder(settings).mkdir(mode=0o700, parents=True, exist_ok=True)
    with (settings.dagster_home / "workers.log").open("ab") as log:
        if log.tell() > LARGEST_LOG:
            log.truncate(0)
        subprocess.run(
            [sys.executable, "-m", "facefind_pipeline.detached", str(os.getpid()), os.fspath(folder(settings)), *runs],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=settings.home,
            env=child_environment(settings),
            start_new_session=True,
            check=True,
        )
