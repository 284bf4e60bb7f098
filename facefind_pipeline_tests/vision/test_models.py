"""Model files: only the pinned content is kept, and pulling leaves nothing half done."""

import hashlib
from pathlib import Path

import pytest

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.vision.models import YUNET, Model, file_sha256, pull

CONTENT = b"weights"
MODEL = Model("tiny", "tiny.onnx", "http://127.0.0.1:9/tiny.onnx", 7, hashlib.sha256(CONTENT).hexdigest(), "MIT")


def test_a_local_copy_is_pulled_whole(tmp_path: Path) -> None:
    source, folder = tmp_path / "copy.onnx", tmp_path / "a" / "models"
    source.write_bytes(CONTENT)
    assert not MODEL.present(folder)
    path = pull(MODEL, folder, source)
    assert path.read_bytes() == CONTENT
    assert MODEL.present(folder)
    assert MODEL.require(folder) == path
    assert [file.name for file in folder.iterdir()] == ["tiny.onnx"]


def test_another_content_is_refused_and_what_was_there_stays(tmp_path: Path) -> None:
    source, folder = tmp_path / "copy.onnx", tmp_path / "models"
    source.write_bytes(CONTENT)
    pull(MODEL, folder, source)
    source.write_bytes(b"something else")
    with pytest.raises(FacefindError, match="is not the pinned tiny"):
        pull(MODEL, folder, source)
    assert MODEL.present(folder)
    assert len(list(folder.iterdir())) == 1


def test_an_unreachable_address_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(FacefindError, match="--from FILE"):
        pull(MODEL, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_a_missing_or_damaged_file_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(FacefindError, match="facefind models pull yunet"):
        YUNET.require(tmp_path)
    YUNET.path(tmp_path).write_bytes(b"damaged")
    assert not YUNET.present(tmp_path)
    with pytest.raises(FacefindError, match="facefind models pull yunet"):
        YUNET.require(tmp_path)


def test_a_changed_file_is_hashed_again(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"one")
    before = file_sha256(file)
    file.write_bytes(b"three")
    assert before == hashlib.sha256(b"one").hexdigest()
    assert file_sha256(file) == hashlib.sha256(b"three").hexdigest()
