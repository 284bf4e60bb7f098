"""What a parameter set's photos are worked on with, named so that any process can load it."""

from dataclasses import dataclass
from pathlib import Path

from facefind_pipeline.parameters import DetectorSettings, EmbedderSettings
from facefind_pipeline.vision.detectors import Detector, load_detector
from facefind_pipeline.vision.embedders import Embedder, load_embedder


@dataclass(frozen=True)
class SetModels:
    """A set's detector and embedder, and the folders and file that they are loaded from.

    Attributes:
        detector_settings: the detector's side of the set.
        embedder_settings: the other; None to detect only.
        models: as `load_detector` and `load_embedder` take it.
        derived: likewise.
        clip_model: likewise.
    """

    detector_settings: DetectorSettings
    embedder_settings: EmbedderSettings | None
    models: Path
    derived: Path
    clip_model: Path | None

    def detector(self) -> Detector:
        """A detector for one thread.

        Raises:
            FacefindError: its file is missing.
        """
        return load_detector(self.detector_settings, self.models)

    def embedder(self) -> Embedder | None:
        """The embedder, if it is wanted.

        Raises:
            FacefindError: a file of it is missing.
        """
        if self.embedder_settings is None:
            return None
        return load_embedder(
            self.embedder_settings, models=self.models, derived=self.derived, clip_model=self.clip_model
        )
