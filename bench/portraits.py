"""Faces of a folder and their vectors, found and embedded once by the recommended set and kept in `bench/results`."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.setting import KEPT
from facefind_pipeline.ingest.faces import set_models
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.settings import read_settings
from facefind_pipeline.vision.embedders import load_embedder
from facefind_pipeline.vision.pipeline import PhotoTask, find_faces

SUFFIXES = (".jpg", ".jpeg", ".png")
CENTRAL = 40  # pixels by which the middle of LFW's own face lies off the middle of its 250, at most


@dataclass(frozen=True, slots=True)
class FoundFaces:
    """Faces of a folder's photos.

    Attributes:
        photos: (n,) path of each face's photo below the folder.
        boxes: (n, 4) x y w h in upright pixels.
        scores: (n,) of the detector.
        vectors: (n, 128)
    """

    photos: npt.NDArray[np.str_]
    boxes: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    vectors: npt.NDArray[np.float64]


def faces_in(folder: Path, key: str) -> FoundFaces:
    """All faces of the photos below a folder, under a set of dlib's embedder; kept, unless a photo changed."""
    folder = folder.resolve()  # the processes that decode have another working directory
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    contents = {file: hashlib.sha256(file.read_bytes()).digest() for file in files}
    named = "".join(f"{file.relative_to(folder)} {content.hex()}" for file, content in contents.items())
    kept = KEPT / f"faces-{hashlib.sha256(f'{key} {named}'.encode()).hexdigest()[:16]}.npz"
    if not kept.is_file():
        KEPT.mkdir(parents=True, exist_ok=True)
        _find(folder, contents, key, kept)
    with np.load(kept) as found:
        return FoundFaces(found["photos"], found["boxes"], found["scores"], found["vectors"].astype(np.float64))


def central(faces: FoundFaces) -> npt.NDArray[np.int64]:
    """Of each portrait of 250 pixels the face in its middle, which LFW's names belong to; not all have one."""
    off = np.abs(faces.boxes[:, :2] + faces.boxes[:, 2:] / 2 - 125).max(axis=1)
    order = np.lexsort((off, faces.photos))
    first = order[np.unique(faces.photos[order], return_index=True)[1]]
    made: npt.NDArray[np.int64] = first[off[first] < CENTRAL]
    return made


def _find(folder: Path, contents: dict[Path, bytes], key: str, kept: Path) -> None:
    settings, chosen = read_settings(), ParameterSet.parse(key)
    embedder = load_embedder(chosen.embedder, models=settings.models, derived=KEPT, clip_model=None)
    rows, vectors = [], []
    tasks = [PhotoTask(content, file) for file, content in contents.items()]
    for found in find_faces(tasks, set_models(settings, chosen), embedder):
        if found.vectors is not None:
            name = str(found.task.path.relative_to(folder))
            rows += [(name, *face.box, face.score) for face in found.embedded]
            vectors.append(found.vectors)
    np.savez(
        kept,
        photos=[row[0] for row in rows],
        boxes=[row[1:5] for row in rows],
        scores=[row[5] for row in rows],
        vectors=np.concatenate(vectors),
    )
