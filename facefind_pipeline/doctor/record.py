"""The tables against Dagster's record and against the files, and what is kept for too long."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta

from facefind_pipeline.doctor.findings import Finding, Installation, note, ok, problem
from facefind_pipeline.plurals import counted
from facefind_pipeline.store import photos
from facefind_pipeline.store.queries import query

SHOWN = 3
NIGHTS_TO_FORGET = 2  # one announces it


def rows(installation: Installation) -> Iterator[Finding]:
    """Whether what counts as made has its rows: photos that were looked at, and a vector for each face."""
    with installation.reading() as connection, connection.cursor() as cursor:
        cursor.execute(query("made_without_rows"))
        lacking = cursor.fetchall()
        cursor.execute("SELECT count(*) FROM made")
        (made,) = cursor.fetchone() or (0,)
    for partition, photos_lacking, vectors_lacking in lacking[:SHOWN]:
        yield problem(
            f"{partition} counts as made, but {counted(photos_lacking, 'photo')} of it were never looked at and "
            f"{counted(vectors_lacking, 'face')} have no vector",
            "facefind run PHOTOS --rehash makes it again",
        )
    if len(lacking) > SHOWN:
        yield problem(f"and {counted(len(lacking) - SHOWN, 'more partition')}", "as above")
    if not lacking:
        yield ok(f"{counted(made, 'partition')} made, all with their rows")


def dagster(installation: Installation) -> Iterator[Finding]:
    """Whether Dagster's record has just what the tables have."""
    from facefind_pipeline.orchestration.instance import open_instance
    from facefind_pipeline.orchestration.recorded import recorded_versions
    from facefind_pipeline.plan.due import EVERYTHING
    from facefind_pipeline.plan.recipes import RECIPES

    if not (installation.settings.dagster_home / "dagster.yaml").is_file():
        yield ok("Dagster has no record here yet")
        return
    with installation.reading() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT asset, partition, data_version FROM made")
        made = {(asset, partition): version for asset, partition, version in cursor.fetchall()}
        cursor.execute("SELECT event_day FROM event_days UNION ALL SELECT parameter_set FROM parameter_sets")
        keys = {key for (key,) in cursor.fetchall()} | {""}
    instance = open_instance(installation.settings, installation.answering())
    try:
        recorded = {
            (asset, partition): version
            for asset, versions in recorded_versions(instance, RECIPES, EVERYTHING).items()
            for partition, version in versions.items()
            if set(partition.split("|")) <= keys  # of days and sets that were taken out the record keeps its past
        }
    finally:
        instance.dispose()
    only_tables = [key for key in made if key[0] in RECIPES and recorded.get(key) != made[key]]
    only_dagster = [key for key in recorded if key not in made]
    advice = "facefind run PHOTOS, or facefind dev, records and makes what differs"
    if only_tables:
        yield note(f"made, but not as Dagster has it: {_listed(only_tables)}", advice)
    if only_dagster:
        yield note(f"Dagster shows as made what the tables lack: {_listed(only_dagster)}", advice)
    if not only_tables and not only_dagster:
        yield ok(f"Dagster's record has the {counted(len(recorded), 'partition')} that the tables have")


def files(installation: Installation) -> Iterator[Finding]:
    """Whether the folders hold the photos that the tables have; those that are gone `folders` reports."""
    from facefind_pipeline.ingest.photos import SETTLE_S, scan
    from facefind_pipeline.presence import Look

    new, gone, unread = 0, 0, 0
    with installation.reading() as connection:
        days = photos.days(connection)
        look = Look()
        look.ask(day.path for day in days)
        for day in days:
            if look.is_there(day.path) and os.access(day.path, os.R_OK | os.X_OK):
                found = scan(day, photos.photos(connection, day.key), settle_seconds=SETTLE_S)
                new, gone, unread = new + len(found.changed), gone + len(found.gone), unread + len(found.problems)
    if new or gone:
        yield note(
            f"{counted(new, 'file')} new or changed and {counted(gone, 'file')} gone since the folders were read",
            "facefind ingest PHOTOS, or facefind dev, reads them",
        )
    if unread:
        yield note(f"{counted(unread, 'file')} can't be read", "facefind ingest PHOTOS names them")
    if not new and not gone and not unread:
        yield ok(f"the tables have the photos of {counted(len(days), 'folder')}")


def retention(installation: Installation) -> Iterator[Finding]:
    """Whether something is kept longer than it should be: what was half forgotten, event days, runs in the record."""
    late = [*_half_forgotten(installation), *_expired_days(installation), *_old_runs(installation)]
    yield from late or [ok("nothing is kept for longer than FACEFIND_KEEP_DAYS and FACEFIND_KEEP_RUNS say")]


def _half_forgotten(installation: Installation) -> Iterator[Finding]:
    from facefind_pipeline.privacy.forgetting import is_unfinished

    if is_unfinished(installation.settings.home):
        yield problem("a forgetting was interrupted", "facefind forget ends it")


def _expired_days(installation: Installation) -> Iterator[Finding]:
    kept = installation.settings.keep_days
    if kept is None:
        return
    with installation.reading() as connection:
        expired = photos.days_registered_before(connection, _nights_ago(kept, NIGHTS_TO_FORGET))
    for day in expired[:SHOWN]:
        yield problem(
            f"event day {day.key} is kept for more than {counted(kept, 'day')}",
            f"facefind dev forgets it at night; facefind forget --day {day.key} does so at once",
        )
    if len(expired) > SHOWN:
        yield problem(f"and {counted(len(expired) - SHOWN, 'more event day')}", "as above")


def _old_runs(installation: Installation) -> Iterator[Finding]:
    from facefind_pipeline.orchestration.record import superseded_runs

    kept = installation.settings.keep_runs
    if kept is None or not (installation.settings.dagster_home / "dagster.yaml").is_file():
        return
    if old := superseded_runs(installation.answering(), _nights_ago(kept, 1)):
        yield note(
            f"{counted(len(old), 'run')} ended more than {counted(kept, 'day')} ago and serve nothing",
            "facefind dev deletes them at night; its job delete_old_runs does so at once",
        )


def _nights_ago(days: int, nights: int) -> datetime:
    """Before when what is kept for so many days should be gone: a nightly run does it, so some more are no delay."""
    return datetime.now().astimezone() - timedelta(days=days + nights)


def _listed(keys: list[tuple[str, str]]) -> str:
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return ", ".join(" ".join(part for part in key if part) for key in keys[:SHOWN]) + more
