"""Which face is meant when somebody says that a photo shows a person."""

from typing import NamedTuple

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import Box
from facefind_pipeline.ingest.drawn_boxes import cut_thumbnail, same_face
from facefind_pipeline.store import feedback
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person
from facefind_pipeline.store.truth import KnownPhoto


class MeantFace(NamedTuple):
    """A face in upright pixels; of a box drawn by hand where no face was found also its thumbnail, a JPEG."""

    box: Box
    drawn: bytes | None = None


def meant_face(
    connection: Connection, chosen: RegisteredSet, person: Person, photo: KnownPhoto, given: Box | None
) -> MeantFace:
    """The face that ranks the photo, the one that a given box is around, or that box itself.

    Raises:
        FacefindError: no face is known, or the box is not inside the photo.
    """
    assert photo.sha256 is not None  # else it is not known
    if given is None:
        face = feedback.nearest_face(connection, chosen, person, photo.sha256)
        if face is None:
            raise FacefindError(
                f"no face of {photo.path} is known under {chosen.key}, so none can be confirmed; "
                "--box X,Y,W,H says where the person is"
            )
        return MeantFace(Box(*face))
    found = same_face(given, feedback.faces_under(connection, chosen.key, photo.sha256))
    return MeantFace(given, cut_thumbnail(connection, photo.sha256, given)) if found is None else MeantFace(found)
