"""Embedders: what a network sees of a face, and the vector it makes of it."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from facefind_pipeline.errors import FacefindError, lacking_memory
from facefind_pipeline.faces import Box, Face
from facefind_pipeline.parameters import ArcfaceSettings, DlibSettings, EmbedderSettings, ImgbeddingsSettings
from facefind_pipeline.vision import dlib_network
from facefind_pipeline.vision.arrays import Image, Vectors
from facefind_pipeline.vision.library_versions import library_version
from facefind_pipeline.vision.models import file_sha256
from facefind_pipeline.vision.sessions import LoadedOnce, open_session
from facefind_pipeline.vision.turned import tilt

PREDICTOR = "shape_predictor_5_face_landmarks.dat"
DLIB_PADDING = 0.25  # of the face's size on each side of a chip; what dlib's network was trained on
DLIB_BATCH = 32  # chips; larger ones gain nothing
LEVEL = 20.0  # degrees; dlib's predictor loses faces that are turned by more than about 45, and some by 30
ALIGNMENT = "square box, 5 points"  # in the fingerprint: change it whenever `DlibEmbedder.crop` changes
HUB_REPOSITORY = "minimaxir/imgbeddings"
HUB_FILE = "patch32_v1.onnx"
_LACKS_HUB_FILE = f"{HUB_FILE} of {HUB_REPOSITORY}: set FACEFIND_CLIP_MODEL to a local ONNX file, or go online once"
PROCESSOR = "openai/clip-vit-base-patch32"


class Embedder(Protocol):
    """Turns faces into vectors. One instance may serve several threads; its models load on first use.

    Attributes:
        dimension: of a vector.
        metric: `l2` or `cosine`, by which the vectors are compared.
        needs_grey: crops come from the grey photo, else from the RGB one.
    """

    dimension: int
    metric: str
    needs_grey: bool

    def crop(self, photo: Image, face: Face) -> Image:
        """What the network sees of a face of the upright, full-size photo."""
        ...

    def embed(self, crops: Sequence[Image]) -> Vectors:
        """(n, dimension) vectors in the order of the crops; none depends on its neighbours."""
        ...

    def fetch(self) -> None:
        """Has the model's file at hand; of all calls this one and the first `embed` may go online for it.

        Raises:
            FacefindError: it is neither here nor to be fetched.
        """
        ...

    def fingerprint(self, *, landmarks: bool) -> dict[str, object]:
        """What this embedder really is: settings, library versions, SHA-256 of its files. Loads no network.

        Args:
            landmarks: whether the set's detector finds landmarks, by which a face may be aligned otherwise.

        Raises:
            FacefindError: a file is not at hand.
        """
        ...


def load_embedder(settings: EmbedderSettings, *, models: Path, derived: Path, clip_model: Path | None) -> Embedder:
    """The embedder of these settings.

    Args:
        settings: the embedder's side of a parameter set.
        models: folder of networks that were added.
        derived: folder that keeps the rebuilt dlib network; made when missing.
        clip_model: a local ONNX file for imgbeddings, or None for its hub download.

    Raises:
        FacefindError: a model file is missing.
    """
    if isinstance(settings, DlibSettings):
        return DlibEmbedder(settings, derived)
    if isinstance(settings, ArcfaceSettings):
        from facefind_pipeline.vision.arcface import ArcfaceEmbedder

        return ArcfaceEmbedder(settings, models)
    return ImgbeddingsEmbedder(settings, clip_model)


def warm_up(embedder: Embedder) -> None:
    """Loads an embedder's networks and runs each once: the first run plans and allocates for the next ones."""
    side = 64
    photo = np.zeros((side, side) if embedder.needs_grey else (side, side, 3), np.uint8)
    embedder.embed([embedder.crop(photo, Face(Box(0, 0, side, side), 1.0))])


class DlibEmbedder:
    """dlib's 128-d face network on a chip that is turned upright and scaled by five landmarks.

    The landmarks are always those of dlib's predictor, on the box made square. Leave-one-out mean average precision of
    605 LFW photos of 70 people among 249 others, with YuNet boxes: .976 so, .971 on the box as it is, .970 by a
    similarity transform from YuNet's own five landmarks (with photos turned by up to 25 degrees: .977, .972, .926).
    With HOG boxes: .977. The predictor knows upright faces only: where the detector's landmarks say that a face is
    turned, what is around it is turned back first.
    """

    dimension = dlib_network.DIMENSION
    metric = "l2"
    needs_grey = False

    def __init__(self, settings: DlibSettings, derived: Path) -> None:
        self._settings = settings
        self._derived = derived
        self._weights_path = dlib_network.packaged_model(dlib_network.WEIGHTS)
        self._predictor_path = dlib_network.packaged_model(PREDICTOR)

    def crop(self, photo: Image, face: Face) -> Image:
        """The aligned chip, (150, 150, 3) RGB; black where it reaches over the photo's border."""
        import dlib

        x, y, side = _squared(face.box, photo.shape[1], photo.shape[0])
        degrees = tilt(face.landmarks) if face.landmarks else 0.0
        if abs(degrees) > LEVEL:
            photo, x, y = _levelled(photo, x, y, side, degrees)
        # Neither call copies the photo: both take as long on 6 megapixels as on the face cut out.
        photo = np.ascontiguousarray(photo)
        landmarks = self._predictor(photo, dlib.rectangle(x, y, x + side - 1, y + side - 1))
        chip: Image = dlib.get_face_chip(photo, landmarks, dlib_network.CHIP_SIDE, DLIB_PADDING)
        return chip

    def embed(self, crops: Sequence[Image]) -> Vectors:
        """(n, 128) vectors; the same person is usually within a Euclidean distance of 0.6."""
        starts = range(0, len(crops), DLIB_BATCH)
        vectors = [self._network(np.stack(crops[start : start + DLIB_BATCH])) for start in starts]
        return np.concatenate([np.empty((0, self.dimension), np.float32), *vectors])

    def fetch(self) -> None:
        """Nothing: a package has the files."""

    def fingerprint(self, *, landmarks: bool) -> dict[str, object]:
        """Settings, dlib's version, alignment and the SHA-256 of both model files."""
        files = (self._weights_path, self._predictor_path)
        return {
            **({"level": LEVEL} if landmarks else {}),
            "embedder": self._settings.name,
            **self._settings.options,
            "dlib": library_version("dlib-bin"),
            "alignment": ALIGNMENT,
            "files": {path.name: file_sha256(path) for path in files},
        }

    @LoadedOnce
    def _predictor(self) -> Any:
        import dlib

        return dlib.shape_predictor(str(self._predictor_path))

    @LoadedOnce
    def _network(self) -> dlib_network.Network:
        return dlib_network.load_network(self._derived, self._weights_path)


class ImgbeddingsEmbedder:
    """imgbeddings' CLIP on the box cut from the photo, not aligned, as in the talk."""

    dimension = 768
    metric = "l2"  # as the talk ranked

    def __init__(self, settings: ImgbeddingsSettings, model: Path | None) -> None:
        if model and not model.is_file():
            raise FacefindError(f"FACEFIND_CLIP_MODEL names {model}, which is not there: correct it or unset it")
        self._settings = settings
        self._path = model
        self.needs_grey = not settings.colour

    def crop(self, photo: Image, face: Face) -> Image:
        """The box with its margin, as far as the photo reaches; (h, w) grey or (h, w, 3) RGB."""
        x, y, w, h = face.box
        dx, dy = round(w * self._settings.margin), round(h * self._settings.margin)
        cut = photo[max(0, y - dy) : y + h + dy, max(0, x - dx) : x + w + dx]
        return cut.copy()  # a view would keep the whole photo in memory

    def embed(self, crops: Sequence[Image]) -> Vectors:
        """(n, 768) vectors, each exactly what `imgbeddings.to_embeddings` gives for the crop alone.

        One by one, because the quantised model's scale is that of the batch: a vector would depend on its batch mates
        (cosine distance 7e-5).

        Raises:
            FacefindError: the model or the processor's files are neither here nor to be fetched.
        """
        from PIL import Image as Pillow

        vectors = [self._model.to_embeddings([Pillow.fromarray(crop)]) for crop in crops]
        return np.concatenate([np.empty((0, self.dimension), np.float32), *vectors])

    def fetch(self) -> None:
        """Downloads the hub's file where no local one is named and none was downloaded before."""
        if not self._file().is_file():
            _ = self._model

    def fingerprint(self, *, landmarks: bool) -> dict[str, object]:  # noqa: ARG002 - it takes the box as it is
        """Settings, versions of the libraries that prepare pixels, and the SHA-256 of the ONNX file.

        Raises:
            FacefindError: the hub's file was not fetched. Without its hash in the fingerprint, all that is stored now
                would be made again later.
        """
        file = self._file()
        if not file.is_file():
            raise FacefindError(f"the imgbeddings embedder needs {_LACKS_HUB_FILE}")
        return {
            "embedder": self._settings.name,
            **self._settings.options,
            "imgbeddings": library_version("imgbeddings"),
            "transformers": library_version("transformers"),
            "model": file_sha256(file),
        }

    def _file(self) -> Path:
        from huggingface_hub import constants

        return self._path or Path(constants.HF_HUB_CACHE) / HUB_FILE

    @LoadedOnce
    def _model(self) -> Any:
        # On import transformers advises to install PyTorch, which only its own models need.
        os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
        from imgbeddings import imgbeddings

        if Path(PROCESSOR).exists():  # transformers would prefer it to the hub's
            raise FacefindError(f"{Path(PROCESSOR).absolute()} is not to be trusted: work in a folder without it")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # imgbeddings calls what its own libraries deprecate
                model = imgbeddings(model_path=str(self._path) if self._path else None)
            # Its own has as many threads as cores for one face, while the pipeline keeps the cores busy already.
            model.session = open_session(Path(model.model_path))
        except OSError as error:  # the hub's client and transformers both raise it when they can fetch nothing
            lacking = (
                f"the processor of {PROCESSOR}, which is not in the Hugging Face cache: go online once"
                if self._path
                else _LACKS_HUB_FILE
            )
            raise FacefindError(f"the imgbeddings embedder needs {lacking}") from error
        except Exception as error:
            if (short := lacking_memory(error)) is not None:
                raise short from error
            raise FacefindError(f"{self._path or HUB_FILE} is not an ONNX model: {error}") from error
        if "embeddings" not in [output.name for output in model.session.get_outputs()]:
            raise FacefindError(f"{self._path or HUB_FILE} is not imgbeddings' model: it has no output `embeddings`")
        return model


def _levelled(photo: Image, x: int, y: int, side: int, degrees: float) -> tuple[Image, int, int]:
    """What is around a square of the photo, turned counterclockwise, and where the square lies in that."""
    import cv2

    matrix = cv2.getRotationMatrix2D((x + side / 2, y + side / 2), degrees, 1.0)
    matrix[:, 2] += side - x, side - y
    return np.asarray(cv2.warpAffine(photo, matrix, (3 * side, 3 * side)), np.uint8), side, side


def _squared(box: Box, width: int, height: int) -> tuple[int, int, int]:
    """x, y and side of a square around the box.

    Detectors of squares mean the square that the photo's border cut, and dlib's predictor knows squares only.
    """
    side = max(box.w, box.h)
    return _square_start(box.x, box.w, side, width), _square_start(box.y, box.h, side, height), side


def _square_start(start: int, length: int, side: int, limit: int) -> int:
    if start == 0:
        return length - side
    if start + length == limit:
        return start
    return start - (side - length) // 2
