"""The figures of a parameter set, as `evaluations` stores them and `facefind evaluate --json` prints them.

The aliases are the stored keys, which scripts read: a field may be renamed, its alias may not.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WrapSerializer

from facefind_pipeline.evaluation.losses import Reason
from facefind_pipeline.evaluation.metrics import Measures

T = TypeVar("T")


def _empty_if_none(value: object, serialize: Callable[[object], object]) -> object:
    return {} if value is None else serialize(value)


# What needs truth or a calibration; stored as an empty object where there is none.
OrEmpty = Annotated[T | None, BeforeValidator(lambda stored: stored or None), WrapSerializer(_empty_if_none)]


class Stored(BaseModel):
    """A part of the figures; equal to what it was once stored and read again."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class PersonCut(Stored):
    """What photos up to a cut bring one person: how many show them, how many do not, and the share of theirs found."""

    found: int
    false_matches: int
    recall: float


class PersonFigures(Measures):
    """One person's measures, and what the nearest-reference ranking alone reaches.

    Attributes:
        person: their key.
        nearest_reference_average_precision: as `average_precision`.
        cuts: what `sure` and `likely`, which has what is sure too, let in; empty where nothing is known of
            probabilities, and in figures that were stored before there were cuts of one person.
        left_out: paths of photos that count for nothing, as the list says or since a reference was cut from them.
        unlabelled: how many ranked photos count for nothing since no list names them.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    person: str
    nearest_reference_average_precision: float = Field(alias="plain_average_precision")
    cuts: Mapping[str, PersonCut] = Field(default_factory=dict)
    left_out: Sequence[str | None] = ()
    unlabelled: int = 0


class Estimate(Stored):
    """A mean over people and its 95 % interval."""

    mean: float
    interval: tuple[float, float]


class Summary(Stored):
    """Means over people.

    Attributes:
        people: how many there are.
        relevant: photos that show them, all together.
        p_at_10_or_relevant: None in figures that were stored before it was among them.
        gain: of the mean average precision over that of the nearest-reference ranking.
        clothes_gain: of the mean average precision over that by the face alone; None where clothes moved no score.
        ceiling: the share of relevant photos that a perfect ranking could reach.
    """

    people: int
    relevant: int
    average_precision: Estimate
    p_at_1: Estimate
    p_at_10: Estimate
    p_at_10_or_relevant: Estimate | None = None
    r_precision: Estimate
    best_f1: Estimate
    nearest_reference_average_precision: Estimate = Field(alias="plain_average_precision")
    gain: Estimate
    clothes_gain: Estimate | None = None
    ceiling: float


class LostPhoto(Stored):
    """A photo that shows a person and is not found; `photo` is its path, None where no event day has it any more."""

    person: str
    photo: str | None
    reason: Reason
    detail: str


class Slice(Stored):
    """The photos whose `by` (face width, sharpness, ...) is `slice`, and the share of them that is found."""

    by: str
    slice: str
    photos: int
    found: float


class Rate(Stored):
    """A false-match rate as the calibration states it, its distance, and the rate that was measured there."""

    stated: float
    distance: float
    measured: float


class Cut(Stored):
    """What photos up to a cut bring: false matches per person, and the share of relevant photos."""

    cut: str
    false_matches_per_person: float = Field(alias="false_a_person")
    recall: float


class ReliabilityBin(Stored):
    """The photos whose probability lies between `low` and `high`.

    Attributes:
        photos: how many there are.
        stated: their mean probability.
        measured: the share of them that shows the person.
    """

    low: float = Field(alias="from")
    high: float = Field(alias="to")
    photos: int
    stated: float = Field(alias="said")
    measured: float = Field(alias="true")


class CalibrationCheck(Stored):
    """The calibration against truth; `pairs` of faces it was learnt from, 0 where it is assumed of the embedder."""

    pairs: int
    rates: Sequence[Rate]
    cuts: Sequence[Cut]
    reliability: Sequence[ReliabilityBin]


class Curves(Stored):
    """Points (recall, precision) of both rankings, over all people together."""

    template: Sequence[tuple[float, float]] = Field(alias="sharper")
    nearest_reference: Sequence[tuple[float, float]] = Field(alias="plain")


class Figures(Stored):
    """All figures of a set; `docs/quality.md` explains each.

    Attributes:
        people: the figures of each person in truth.
        seconds_per_photo: of the detector, on the machine that ran it; None where it looked at nothing.
        losses: the photos that are not found, and why.
        found: person and SHA-256, in hexadecimal digits, of those that are.
        without_clothes: the figures of the ranking by the face alone; None where clothes moved no score.
    """

    people: Sequence[PersonFigures]
    summary: OrEmpty[Summary]
    seconds_per_photo: float | None = Field(alias="seconds_a_photo")
    losses: Sequence[LostPhoto]
    found: Sequence[tuple[str, str]]
    slices: Sequence[Slice]
    calibration: OrEmpty[CalibrationCheck]
    curves: OrEmpty[Curves]
    without_clothes: OrEmpty["Figures"] = None

    def as_json(self, *, curves: bool = True) -> Mapping[str, Any]:
        """Plain values under the stored keys, with the points of curves or without."""
        if curves:
            return self.model_dump(mode="json", by_alias=True)
        return self.model_dump(
            mode="json", by_alias=True, exclude={"curves": True, "without_clothes": {"curves": True}}
        )
