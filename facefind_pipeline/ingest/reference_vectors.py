"""A set's vectors of people: of the one face in each reference photo, and of the boxes that were drawn by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.drawn_boxes import embed_boxes
from facefind_pipeline.ingest.faces import present_fingerprints, record_fingerprints, shared_embedder
from facefind_pipeline.ingest.references import (
    EmbeddingFailedError,
    LocatedFace,
    NotNowError,
    embed_face,
    locate_face,
    named,
)
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.plan.due import would_be_made_from
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import feedback, people
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.made import record_made
from facefind_pipeline.store.people import ReferenceEmbedding, ReferencePhoto
from facefind_pipeline.store.versions import Fingerprints
from facefind_pipeline.vision.watched_process import NotStartedError

if TYPE_CHECKING:
    import pandas as pd

Located = Mapping[tuple[str, bytes], LocatedFace]  # by person and SHA-256 of the reference photo


@dataclass(frozen=True, slots=True)
class Embedded:
    """What was made of people under a set.

    Attributes:
        version: data version of all the set's reference vectors.
        references: what came of those that were tried now.
        not_now: why others could not be looked at; they are due again.
        boxes: how many boxes drawn by hand were tried now.
    """

    version: str
    references: Sequence[ReferenceEmbedding]
    not_now: Sequence[str]
    boxes: int


def embed_people(database: Database, settings: Settings, key: str, located: Located) -> Embedded:
    """Embeds the references and drawn boxes that the set has not tried yet.

    Args:
        database: where they are.
        settings: where models are.
        key: the parameter set's.
        located: faces that this set's detector has just found in references.

    Raises:
        FacefindError: a model is missing, or no process can be started that looks at pictures.
    """
    parameters = ParameterSet.parse(key)
    with database.lock("references", key), database.connect() as connection:
        made_from = would_be_made_from(connection, "reference_embeddings", key)
        shared_embedder(settings, parameters).fetch()
        now = present_fingerprints(settings, parameters)
        record_fingerprints(connection, settings, parameters)
        connection.commit()
        references, not_now = _embed_references(connection, settings, parameters, now, located)
        boxes = embed_boxes(connection, settings, parameters, now.embedder)
        version = people.reference_embeddings_version(connection, key)
        complete = not (not_now or feedback.boxes_to_embed(connection, now.embedder))
        record_made(connection, "reference_embeddings", key, made_from, version, complete=complete)
    return Embedded(version, references, not_now, boxes)


def reference_report(database: Database, key: str) -> "pd.DataFrame":
    """How every reference fares under a set: `person`, `file`, `found_by`, `problem`."""
    import pandas as pd

    with database.connect() as connection:
        rows = [
            (
                state.person.name,
                state.filename,
                state.found_by or "",
                state.problem or ("" if state.tried else "not looked at yet"),
            )
            for state in people.reference_states(connection, key)
        ]
    return pd.DataFrame(rows, columns=["person", "file", "found_by", "problem"])


def _embed_references(
    connection: Connection, settings: Settings, parameters: ParameterSet, now: Fingerprints, located: Located
) -> tuple[list[ReferenceEmbedding], list[str]]:
    """Each is committed by itself; a bad one becomes a row with its problem, one that could not be tried none."""
    made, not_now = [], []
    for person, sha256 in people.references_to_do(connection, parameters.key, now.detector, now.embedder):
        reference = people.reference(connection, person, sha256)
        connection.commit()  # no transaction stays open while a face is looked for
        if reference is None:
            continue
        try:
            result = _embed_reference(settings, parameters, reference, located.get((person, sha256)))
        except NotNowError as error:
            not_now.append(str(error))
            continue
        people.write_reference_embedding(connection, parameters.key, now.detector, now.embedder, result)
        connection.commit()
        made.append(result)
    return made, not_now


def _embed_reference(
    settings: Settings, parameters: ParameterSet, reference: ReferencePhoto, located: LocatedFace | None
) -> ReferenceEmbedding:
    known = (reference.person.key, reference.sha256, reference.largest)
    try:
        located = located or locate_face(settings, parameters, reference)
    except (NotNowError, NotStartedError):
        raise
    except FacefindError as error:
        return ReferenceEmbedding(*known, problem=str(error))
    try:
        vector = embed_face(settings, parameters, located)
    except EmbeddingFailedError as error:
        return ReferenceEmbedding(*known, problem=f"{named(reference)}: {error}")
    return ReferenceEmbedding(
        *known,
        found_by=located.found_by,
        face=located.face,
        thumbnail=located.thumbnail,
        vector=vector,
    )
