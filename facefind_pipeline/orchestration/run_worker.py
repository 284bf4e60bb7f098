"""Takes runs from one queue of the broker and executes them, one at a time: `python -m ... QUEUE FILE`.

It ends when its standard input does: whoever started it wants it to, or is dead. What is at work is finished first.
It ends by itself at a run that is not for this host, and leaves that to others; FILE, a descriptor, is told why.
The process that executes stays, with what it has loaded, from one run to the next.
"""

import logging
import os
import signal
import socket
import sys
import threading
import time
from functools import cache
from importlib import import_module
from typing import Any

import dagster as dg
from celery import Celery
from celery.exceptions import Reject
from dagster_celery.config import TASK_EXECUTE_JOB_NAME

from facefind_pipeline.orchestration import host_versions
from facefind_pipeline.orchestration.dagster_internals import ExecuteRunArgs, unpack_value
from facefind_pipeline.orchestration.execution import NotForThisHostError, execute
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.outages import outage

ENDING_S = 2  # in which a process that ends has let go of its queue
AGAIN_S = 5  # after which a database that could not be reached is asked again

_logger = logging.getLogger(__name__)


def work(queue: str, refusals: int) -> None:
    """Works until told to end, or until a run is refused."""
    import_module("facefind_pipeline.definitions")  # loaded once, before the process that executes is forked
    with dg.DagsterInstance.get() as instance:
        app: Celery = instance.run_launcher.celery  # type: ignore[attr-defined]  # of `run_launcher`

    def task(execute_job_args_packed: dict[str, Any]) -> None:
        _execute(unpack_value(execute_job_args_packed, as_type=ExecuteRunArgs).run_id, refusals)

    app.task(task, name=TASK_EXECUTE_JOB_NAME)
    logging.getLogger("celery.app.trace").setLevel(logging.ERROR)  # it prints where in the code a run was refused
    threading.Thread(target=_end_with_input, daemon=True).start()
    options = ["--pool=prefork", "--concurrency=1", "--without-mingle", "--without-gossip", "--loglevel=WARNING"]
    app.worker_main(["--quiet", "worker", f"--queues={queue}", f"--hostname={queue}@{socket.gethostname()}", *options])


def _execute(run_id: str, refusals: int) -> None:
    while True:
        try:
            execute(*_opened(), run_id, _refusal)
            return
        except NotForThisHostError as refusal:
            os.write(refusals, f"{refusal}\n".encode())
            os.kill(os.getppid(), signal.SIGTERM)  # Celery's own process, which takes no more from the queue then
            time.sleep(ENDING_S)
            raise Reject(requeue=True) from None
        except Exception as error:
            if (found := outage(error)) is None:
                raise
            _logger.warning("%s: tried again", found)
            time.sleep(AGAIN_S)


def _refusal(run: dg.DagsterRun) -> str | None:
    return host_versions.refusal(_opened()[1], read_settings(), run)


@cache
def _opened() -> tuple[dg.DagsterInstance, Database]:
    settings = read_settings()
    database = open_database(settings)
    return open_instance(settings, database), database


def _end_with_input() -> None:
    os.read(0, 1)  # `sys.stdin` would stay locked in the process that Celery forks, which closes it
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    work(sys.argv[1], int(sys.argv[2]))
