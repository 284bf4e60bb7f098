"""References cut from an event's own photos: faces of a group that somebody named."""

from collections.abc import Iterable
from io import BytesIO

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import SAME_FACE, Box
from facefind_pipeline.ingest.references import LocatedFace, locate_face
from facefind_pipeline.ingest.stored_photos import made_of_photo
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.groups import FacePlace
from facefind_pipeline.store.people import Person, ReferencePhoto
from facefind_pipeline.vision.decode import decode

REFERENCES = 5  # of a person
MARGIN = 0.5  # of the box, on each side: detectors want some of what is around a face
QUALITY = 95


def cut_references(
    connection: Connection, settings: Settings, parameters: ParameterSet, person: Person, places: Iterable[FacePlace]
) -> list[tuple[ReferencePhoto, LocatedFace]]:
    """Pictures of the first of these faces that can be cut from their photos and found again in the cut.

    Raises:
        FacefindError: none can.
    """
    made: list[tuple[ReferencePhoto, LocatedFace]] = []
    for place in places:
        cut = made_of_photo(connection, place.sha256, _cut, place.box)
        if cut is None:
            continue
        content, inside = cut
        filename = f"{person.key}-{place.sha256.hex()[:8]}.jpg"
        reference = ReferencePhoto(person, filename, content, largest=True, cut_from=place)
        try:
            located = locate_face(settings, parameters, reference)
        except FacefindError:
            continue
        if inside.iou(located.face.box) >= SAME_FACE:
            made.append((reference, located))
        if len(made) == REFERENCES:
            break
    if not made:
        raise FacefindError(f"no face of the group can be cut as a reference of {person.name}: are its photos there?")
    return made


def _cut(photo: bytes, box: Box) -> tuple[bytes, Box]:
    """A JPEG of the box with its margin, as far as the photo reaches, and where the box is in it."""
    from PIL import Image as PILImage

    dx, dy = round(MARGIN * box.w), round(MARGIN * box.h)
    left, top = max(0, box.x - dx), max(0, box.y - dy)
    output = BytesIO()
    pixels = decode(photo, rgb=True, grey=False).rgb
    assert pixels is not None
    cut = pixels[top : box.y + box.h + dy, left : box.x + box.w + dx]
    PILImage.fromarray(cut).save(output, "JPEG", quality=QUALITY, subsampling=0)
    return output.getvalue(), Box(box.x - left, box.y - top, box.w, box.h)
