"""Dagster's UI behind the guard, with code server, daemon and `live`: what `facefind dev` starts, as a session leader.

`python -m ... LISTENER NAME`: the descriptor of a listening socket, and the host's name in the printed address. The
token comes as the first line of standard input, since arguments and environments are seen in lists of processes; when
standard input ends, whoever started this is dead, and all of it ends.
"""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import uvicorn
from dagster_webserver.app import create_app_from_workspace_process_context

from facefind_pipeline.ingest.sheet_files import SHEETS_URL
from facefind_pipeline.orchestration.code_server import CodeServer, ReloadingContext
from facefind_pipeline.orchestration.dagster_internals import ask_code_server_less, configure_loggers, take_signals
from facefind_pipeline.orchestration.instance import keep_connections
from facefind_pipeline.settings import read_settings
from facefind_pipeline.web.guard import LOOPBACK_NAMES, Guard, cookie_name, hosts_of, is_graphql_by_get
from facefind_pipeline.web.sheets import WithSheets

LOG_LEVEL = "warning"  # at `info` the daemon alone writes a hundred lines a minute
STATEMENT_MS = 15_000  # Dagster's own limit for a query of the UI
POLL_MS = 2000  # Dagster's own, of pages that show what is at work
LOOK_S = 1.0
ENDING_S = 12  # of each process; `facefind dev` gives all of them half a minute
PAUSE_S = 10.0  # before what ended by itself is started again
CLOSING_S = 3  # of open pages' connections, before they are cut

_log = logging.getLogger(__name__)


def serve(listener: socket.socket, name: str, token: str) -> None:
    """Serves until this process is told to end, or the daemon ends by itself."""
    port = listener.getsockname()[1]
    with (
        dg.DagsterInstance.get() as instance,
        TemporaryDirectory() as folder,
        CodeServer(Path(folder), LOG_LEVEL) as code_server,
        _process("facefind_pipeline.orchestration.daemon_process", str(code_server.workspace)) as daemon,
        _kept("facefind_pipeline.orchestration.live"),
    ):
        keep_connections(instance, STATEMENT_MS)
        with ReloadingContext(instance, code_server) as context:
            guard = Guard(
                WithSheets(
                    create_app_from_workspace_process_context(context, live_data_poll_rate=POLL_MS),
                    SHEETS_URL,
                    read_settings().sheets,
                ),
                token,
                cookie_name(port),
                hosts_of([*LOOPBACK_NAMES, name], port),
                changes=is_graphql_by_get,
            )
            config = uvicorn.Config(
                guard, log_level=LOG_LEVEL, access_log=False, timeout_graceful_shutdown=CLOSING_S
            )  # the access log would keep the token
            server = _Server(config)
            threading.Thread(target=_end_with, args=(daemon, server), daemon=True).start()
            server.run(sockets=[listener])


@contextmanager
def _process(module: str, *arguments: str) -> "Iterator[subprocess.Popen[bytes]]":
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _kept(module: str) -> Iterator[None]:
    """A process that is started again, after a pause, where it ended by itself."""
    over = threading.Event()

    def keep() -> None:
        while not over.is_set():
            with _process(module) as process:
                while process.poll() is None and not over.wait(LOOK_S):
                    pass
            if not over.wait(PAUSE_S):
                _log.warning("%s ended with code %s, and is started again", module, process.returncode)

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


class _Server(uvicorn.Server):
    """Looks twice a second whether it is to end; uvicorn's own ten looks are a tenth of what all of us do at rest."""

    async def main_loop(self) -> None:
        """Until it is to end."""
        tenths = 0
        while not await self.on_tick(tenths):
            tenths += 5
            await asyncio.sleep(0.5)


def _end_with(daemon: "subprocess.Popen[bytes]", server: uvicorn.Server) -> None:
    daemon.wait()
    server.should_exit = True


def _end_with_starter() -> None:
    sys.stdin.read()
    os.killpg(os.getpgrp(), signal.SIGTERM)


def main() -> None:
    """Takes the socket and the token over."""
    take_signals()  # SIGTERM ends like Ctrl-C, so that what was started is ended
    ask_code_server_less()
    configure_loggers(log_level=LOG_LEVEL.upper())
    token = sys.stdin.readline().strip()
    threading.Thread(target=_end_with_starter, daemon=True).start()
    with suppress(KeyboardInterrupt), socket.socket(fileno=int(sys.argv[1])) as listener:
        serve(listener, sys.argv[2], token)


if __name__ == "__main__":
    main()
