"""The Dagster instance that commands write to and the UI shows: its home, its configuration, its environment."""

import fcntl
import os
from importlib.util import find_spec

import dagster as dg
import yaml

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.orchestration.dagster_internals import (
    MULTIDIMENSIONAL_PARTITION_PREFIX,
    NO_COMPUTE_LOGS,
    InstanceRef,
    ask_schema_once,
)
from facefind_pipeline.orchestration.resources import CORES
from facefind_pipeline.settings import KEEP_RUNS_DAYS, Settings, clothes_count, read_roots_map
from facefind_pipeline.store.database import Database
from facefind_pipeline.telemetry import TELEMETRY_OFF

DATABASE_VARIABLE = "FACEFIND_DAGSTER_DATABASE_URL"
CONNECTION_SECONDS, CONNECTIONS = 3600, 20  # of a process's connections: how long each is kept, and how many at most

CONFIGURATION = {
    "storage": {"postgres": {"postgres_url": {"env": DATABASE_VARIABLE}}},
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
    # One run at the faces, which take all cores, and one beside it for what is light.
    "concurrency": {
        "runs": {
            "max_concurrent_runs": 2,
        },
        "pools": {"default_limit": 1, "granularity": "run"},
    },
    "run_launcher": {"module": "facefind_pipeline.orchestration.warm_launcher", "class": "WarmRunLauncher"},
    # A run that waits starts within a second of its turn, not five.
    "run_coordinator": {
        "module": "dagster",
        "class": "QueuedRunCoordinator",
        "config": {"dequeue_interval_seconds": 1},
    },
    # Without `free_slots`, cancelled runs hold their slots for ever; a run that does not start in time is failed.
    "run_monitoring": {"enabled": True, "start_timeout_seconds": 180, "free_slots_after_run_end_seconds": 60},
    "sensors": {"use_threads": True, "num_workers": 4},
    "python_logs": {"python_log_level": "INFO"},
}

# Where workers take runs from a broker, each at its own speed: more are launched than there are hosts, and wait there.
LAUNCHED_FACES, LAUNCHED = 16, 64
WAITING_S = 7 * 86_400  # a run that is launched waits in the broker while all hosts are at others
HOSTS_CONFIGURATION = {
    "run_launcher": {"module": "facefind_pipeline.orchestration.run_launcher", "class": "HostsRunLauncher"},
    "concurrency": {
        "runs": {
            "max_concurrent_runs": LAUNCHED,
            # Of an event day one set at a time: two on two hosts would not know what the other has just found.
            "tag_concurrency_limits": [
                {
                    "key": f"{MULTIDIMENSIONAL_PARTITION_PREFIX}event_day",
                    "value": {"applyLimitPerUniqueValue": True},
                    "limit": 1,
                }
            ],
        },
        "pools": {"default_limit": LAUNCHED_FACES, "granularity": "run"},
    },
    "run_monitoring": {"enabled": True, "start_timeout_seconds": WAITING_S, "free_slots_after_run_end_seconds": 60},
}


def environment(settings: Settings, database: Database) -> dict[str, str]:
    """What a Dagster process needs to see the same instance and tables as the command; without it, what differs."""
    variables = {
        "DAGSTER_HOME": str(settings.dagster_home),
        "FACEFIND_HOME": str(settings.home),
        DATABASE_VARIABLE: database.sqlalchemy_dagster_url,
        "FACEFIND_MODELS": str(settings.models),
        "FACEFIND_REFERENCES": str(settings.references),
        "MPLCONFIGDIR": str(settings.cache / "matplotlib"),  # else a list of fonts in the user's own cache
        **TELEMETRY_OFF,
    }
    if settings.database_url:  # the embedded server is found by its home, and started if need be
        variables["FACEFIND_DATABASE_URL"] = database.url
    if settings.server_user:
        variables["FACEFIND_SERVER_USER"] = settings.server_user
    if settings.clip_model:
        variables["FACEFIND_CLIP_MODEL"] = str(settings.clip_model)
    if settings.photo_parents:
        variables["FACEFIND_PHOTO_PARENTS"] = os.pathsep.join(map(str, settings.photo_parents))
    if roots := read_roots_map():
        variables["FACEFIND_ROOTS_MAP"] = os.pathsep.join(f"{known}={here}" for known, here in roots)
    if settings.keep_runs != KEEP_RUNS_DAYS:
        variables["FACEFIND_KEEP_RUNS"] = "all" if settings.keep_runs is None else str(settings.keep_runs)
    if not settings.keep_unmatched:
        variables["FACEFIND_KEEP_UNMATCHED"] = "no"
    if settings.keep_days is not None:
        variables["FACEFIND_KEEP_DAYS"] = str(settings.keep_days)
    if not clothes_count():
        variables["FACEFIND_CLOTHES"] = "off"
    return variables


def open_instance(settings: Settings, database: Database) -> dg.DagsterInstance:
    """The instance, its tables made at the first time.

    Steps' output is not captured: it would take the terminal from the command's progress bars.
    """
    os.environ.update(environment(settings, database))
    home = settings.dagster_home
    write_configuration(settings)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes that make the storage's tables at once fail
        reference = InstanceRef.from_dir(str(home), overrides={"compute_logs": NO_COMPUTE_LOGS})
        instance = dg.DagsterInstance.from_ref(reference)
    keep_connections(instance)
    return instance


def keep_connections(instance: dg.DagsterInstance, statement_ms: int = 0) -> None:
    """Has the instance keep what it would make or look for anew with each thing it asks or tells.

    Connections: 170 of them, 0.7 s, in a run of one new photo. And what tables and columns there are.

    Args:
        instance: just opened.
        statement_ms: after which a query is cancelled; 0 for none.
    """
    instance.optimize_for_webserver(statement_ms, CONNECTION_SECONDS, CONNECTIONS)
    ask_schema_once(instance)


def know_pools(instance: dg.DagsterInstance) -> None:
    """Has a new home's record know the pool of all cores: else the first two runs would be launched at once."""
    storage = instance.event_log_storage
    if CORES not in {pool.name for pool in storage.get_pool_limits()}:  # on PostgreSQL a second time fails
        storage.initialize_concurrency_limit_to_default(CORES)


def write_configuration(settings: Settings) -> None:
    """Writes `dagster.yaml`; passwords stay in the environment.

    Raises:
        FacefindError: runs are to go through a broker, and what they need for that is not installed.
    """
    if settings.broker_url and find_spec("dagster_celery") is None:
        raise FacefindError('FACEFIND_BROKER_URL is set, and Celery is not installed: pip install "facefind[hosts]"')
    configuration = CONFIGURATION | (HOSTS_CONFIGURATION if settings.broker_url else {})
    configuration["retention"] = _ticks(settings.keep_runs)
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    text = "# Written by facefind at each start.\n" + yaml.safe_dump(configuration, sort_keys=False)
    file = home / "dagster.yaml"
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def _ticks(days: int | None) -> dict[str, object]:
    """How many days the ticks of schedules and sensors are kept; those that asked for nothing one day at most."""
    kept = -1 if days is None else days  # for ever
    found = dict.fromkeys(("started", "success", "failure"), kept)
    return {kind: {"purge_after_days": {**found, "skipped": 1}} for kind in ("schedule", "sensor")}
