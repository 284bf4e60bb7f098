"""What is known of embedders before any event: distances between two people, and between two photos of one.

dlib's are printed by `python -m bench.prior LFW`: of 855 portraits of 320 people of Labeled Faces in the Wild (Huang et
al., 2007; deep-funneled, faces found by the recommended set), 362,688 pairs of two people and 2,397 of one, measured
2026-11-26. Distances of other embedders differ, with their metric and from one model file to the next.
"""

from facefind_pipeline.search.calibration import Line
from facefind_pipeline.search.two_groups import TwoGroups

DLIB = TwoGroups(far=Line(-0.205, 0.105), tail=Line(-0.104, 0.181), genuine=Line(-0.854, 0.192))
KNOWN = {"dlib": DLIB}


def prior_of(key: str) -> TwoGroups | None:
    """What is known of the embedder of a parameter set, by its key; None where nothing is."""
    return KNOWN.get(key.partition("@")[2].partition("-")[0])


def assumed(far: Line) -> TwoGroups:
    """Of an unknown embedder, once the far half of an event's distances shows their scale.

    The shape of the near tail is that of dlib's: some people look alike to any network. One person's distances are
    taken to be four spreads nearer than two people's, where dlib's are six: an unknown one may separate less.
    """
    return TwoGroups(far, DLIB.moved(far).tail, Line(far.location - 4 * far.spread, 1.5 * far.spread))
