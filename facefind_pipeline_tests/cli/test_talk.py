"""The talk's own set, through the whole graph: the same boxes and vectors as the talk's calls give."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import Facefind, Portraits
from facefind_pipeline_tests.store.rows import table
from facefind_pipeline_tests.vision.clip_model import quantise


@pytest.mark.parametrize(("quantised", "tolerance"), [(False, 1e-6), (True, 1e-4)])
def test_boxes_and_vectors_are_those_of_the_talks_calls(
    facefind: Facefind,
    tmp_path: Path,
    portraits: Portraits,
    clip_model: Path,
    reference: Path,
    database: Database,
    quantised: bool,
    tolerance: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if quantised:
        clip_model = quantise(clip_model, tmp_path / "quantised.onnx")
        monkeypatch.setenv("FACEFIND_CLIP_MODEL", str(clip_model))
    party = tmp_path / "party"
    party.mkdir()
    flag = Image.Exif()
    flag[0x0112] = 6
    portraits.together().resize((2048, 1200)).save(party / "both.jpg", quality=90)
    portraits.hopper.resize((1024, 1200)).rotate(90, expand=True).save(party / "turned.jpg", quality=85, exif=flag)
    result = facefind("run", party, "--params", "talk", "--reference", f"Ada={reference}")
    assert result.exit_code == 0, result.stderr

    from imgbeddings import imgbeddings

    ibed = imgbeddings(model_path=str(clip_model))
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    for name in ("both.jpg", "turned.jpg"):
        grey = cv2.imread(str(party / name), cv2.IMREAD_GRAYSCALE)
        plain = cascade.detectMultiScale(grey, scaleFactor=1.05, minNeighbors=2, minSize=(100, 100))
        boxes = sorted(tuple(int(side) for side in box) for box in plain)
        with database.connect() as connection:
            stored = table(
                connection, f"SELECT x, y, w, h, embedding FROM faces WHERE path = '{name}' ORDER BY 1, 2, 3, 4"
            )
        assert [tuple(row[:4]) for row in stored] == boxes
        assert len(boxes) >= 1
        for (x, y, w, h), row in zip(boxes, stored, strict=True):
            talks = ibed.to_embeddings([Image.fromarray(grey[y : y + h, x : x + w])])[0]
            ours = row[4].to_numpy()
            cosine = 1 - talks @ ours / np.linalg.norm(talks) / np.linalg.norm(ours)
            assert cosine <= tolerance
