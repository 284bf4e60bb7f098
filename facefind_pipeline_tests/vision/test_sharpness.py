"""Sharpness orders faces as eyes do, whatever their size in the photo."""

import numpy as np
from PIL import ImageFilter

from facefind_pipeline.faces import Box
from facefind_pipeline.store.database import Database
from facefind_pipeline.vision.sharpness import sharpness
from facefind_pipeline.vision.sheet import thumbnail
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits
from facefind_pipeline_tests.store.rows import table

FACE = Box(170, 110, 180, 180)


def test_blurred_and_small_faces_are_less_sharp(portraits: Portraits) -> None:
    def of(blur: float = 0, shrink: int = 1) -> float:
        photo = portraits.hopper.filter(ImageFilter.GaussianBlur(blur))
        photo = photo.resize((photo.width // shrink, photo.height // shrink))
        return sharpness(thumbnail(np.asarray(photo), Box(*(side // shrink for side in FACE))))

    assert of() > of(blur=2) > of(blur=5)
    assert of() > of(shrink=3) > of(shrink=6)


def test_it_is_stored_with_every_face(facefind: Facefind, event, reference, database: Database) -> None:
    assert facefind("run", event, "--params", SMALL_SET, "--reference", f"Ada={reference}").exit_code == 0
    with database.connect() as connection:
        stored = table(connection, "SELECT thumbnail, sharpness FROM detected_faces")
    assert len(stored) >= 5
    for jpeg, value in stored:
        assert value == np.float32(sharpness(bytes(jpeg)))
