"""What is committed of photos when the work on them is interrupted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from facefind_pipeline.ingest.batches import COMMIT_EVERY, batches
from facefind_pipeline.vision.pipeline import PhotoFaces, PhotoTask

FINISHED = [PhotoFaces(PhotoTask(bytes([number]), Path("photo.jpg"))) for number in range(COMMIT_EVERY + 3)]


def _interrupted() -> Iterator[PhotoFaces]:
    yield from FINISHED
    raise KeyboardInterrupt


def test_photos_that_are_finished_when_the_work_is_interrupted_are_committed() -> None:
    committed: list[PhotoFaces] = []
    with pytest.raises(KeyboardInterrupt):
        for batch in batches(_interrupted()):
            committed += batch
    assert committed == FINISHED
