import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from facefind_pipeline.vision.onnx_graph import Floats, Graph
from facefind_pipeline.vision.sessions import open_session


def _run(graph: Graph, wanted: str, x: Floats, channels: int) -> Floats:
    from onnx import TensorProto, helper

    _, inputs, side, _ = x.shape
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", inputs, side, side])
    output = helper.make_tensor_value_info(wanted, TensorProto.FLOAT, ["n", channels, side, side])
    result: Floats = open_session(graph.serialise("convolution", given, output)).run(None, {"x": x})[0]
    return result


@given(
    faces=st.integers(1, 5),
    inputs=st.integers(1, 6),
    channels=st.integers(1, 6),
    side=st.integers(1, 11),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=40)
def test_winograd_convolution_is_the_plain_one(faces: int, inputs: int, channels: int, side: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    x = random.normal(size=(faces, inputs, side, side)).astype(np.float32)
    filters = random.normal(size=(channels, inputs, 3, 3)).astype(np.float32)
    bias = random.normal(size=channels).astype(np.float32)
    plain, winograd = Graph(), Graph()

    expected = _run(plain, plain.convolve("x", filters, bias, padding=1), x, channels)
    found = _run(winograd, winograd.convolve_winograd("x", filters, bias, side=side), x, channels)

    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-4)
