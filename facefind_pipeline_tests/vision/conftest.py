"""What tests of vision share: chips of real faces, and dlib itself to compare with."""

from pathlib import Path

import numpy as np
import pytest

from facefind_pipeline.faces import Box, Face
from facefind_pipeline.vision.arrays import Image, Vectors
from facefind_pipeline.vision.dlib_network import WEIGHTS, packaged_model
from facefind_pipeline.vision.embedders import PREDICTOR
from facefind_pipeline_tests.conftest import Portraits


@pytest.fixture(scope="session")
def network_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the dlib network is built once for all tests."""
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(scope="session")
def photos(portraits: Portraits) -> list[Image]:
    """Hopper, Collins, and Hopper again: mirrored, darker and smaller."""
    return [np.asarray(image) for image in (portraits.hopper, portraits.collins, portraits.hopper_again())]


@pytest.fixture(scope="session")
def faces(photos: list[Image]) -> list[Face]:
    """The largest face of each photo, found by dlib's HOG."""
    import dlib

    detect = dlib.get_frontal_face_detector()
    largest = [max(detect(photo), key=lambda rectangle: rectangle.width()) for photo in photos]
    return [Face(Box(r.left(), r.top(), r.width(), r.height()), 1.0) for r in largest]


class Dlib:
    """dlib's own predictor, chips and descriptors."""

    def __init__(self) -> None:
        import dlib

        self._predict = dlib.shape_predictor(str(packaged_model(PREDICTOR)))
        self._network = dlib.face_recognition_model_v1(str(packaged_model(WEIGHTS)))

    def chip(self, photo: Image, box: Box) -> Image:
        import dlib

        rectangle = dlib.rectangle(box.x, box.y, box.x + box.w - 1, box.y + box.h - 1)
        chip: Image = dlib.get_face_chip(photo, self._predict(photo, rectangle), 150, 0.25)
        return chip

    def describe(self, chips: Image) -> Vectors:
        return np.array(self._network.compute_face_descriptor(list(chips)), np.float32)


@pytest.fixture(scope="session")
def dlib_itself() -> Dlib:
    return Dlib()


@pytest.fixture(scope="session")
def chips(photos: list[Image], faces: list[Face], dlib_itself: Dlib) -> Image:
    """Aligned chips of the three faces, (3, 150, 150, 3)."""
    return np.stack([dlib_itself.chip(photo, face.box) for photo, face in zip(photos, faces, strict=True)])
