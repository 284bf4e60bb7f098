"""Selfies: the one face in a picture that a guest sends becomes a vector, in memory; nothing of it is kept."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import Any

import numpy as np

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.faces import embedder_meaning, shared_embedder
from facefind_pipeline.ingest.references import LocatedFace, NotOneFaceError, embed_face, locate_face
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.plurals import counted
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.people import Person, ReferencePhoto
from facefind_pipeline.store.versions import fingerprint
from facefind_pipeline.vision.apart import apart, cores
from facefind_pipeline.vision.embedders import warm_up
from facefind_pipeline.vision.failures import UnreadablePhotoError
from facefind_pipeline.vision.opening import open_photo

MOST_MEGAPIXELS = 64  # phones take selfies of up to 50; decoded this many are 190 MB
_NOBODY = Person("selfie", "selfie")


class Selfies:
    """Reads selfies under one set, as many at once as there are cores; its models stay loaded.

    Attributes:
        embedder: fingerprint of what makes the vectors.
    """

    def __init__(self, settings: Settings, key: str) -> None:
        """Loads the models.

        Raises:
            FacefindError: one is missing.
        """
        self._settings, self._parameters = settings, ParameterSet.parse(key)
        self.embedder = fingerprint(embedder_meaning(settings, self._parameters))
        warm_up(shared_embedder(settings, self._parameters))
        self._threads = ThreadPoolExecutor(cores(), thread_name_prefix="selfies")
        all_loaded = Barrier(cores())
        for loading in [self._threads.submit(self._load_detectors, all_loaded) for _ in range(cores())]:
            loading.result()

    def embed(self, picture: bytes) -> Any:
        """The vector (d,) of the one face in a picture.

        Raises:
            FacefindError: there is not exactly one face, or the picture can't be used; a plain sentence for a guest.
        """
        return self._threads.submit(self._embed, picture).result()

    def _load_detectors(self, all_loaded: Barrier) -> None:
        """Each process apart has its own: none takes a second part of this work before all have begun with one."""
        import cv2

        all_loaded.wait()
        _, blank = cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))
        with suppress(NotOneFaceError):
            self._locate(blank.tobytes())

    def _locate(self, picture: bytes) -> LocatedFace:
        return locate_face(self._settings, self._parameters, ReferencePhoto(_NOBODY, "selfie", picture))

    def _embed(self, picture: bytes) -> Any:
        try:
            width, height = apart(_size, picture)
        except UnreadablePhotoError as error:
            raise FacefindError(f"This picture can't be used: {error}. Take another one.") from None
        if width * height > MOST_MEGAPIXELS * 1_000_000:
            raise FacefindError(
                f"This picture has {width} x {height} pixels: send one of at most {MOST_MEGAPIXELS} million."
            )
        try:
            located = self._locate(picture)
        except NotOneFaceError as error:
            raise FacefindError(
                f"There are {counted(error.faces, 'face')} in this picture: take one that shows you alone."
                if error.faces
                else "No face can be found in this picture: take one from the front, in good light."
            ) from None
        return embed_face(self._settings, self._parameters, located)


def _size(picture: bytes) -> tuple[int, int]:
    return open_photo(picture).size
