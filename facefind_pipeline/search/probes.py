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

    @property
    def text(self) -> str:
        """The vector for pgvector, whose floats have 32 bits: nine digits tell each of these apart, and no more."""
        import numpy as np  # which the stored results do without

        floats = np.asarray(self.vector, dtype=np.float32).tolist()
        return "[" + ",".join(["%.9g"] * len(floats)) % tuple(floats) + "]"


def require_reference(connection: Connection, key: str, person: Person) -> None:
    """Looks whether the person has a reference that can be asked with under a set, without its vector.

    Raises:
        FacefindError: there is none; the message gives the references' problems.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT problem FROM reference_embeddings WHERE (parameter_set, person) = (%s, %s) ORDER BY sha256",
            [key, person.key],
        )
        problems = [problem for (problem,) in cursor.fetchall()]
    if None not in problems:
        why = "; ".join(problems) or "none was embedded yet"
        raise FacefindError(f"{person.name} has no usable reference under {key}: {why}")


def reference_probes(connection: Connection, key: str, person: Person) -> list[Probe]:
    """The person's references under a set, as probes.

    Raises:
        FacefindError: as `require_reference`.
    """
    require_reference(connection, key, person)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT embedding::real[], embedder_fingerprint FROM reference_embeddings
            WHERE (parameter_set, person) = (%s, %s) AND embedding IS NOT NULL ORDER BY sha256
            """,
            [key, person.key],
        )
        return [Probe(*row) for row in cursor.fetchall()]
