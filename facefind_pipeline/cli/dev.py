"""`facefind dev`: Dagster's UI with its daemon, at an address that opens for the person who started it alone."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING

import click
import psutil

from facefind_pipeline.cli import serving_lock
from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.listening import in_address, is_loopback, listen
from facefind_pipeline.cli.workspace import open_graph
from facefind_pipeline.environment import child_environment
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.settings import Settings
from facefind_pipeline.web.guard import TOKEN, cookie_name

if TYPE_CHECKING:
    from facefind_pipeline.orchestration.runs import Graph

ENDING_S = 30  # what is at work is given to record that it was interrupted
LOOK_S = 0.5


@click.command(
    epilog="""\b
Examples:
  facefind dev
  facefind dev --port 3001"""
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address of this machine to serve on; beyond it, token and faces would cross the network unencrypted.",
)
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535))
def dev(host: str, port: int) -> None:
    """Serve the Dagster UI with its daemon: the graph, its partitions, runs and pictures. Ctrl-C ends it.

    Begins with a backfill of all that is missing. From then on new event days in the folders that were given, and new
    pictures in the references folder, lead to search results by themselves.

    The printed address contains a token, new at each start: without it the UI answers nobody.
    """
    from facefind_pipeline.orchestration.semaphores import require_semaphores

    with listen("--host", host, port) as listener:
        if not is_loopback(listener):
            click.echo(f"warning: {host} is reached from the network: token and faces cross it unencrypted", err=True)
        require_semaphores()
        for ending in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(ending) is signal.SIG_DFL:  # `nohup` has the second ignored
                signal.signal(ending, signal.default_int_handler)
        graph = open_graph(Bars())  # ends runs of dead processes
        settings = graph.workspace.settings
        if settings.broker_url:
            from facefind_pipeline.orchestration.run_launcher import require_broker

            require_broker(graph.instance)
        _report_silent_folders(graph)
        with serving_lock.hold(settings.home, serving_lock.DEV):
            graph.run_job("fill_missing", {})
            graph.instance.dispose()
            _serve(settings, listener, in_address(host))


def _report_silent_folders(graph: "Graph") -> None:
    """Says where photos that arrive can't be read at once, and why."""
    from facefind_pipeline.ingest.mounts import why_silent
    from facefind_pipeline.ingest.photos import SETTLE_S
    from facefind_pipeline.store import photos

    with graph.workspace.database.connect() as connection:
        roots = photos.roots(connection)
    for root in roots:
        if (why := why_silent(root)) is not None:
            click.echo(f"{root}: {why}, so new photos are read {SETTLE_S} seconds after their last change", err=True)


def _serve(settings: Settings, listener: socket.socket, name: str) -> None:
    """Serves until Ctrl-C or SIGTERM.

    Raises:
        FacefindError: the UI or its daemon ended by itself.
    """
    token, log = secrets.token_urlsafe(32), settings.home / "dev.log"
    command = [sys.executable, "-m", "facefind_pipeline.orchestration.ui_server", str(listener.fileno()), name]
    click.echo(f"starting Dagster's UI and daemon; their warnings and errors go to {log}", err=True)
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as output:
        output.truncate(0)
        server = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=[listener.fileno()],
            cwd=settings.home,
            env=child_environment(settings),
            start_new_session=True,  # Ctrl-C is ours; we end it with its children
        )
    assert server.stdin is not None
    try:
        with suppress(BrokenPipeError):  # it died at once, and the log says why
            server.stdin.write(f"{token}\n".encode())
            server.stdin.flush()
        address = f"{name}:{listener.getsockname()[1]}"
        while server.poll() is None and not _answers(listener, address, token):
            time.sleep(LOOK_S)
        if server.poll() is None:
            click.echo(f"Dagster's UI, until Ctrl-C: http://{address}/asset-groups?{TOKEN}={token}")
            server.wait()
    except KeyboardInterrupt:
        click.echo("stopping", err=True)
        return
    finally:
        _end(server)
    raise FacefindError(f"Dagster's UI or daemon ended by itself: {log} says why")


def _answers(listener: socket.socket, address: str, token: str) -> bool:
    host, port, *_ = listener.getsockname()
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/server_info", headers={"Host": address, "Cookie": f"{cookie_name(port)}={token}"})
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _end(server: "subprocess.Popen[bytes]") -> None:
    """Ends the server and all that it started, in its order: its daemon fails loudly without its code server."""
    group = server.pid
    members = [process for process in psutil.process_iter() if _group_of(process.pid) == group]
    try:
        with suppress(ProcessLookupError):
            if server.poll() is None:
                server.terminate()
            else:
                os.killpg(group, signal.SIGTERM)
        psutil.wait_procs(members, timeout=ENDING_S)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except (ProcessLookupError, PermissionError):
        return None
