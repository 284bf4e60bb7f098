"""Selfies: the vector is that of the same picture as a reference, whatever thread reads it; else a plain word."""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.faces import embedder_meaning
from facefind_pipeline.ingest.references import embed_face, locate_face
from facefind_pipeline.ingest.selfies import MOST_MEGAPIXELS, Selfies
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.people import Person, ReferencePhoto
from facefind_pipeline.store.versions import fingerprint
from facefind_pipeline_tests.conftest import SMALL_SET, Portraits
from facefind_pipeline_tests.web.doors import jpeg


@pytest.fixture
def selfies(settings: Settings) -> Selfies:
    return Selfies(settings, SMALL_SET)


def test_a_selfie_is_embedded_as_a_reference_is(selfies: Selfies, settings: Settings, portraits: Portraits) -> None:
    picture, parameters = jpeg(portraits.hopper), ParameterSet.parse(SMALL_SET)
    reference = ReferencePhoto(Person("ada", "Ada"), "ada.jpg", picture)
    expected = embed_face(settings, parameters, locate_face(settings, parameters, reference))
    with ThreadPoolExecutor(4) as pool:
        for vector in pool.map(selfies.embed, [picture] * 8):
            np.testing.assert_allclose(vector, expected, atol=1e-5)
    assert selfies.embedder == fingerprint(embedder_meaning(settings, parameters))


def test_a_picture_of_more_pixels_than_any_phone_takes_is_not_decoded(selfies: Selfies) -> None:
    large = BytesIO()
    Image.new("1", (9000, 8000)).save(large, "PNG")
    with pytest.raises(FacefindError, match=f"9000 x 8000 pixels: send one of at most {MOST_MEGAPIXELS} million"):
        selfies.embed(large.getvalue())


@pytest.mark.parametrize(
    ("picture", "word"),
    [(b"", "empty file"), (b"x", "not an image"), (b"\xff\xd8\xff\xe0 cut", "truncated or damaged JPEG")],
)
def test_what_is_no_picture_is_told_so(selfies: Selfies, picture: bytes, word: str) -> None:
    with pytest.raises(FacefindError, match=f"This picture can't be used: {word}"):
        selfies.embed(picture)
