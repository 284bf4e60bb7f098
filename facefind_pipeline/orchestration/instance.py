"""The Dagster instance that commands write to and the UI shows: its home, its configuration, its environment."""

import fcntl
import os
from pathlib import Path

import dagster as dg
import yaml

from facefind_pipeline.orchestration.dagster_internals import BACKFILL_ID_TAG, NO_COMPUTE_LOGS, InstanceRef
from facefind_pipeline.settings import Settings, clothes_count, read_roots_map
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
            # Of a backfill one at a time: the start of a light run takes turns on the cores with the faces.
            "tag_concurrency_limits": [
                {"key": BACKFILL_ID_TAG, "value": {"applyLimitPerUniqueValue": True}, "limit": 1}
            ],
        },
        "pools": {"default_limit": 1, "granularity": "run"},
    },
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
    if not settings.previews:
        variables["FACEFIND_PREVIEWS"] = "off"
    if not clothes_count():
        variables["FACEFIND_CLOTHES"] = "off"
    return variables


def open_instance(settings: Settings, database: Database) -> dg.DagsterInstance:
    """The instance, its tables made at the first time.

    Steps' output is not captured: it would take the terminal from the command's progress bars.
    """
    os.environ.update(environment(settings, database))
    home = settings.dagster_home
    write_configuration(home)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes that make the storage's tables at once fail
        reference = InstanceRef.from_dir(str(home), overrides={"compute_logs": NO_COMPUTE_LOGS})
        instance = dg.DagsterInstance.from_ref(reference)
    # Else Dagster connects anew for each thing it asks or tells: 170 times, 0.7 s, in a run of one new photo.
    instance.optimize_for_webserver(statement_timeout=0, pool_recycle=CONNECTION_SECONDS, max_overflow=CONNECTIONS)
    return instance


def write_configuration(home: Path) -> None:
    """Writes `dagster.yaml`; passwords stay in the environment."""
    home.mkdir(parents=True, exist_ok=True)
    text = "# Written by facefind at each start.\n" + yaml.safe_dump(CONFIGURATION, sort_keys=False)
    file = home / "dagster.yaml"
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
