"""Upgrades: a database of the first schema, with rows in every kind of table, goes through all that came since."""

from pathlib import Path

import pytest

from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import open_database
from facefind_pipeline.store.queries import sql_folder
from facefind_pipeline_tests.store.earlier import open_earlier
from facefind_pipeline_tests.store.rows import table

KEY = "hog-up0-px640@dlib"
FIRST_ROWS = f"""
INSERT INTO photo_roots (path, added_at) VALUES ('/party', '2024-06-16 10:00+00');
INSERT INTO event_days (event_day, root_id, folder) VALUES ('friday', 1, 'Friday'), ('saturday', 1, 'Saturday');
INSERT INTO photos (event_day, path, sha256, bytes, mtime_ns, inode, problem, width, height, taken_at)
SELECT day, day || n || '.jpg', sha256((day || n)::bytea), 1, 2, 3, NULL, 4, 5, '2024-06-15 12:30'
FROM unnest(ARRAY['friday', 'saturday']) day, generate_series(1, 3) n;
INSERT INTO fingerprints (fingerprint, kind, meaning) VALUES ('hog', 'detector', '{{}}'), ('dlib', 'embedder', '{{}}');
INSERT INTO parameter_sets (parameter_set, table_name, settings, dimension, metric, is_default, detector_fingerprint,
                            embedder_fingerprint)
VALUES ('{KEY}', 'embeddings_first', '{{}}', 3, 'l2', true, 'hog', 'dlib');
CREATE TABLE embeddings_first (LIKE embeddings INCLUDING ALL);
ALTER TABLE embeddings ATTACH PARTITION embeddings_first FOR VALUES IN ('{KEY}');
INSERT INTO detections (sha256, detector_fingerprint, seconds, detected_at)
SELECT sha256, 'hog', 0, CASE event_day WHEN 'friday' THEN '2024-06-15 10:00+00'::timestamptz
                         ELSE '2024-06-17 10:00+00' END
FROM photos;
INSERT INTO detected_faces (sha256, detector_fingerprint, face_key, x, y, w, h, score, thumbnail)
SELECT sha256, 'hog', md5(sha256::text)::uuid, 1, 1, 2, 2, 1, 'jpeg' FROM photos;
INSERT INTO embeddings SELECT '{KEY}', sha256, face_key, 'hog', 'dlib', '[1,2,3]' FROM detected_faces;
INSERT INTO set_days (parameter_set, event_day, photos_version, faces_version, embeddings_version,
                      detector_fingerprint, embedder_fingerprint)
SELECT '{KEY}', event_day, 'v', 'v', 'v', 'hog', 'dlib' FROM event_days;
INSERT INTO people (person, display_name) VALUES ('ada', 'Ada'), ('bob', 'Bob');
INSERT INTO reference_photos (person, sha256, filename, source, content)
SELECT person, sha256(person::bytea), person || '.jpg', 'command', 'jpeg' FROM people;
INSERT INTO reference_embeddings (parameter_set, person, sha256, largest, detector_fingerprint, embedder_fingerprint,
                                  found_by, x, y, w, h, thumbnail, embedding)
SELECT '{KEY}', person, sha256, false, 'hog', 'dlib', 'hog-up0-px640', 1, 1, 2, 2, 'jpeg', '[1,2,3]'
FROM reference_photos;
INSERT INTO searches (parameter_set, person, vectors_version, references_version)
SELECT '{KEY}', person, 0, 'v' FROM people;
INSERT INTO search_results (parameter_set, person, rank, sha256, face_key, distance)
SELECT '{KEY}', person, row_number() OVER (PARTITION BY person ORDER BY sha256), sha256, face_key, 0
FROM people, detected_faces;
"""
KEPT = {
    "photos": 6,
    "detected_faces": 6,
    "embeddings": 6,
    "people": 2,
    "reference_photos": 2,
    "reference_embeddings": 2,
    "event_days": 2,
    "parameter_sets": 1,
}


def test_every_migration_keeps_what_is_there(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stems = sorted(file.stem for file in (sql_folder() / "migrations").glob("*.sql"))
    first = open_earlier(settings, tmp_path / stems[1], monkeypatch, stems[1])
    with first.connect() as connection, connection.cursor() as cursor:
        cursor.execute(FIRST_ROWS)
    for stem in [*stems[2:], "9999"]:
        database = open_earlier(settings, tmp_path / stem, monkeypatch, stem)
        with database.connect() as connection:
            counts = {name: table(connection, f"SELECT count(*) FROM {name}")[0][0] for name in KEPT}
        assert counts == KEPT, f"before {stem}"
    with open_database.__wrapped__(settings).connect() as connection:
        assert table(connection, "SELECT DISTINCT embedding::text FROM embeddings") == [("[1,2,3]",)]
        assert table(connection, "SELECT count(*) FROM results.detected_faces") == [(6,)]
        # From when a day is kept: its first detection, but none from before its folder was given.
        since = "SELECT (registered_at AT TIME ZONE 'utc')::date::text FROM event_days ORDER BY event_day"
        assert table(connection, since) == [("2024-06-16",), ("2024-06-17",)]
