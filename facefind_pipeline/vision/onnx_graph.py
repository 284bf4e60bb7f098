"""Writing an ONNX graph operator by operator, and 3x3 convolutions by Winograd's algorithm, which onnxruntime lacks."""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

OPSET, IR_VERSION = 17, 8  # old enough for every onnxruntime we allow

# F(4x4, 3x3) of Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, arXiv:1509.09308: their B, G
# and A, each for one axis. Six numbers of the input and three of a filter are transformed to six each; of the products
# of these, four numbers of the output are made.
OUTPUT_TILE, INPUT_TILE = 4, 6
INPUT_TRANSFORM = (
    *((4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0)),
    *((0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1)),
)
FILTER_TRANSFORM = (
    *((1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6)),
    *((1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0, 0, 1)),
)
OUTPUT_TRANSFORM = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


class Graph:
    """ONNX nodes and constants in the order they are added; a value has the name of what made it."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Adds an operator with one output, whose name it returns."""
        return self.add_many(operator, *inputs, outputs=1, **attributes)[0]

    def add_many(self, operator: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """Adds an operator with several outputs, whose names it returns."""
        from onnx import helper

        name = f"{operator.lower()}_{len(self._nodes)}"
        names = [name, *(f"{name}_{number}" for number in range(1, outputs))]
        self._nodes.append(helper.make_node(operator, inputs, names, name, **attributes))
        return names

    def constant(self, array: npt.NDArray[Any]) -> str:
        """Adds a constant, whose name it returns."""
        from onnx import numpy_helper

        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def reshape(self, x: str, *shape: int) -> str:
        """The same numbers in another shape; -1 is what is left."""
        return self.add("Reshape", x, self.constant(np.array(shape, np.int64)))

    def pad(self, x: str, *, channels: int = 0, pixels: int = 0) -> str:
        """Zeros after the last channel, or below and to the right."""
        if channels == pixels == 0:
            return x
        return self.add("Pad", x, self.constant(np.array([0, 0, 0, 0, 0, channels, pixels, pixels], np.int64)))

    def convolve(self, x: str, filters: Floats, bias: Floats, *, stride: int = 1, padding: int = 0) -> str:
        """A convolution of (n, c, h, w) with filters (k, c, s, s) and a bias (k,)."""
        constants = self.constant(filters), self.constant(bias)
        return self.add("Conv", x, *constants, strides=[stride] * 2, pads=[padding] * 4)

    def convolve_winograd(self, x: str, filters: Floats, bias: Floats, *, side: int) -> str:
        """The convolution of (n, c, side, side) with filters (k, c, 3, 3), padding 1, with a quarter of the products.

        Pixels go first, so that each step is one multiplication of large matrices: the input's transform along rows and
        columns, for each transformed pixel of a tile all channels by its own matrix, and the output's transform.
        """
        tiles = -(-side // OUTPUT_TILE)
        forth, back = _along_an_axis(side, tiles)
        to, fro, transformed = self.constant(forth), self.constant(back), INPUT_TILE * tiles
        x = self.add("Transpose", x, perm=[2, 3, 0, 1])
        x = self.add("MatMul", to, self.reshape(x, side, -1))
        x = self.add("MatMul", to, self.reshape(x, transformed, side, -1))
        x = self._multiply_tiles(x, filters, tiles)
        x = self.add("MatMul", fro, self.reshape(x, transformed, transformed, -1))
        x = self.add("MatMul", fro, self.reshape(x, transformed, -1))
        x = self.add("Add", self.reshape(x, side, side, -1, len(filters)), self.constant(bias))
        return self.add("Transpose", x, perm=[2, 3, 0, 1])

    def _multiply_tiles(self, x: str, filters: Floats, tiles: int) -> str:
        outputs, inputs = filters.shape[:2]
        carry = np.array(FILTER_TRANSFORM)
        weights = np.einsum("ui,kcij,vj->uvck", carry, filters.astype(np.float64), carry).astype(np.float32)
        if tiles > 1:
            x = self.reshape(x, INPUT_TILE, tiles, INPUT_TILE, -1, inputs)
            return self.add("MatMul", x, self.constant(weights[:, np.newaxis]))
        # A matrix that is a constant of its own is packed as the model is loaded, and not at every call: dlib's network
        # takes 4.3 ms instead of 4.7 for one of 8 faces. With more tiles, packing is a smaller part.
        count = INPUT_TILE**2
        x = self.reshape(x, count, -1, inputs)
        parts = self.add_many("Split", x, self.constant(np.ones(count, np.int64)), outputs=count, axis=0)
        matrices = weights.reshape(count, inputs, outputs)
        products = [
            self.add("MatMul", part, self.constant(matrix)) for part, matrix in zip(parts, matrices, strict=True)
        ]
        return self.add("Concat", *products, axis=0)

    def serialise(self, name: str, given: Any, wanted: Any) -> bytes:
        """The checked model, from its input to the value that is wanted, both as ONNX describes them (value info)."""
        from onnx import checker, helper

        graph = helper.make_graph(self._nodes, name, [given], [wanted], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        checker.check_model(model)
        serialised: bytes = model.SerializeToString()
        return serialised


def _along_an_axis(side: int, tiles: int) -> tuple[Floats, Floats]:
    """The transforms of all tiles of an axis: of the input (6 * tiles, side), and of the output (side, 6 * tiles).

    The six numbers of a tile are apart: first the first of every tile. A tile's input begins a pixel before it; outside
    are zeros.
    """
    forth, back = np.zeros((INPUT_TILE, tiles, side), np.float32), np.zeros((side, INPUT_TILE, tiles), np.float32)
    for tile in range(tiles):
        first = OUTPUT_TILE * tile
        pixels = np.arange(first - 1, first - 1 + INPUT_TILE)
        inside = (pixels >= 0) & (pixels < side)
        forth[:, tile, pixels[inside]] = np.array(INPUT_TRANSFORM)[:, inside]
        here = back[first : first + OUTPUT_TILE, :, tile]
        here[:] = np.array(OUTPUT_TRANSFORM)[: len(here)]
    return forth.reshape(INPUT_TILE * tiles, side), back.reshape(side, INPUT_TILE * tiles)
