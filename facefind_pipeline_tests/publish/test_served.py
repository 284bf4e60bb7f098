"""Pictures made while they are waited for: what failed is tried again, and stands in nobody's way."""

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.publish import served
from facefind_pipeline.publish.covering import Head
from facefind_pipeline.publish.gallery_data import Appearance, GalleryPhoto
from facefind_pipeline.publish.hiding import Hiding
from facefind_pipeline.publish.served import Pictures
from facefind_pipeline.vision.models import Model
from facefind_pipeline_tests.publish.galleries import match


def _photo(file: Path, seed: int, hiding: Hiding | None = None) -> GalleryPhoto:
    Image.effect_noise((120, 90), 60 + seed).convert("RGB").save(file, quality=90)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return GalleryPhoto((120, 90), [Appearance(0, match(file.name, file=file, sha256=sha256))], hiding)


@pytest.mark.usefixtures("in_this_process")
def test_a_picture_that_could_not_be_made_is_tried_again_and_stops_no_other(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "CACHED_BYTES", 1)  # each picture sends the one before away
    hidden = _photo(tmp_path / "hidden.jpg", 0, Hiding((Head(20, 10, 30, 40),), ()))
    plain = [_photo(tmp_path / f"{number}.jpg", number) for number in (1, 2)]
    pictures = Pictures(models)
    with monkeypatch.context() as patched:
        patched.setattr(Model, "find", lambda *_: None)
        with pytest.raises(FacefindError, match="yunet is missing"):
            pictures.of(hidden)
        assert all(pictures.of(photo).data for photo in plain)
    assert pictures.of(hidden).data
