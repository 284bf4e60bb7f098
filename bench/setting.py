"""What benchmarks work on: composed photos, a CLIP-sized model, a server; made once and kept in `bench/results`."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import psycopg2
from psycopg2 import sql

from bench.results import LATEST
from facefind_pipeline.demo_event import take_group_photo
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline.vision.pipeline import cores
from facefind_pipeline_tests.vision.clip_model import make_hub_cache, quantise

KEPT = LATEST.parent / "kept"
PEOPLE = (3, 7, 5, 9, 1, 6, 8, 4, 11, 6, 7, 5)  # in one photo after the other; 6 on average, the talk's event had 7
FULL_SIZE = (3000, 2000)
SMALL_SIZE = (480, 320)
WARM_UP = "warm-up"  # an event day of one photo, so that models are loaded before the clock starts


@dataclass(frozen=True, slots=True)
class Bench:
    """Where things are.

    Attributes:
        server: running.
        models: of facefind.
        clip: the CLIP-sized model.
        environment: for every process: models, and a Hugging Face cache that works offline.
    """

    server: EmbeddedServer
    models: Path
    clip: Path
    environment: dict[str, str]

    def home(self, name: str) -> dict[str, str]:
        """The environment of a home and a database of that name, which begins empty."""
        folder = self.server.home / name
        return self.environment | {"FACEFIND_HOME": str(folder), "FACEFIND_DATABASE_URL": self.server.url(name)}

    def make_database(self, name: str) -> None:
        """An empty database of that name, if there is none."""
        connection = psycopg2.connect(self.server.url("postgres"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_database WHERE datname = %s", [name])
            if cursor.rowcount == 0:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        connection.close()


@contextmanager
def prepared() -> Iterator[Bench]:
    """A server of its own, removed at the end, and the models."""
    KEPT.mkdir(parents=True, exist_ok=True)
    models = read_settings().models
    clip = KEPT / "clip_vit_b32_quint8.onnx"
    if not clip.is_file():
        make_clip(clip)
    environment = make_hub_cache(KEPT / "hub") | {"FACEFIND_MODELS": str(models), "FACEFIND_CLIP_MODEL": str(clip)}
    with tempfile.TemporaryDirectory(prefix="facefind-bench") as folder:
        server = EmbeddedServer(Path(folder))
        server.start()
        try:
            yield Bench(server, models, clip, environment)
        finally:
            server.stop()
            shutil.rmtree(server.data.parent)  # root's lies outside the temporary folder


def full_size_event(photos: int) -> Path:
    """A folder with that many photos of 3000x2000 in a day `event`, and one in a day `warm-up`."""
    folder = KEPT / f"full-size-{photos}"
    wanted = [(folder / "event" / f"{number:04d}.jpg", number) for number in range(photos)]
    wanted.append((folder / WARM_UP / "0000.jpg", 10_000))
    missing = [(path, number) for path, number in wanted if not path.is_file()]
    if missing:
        print(f"composing {len(missing)} photos in {folder}", file=sys.stderr, flush=True)
        with ProcessPoolExecutor(cores()) as pool:
            list(pool.map(_compose, *zip(*missing, strict=True)))
    return folder


def small_event(folder: Path, photos: int, seeds: Sequence[int] = range(6)) -> Path:
    """Writes that many photos of 480x320 with a face each: copies of a few, each with a mark of its own.

    With odd seeds none shows the person whom even ones show.
    """
    from PIL import Image

    originals = [Image.open(BytesIO(take_group_photo(1, SMALL_SIZE, seed=seed))) for seed in seeds]
    day = folder / "event"
    day.mkdir(parents=True)
    for number in range(photos):
        photo = originals[number % len(originals)].copy()
        for bit in range(16):
            photo.paste((number >> bit & 1) * 255, (8 * bit, 0, 8 * bit + 8, 8))
        photo.save(day / f"{number:05d}.jpg", quality=88)
    return folder


def _compose(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(take_group_photo(PEOPLE[number % len(PEOPLE)], FULL_SIZE, seed=number))


def make_clip(path: Path) -> None:
    """Writes an ONNX of CLIP ViT-B/32's image side: its layers and sizes, random weights, quantised as imgbeddings' is.

    It tells no faces apart; it costs what the real one does (Radford et al., arXiv:2103.00020).
    """
    from onnx import TensorProto, helper, numpy_helper, save

    width, heads, layers, tokens = 768, 12, 12, 50
    random = np.random.default_rng(0)
    nodes, constants = [], []

    def constant(array: object) -> str:
        constants.append(numpy_helper.from_array(np.asarray(array), f"c{len(constants)}"))
        return constants[-1].name

    def weights(*shape: int) -> str:
        return constant(random.normal(0, 0.02, shape).astype(np.float32))

    def add(operator: str, *inputs: str, name: str | None = None, **attributes: object) -> str:
        name = name or f"v{len(nodes)}"
        nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def normalised(x: str, **last: str) -> str:
        return add("LayerNormalization", x, constant(np.ones(width, np.float32)), weights(width), axis=-1, **last)

    def dense(x: str, inputs: int, outputs: int) -> str:
        return add("Add", add("MatMul", x, weights(inputs, outputs)), weights(outputs))

    def attention(x: str) -> str:
        split = constant(np.array([0, tokens, heads, width // heads]))
        q, k, v = (add("Reshape", dense(x, width, width), split) for _ in range(3))
        scores = add("MatMul", add("Transpose", q, perm=[0, 2, 1, 3]), add("Transpose", k, perm=[0, 2, 3, 1]))
        shares = add("Softmax", add("Mul", scores, constant(np.float32((width // heads) ** -0.5))), axis=-1)
        mixed = add("Transpose", add("MatMul", shares, add("Transpose", v, perm=[0, 2, 1, 3])), perm=[0, 2, 1, 3])
        return dense(add("Reshape", mixed, constant(np.array([0, tokens, width]))), width, width)

    def perceptron(x: str) -> str:
        x = dense(x, width, 4 * width)
        gate = add("Sigmoid", add("Mul", x, constant(np.float32(1.702))))
        return dense(add("Mul", x, gate), 4 * width, width)

    x = add("Conv", "pixel_values", weights(width, 3, 32, 32), strides=[32, 32])
    x = add("Transpose", add("Reshape", x, constant(np.array([0, width, tokens - 1]))), perm=[0, 2, 1])
    x = add("Pad", x, constant(np.array([0, 1, 0, 0, 0, 0])))  # the place of the class token, which is a constant
    x = normalised(add("Add", x, weights(1, tokens, width)))
    for _ in range(layers):
        x = add("Add", x, attention(normalised(x)))
        x = add("Add", x, perceptron(normalised(x)))
    normalised(add("Gather", x, constant(np.array(0)), axis=1), name="embeddings")
    graph = helper.make_graph(
        nodes,
        "clip_vit_b32",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["b", 3, 224, 224])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["b", width])],
        constants,
    )
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), plain)
        quantise(plain, path.with_suffix(".partial"))
    path.with_suffix(".partial").rename(path)
