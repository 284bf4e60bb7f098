"""Face networks of the ArcFace convention that people bring: ONNX files that take 112x112 chips aligned by five points.

Deng et al., ArcFace, CVPR 2019. No such network is shipped or fetched: most are licensed for research alone, and whose
licence holds is for the user to know.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facefind_pipeline.errors import FacefindError, lacking_memory
from facefind_pipeline.faces import Face
from facefind_pipeline.parameters import ArcfaceSettings
from facefind_pipeline.vision.arrays import Image, Vectors
from facefind_pipeline.vision.dlib_network import packaged_model
from facefind_pipeline.vision.library_versions import library_version
from facefind_pipeline.vision.models import MODEL_MODE, file_sha256, make_models_folder, write_atomically
from facefind_pipeline.vision.sessions import LoadedOnce, open_session

CHIP_SIDE = 112
# insightface's template: the eyes, the tip of the nose and the corners of the mouth, as they stand in the photo from
# left to right, in pixels of the chip.
TEMPLATE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
BATCH = 32
ALIGNMENT = 1  # in the fingerprint: raise it when chips change
PREDICTOR = "shape_predictor_5_face_landmarks.dat"


@dataclass(frozen=True, slots=True)
class AddedModel:
    """What an added network needs to be fed with, and what it gives.

    Attributes:
        mean: subtracted from each channel's 0..255.
        std: by which the rest is divided.
        rgb: whether channels are in that order, else BGR.
        dimension: of its vectors.
        sha256: of the file, in hex.
    """

    mean: float
    std: float
    rgb: bool
    dimension: int
    sha256: str


def add_model(folder: Path, name: str, source: Path, *, mean: float, std: float, rgb: bool) -> AddedModel:
    """Copies a network into the models folder and remembers how it is fed.

    Raises:
        FacefindError: unreadable, not of the convention, or another network of that name is there.
    """
    if not source.is_file():
        raise FacefindError(f"{source} is not a file")
    if std <= 0:
        raise FacefindError(f"--std is {std}: above 0")
    made = AddedModel(mean, std, rgb, _dimension(source), file_sha256(source))
    file = _file(folder, name)
    if file.is_file() and file_sha256(file) != made.sha256:
        raise FacefindError(f"another network is named {name!r} already ({file}): give this one another name")
    make_models_folder(folder)
    make_models_folder(file.parent)
    if not file.is_file():
        partial = file.with_suffix(".part")
        shutil.copyfile(source, partial)
        partial.chmod(MODEL_MODE)
        partial.replace(file)
    write_atomically(file.with_suffix(".json"), json.dumps(asdict(made), indent=1).encode(), mode=MODEL_MODE)
    return made


def added_models(folder: Path) -> dict[Path, str]:
    """The files of networks that were added, with the SHA-256 that each had then."""
    described = sorted((folder / "arcface").glob("*.json"))
    return {file.with_suffix(".onnx"): json.loads(file.read_text(encoding="utf-8"))["sha256"] for file in described}


class ArcfaceEmbedder:
    """An added network on chips that a similarity transform brings to its template; vectors of length 1."""

    metric = "cosine"
    needs_grey = False

    def __init__(self, settings: ArcfaceSettings, folder: Path) -> None:
        self._file = _file(folder, settings.model)
        try:
            self._model = AddedModel(**json.loads(self._file.with_suffix(".json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise FacefindError(
                f"no network {settings.model!r} was added: run `facefind models add {settings.model} FILE`"
            ) from None
        self._settings = settings
        self.dimension = self._model.dimension

    def crop(self, photo: Image, face: Face) -> Image:
        """The aligned chip, (112, 112, 3) RGB; black where it reaches over the photo's border.

        By the detector's five landmarks; without any, by the eyes that dlib's predictor finds in the box.
        """
        import cv2

        points = np.array(face.landmarks) if face.landmarks else self._eyes(photo, face)
        matrix = _similarity(points, np.array(TEMPLATE)[: len(points)])
        return np.asarray(cv2.warpAffine(photo, matrix, (CHIP_SIDE, CHIP_SIDE)), np.uint8)

    def embed(self, crops: Sequence[Image]) -> Vectors:
        """(n, dimension) vectors of length 1, in the order of the crops."""
        made = [np.empty((0, self.dimension), np.float32)]
        wanted = self._session.get_inputs()[0].shape[0] if crops else BATCH
        batch = wanted if isinstance(wanted, int) else BATCH  # some networks take one chip at a time and no more
        for start in range(0, len(crops), batch):
            chips = np.stack(crops[start : start + batch])
            channels = chips if self._model.rgb else chips[..., ::-1]
            pixels = ((channels.astype(np.float32) - self._model.mean) / self._model.std).transpose(0, 3, 1, 2)
            raw = self._session.run(None, {self._session.get_inputs()[0].name: np.ascontiguousarray(pixels)})[0]
            made.append(raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-12))
        return np.concatenate(made).astype(np.float32)

    def fetch(self) -> None:
        """Nothing: the network was copied when it was added."""

    def fingerprint(self, *, landmarks: bool) -> dict[str, object]:  # noqa: ARG002 - the same with and without
        """The network's SHA-256 and how it is fed and aligned."""
        self._require_added()
        return {
            "embedder": self._settings.name,
            **self._settings.options,
            **asdict(self._model),
            "alignment": ALIGNMENT,
            "dlib": library_version("dlib-bin"),
        }

    def _require_added(self) -> None:
        if file_sha256(self._file) != self._model.sha256:
            raise FacefindError(f"{self._file} is not the network that was added: add it again under another name")

    def _eyes(self, photo: Image, face: Face) -> npt.NDArray[np.float64]:
        import dlib

        x, y, w, h = face.box
        shape = self._predictor(np.ascontiguousarray(photo), dlib.rectangle(x, y, x + w - 1, y + h - 1))
        corners = np.array([(part.x, part.y) for part in shape.parts()], dtype=np.float64)
        # Two corners of the eye on the right of the photo come first, then two of the other.
        return np.stack([corners[2:4].mean(axis=0), corners[0:2].mean(axis=0)])

    @LoadedOnce
    def _session(self) -> Any:
        self._require_added()
        return _open(self._file)

    @LoadedOnce
    def _predictor(self) -> Any:
        import dlib

        return dlib.shape_predictor(str(packaged_model(PREDICTOR)))


def _similarity(source: npt.NDArray[np.float64], target: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The rotation, scale and shift, without mirroring, that bring points nearest to others by least squares.

    Args:
        source: (n, 2), n at least 2.
        target: (n, 2).

    Returns:
        (2, 3) matrix, as OpenCV's warps take it; zeros where all source points are one.
    """
    from skimage.transform import SimilarityTransform

    found = SimilarityTransform.from_estimate(source, target)
    return np.asarray(found.params[:2]) if found else np.zeros((2, 3))


def _file(folder: Path, name: str) -> Path:
    return folder / "arcface" / f"{name}.onnx"


def _open(file: Path) -> Any:
    try:
        return open_session(file)
    except Exception as error:  # onnxruntime's errors have no common class but Exception
        if (lacking := lacking_memory(error)) is not None:
            raise lacking from error
        raise FacefindError(f"{file} is not an ONNX network that onnxruntime can read") from error


def _dimension(file: Path) -> int:
    """Of the vectors a network gives for one chip.

    Raises:
        FacefindError: it takes something else, or gives no vector of 64 to 2,000 numbers.
    """
    session = _open(file)
    (first, *others) = session.get_inputs()
    chip = [3, CHIP_SIDE, CHIP_SIDE]
    if others or list(first.shape[1:]) != chip or (isinstance(first.shape[0], int) and first.shape[0] != 1):
        raise FacefindError(
            f"{file} takes {', '.join(str(i.shape) for i in session.get_inputs())}: not of the ArcFace convention, "
            f"which is [n, 3, {CHIP_SIDE}, {CHIP_SIDE}], with one chip or any number at a time"
        )
    made = session.run(None, {first.name: np.zeros((1, *chip), np.float32)})[0]
    if made.ndim != 2 or not 64 <= made.shape[1] <= 2000:
        raise FacefindError(f"{file} gives {list(made.shape)} for one chip: a vector of 64 to 2,000 numbers is needed")
    return int(made.shape[1])
