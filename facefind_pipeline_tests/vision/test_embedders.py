import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import Box, Face
from facefind_pipeline.parameters import DlibSettings, EmbedderSettings, ImgbeddingsSettings
from facefind_pipeline.vision.arrays import Image, Vectors
from facefind_pipeline.vision.dlib_network import WEIGHTS, WEIGHTS_SHA256
from facefind_pipeline.vision.embedders import HUB_FILE, Embedder, ImgbeddingsEmbedder, load_embedder
from facefind_pipeline.vision.sessions import LoadedOnce
from facefind_pipeline_tests.vision.clip_model import make_clip_model, quantise
from facefind_pipeline_tests.vision.conftest import Dlib


@pytest.fixture(scope="session")
def dlib_embedder(network_cache: Path) -> Embedder:
    return load_embedder(DlibSettings(), models=Path("unused"), derived=network_cache, clip_model=None)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip_model(tmp_path_factory.mktemp("clip") / "clip.onnx")


@pytest.fixture(scope="module")
def quantised_clip(clip: Path) -> Path:
    return quantise(clip, clip.with_name("quantised.onnx"))


@pytest.fixture
def hub_file() -> Iterator[Path]:
    """Where imgbeddings' download lies once it was fetched."""
    path = Path(os.environ["HF_HUB_CACHE"]) / HUB_FILE
    yield path
    path.unlink(missing_ok=True)


def imgbeddings_embedder(model: Path | None, settings: ImgbeddingsSettings | None = None) -> Embedder:
    return load_embedder(
        settings or ImgbeddingsSettings(), models=Path("unused"), derived=Path("unused"), clip_model=model
    )


def grey(photo: Image) -> Image:
    return np.asarray(Pillow.fromarray(photo).convert("L"))


def cosine_distances(a: Vectors, b: Vectors) -> Vectors:
    a, b = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (a, b))
    distances: Vectors = ((a - b) ** 2).sum(axis=1) / 2
    return distances


# dlib


def test_dlib_chip_is_that_of_dlib(
    dlib_embedder: Embedder, photos: list[Image], faces: list[Face], chips: Image
) -> None:
    crops = [dlib_embedder.crop(photo, face) for photo, face in zip(photos, faces, strict=True)]

    np.testing.assert_array_equal(np.stack(crops), chips)


def test_dlib_embedding_tells_people_apart(dlib_embedder: Embedder, chips: Image) -> None:
    hopper, collins, hopper_again = dlib_embedder.embed(list(chips))

    assert np.linalg.norm(hopper - hopper_again) < 0.4
    assert np.linalg.norm(hopper - collins) > 0.6
    assert np.linalg.norm(hopper_again - collins) > 0.6


def test_dlib_embedding_depends_neither_on_batch_nor_on_order(dlib_embedder: Embedder, chips: Image) -> None:
    order = np.random.default_rng(0).integers(0, 3, 40)  # more than a batch

    vectors = dlib_embedder.embed([chips[i] for i in order])

    alone = np.concatenate([dlib_embedder.embed([chip]) for chip in chips])
    np.testing.assert_allclose(vectors, alone[order], rtol=0, atol=1e-6)


def test_tall_box_is_aligned_as_the_square_around_it(
    dlib_embedder: Embedder, photos: list[Image], dlib_itself: Dlib
) -> None:
    tall = Face(Box(200, 100, 90, 120), 1.0)

    np.testing.assert_array_equal(
        dlib_embedder.crop(photos[0], tall), dlib_itself.chip(photos[0], Box(185, 100, 120, 120))
    )


@pytest.mark.parametrize("border", ["left", "top", "right", "bottom"])
def test_box_cut_by_the_border_is_aligned_as_if_it_were_whole(
    border: str, dlib_embedder: Embedder, photos: list[Image], faces: list[Face], dlib_itself: Dlib
) -> None:
    x, y, w, h = faces[0].box
    cut = w // 8
    photo, whole, inside = {
        "left": (photos[0][:, x + cut :], Box(-cut, y, w, h), Box(0, y, w - cut, h)),
        "top": (photos[0][y + cut :], Box(x, -cut, w, h), Box(x, 0, w, h - cut)),
        "right": (photos[0][:, : x + w - cut], Box(x, y, w, h), Box(x, y, w - cut, h)),
        "bottom": (photos[0][: y + h - cut], Box(x, y, w, h), Box(x, y, w, h - cut)),
    }[border]

    np.testing.assert_array_equal(
        dlib_embedder.crop(photo, Face(inside, 1.0)), dlib_itself.chip(np.ascontiguousarray(photo), whole)
    )


def test_dlib_fingerprint_names_both_files(dlib_embedder: Embedder) -> None:
    fingerprint = dlib_embedder.fingerprint(landmarks=False)

    assert json.loads(json.dumps(fingerprint)) == fingerprint
    assert dlib_embedder.fingerprint(landmarks=True) != fingerprint  # those of turned faces level them first
    assert fingerprint["files"] == {
        WEIGHTS: WEIGHTS_SHA256,
        "shape_predictor_5_face_landmarks.dat": "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
    }


# imgbeddings


@pytest.mark.parametrize(("model", "tolerance"), [("clip", 1e-6), ("quantised_clip", 1e-4)])
def test_imgbeddings_embedding_is_that_of_the_library(
    model: str, tolerance: float, photos: list[Image], faces: list[Face], request: pytest.FixtureRequest
) -> None:
    from imgbeddings import imgbeddings

    path = request.getfixturevalue(model)
    embedder = imgbeddings_embedder(path)
    crops = [embedder.crop(grey(photo), face) for photo, face in zip(photos, faces, strict=True)]
    assert [crop.shape for crop in crops] == [(face.box.h, face.box.w) for face in faces]
    crops.append(crops[0][:, :100])  # the library pads what is not square

    vectors = embedder.embed(crops)

    library = imgbeddings(model_path=str(path))
    alone = np.concatenate([library.to_embeddings([Pillow.fromarray(crop)]) for crop in crops])
    assert vectors.shape == (4, 768)
    assert vectors.dtype == np.float32
    assert cosine_distances(vectors, alone).max() < tolerance
    assert cosine_distances(vectors, np.roll(alone, 1, axis=0)).min() > 10 * tolerance  # so that order is proven


def test_quantised_vector_does_not_depend_on_its_batch_mates(
    quantised_clip: Path, photos: list[Image], faces: list[Face]
) -> None:
    embedder = imgbeddings_embedder(quantised_clip)
    crops = [embedder.crop(grey(photo), face) for photo, face in zip(photos, faces, strict=True)]

    alone = [embedder.embed([crop]) for crop in crops]
    np.testing.assert_array_equal(embedder.embed(crops), np.concatenate(alone))


def test_imgbeddings_crops_are_coloured_where_the_settings_say_so(clip: Path, photos: list[Image]) -> None:
    grey_one = imgbeddings_embedder(clip)
    coloured = imgbeddings_embedder(clip, ImgbeddingsSettings(colour=True))

    crop = coloured.crop(photos[0], Face(Box(10, 20, 30, 40), 1.0))

    assert (grey_one.needs_grey, coloured.needs_grey) == (True, False)
    np.testing.assert_array_equal(crop, photos[0][20:60, 10:40])
    assert coloured.embed([crop]).shape == (1, 768)


@given(data=st.data(), width=st.integers(1, 200), height=st.integers(1, 200), percent=st.integers(0, 200))
def test_margin_grows_the_box_as_far_as_the_photo_reaches(
    data: st.DataObject, width: int, height: int, percent: int
) -> None:
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    w, h = data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y))
    embedder = imgbeddings_embedder(None, ImgbeddingsSettings(colour=True, margin=percent / 100))
    # Each pixel holds its own place, so that a crop tells where it was cut.
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    photo = np.stack([columns, rows, rows], axis=2).astype(np.uint8)

    crop = embedder.crop(photo, Face(Box(x, y, w, h), 1.0))

    left, top = (int(v) for v in crop[0, 0, :2])
    right, bottom = (int(v) + 1 for v in crop[-1, -1, :2])
    assert crop.shape == (bottom - top, right - left, 3)
    for start, size, limit, first, end in ((x, w, width, left, right), (y, h, height, top, bottom)):
        wanted = size * percent / 100
        assert first == 0 or abs(start - first - wanted) <= 0.5
        assert end == limit or abs(end - (start + size) - wanted) <= 0.5
        assert start - first <= wanted + 0.5
        assert end - (start + size) <= wanted + 0.5


def test_crop_does_not_keep_the_photo(clip: Path, photos: list[Image]) -> None:
    assert imgbeddings_embedder(clip).crop(grey(photos[0]), Face(Box(10, 20, 30, 40), 1.0)).base is None


def test_imgbeddings_fingerprint_is_that_of_the_file(clip: Path, quantised_clip: Path, tmp_path: Path) -> None:
    same = make_clip_model(tmp_path / "elsewhere.onnx")
    other = make_clip_model(tmp_path / "other.onnx", seed=1)
    fingerprint = imgbeddings_embedder(clip).fingerprint(landmarks=False)

    assert json.loads(json.dumps(fingerprint)) == fingerprint
    assert imgbeddings_embedder(same).fingerprint(landmarks=False) == fingerprint
    for different in (
        imgbeddings_embedder(other),
        imgbeddings_embedder(quantised_clip),
        imgbeddings_embedder(clip, ImgbeddingsSettings(colour=True)),
        imgbeddings_embedder(clip, ImgbeddingsSettings(margin=0.2)),
    ):
        assert different.fingerprint(landmarks=False) != fingerprint


def test_hub_download_is_used_where_no_file_is_named(clip: Path, hub_file: Path, photos: list[Image]) -> None:
    crop = grey(photos[0])[100:200, 100:200]
    for needs_it in (
        ImgbeddingsEmbedder.fetch,
        lambda embedder: embedder.fingerprint(landmarks=False),
    ):  # what is stored must say which file made it
        with pytest.raises(FacefindError, match="go online once"):
            needs_it(ImgbeddingsEmbedder(ImgbeddingsSettings(), None))
    hub_file.write_bytes(clip.read_bytes())

    embedder = imgbeddings_embedder(None)
    embedder.fetch()

    np.testing.assert_array_equal(embedder.embed([crop]), imgbeddings_embedder(clip).embed([crop]))
    assert embedder.fingerprint(landmarks=False) == imgbeddings_embedder(clip).fingerprint(landmarks=False)


def test_unreachable_hub_is_a_clear_error() -> None:
    with pytest.raises(FacefindError, match="set FACEFIND_CLIP_MODEL to a local ONNX file, or go online"):
        imgbeddings_embedder(None).embed([np.zeros((30, 30), np.uint8)])


def test_a_processor_of_the_working_directory_is_not_taken(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openai" / "clip-vit-base-patch32").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FacefindError, match=r"clip-vit-base-patch32 is not to be trusted"):
        imgbeddings_embedder(clip).embed([np.zeros((30, 30), np.uint8)])


def test_clip_model_that_is_none_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FacefindError, match=r"FACEFIND_CLIP_MODEL names .*absent\.onnx"):
        imgbeddings_embedder(tmp_path / "absent.onnx")
    text = tmp_path / "text.onnx"
    text.write_text("not a model")
    with pytest.raises(FacefindError, match=r"text\.onnx is not an ONNX model"):
        imgbeddings_embedder(text).embed([np.zeros((30, 30), np.uint8)])


def test_onnx_of_another_kind_is_a_clear_error(network_cache: Path, dlib_embedder: Embedder, chips: Image) -> None:
    dlib_embedder.embed([chips[0]])
    (network,) = network_cache.iterdir()
    with pytest.raises(FacefindError, match="has no output `embeddings`"):
        imgbeddings_embedder(network).embed([np.zeros((30, 30), np.uint8)])


# both


@pytest.mark.parametrize("settings", [DlibSettings(), ImgbeddingsSettings()])
def test_no_crops_are_no_vectors(settings: EmbedderSettings, network_cache: Path) -> None:
    embedder = load_embedder(settings, models=Path("unused"), derived=network_cache, clip_model=None)

    vectors = embedder.embed([])

    assert vectors.shape == (0, embedder.dimension)
    assert vectors.dtype == np.float32


def test_threads_that_ask_at_once_load_a_model_once() -> None:
    class Owner:
        loads = 0

        @LoadedOnce
        def model(self) -> object:
            self.loads += 1
            time.sleep(0.05)  # the others ask meanwhile
            return object()

    owner = Owner()
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda _: owner.model, range(4)))
    assert owner.loads == 1
    assert len(set(models)) == 1
