"""What the stream is asked about a photo, and what it answers: plain data, that processes send each other."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from facefind_pipeline.faces import Face, Place
from facefind_pipeline.vision.arrays import Vectors
from facefind_pipeline.vision.detectors import Detector
from facefind_pipeline.vision.embedders import Embedder


class Models(Protocol):
    """What a process loads to work on photos: hashed, compared and pickled by what it names, not by what it loads."""

    def detector(self) -> Detector:
        """A detector for one thread.

        Raises:
            FacefindError: its file is missing.
        """
        ...

    def embedder(self) -> Embedder | None:
        """The embedder, of which only `crop` is called; None to detect only.

        Raises:
            FacefindError: it is not there.
        """
        ...


@dataclass(frozen=True, slots=True)
class TaskAhead:
    """A photo that is to be detected for another set, too, while its pixels are there.

    Attributes:
        parameter_set: the other set's key.
        models: by which it detects; they load no embedder, since both sets have the same.
        have_vectors: as of a `PhotoTask`.
        have_clothes: likewise.
    """

    parameter_set: str
    models: Models
    have_vectors: Set[Place] = frozenset()
    have_clothes: Set[Place] = frozenset()


@dataclass(frozen=True, slots=True)
class PhotoTask:
    """A photo to work on: detect its faces, or embed those that are known and describe their clothes.

    Attributes:
        sha256: the content that is expected.
        path: one file that holds it.
        known: faces that still need a vector or a descriptor of their clothes, or None to detect.
        have_vectors: box and landmarks of faces that need no vector, should the detector find them: another did before.
        have_clothes: of those that need no descriptor.
        ahead: other sets that the photo is detected for in the same pass.
    """

    sha256: bytes
    path: Path
    known: tuple[Face, ...] | None = None
    have_vectors: Set[Place] = frozenset()
    have_clothes: Set[Place] = frozenset()
    ahead: tuple[TaskAhead, ...] = ()

    def to_embed(self, faces: Sequence[Face]) -> tuple[Face, ...]:
        """Those of the photo's faces that need a vector."""
        return tuple(face for face in faces if face.place not in self.have_vectors)

    def to_describe(self, faces: Sequence[Face]) -> tuple[Face, ...]:
        """Those of the photo's faces that need a descriptor of their clothes."""
        return tuple(face for face in faces if face.place not in self.have_clothes)


@dataclass(frozen=True, slots=True)
class PhotoFaces:
    """What became of a task.

    Attributes:
        faces: detected, or those that were known.
        thumbnails: a JPEG a face; empty where the faces were known.
        embedded: the faces that the vectors are of, in their order.
        vectors: (embedded, d), or None where nothing was to embed.
        described: the faces that the descriptors are of, in their order.
        clothes: their descriptors; None where no body is visible.
        detection_seconds: of the detector alone.
        problem: why the pixels could not be read, or how the detector failed; such a photo has no faces, or where they
            were known no clothes.
        embedding_problem: why the faces could not be embedded; such a photo has no vectors.
        clothes_problem: why the clothes alone could not be described; such a photo has no descriptors.
        failed: whether one of the first two was an exception of a library, which may be the machine's fault and not the
            photo's. Where faces were known, they are without descriptors then.
        vanished: nothing is known of the photo: the file is gone or holds another content, or the machine ended what
            worked on it or gave it no memory; `problem` says so then.
        ahead: what was found for other sets, by key; without those whose detector failed.
    """

    task: PhotoTask
    faces: tuple[Face, ...] = ()
    thumbnails: tuple[bytes, ...] = ()
    embedded: tuple[Face, ...] = ()
    vectors: Vectors | None = None
    described: tuple[Face, ...] = ()
    clothes: tuple[bytes | None, ...] = ()
    detection_seconds: float = 0.0
    problem: str | None = None
    embedding_problem: str | None = None
    clothes_problem: str | None = None
    failed: bool = False
    vanished: bool = False
    ahead: Mapping[str, "PhotoFaces"] = field(default_factory=dict)
