"""What a search under a set may compare: vectors that one version of an embedder made, never of two."""

from collections.abc import Sequence

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.store.parameter_sets import RegisteredSet


def check_comparable(connection: Connection, chosen: RegisteredSet, embedders: Sequence[str]) -> None:
    """Looks whether the set has a vector of any of these embedder fingerprints.

    Raises:
        FacefindError: all are of another version.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM embeddings WHERE parameter_set = %s AND embedder_fingerprint = ANY(%s) LIMIT 1",
            [chosen.key, list(embedders)],
        )
        if cursor.rowcount == 0:
            raise FacefindError(
                f"the faces under {chosen.key} were embedded by another version of {chosen.key.partition('@')[2]}, "
                f"and their vectors can't be compared: `facefind run PHOTOS --params {chosen.key}` embeds them again"
            )


def days_left_out(connection: Connection, chosen: RegisteredSet) -> list[str]:
    """Keys of event days whose vectors are of another version of the embedder than the set was filled with last."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT event_day FROM set_days
            WHERE parameter_set = %s AND embedder_fingerprint <> %s ORDER BY event_day
            """,
            [chosen.key, chosen.embedder_fingerprint],
        )
        return [day for (day,) in cursor.fetchall()]
