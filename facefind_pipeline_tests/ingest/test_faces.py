"""What becomes of photos that a detector or an embedder fails on: rows with reasons, and an end where all fail."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from facefind_pipeline.faces import Face
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.vision import detectors, embedders, pipeline
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.decode import DecodedPhoto
from facefind_pipeline.vision.watched_process import LostPhotoError
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits
from facefind_pipeline_tests.store.rows import table
from facefind_pipeline_tests.work import Work

pytestmark = pytest.mark.usefixtures("somebody", "in_this_process")


@pytest.fixture
def party(tmp_path: Path, portraits: Portraits) -> Path:
    """Eight photos of one person, each of a width of its own."""
    folder = tmp_path / "party"
    folder.mkdir()
    for number in range(8):
        portraits.hopper.resize((320 + number, 380)).save(folder / f"{number}.jpg", quality=90)
    return folder


def _fail_detecting(
    monkeypatch: pytest.MonkeyPatch, widths: Sequence[int], error: type[Exception] = RuntimeError
) -> None:
    detect = detectors.HogDetector.detect

    def failing(self: detectors.HogDetector, photo: DecodedPhoto) -> list[Face]:
        if photo.size[0] in widths:
            raise error
        return detect(self, photo)

    monkeypatch.setattr(detectors.HogDetector, "detect", failing)


def _fail_embedding(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    crop = embedders.DlibEmbedder.crop

    def failing(self: embedders.DlibEmbedder, photo: Image, face: Face) -> Image:
        if photo.shape[1] == width:
            raise RuntimeError("bad landmarks")
        return crop(self, photo, face)

    monkeypatch.setattr(embedders.DlibEmbedder, "crop", failing)


def test_one_photo_that_the_detector_fails_on_is_left_out(
    facefind: Facefind, party: Path, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail_detecting(monkeypatch, [322])
    result = facefind("run", party, "--params", SMALL_SET)
    assert result.exit_code == 0, result.stderr
    assert "left out: 2.jpg: decoding or detecting failed: RuntimeError" in result.stderr
    with database.connect() as connection:
        assert table(connection, "SELECT count(*), count(problem) FROM detections") == [(8, 1)]
        assert table(connection, "SELECT count(*) FROM embeddings") == [(7,)]
    work = Work(settings, database)
    work.done()
    assert "left out: 2.jpg" in facefind("run", party, "--params", SMALL_SET).stderr
    assert work.done()["runs"] == 0


def test_one_photo_that_the_embedder_fails_on_keeps_its_faces(
    facefind: Facefind, party: Path, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail_embedding(monkeypatch, 322)
    result = facefind("run", party, "--params", SMALL_SET)
    assert result.exit_code == 0, result.stderr
    assert "left out: 2.jpg: embedding failed: bad landmarks" in result.stderr
    with database.connect() as connection:
        assert table(connection, "SELECT count(*), count(problem) FROM detections") == [(8, 0)]
        assert table(connection, "SELECT count(*) FROM detected_faces") == [(8,)]
        assert table(connection, "SELECT count(*) FROM embeddings") == [(7,)]
    work = Work(settings, database)
    work.done()
    assert "left out: 2.jpg" in facefind("run", party, "--params", SMALL_SET).stderr
    assert work.done()["runs"] == 0
    (party / "2.jpg").unlink()
    assert facefind("run", party, "--params", SMALL_SET).exit_code == 0
    with database.connect() as connection:
        assert table(connection, "SELECT count(*) FROM embedding_problems") == [(0,)]


def test_rehash_tries_again_what_failed(
    facefind: Facefind, party: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        _fail_detecting(broken, [322])
        _fail_embedding(broken, 324)
        assert facefind("run", party, "--params", SMALL_SET).exit_code == 0
    result = facefind("run", party, "--params", SMALL_SET, "--rehash")
    assert result.exit_code == 0, result.stderr
    assert "left out" not in result.stderr
    with database.connect() as connection:
        assert table(connection, "SELECT count(*), count(problem) FROM detections") == [(8, 0)]
        assert table(connection, "SELECT count(*) FROM embeddings") == [(8,)]


def test_a_photo_whose_process_was_killed_is_due_again(
    facefind: Facefind, party: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(function: Callable[..., object], *arguments: object) -> object:
        if isinstance(arguments[0], pipeline.PhotoTask) and arguments[0].path.name == "2.jpg":
            raise LostPhotoError("crashed (Killed)", by_machine=True)
        return function(*arguments)

    with monkeypatch.context() as broken:
        broken.setattr(pipeline, "apart", killed)
        result = facefind("run", party, "--params", SMALL_SET)
    assert result.exit_code == 0, result.stderr
    assert "left out: 2.jpg: it went away or changed meanwhile, or what worked on it was killed" in result.stderr
    result = facefind("run", party, "--params", SMALL_SET)
    assert "left out" not in result.stderr
    with database.connect() as connection:
        assert table(connection, "SELECT count(*), count(problem) FROM detections") == [(8, 0)]


def test_a_photo_that_got_no_memory_is_due_again(
    facefind: Facefind, party: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        _fail_detecting(broken, [322], MemoryError)
        result = facefind("run", party, "--params", SMALL_SET)
    assert result.exit_code == 0, result.stderr
    assert "left out: 2.jpg" in result.stderr
    assert "killed or got no memory; the same command resumes with it" in result.stderr
    with database.connect() as connection:
        assert table(connection, "SELECT count(*), count(problem) FROM detections") == [(7, 0)]
    assert "left out" not in facefind("run", party, "--params", SMALL_SET).stderr
    with database.connect() as connection:
        assert table(connection, "SELECT count(*), count(problem) FROM detections") == [(8, 0)]


def test_three_failures_in_a_row_end_the_day_and_are_tried_again(
    facefind: Facefind, party: Path, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work(settings, database)
    with monkeypatch.context() as broken:
        _fail_detecting(broken, range(322, 330), MemoryError)
        result = facefind("run", party, "--params", SMALL_SET)
    assert result.exit_code == 1
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("facefind: ")]
    assert "out of memory, on 3 photos in a row" in line
    assert "that is the machine, most often for want of memory (a run takes 1 GB, and 2 on large photos)" in line
    assert "the same command tries these again" in line
    assert "left out" not in result.stderr
    with database.connect() as connection:
        assert table(connection, "SELECT count(*), count(problem) FROM detections") == [(2, 0)]
    work.done()
    assert facefind("run", party, "--params", SMALL_SET).exit_code == 0
    done = work.done()
    assert (done["photos_detected"], done["clothes_described"]) == (6, 6)


def test_failures_apart_do_not_end_the_day(
    facefind: Facefind, party: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail_detecting(monkeypatch, [321, 322, 324, 325, 327])
    assert facefind("run", party, "--params", SMALL_SET).exit_code == 0
    with database.connect() as connection:
        assert table(connection, "SELECT count(*), count(problem) FROM detections") == [(8, 5)]


def test_a_reference_that_the_detector_fails_on_is_one_line(
    facefind: Facefind, party: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail_detecting(monkeypatch, [380], MemoryError)
    people = ["--reference", f"Ada={reference}", "--reference", f"Bob={party / '1.jpg'}"]
    result = facefind("run", party, "--params", SMALL_SET, *people)
    assert result.exit_code == 1
    assert "reference reference.jpg of Ada: detecting failed: out of memory" in result.stderr
    assert result.stderr.strip().endswith("no usable reference of Ada")
    assert "Bob: " in result.stdout
