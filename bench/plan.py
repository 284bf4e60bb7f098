"""What is due among 200 event days and 40 parameter sets, on rows made directly in the tables and in Dagster's record.

    python -m bench.plan

100,000 photos, 50 people with a reference each; all is made but the faces of one day.
"""

import os
import time
from contextlib import closing

import dagster as dg
import psycopg2
from psycopg2 import sql

from bench.results import record
from bench.setting import prepared
from facefind_pipeline.orchestration.dagster_internals import DATA_VERSION_TAG
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.orchestration.recorded import recorded_versions
from facefind_pipeline.parameters import expand
from facefind_pipeline.plan.due import EVERYTHING, due
from facefind_pipeline.plan.recipes import RECIPES
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.made import FACES, day_set

DAYS, PHOTOS, PEOPLE = 200, 500, 50
PATTERN = "haar-sf{1.05,1.10,1.15,1.20}-mn{2,3,5,8,12}-ms{60,100}@dlib"
ROUNDS = 3
NEW = "day-007"  # whose faces are due

ROWS = """
INSERT INTO photo_roots (path) VALUES ('/photos');
INSERT INTO event_days SELECT 'day-' || lpad(day::text, 3, '0'), 1, day::text FROM generate_series(0, {days} - 1) day;
INSERT INTO photos (event_day, path, sha256, bytes, mtime_ns, inode, width, height)
SELECT event_day, event_day || '/' || photo || '.jpg', sha256((event_day || photo)::bytea), 1, 2, 3, 4, 5
FROM event_days, generate_series(1, {photos}) photo;
INSERT INTO fingerprints VALUES ('detector', 'detector', '{{}}'), ('embedder', 'embedder', '{{}}');
UPDATE parameter_sets SET detector_fingerprint = 'detector', embedder_fingerprint = 'embedder';
INSERT INTO set_days SELECT parameter_set, event_day, 'detector', 'embedder', 'clothes' FROM parameter_sets, event_days;
INSERT INTO people (person, display_name) SELECT person, person FROM generate_series(1, {people}) person;
INSERT INTO reference_photos (person, sha256, filename, source, content)
SELECT person, sha256(person::bytea), 'reference.jpg', 'command', '' FROM people;
INSERT INTO reference_embeddings (parameter_set, person, sha256, largest, detector_fingerprint, embedder_fingerprint,
                                  embedding)
SELECT parameter_set, person, sha256, false, 'detector', 'embedder', array_fill(length(person), ARRAY[128])::vector
FROM parameter_sets, reference_photos
"""
MADE = "INSERT INTO made (asset, partition, made_from, data_version) SELECT {}, partition, made_from, 'v' FROM ({}) now"
# Dagster's own event of one partition of each asset, as of the others.
EVENTS = """
WITH events AS (
    INSERT INTO event_logs (run_id, event, dagster_event_type, asset_key, partition, timestamp)
    SELECT run_id, replace(event, log.partition, made.partition), dagster_event_type, asset_key, made.partition,
        timestamp
    FROM event_logs log JOIN unnest(%s::text[], %s::text[]) made (asset, partition)
        ON asset_key = '["' || asset || '"]' AND log.partition <> made.partition
    RETURNING id, asset_key
)
INSERT INTO asset_event_tags (event_id, asset_key, key, value)
SELECT id, asset_key, 'dagster/data_version', 'v' FROM events
"""


def main() -> None:
    """Measures, prints and records."""
    with prepared() as bench:
        os.environ.update(bench.home("plan"))
        settings = read_settings()
        database = open_database(settings)
        instance = open_instance(settings, database)
        make_rows(database)
        make_made(instance, database, NEW)
        seconds = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            recorded = recorded_versions(instance, RECIPES, EVERYTHING)
            with database.connect() as connection:
                steps = due(connection, recorded=recorded)
            seconds.append(time.perf_counter() - started)
        instance.dispose()
    filled = [step.partition for step in steps if step.asset == "face_embeddings"]
    assert filled == [day_set(NEW, parameters.key) for parameters in sorted(expand(PATTERN), key=lambda one: one.key)]
    record({"due_200x40_s": sorted(seconds)[ROUNDS // 2]})


def make_rows(database: Database) -> None:
    """All rows but those of what is made."""
    with database.connect() as connection, connection.cursor() as cursor:
        for parameters in expand(PATTERN):
            parameter_sets.register(connection, parameters, 128, "l2")
        cursor.execute(ROWS.format(days=DAYS, photos=PHOTOS, people=PEOPLE))


def make_made(instance: dg.DagsterInstance, database: Database, new: str | None = None) -> None:
    """All is made of these rows, in the tables and in Dagster's record, but the faces of the day that is `new`."""
    with database.connect() as connection, connection.cursor() as cursor:
        for asset, recipe in RECIPES.items():
            cursor.execute(sql.SQL(MADE).format(sql.Literal(asset), recipe.query), EVERYTHING.parameters)
        cursor.execute(
            "DELETE FROM made WHERE asset = ANY(%s) AND split_part(partition, '|', 1) = %s", [list(FACES), new]
        )
        cursor.execute("SELECT asset, partition FROM made")
        made = cursor.fetchall()
    with database.connect_autocommit() as connection, connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    newest = [
        dg.AssetMaterialization(asset, partition=partition or None, tags={DATA_VERSION_TAG: "v"})
        for asset, partition in dict(made).items()
    ]
    for event in newest:
        instance.report_runless_asset_event(event)
    with closing(psycopg2.connect(database.dagster_url)) as events, events, events.cursor() as cursor:
        cursor.execute(EVENTS, [list(column) for column in zip(*made, strict=True)])
    for event in newest:  # again, since Dagster keeps which event of an asset is its last
        instance.report_runless_asset_event(event)


if __name__ == "__main__":
    main()
