"""Boxes that people draw around somebody in a photo where no detector found a face: their pixels and vectors."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import SAME_FACE, Box, Face
from facefind_pipeline.ingest.faces import shared_embedder
from facefind_pipeline.ingest.references import EmbeddingFailedError, LocatedFace, embed_face
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import feedback
from facefind_pipeline.vision.decode import DecodedPhoto, UnreadablePhotoError, decode
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
    photo = _decoded(connection, sha256, rgb=True, grey=False)
    if photo is None:
        files = feedback.files_of(connection, sha256)
        raise FacefindError(f"{files[0] if files else 'the photo'} can't be read now, so no box can be drawn in it")
    width, height = photo.size
    x, y, w, h = box
    if x + w > width or y + h > height:
        raise FacefindError(
            f"--box {x},{y},{w},{h} reaches over the border: the photo, as it is shown upright, is {width} by {height}"
        )
    assert photo.rgb is not None
    return thumbnail(photo.rgb, box)


def embed_boxes(connection: Connection, settings: Settings, parameters: ParameterSet, embedder: str) -> int:
    """Embeds the boxes drawn by hand that the set's embedder, given by its fingerprint, has not tried.

    Each is committed by itself. One that the embedder fails on gets no vector; one whose photo can't be read now is
    left for later.

    Returns:
        How many it tried now.
    """
    tried = 0
    needs_grey = shared_embedder(settings, parameters).needs_grey
    for drawn in feedback.boxes_to_embed(connection, embedder):
        photo = _decoded(connection, drawn.sha256, rgb=not needs_grey, grey=needs_grey)
        connection.commit()  # no transaction stays open while a face is embedded
        if photo is None:
            continue
        vector, problem = None, None
        try:
            vector = embed_face(settings, parameters, LocatedFace(photo, Face(drawn.box, 0.0), "by hand"))
        except EmbeddingFailedError as error:
            problem = str(error)
        feedback.write_box_embedding(connection, drawn, embedder, vector, problem)
        connection.commit()
        tried += 1
    return tried


def _decoded(connection: Connection, sha256: bytes, *, rgb: bool, grey: bool) -> DecodedPhoto | None:
    """The photo of this content, from whichever file holds it still."""
    for path in feedback.files_of(connection, sha256):
        try:
            data = Path(path).read_bytes()
            if hashlib.sha256(data).digest() == sha256:
                return decode(data, rgb=rgb, grey=grey)
        except (OSError, UnreadablePhotoError):
            continue
    return None
