"""Networks that people bring: added once, fed as they were told, aligned to the template."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from PIL import Image as Pillow

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import Box, Face
from facefind_pipeline.parameters import ArcfaceSettings, ParameterSet
from facefind_pipeline.vision.arcface import CHIP_SIDE, TEMPLATE, ArcfaceEmbedder, add_model
from facefind_pipeline_tests.conftest import Facefind, Portraits

SETTINGS = ArcfaceSettings(model="tiny")


def _network(file: Path, side: int = CHIP_SIDE, dimension: int = 128, batch: int | str = "n") -> Path:
    """Means over patches of 16 pixels through a fixed projection; of any number of chips unless a batch is given."""
    weights = np.random.default_rng(1).normal(0, 1, (3 * (side // 16) ** 2, dimension)).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", ["chips"], ["pooled"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["vectors"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("chips", TensorProto.FLOAT, [batch, 3, side, side])],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, [batch, dimension])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, str(file))
    return file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return _network(tmp_path / "tiny.onnx")


@pytest.fixture
def embedder(file: Path, tmp_path: Path) -> Callable[..., ArcfaceEmbedder]:
    def load(*, mean: float = 127.5, std: float = 127.5, rgb: bool = True) -> ArcfaceEmbedder:
        add_model(tmp_path / "models", "tiny", file, mean=mean, std=std, rgb=rgb)
        return ArcfaceEmbedder(SETTINGS, tmp_path / "models")

    return load


def _least_squares(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The similarity transform as the solution of its linear equations: u = ax - by + c, v = bx + ay + d."""
    (x, y), one, no = source.T, np.ones(len(source)), np.zeros(len(source))
    equations = np.concatenate([np.stack([x, -y, one, no], axis=1), np.stack([y, x, no, one], axis=1)])
    a, b, c, d = np.linalg.lstsq(equations, target.T.ravel())[0]
    return np.array([[a, -b, c], [b, a, d]])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.floats(-3, 3),
    st.floats(0.2, 5),
    st.tuples(st.floats(200, 500), st.floats(200, 500)),
    st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), min_size=5, max_size=5),
)
def test_a_chip_is_what_the_least_squares_make_of_the_landmarks(embedder, turn, scale, shift, noise) -> None:
    photo = np.random.default_rng(4).integers(0, 255, (700, 700, 3), np.uint8)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    points = np.array(TEMPLATE) @ (scale * rotation) + shift + noise
    chip = embedder().crop(photo, Face(Box(300, 100, 200, 200), 1.0, tuple(map(tuple, points.tolist()))))
    expected = cv2.warpAffine(photo, _least_squares(points, np.array(TEMPLATE)), (CHIP_SIDE, CHIP_SIDE))
    assert (chip != expected).mean() < 0.001  # a pixel on the edge between two of OpenCV's 32 steps may go either way


def test_landmarks_that_are_all_one_point_give_a_chip_without_a_face(embedder: Callable[..., ArcfaceEmbedder]) -> None:
    photo = np.random.default_rng(4).integers(0, 255, (60, 60, 3), np.uint8)
    chip = embedder().crop(photo, Face(Box(0, 0, 60, 60), 1.0, ((30.0, 30.0),) * 5))
    assert chip.std(axis=(0, 1)).max() == 0


def test_landmarks_come_to_lie_on_the_template(embedder: Callable[..., ArcfaceEmbedder]) -> None:
    photo = np.zeros((600, 800, 3), np.uint8)
    points = np.array(TEMPLATE) * 2 @ np.array([[0.8, 0.6], [-0.6, 0.8]]) + (300, 100)
    for x, y in points:
        photo[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4] = 255
    chip = embedder().crop(photo, Face(Box(300, 100, 200, 200), 1.0, tuple((x, y) for x, y in points.tolist())))
    assert chip.shape == (CHIP_SIDE, CHIP_SIDE, 3)
    for x, y in TEMPLATE:
        assert chip[round(y), round(x)].min() > 200


def test_without_landmarks_the_eyes_come_to_lie_on_the_template(
    embedder: Callable[..., ArcfaceEmbedder], portraits: Portraits
) -> None:
    upright = np.asarray(portraits.hopper)
    tilted = np.asarray(portraits.hopper.rotate(15, Pillow.Resampling.BICUBIC, center=(260, 210)))
    box = Box(170, 120, 180, 180)
    chips = [embedder().crop(photo, Face(box, 1.0)).astype(float) for photo in (upright, tilted)]
    middle = slice(30, 90)
    alike = np.corrcoef(chips[0][middle, middle].ravel(), chips[1][middle, middle].ravel())[0, 1]
    assert alike > 0.9


def test_vectors_have_length_one_and_do_not_depend_on_their_neighbours(embedder) -> None:
    chips = list(np.random.default_rng(2).integers(0, 255, (40, CHIP_SIDE, CHIP_SIDE, 3), np.uint8))
    made = embedder().embed(chips)
    assert made.shape == (40, 128)
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(embedder().embed(chips[7:8])[0], made[7], atol=1e-6)
    assert embedder().embed([]).shape == (0, 128)


def test_a_network_of_one_chip_at_a_time_gives_the_same_vectors(embedder, tmp_path: Path) -> None:
    chips = list(np.random.default_rng(2).integers(0, 255, (3, CHIP_SIDE, CHIP_SIDE, 3), np.uint8))
    single = _network(tmp_path / "single.onnx", batch=1)
    add_model(tmp_path / "others", "tiny", single, mean=127.5, std=127.5, rgb=True)
    made = ArcfaceEmbedder(SETTINGS, tmp_path / "others").embed(chips)
    np.testing.assert_allclose(made, embedder().embed(chips), atol=1e-6)


def test_a_network_is_fed_as_it_was_told(embedder: Callable[..., ArcfaceEmbedder]) -> None:
    chip = np.random.default_rng(3).integers(0, 255, (CHIP_SIDE, CHIP_SIDE, 3), np.uint8)
    rgb, bgr = embedder(rgb=True).embed([chip])[0], embedder(rgb=False).embed([chip[..., ::-1]])[0]
    np.testing.assert_allclose(rgb, bgr, atol=1e-6)
    other = embedder(mean=0, std=255)
    assert np.abs(other.embed([chip])[0] - rgb).max() > 1e-3
    assert other.fingerprint(landmarks=False) != embedder().fingerprint(landmarks=False)


def test_what_is_no_such_network_is_refused(tmp_path: Path, file: Path) -> None:
    def add(source: Path, **feeding: float) -> None:
        add_model(tmp_path / "models", "tiny", source, **{"mean": 127.5, "std": 127.5, "rgb": True, **feeding})

    (tmp_path / "text.onnx").write_text("no network")
    for source, message in (
        (tmp_path / "nothing.onnx", "is not a file"),
        (tmp_path / "text.onnx", "is not an ONNX network"),
        (_network(tmp_path / "large.onnx", side=160), r"takes \['n', 3, 160, 160\]: not of the ArcFace convention"),
        (_network(tmp_path / "eight.onnx", batch=8), r"takes \[8, 3, 112, 112\].*one chip or any number at a time"),
        (_network(tmp_path / "short.onnx", dimension=3), r"gives \[1, 3\] for one chip"),
    ):
        with pytest.raises(FacefindError, match=message):
            add(source)
    with pytest.raises(FacefindError, match="--std is 0"):
        add(file, std=0)
    add(file)
    with pytest.raises(FacefindError, match="another network is named 'tiny' already"):
        add(_network(tmp_path / "other.onnx", dimension=256))
    with pytest.raises(FacefindError, match="facefind models add missing FILE"):
        ArcfaceEmbedder(ArcfaceSettings(model="missing"), tmp_path / "models")


def test_a_network_that_was_exchanged_is_noticed(embedder: Callable[..., ArcfaceEmbedder], tmp_path: Path) -> None:
    loaded = embedder()
    _network(tmp_path / "models" / "arcface" / "tiny.onnx", dimension=256)
    with pytest.raises(FacefindError, match="is not the network that was added"):
        loaded.fingerprint(landmarks=False)


def test_its_key_has_the_networks_name() -> None:
    key = "hog-up0-px640@arcface-motiny"
    assert ParameterSet.parse(key).embedder == SETTINGS
    with pytest.raises(FacefindError, match="mo"):
        ParameterSet.parse("hog-up0-px640@arcface-moTiny")


def test_a_person_is_found_with_it(facefind: Facefind, event: Path, reference: Path, file: Path) -> None:
    added = facefind("models", "add", "tiny_test", file)
    assert added.exit_code == 0, added.stderr
    assert "yunet-st0.60-px2000@arcface-motiny_test" in added.stdout
    run = facefind("run", event, "--params", "hog-up0-px640@arcface-motiny_test", "--reference", f"Ada={reference}")
    assert run.exit_code == 0, run.stderr
    first = next(line for line in run.stdout.splitlines() if line.startswith("1 "))
    assert "hopper.jpg" in first or "both.jpg" in first
