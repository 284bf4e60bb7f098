"""Dagster's UI behind the guard, with its code server and its daemon: what `facefind dev` starts, as a session leader.

`python -m ... LISTENER NAME`: the descriptor of a listening socket, and the host's name in the printed address. The
token comes as the first line of standard input, since arguments and environments are seen in lists of processes; when
standard input ends, whoever started this is dead, and all of it ends.
"""

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
import yaml
from dagster_webserver.app import create_app_from_workspace_process_context

from facefind_pipeline.orchestration.dagster_internals import (
    DAEMON_MODULE,
    ModuleTarget,
    WorkspaceFileTarget,
    WorkspaceProcessContext,
    configure_loggers,
    proxy_servers,
    setup_interrupt_handlers,
)
from facefind_pipeline.orchestration.instance import CONNECTION_SECONDS, CONNECTIONS
from facefind_pipeline.web.guard import LOOPBACK_NAMES, Guard, cookie_name, hosts_of, is_graphql_by_get

LOG_LEVEL = "warning"  # at `info` the daemon alone writes a hundred lines a minute
STATEMENT_MS = 15_000  # Dagster's own limit for a query of the UI
POLL_MS = 2000  # Dagster's own, of pages that show what is at work
CLOSING_S = 3  # of open pages' connections, before they are cut


def serve(listener: socket.socket, name: str, token: str) -> None:
    """Serves until this process is told to end, or the daemon ends by itself."""
    port = listener.getsockname()[1]
    with dg.DagsterInstance.get() as instance, _code_server(instance) as workspace, _daemon(workspace) as daemon:
        instance.optimize_for_webserver(STATEMENT_MS, CONNECTION_SECONDS, CONNECTIONS)
        with WorkspaceProcessContext(instance, WorkspaceFileTarget([str(workspace)])) as context:
            guard = Guard(
                create_app_from_workspace_process_context(context, live_data_poll_rate=POLL_MS),
                token,
                cookie_name(port),
                hosts_of([*LOOPBACK_NAMES, name], port),
                changes=is_graphql_by_get,
            )
            config = uvicorn.Config(
                guard, log_level=LOG_LEVEL, access_log=False, timeout_graceful_shutdown=CLOSING_S
            )  # the access log would keep the token
            server = uvicorn.Server(config)
            threading.Thread(target=_end_with, args=(daemon, server), daemon=True).start()
            server.run(sockets=[listener])


@contextmanager
def _code_server(instance: dg.DagsterInstance) -> Iterator[Path]:
    """One for the UI and the daemon, as `dagster dev` has it; yields the workspace file that says where it is."""
    target = ModuleTarget("facefind_pipeline.definitions", None, None, None)
    with proxy_servers(instance, target, LOG_LEVEL) as servers, TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace.yaml"
        workspace.write_text(yaml.safe_dump({"load_from": list(servers.get_code_server_specs())}), encoding="utf-8")
        yield workspace


@contextmanager
def _daemon(workspace: Path) -> "Iterator[subprocess.Popen[bytes]]":
    daemon = subprocess.Popen(
        [sys.executable, "-m", DAEMON_MODULE, "run", "--log-level", LOG_LEVEL, "--workspace", str(workspace)],
        stdin=subprocess.DEVNULL,
    )
    try:
        yield daemon
    finally:
        daemon.terminate()
        daemon.wait()


def _end_with(daemon: "subprocess.Popen[bytes]", server: uvicorn.Server) -> None:
    daemon.wait()
    server.should_exit = True


def _end_with_starter() -> None:
    sys.stdin.read()
    os.killpg(os.getpgrp(), signal.SIGTERM)


def main() -> None:
    """Takes the socket and the token over."""
    setup_interrupt_handlers()  # SIGTERM ends like Ctrl-C, so that what was started is ended
    configure_loggers(log_level=LOG_LEVEL.upper())
    token = sys.stdin.readline().strip()
    threading.Thread(target=_end_with_starter, daemon=True).start()
    with suppress(KeyboardInterrupt), socket.socket(fileno=int(sys.argv[1])) as listener:
        serve(listener, sys.argv[2], token)


if __name__ == "__main__":
    main()
