"""What a database holds of faces, as hashes: two that hold the same are equal."""

from contextlib import closing

import psycopg2

HASHES = {
    "faces": "SELECT md5(string_agg(concat_ws(' ', sha256, x, y, w, h, score, landmarks), E'\\n'"
    " ORDER BY sha256, x, y)) FROM detected_faces",
    "vectors": "SELECT md5(string_agg(concat_ws(' ', sha256, face_key, embedding), E'\\n' ORDER BY sha256, face_key))"
    " FROM embeddings",
    "clothes": "SELECT md5(string_agg(concat_ws(' ', face_key, descriptor), E'\\n' ORDER BY face_key)) FROM clothes",
    "made": "SELECT md5(string_agg(concat_ws(' ', asset, partition, made_from, data_version, complete), E'\\n'"
    " ORDER BY asset, partition)) FROM made WHERE partition LIKE 'day-%|%'",
    "rows": "SELECT concat_ws(' ', (SELECT count(*) FROM detections), (SELECT count(*) FROM detected_faces),"
    " (SELECT count(*) FROM embeddings))",
}


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    """The rows of a statement, on a connection of its own."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def hashes(url: str) -> dict[str, object]:
    """Of all that was made of event days named `day ...`."""
    return {name: ask(url, statement)[0][0] for name, statement in HASHES.items()}
