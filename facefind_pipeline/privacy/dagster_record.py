"""Dagster's own record, cleaned: names out of what runs said, and pictures that older versions kept in events.

Dagster has no way to change what was recorded, so its tables are read and written here, as JSON and whatever its
version: a metadata entry that must not stay goes as a whole, any other text loses the words alone.
"""

import json
import zlib
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from facefind_pipeline.privacy.compaction import rewrite_tables
from facefind_pipeline.privacy.name_search import NameSearch
from facefind_pipeline.privacy.needles import Needles
from facefind_pipeline.progress import Progress
from facefind_pipeline.store.database import Database

FORGOTTEN = "[forgotten]"
PICTURE = "data:image/"
_PICTURES = "pictures in events of runs"
_ENTRIES = "metadata_entries"
# What is said, not what says where it belongs: keys of partitions, assets and runs stay as they are.
_COLUMNS = (
    ("event_logs", "event"),
    ("asset_keys", "last_materialization"),
    ("asset_check_executions", "evaluation_event"),
    ("asset_daemon_asset_evaluations", "asset_evaluation_body"),
    ("runs", "run_body"),
    ("run_tags", "value"),
    ("backfill_tags", "value"),
    ("bulk_actions", "body"),
    ("jobs", "job_body"),
    ("instigators", "instigator_body"),
    ("job_ticks", "tick_body"),
    ("kvs", "value"),
)


def remove_names(database: Database, needles: Needles, progress: Progress) -> int:
    """Takes names that go out of all that Dagster has; returns how many rows changed."""
    if not needles.names:
        return 0
    names = NameSearch(needles)
    return _clean(database, names.anywhere, lambda text: names.replaced(text, FORGOTTEN), progress)


def remove_pictures_once(database: Database, progress: Progress) -> None:
    """Takes out what earlier versions kept in events of runs: small contact sheets. Later ones keep links alone."""
    with database.connect(vectors=False) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT FROM cleanings WHERE what = %s", [_PICTURES])
        if cursor.rowcount:
            return
    if remove_pictures(database, progress):
        rewrite_tables(database, progress)
    with database.connect(vectors=False) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO cleanings (what) VALUES (%s) ON CONFLICT DO NOTHING", [_PICTURES])


def remove_pictures(database: Database, progress: Progress) -> int:
    """Takes pictures out of the events of runs; returns how many rows changed."""
    return _clean(database, PICTURE, lambda text: "" if PICTURE in text else text, progress)


def _clean(database: Database, pattern: str, cleaned: Callable[[str], str], progress: Progress) -> int:
    changed = 0

    def but_keys(text: str) -> str:
        return text if text in keys else cleaned(text)

    with closing(psycopg2.connect(database.dagster_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT partition FROM dynamic_partitions")
        keys = {key for (key,) in cursor.fetchall()}
        progress.begin("Dagster's record", len(_COLUMNS), "column")
        for table, column in _COLUMNS:
            changed += _clean_column(cursor, sql.Identifier(table), sql.Identifier(column), pattern, but_keys)
            progress.advance()
        changed += _clean_snapshots(cursor, but_keys)
        progress.end()
    return changed


def snapshots(cursor: Cursor) -> dict[int, str]:
    """What Dagster keeps of the graph and of jobs as they were, examples of their configuration too, by row."""
    cursor.execute("SELECT id, snapshot_body FROM snapshots")
    return {row_id: zlib.decompress(body).decode() for row_id, body in cursor.fetchall()}


def _clean_snapshots(cursor: Cursor, cleaned: Callable[[str], str]) -> int:
    """Rows stay under their ids, which runs name; Dagster does not compare them with what they have."""
    changed = {
        row_id: made for row_id, text in snapshots(cursor).items() if (made := _clean_text(text, cleaned)) != text
    }
    for row_id, made in changed.items():
        body = psycopg2.Binary(zlib.compress(made.encode()))
        cursor.execute("UPDATE snapshots SET snapshot_body = %s WHERE id = %s", [body, row_id])
    return len(changed)


def _clean_column(
    cursor: Cursor, table: sql.Identifier, column: sql.Identifier, pattern: str, cleaned: Callable[[str], str]
) -> int:
    cursor.execute(
        sql.SQL("SELECT id, {column} FROM {table} WHERE {column} ~ %s").format(table=table, column=column), [pattern]
    )
    changed = {row_id: made for row_id, text in cursor.fetchall() if (made := _clean_text(text, cleaned)) != text}
    for row_id, made in changed.items():
        cursor.execute(
            sql.SQL("UPDATE {table} SET {column} = %s WHERE id = %s").format(table=table, column=column),
            [made, row_id],
        )
    return len(changed)


def _clean_text(text: str, cleaned: Callable[[str], str]) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        return cleaned(text)
    if not isinstance(document, dict | list):
        return cleaned(text)
    made = _clean_value(document, cleaned)
    return text if made == document else json.dumps(made)


def _clean_value(value: Any, cleaned: Callable[[str], str]) -> Any:
    """The same without what must not stay. Keys, which are Dagster's own words, and names of its classes stay."""
    if isinstance(value, str):
        return cleaned(value)
    if isinstance(value, list):
        return [_clean_value(one, cleaned) for one in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for key, one in value.items():
        if key == _ENTRIES and isinstance(one, list):
            made[key] = [entry for entry in one if entry == _clean_value(entry, cleaned)]
        else:
            made[key] = one if key == "__class__" else _clean_value(one, cleaned)
    return made
