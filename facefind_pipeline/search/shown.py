"""Which of the photos that a search ranks it shows: how many, and of which bands."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from facefind_pipeline.search.calibration import Calibration
from facefind_pipeline.search.matches import UNLIKELY

UNKNOWN_PHOTOS = 10  # shown where it is not known which are sure or likely, and no number is given


@dataclass(frozen=True, slots=True)
class Shown:
    """What was asked for, and what the ranking's measure means under the set.

    Attributes:
        limit: at most so many photos; None is all of the bands.
        bands: of `matches.BANDS`; None is all.
        calibration: None where nothing is known of probabilities.
    """

    limit: int | None
    bands: Collection[str] | None
    calibration: Calibration | None

    @property
    def most(self) -> int | None:
        """At most so many photos are shown; None is all."""
        unlimited = self.limit is None and self.bands is not None and self.calibration is None
        return UNKNOWN_PHOTOS if unlimited else self.limit

    @property
    def cut(self) -> float | None:
        """The score up to which photos are sure or likely; None where that is not known."""
        return None if self.calibration is None else self.calibration.shown_cut

    @property
    def ends_at_cut(self) -> bool:
        """Whether no photo beyond the cut is shown, so that none need be looked for there."""
        return self.calibration is not None and self.bands is not None and UNLIKELY not in self.bands

    @property
    def parameters(self) -> Mapping[str, object]:
        """What both queries bind: `sure` and `likely` are the scores up to which photos are in these bands."""
        return {
            "limit": self.most,
            "bands": None if self.bands is None else list(self.bands),
            "sure": None if self.calibration is None else self.calibration.sure_cut,
            "likely": None if self.calibration is None else self.calibration.likely_cut,
        }
