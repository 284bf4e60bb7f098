"""`facefind worker`: this host takes runs that a daemon or a command on any host requests."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from select import select
from typing import TYPE_CHECKING

import click

from facefind_pipeline.cli.workspace import open_writing
from facefind_pipeline.environment import child_environment
from facefind_pipeline.errors import FacefindError, OutageError
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store import hosts
from facefind_pipeline.store.database import Database

if TYPE_CHECKING:
    import dagster as dg

LOOK_S = 0.5
SEEN_S = 10.0  # between two looks whether other hosts still see this one
REASON_BYTES = 4096

Processes = Sequence[subprocess.Popen[bytes]]


@click.command(
    epilog="""\b
Examples:
  export FACEFIND_DATABASE_URL=postgresql://facefind@db/facefind
  read -rs FACEFIND_BROKER_URL && export FACEFIND_BROKER_URL    (redis://:PASSWORD@db:6379/0)
  facefind worker
  FACEFIND_ROOTS_MAP=/srv/photos=/mnt/nas/photos facefind worker"""
)
def worker() -> None:
    """Work for a database that several hosts share, until Ctrl-C: at the faces of one event day, and at what is light.

    Takes the runs that `facefind dev` and `facefind sweep` request on any host, through the broker: Redis or RabbitMQ,
    named by FACEFIND_BROKER_URL or, better, by a file `broker` in the home that only you can read. The address has a
    password, so no option takes it. Needs `pip install "facefind[hosts]"`.

    A host whose libraries or models would make other faces or vectors is refused such runs: it says what differs, and
    ends. `facefind status` shows what each host is at.

    Ctrl-C finishes what is at work; a second one ends it, and another host makes it again.
    """
    settings = read_settings()
    if settings.broker_url is None or settings.database_url is None:
        missing = "FACEFIND_BROKER_URL" if settings.broker_url is None else "FACEFIND_DATABASE_URL"
        raise FacefindError(f"a worker needs a database and a broker that all hosts share: {missing} is not set")
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is signal.SIG_DFL:  # `nohup` has the second ignored
            signal.signal(ending, signal.default_int_handler)
    settings, database = open_writing()
    from facefind_pipeline.orchestration.instance import open_instance

    with open_instance(settings, database) as instance:
        from facefind_pipeline.orchestration.run_launcher import QUEUES, require_broker

        require_broker(instance)
        _require_same_versions(instance, database, settings)
    reading, writing = os.pipe()
    processes = [_start(settings, queue, writing) for queue in QUEUES]
    os.close(writing)
    click.echo("takes runs until Ctrl-C", err=True)
    ended = "a process of this worker ended by itself; what it printed says why"
    try:
        _wait(processes, database)
        if select([reading], [], [], 0)[0]:
            ended = os.read(reading, REASON_BYTES).decode().partition("\n")[0]
        click.echo(f"{ended}; finishing what is at work", err=True)
    except KeyboardInterrupt:
        click.echo("finishing what is at work", err=True)
        return
    finally:
        _end(processes)
    raise FacefindError(ended)


def _require_same_versions(instance: "dg.DagsterInstance", database: Database, settings: Settings) -> None:
    """Looks at what waits or is at work now.

    Raises:
        FacefindError: this host would make something of it differently.
    """
    from facefind_pipeline.orchestration.host_versions import refusal
    from facefind_pipeline.orchestration.processes import unfinished_runs

    for run in unfinished_runs(instance):
        if (reason := refusal(database, settings, run)) is not None:
            raise FacefindError(reason)


def _start(settings: Settings, queue: str, refusals: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "facefind_pipeline.orchestration.run_worker", queue, str(refusals)],
        stdin=subprocess.PIPE,
        pass_fds=[refusals],
        cwd=settings.home,
        env=child_environment(settings),
        start_new_session=True,  # Ctrl-C is ours
    )


def _wait(processes: Processes, database: Database) -> None:
    """Until one of the processes ends; meanwhile other hosts see that this one is there."""
    while _all_live(processes):
        try:
            with hosts.presence(database, socket.gethostname()) as still_seen:
                while _all_live(processes):
                    _sleep(processes)
                    still_seen()
        except OutageError as error:
            click.echo(f"{error}: waiting for it", err=True)
            _sleep(processes)


def _sleep(processes: Processes) -> None:
    until = time.monotonic() + SEEN_S
    while _all_live(processes) and time.monotonic() < until:
        time.sleep(LOOK_S)


def _all_live(processes: Processes) -> bool:
    return all(one.poll() is None for one in processes)


def _end(processes: Processes) -> None:
    try:
        for one in processes:
            assert one.stdin is not None
            with suppress(BrokenPipeError):
                one.stdin.close()
        for one in processes:
            one.wait()
    except KeyboardInterrupt:
        for one in processes:
            one.kill()
