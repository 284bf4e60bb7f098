"""The data map: every place where something of a person, photo or face may lie, how long, and what erases it.

`docs/privacy.md` has its tables from here, `facefind forget` works through it, and a test fails where a run writes a
column or file that it lacks.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from facefind_pipeline.privacy.places import Files, Kind, Table
from facefind_pipeline.privacy.tables import TABLES, UNTIL_MADE_AGAIN

# Dagster's own: whatever it has columns for, what is said in them is searched for names, and these are taken out.
_RUNS = "FACEFIND_KEEP_RUNS days, or while it says what made what exists"
DAGSTER_TABLES = {
    "event_logs": ("events of runs: messages, tables of figures, paths of contact sheets", _RUNS),
    "asset_keys": ("the last event of each asset", "until the next one"),
    "asset_check_executions": ("what checks found", _RUNS),
    "asset_event_tags": ("data versions", _RUNS),
    "asset_daemon_asset_evaluations": ("what automation looked at", "Dagster's own thirty days"),
    "runs": ("what runs were asked for", _RUNS),
    "run_tags": ("process, partition and host of runs", _RUNS),
    "snapshots": (
        "the graph and jobs as they were, with examples of configurations, which name people and photos",
        "for good",
    ),
    "bulk_actions": ("backfills", "for good"),
    "backfill_tags": ("backfills", "for good"),
    "jobs": ("sensors and schedules", "for good"),
    "instigators": ("sensors and schedules with their cursors", "for good"),
    "job_ticks": ("what sensors and schedules asked for", "FACEFIND_KEEP_RUNS days; one day where they asked nothing"),
    "kvs": ("cursors", "for good"),
    "dynamic_partitions": ("keys of event days and parameter sets", "until the day or set is forgotten"),
    **dict.fromkeys(
        (
            *("alembic_version", "concurrency_limits", "concurrency_slots", "daemon_heartbeats", "instance_info"),
            *("pending_steps", "secondary_indexes"),
        ),
        ("nothing of people", "for good"),
    ),
}

_FORGET = "`facefind forget`"
FILES = (
    Files("sheets/*", (Kind.PICTURE, Kind.NAME), "replaced in place when it is made again", _FORGET),
    Files("small-photos/*", (Kind.PICTURE,), "until no event day has the photo and a gallery is made", _FORGET),
    Files("references/*", (Kind.PICTURE, Kind.NAME), "yours: until you take it out", f"{_FORGET} NAME"),
    Files("truth/*", (Kind.NAME, Kind.SHOWN), "yours: until you take it out", f"{_FORGET} NAME"),
    Files("report.html", (Kind.TEXT,), UNTIL_MADE_AGAIN, _FORGET),
    Files("dev.log", (Kind.TEXT,), "until the next `facefind dev`", _FORGET),
    Files("dagster/workers.log", (Kind.TEXT,), "for good", _FORGET),
    Files("dagster/backfills.log", (Kind.TEXT,), "for good", _FORGET),
    Files("postgres/server.log", (Kind.TEXT,), "for good", _FORGET),
    Files("postgres/data/pg_wal/*", tuple(Kind), "until the next checkpoint but one", _FORGET),
    Files("postgres/data/*", tuple(Kind), "as its table; indexes with their table", _FORGET),
    Files("postgres/*", (Kind.TECHNICAL,), "settings of the server, written at each start"),
    Files("forgetting.json", (Kind.NAME, Kind.PICTURE, Kind.VECTOR), "while something is being forgotten", _FORGET),
    Files("forgotten-key", (Kind.TECHNICAL,), "for good: without it what was forgotten would come back"),
    Files("models/*", (Kind.TECHNICAL,), "until you delete it"),
    Files("derived/*", (Kind.TECHNICAL,), "until you delete it"),
    Files("cache/*", (Kind.TECHNICAL,), "until you delete it"),
    Files("workers/*", (Kind.TECHNICAL,), "while a worker is warm"),
    Files("*.lock", (Kind.TECHNICAL,), "while a command serves"),
    Files("dagster/*", (Kind.TECHNICAL,), "settings of Dagster, written at each start"),
    Files("serve.address", (Kind.TECHNICAL,), "where guests' pages were served last"),
    Files("passfile", (Kind.TECHNICAL,), "the password of the database's address"),
    Files("broker", (Kind.TECHNICAL,), "the address of the broker"),
    Files("warned-sslmode", (Kind.TECHNICAL,), "for good"),
    Files("made-here", (Kind.TECHNICAL,), "for good"),
)

# What no command of ours can reach, as every receipt says.
OUT_OF_REACH = (
    "the photos in their folders, which are yours, and copies of them",
    "backups of the home, of the database and of the disk",
    "galleries, albums and deliveries that were handed out, or lie where you put them",
    "what was typed into a shell or into `facefind psql`, in their histories",
    "blocks of the disk that deleted files left free, until the system writes over them",
)
OTHER_HOSTS = "sheets, small copies and logs in the homes of other hosts"
EXTERNAL_SERVER = "the write-ahead log, archives and replicas of the server that FACEFIND_DATABASE_URL names"


def table(name: str) -> Table:
    """One table of the map."""
    return next(one for one in TABLES if one.name == name)


def files_of(path: str) -> Files | None:
    """The entry of a file, given by its path below the home; None where the map lacks it."""
    return next((entry for entry in FILES if fnmatchcase(path, entry.pattern)), None)


def erasing() -> Iterator[Table]:
    """The tables from which rows go, in the order in which they can."""
    return (one for one in TABLES if one.erased)
