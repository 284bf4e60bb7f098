"""Launches runs on the workers of several hosts, through a broker: what `dagster.yaml` names where one is given."""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import dagster as dg
from celery import Celery
from dagster import DagsterRun, DagsterRunStatus, RunsFilter
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_QUEUE_TAG
from kombu.entity import Exchange, Queue
from kombu.exceptions import ChannelError, OperationalError

from facefind_pipeline.broker import shown
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.orchestration import host_versions
from facefind_pipeline.orchestration.dagster_internals import ConfigurableClassData, LaunchRunContext
from facefind_pipeline.orchestration.jobs import assets_of
from facefind_pipeline.orchestration.processes import is_of_command
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.database import open_database
from facefind_pipeline.store.hosts import RUN_LOCK

# A host's worker takes one run of each at a time: the faces, which use all cores, and one of what is light beside them.
FACES, LIGHT = "faces", "light"
QUEUES = (FACES, LIGHT)
FACES_ASSETS = {"detected_faces", "face_embeddings"}
EXCHANGE = Exchange("facefind", type="topic")  # type: ignore[no-untyped-call]
VISIBILITY_S = 120  # after which Redis gives what a dead host took to another
PUBLISH_S = 180  # for which a run waits for a broker that starts anew
PUBLISH_AGAIN_S = 1
LOST_S = 60  # a run that no worker began and no queue has is lost: launched again
CONNECT_S = 5

# No result backend: the database has each run's state, and the lock of whoever executes it says whether that one lives.
# A second record would be one more thing that is unreachable just when a task is taken, which Celery then drops.
NO_RESULTS = "disabled://"
CELERY = {
    "task_ignore_result": True,
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "worker_redirect_stdouts": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    # `publishing` tries again, each time on a new connection. Kombu (5.7) by itself declares the queue on a new one
    # and publishes on the one that broke (AttributeError).
    "broker_pool_limit": 0,
    "task_publish_retry": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    # Redis is asked every ten seconds for what dead hosts took, not every hundred; a silent connection is noticed.
    "broker_transport_options": {
        "visibility_timeout": VISIBILITY_S,
        "unacked_restore_throttle": 1,
        "socket_keepalive": True,
        "health_check_interval": 10,
    },
}


_logger = logging.getLogger(__name__)


class HostsRunLauncher(CeleryRunLauncher):
    """Dagster's own launcher, but for the queue, by what a run makes, and for health, which the run's lock tells."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(
            default_queue=LIGHT,
            broker=read_settings().broker_url,
            backend=NO_RESULTS,
            config_source=CELERY,
            inst_data=inst_data,
        )
        app: Celery = self.celery
        app.conf.task_queues = [
            Queue(name, EXCHANGE, routing_key=f"{name}.#")  # type: ignore[no-untyped-call]
            for name in QUEUES
        ]
        app.conf.task_routes = {}

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing: where the broker is, with its password, each host's own environment says."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:  # noqa: ARG003
        """As Dagster makes it from `dagster.yaml`."""
        return cls(inst_data)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """False: run monitoring would fail a run whose task Celery does not know."""
        return False

    @property
    def supports_resume_run(self) -> bool:
        """False: what a dead worker was at becomes a new run."""
        return False

    def get_run_worker_debug_info(
        self,
        run: DagsterRun,  # noqa: ARG002
        include_container_logs: bool | None = True,  # noqa: ARG002
    ) -> str | None:
        """Nothing: it would ask the result backend."""
        return None

    def launch_run(self, context: LaunchRunContext) -> None:
        """Puts the run into its queue."""
        settings = read_settings()
        made_by = host_versions.tags(open_database(settings), settings, context.dagster_run)
        tags = {DAGSTER_CELERY_QUEUE_TAG: queue_of(context.dagster_run), **made_by}
        self._instance.add_run_tags(context.dagster_run.run_id, tags)
        tagged = context.dagster_run.with_tags({**context.dagster_run.tags, **tags})
        publishing(lambda: super(HostsRunLauncher, self).launch_run(context._replace(dagster_run=tagged)))

    def terminate(self, run_id: str) -> bool:
        """Ends a run on whatever host it is; one that none has begun is canceled at once, and dropped when it comes."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished or is_of_command(run):
            return False
        self._instance.report_run_canceling(run)
        with open_database(read_settings()).lock_if_free(RUN_LOCK, run_id) as free:
            if free:
                self._instance.report_run_canceled(run)
                return True
        return bool(super().terminate(run_id))

    def waiting(self, queue: str) -> int:
        """How many runs the broker has in a queue, which no worker took yet."""
        with self.celery.connection_for_write() as connection:
            try:
                return int(connection.default_channel.queue_declare(queue, passive=True).message_count)
            except ChannelError:  # nothing was ever sent there
                return 0


def publishing(publish: Callable[[], object]) -> None:
    """Publishes, again and again while the broker is away; one that is launched twice by that is executed once.

    Raises:
        OperationalError: it stayed away for `PUBLISH_S`.
    """
    until = time.monotonic() + PUBLISH_S
    while True:
        try:
            publish()
            return
        except (OperationalError, OSError):
            if time.monotonic() > until:
                raise
            time.sleep(PUBLISH_AGAIN_S)


def queue_of(run: DagsterRun) -> str:
    """The queue that a run belongs to."""
    return FACES if assets_of(run) & FACES_ASSETS else LIGHT


def require_broker(instance: dg.DagsterInstance) -> None:
    """Looks whether the broker answers.

    Raises:
        FacefindError: it does not, or not to this password.
    """
    launcher = instance.run_launcher
    assert isinstance(launcher, HostsRunLauncher)
    try:
        with launcher.celery.connection_for_write(connect_timeout=CONNECT_S) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=CONNECT_S)
    except (OperationalError, OSError) as error:
        reason = " ".join(str(error).split())
        raise FacefindError(f"broker unreachable: {shown(launcher.broker or '')}: {reason}") from None


def launch_lost_runs(instance: dg.DagsterInstance) -> None:
    """Launches again what neither a queue nor a worker has: a broker, or a host that died, may lose a message.

    One that is launched twice is executed once.
    """
    launcher = instance.run_launcher
    assert isinstance(launcher, HostsRunLauncher)
    before = datetime.now(UTC) - timedelta(seconds=LOST_S)
    starting = instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.STARTING], updated_before=before))
    if not starting:
        return
    try:
        empty = {queue for queue in QUEUES if not launcher.waiting(queue)}
        for run in starting:
            if queue_of(run) in empty:
                launcher.launch_run(LaunchRunContext(run, None))
    except (OperationalError, OSError) as error:
        _logger.warning("broker unreachable: %s", error)  # asked again at the next look
