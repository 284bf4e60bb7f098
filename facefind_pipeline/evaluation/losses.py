"""Why a photo that shows a person is not found: one reason for each, the first that would have to be fixed.

Pure: what the tables know comes in as `Facts`, one (person, photo) under one set.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from facefind_pipeline.faces import Box
from facefind_pipeline.plurals import counted

NAMED = 3  # of the photos and sets that a reason names


class Reason(StrEnum):
    """Why, in the order in which they are looked for."""

    GONE = "no such photo any more"
    UNREADABLE = "unreadable"
    NOT_DONE = "not worked on yet"
    FILTERED = "removed by a filter"
    NO_FACE = "no face detected"
    NOT_NEAR = "no face detected near the person's"
    REJECTED = "rejected"
    LOST_BY_INDEX = "lost by the approximate index"
    OUTRANKED = "outranked"
    FOUND = "found"


@dataclass(frozen=True, slots=True)
class OtherFace:
    """A face that some set's detector found in the photo."""

    parameter_set: str
    box: Box


@dataclass(frozen=True, slots=True)
class Outranking:
    """A photo that does not show the person and is ranked above the one that does."""

    path: str
    distance: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a photo that shows a person, under a set.

    Attributes:
        path: None if no event day has the photo any more.
        problem: why it could not be read.
        detected: whether the set's detector has looked at it.
        own_faces: that the set's detector found in it.
        other_faces: that the detectors of other sets found in it.
        box: the person's face where truth gives it.
        rejected: whether somebody rejected the photo for the person.
        by_hand: somebody drew a box around the person, whom the detector need not find then.
        rank: among the photos that count, from 1; None where it was not ranked.
        cut: as many photos are looked at: a photo ranked below is not found.
        outranking: photos above it that do not show the person, nearest first.
        filtered: whether a filter took the photo out.
        lost_by_index: whether exact search ranks it above the cut and the approximate index does not.
        smallest: of the faces that the set's detector looks for, in pixels; None where that is not a setting.
    """

    path: str | None
    problem: str | None = None
    detected: bool = True
    own_faces: Sequence[Box] = ()
    other_faces: Sequence[OtherFace] = ()
    box: Box | None = None
    rejected: bool = False
    by_hand: bool = False
    rank: int | None = None
    cut: int = 1
    outranking: Sequence[Outranking] = field(default=())
    filtered: bool = False
    lost_by_index: bool = False
    smallest: int | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """The reason, and a sentence with the evidence for it."""

    reason: Reason
    detail: str


def attribute(facts: Facts) -> Loss:
    """The first of the reasons that holds; `FOUND` where none does."""
    return next(_reasons(facts))


def near(face: Box, box: Box) -> bool:
    """Whether a face that was found is the one of a given box: the middle of either lies in the other."""
    return _holds(face, box) or _holds(box, face)


def _holds(outer: Box, inner: Box) -> bool:
    x, y = inner[0] + inner[2] / 2, inner[1] + inner[3] / 2
    return outer[0] <= x <= outer[0] + outer[2] and outer[1] <= y <= outer[1] + outer[3]


def _elsewhere(facts: Facts) -> str:
    """Which other sets see a face there, and whether it is too small for this one."""
    seen = [face for face in facts.other_faces if facts.box is None or near(face.box, facts.box)]
    if not seen:
        return "no other set finds a face there either"
    largest = max(max(face.box[2:]) for face in seen)
    sets = list(dict.fromkeys(face.parameter_set for face in seen))
    size = f"{largest} px wide"
    if facts.smallest is not None and largest < facts.smallest:
        size += f", below this set's smallest of {facts.smallest}"
    return f"{', '.join(sets[:NAMED])} {'finds' if len(sets) == 1 else 'find'} one {size}"


def _reasons(facts: Facts) -> Iterator[Loss]:
    """All that hold, the first to be fixed first."""
    if facts.path is None:
        yield Loss(Reason.GONE, "the truth list names a photo that is in no event day any more")
    if facts.problem is not None:
        yield Loss(Reason.UNREADABLE, facts.problem)
    if not facts.detected and not facts.by_hand:
        yield Loss(Reason.NOT_DONE, "the set's detector has not looked at it: `facefind run` resumes")
    if facts.filtered:
        yield Loss(Reason.FILTERED, "without the filters it counts")
    if not facts.own_faces and not facts.by_hand:
        yield Loss(Reason.NO_FACE, _elsewhere(facts))
    if facts.box is not None and not facts.by_hand and not any(near(face, facts.box) for face in facts.own_faces):
        yield Loss(
            Reason.NOT_NEAR, f"{counted(len(facts.own_faces), 'face')} elsewhere in the photo; {_elsewhere(facts)}"
        )
    if facts.rejected:
        yield Loss(Reason.REJECTED, "somebody rejected it for this person: `facefind confirm` takes that back")
    if facts.rank is not None and facts.rank <= facts.cut and not facts.lost_by_index:
        yield Loss(Reason.FOUND, f"rank {facts.rank} of the first {facts.cut}")
    if facts.lost_by_index:
        yield Loss(Reason.LOST_BY_INDEX, f"exact search ranks it {facts.rank}, the index leaves it out")
    if facts.rank is None:
        yield Loss(Reason.OUTRANKED, "it is not among the photos that are kept for the person")
    named = ", ".join(f"{above.path} ({above.distance:.3f})" for above in facts.outranking[:NAMED])
    more = f" and {len(facts.outranking) - NAMED} more" if len(facts.outranking) > NAMED else ""
    yield Loss(Reason.OUTRANKED, f"rank {facts.rank}, below {named or 'other photos of the person'}{more}")
