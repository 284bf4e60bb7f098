"""Probes: the faces that a search asks with."""

from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.store.people import Person


@dataclass(frozen=True, slots=True)
class Probe:
    """A face to ask with: its vector (d,), and the fingerprint of the embedder that made it."""

    vector: Any
    embedder: str


def reference_probes(connection: Connection, key: str, person: Person) -> list[Probe]:
    """The person's references under a set, as probes.

    Raises:
        FacefindError: there is none; the message gives the references' problems.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT embedding::real[], embedder_fingerprint, problem FROM reference_embeddings
            WHERE parameter_set = %s AND person = %s ORDER BY sha256
            """,
            [key, person.key],
        )
        rows = cursor.fetchall()
    probes = [Probe(embedding, embedder) for embedding, embedder, _ in rows if embedding is not None]
    if not probes:
        why = "; ".join(problem for *_, problem in rows) or "none was embedded yet"
        raise FacefindError(f"{person.name} has no usable reference under {key}: {why}")
    return probes
