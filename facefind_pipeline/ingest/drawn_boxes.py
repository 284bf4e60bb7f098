"""Boxes that people draw around somebody in a photo where no detector found a face: their pixels and vectors."""

from collections.abc import Sequence

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import SAME_FACE, Box
from facefind_pipeline.ingest.faces import set_models
from facefind_pipeline.ingest.references import EmbeddingFailedError, crop_box, embed_face
from facefind_pipeline.ingest.stored_photos import made_of_photo
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import feedback
from facefind_pipeline.vision.decode import decode
from facefind_pipeline.vision.sheet import thumbnail


def parse_box(text: str) -> Box:
    """A box as people give it, `x,y,w,h` in upright pixels.

    Raises:
        FacefindError: not four whole numbers, or nothing is in it.
    """
    try:
        x, y, w, h = (int(side) for side in text.split(","))
    except ValueError:
        raise FacefindError(f"--box {text}: give x,y,w,h as four whole numbers, as 120,80,60,60") from None
    if x < 0 or y < 0 or w <= 0 or h <= 0:
        raise FacefindError(f"--box {text}: x and y are 0 or more, w and h above 0")
    return Box(x, y, w, h)


def same_face(box: Box, faces: Sequence[Box]) -> Box | None:
    """Of faces that were found, the one that a drawn box means; None where it means none."""
    nearest = max(faces, key=box.iou, default=None)
    return nearest if nearest is not None and box.iou(nearest) >= SAME_FACE else None


def cut_thumbnail(connection: Connection, sha256: bytes, box: Box) -> bytes:
    """A JPEG of a box drawn in a photo.

    Raises:
        FacefindError: the photo is not there or can't be read now, or the box reaches over its border.
    """
    cut = made_of_photo(connection, sha256, _cut, box)
    if cut is None:
        files = feedback.files_of(connection, sha256)
        raise FacefindError(f"{files[0] if files else 'the photo'} can't be read now, so no box can be drawn in it")
    if isinstance(cut, bytes):
        return cut
    width, height = cut
    x, y, w, h = box
    raise FacefindError(
        f"--box {x},{y},{w},{h} reaches over the border: the photo, as it is shown upright, is {width} by {height}"
    )


def embed_boxes(connection: Connection, settings: Settings, parameters: ParameterSet, embedder: str) -> int:
    """Embeds the boxes drawn by hand that the set's embedder, given by its fingerprint, has not tried.

    Each is committed by itself. One that the embedder fails on gets no vector; one whose photo can't be read now is
    left for later.

    Returns:
        How many it tried now.
    """
    tried = 0
    models = set_models(settings, parameters)
    for drawn in feedback.boxes_to_embed(connection, embedder):
        located = made_of_photo(connection, drawn.sha256, crop_box, models, drawn.box)
        connection.commit()  # no transaction stays open while a face is embedded
        if located is None:
            continue
        vector, problem = None, None
        try:
            vector = embed_face(settings, parameters, located)
        except EmbeddingFailedError as error:
            problem = str(error)
        feedback.write_box_embedding(connection, drawn, embedder, vector, problem)
        connection.commit()
        tried += 1
    return tried


def _cut(content: bytes, box: Box) -> bytes | tuple[int, int]:
    """A JPEG of the box; or width and height of the photo, where it reaches over them."""
    photo = decode(content, rgb=True, grey=False)
    assert photo.rgb is not None
    inside = box.x + box.w <= photo.size[0] and box.y + box.h <= photo.size[1]
    return thumbnail(photo.rgb, box) if inside else photo.size
