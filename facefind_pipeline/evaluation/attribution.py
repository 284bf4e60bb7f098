"""From the rows of a set's results and truth to the loss of each true photo."""

from collections.abc import Mapping, Sequence

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.evaluation.losses import Facts, Loss, OtherFace, Outranking, attribute
from facefind_pipeline.evaluation.truth_facts import TruthFact, faces_in
from facefind_pipeline.parameters import HaarSettings, ParameterSet


def losses_of(
    connection: Connection, key: str, people: Mapping[str, Sequence[TruthFact]]
) -> list[tuple[TruthFact, Loss]]:
    """Each true photo of each person with why it is lost, or that it is found.

    Found is what stands among the first R photos of a person who is in R: the cut at which precision is recall.
    """
    faces = faces_in(connection, {fact.sha256 for facts in people.values() for fact in facts if fact.relevant})
    losses = []
    for facts in people.values():
        cut = sum(fact.relevant for fact in facts)
        above: list[Outranking] = []
        place = 0
        for fact in facts:
            if fact.rank is not None:
                place += 1
            if fact.relevant:
                known = facts_of(key, fact, faces.get(fact.sha256, ()), place, cut, tuple(above))
                losses.append((fact, attribute(known)))
            elif fact.path is not None and fact.score is not None:
                above.append(Outranking(fact.path, fact.score))
    return losses


def facts_of(
    key: str,
    fact: TruthFact,
    faces: Sequence[OtherFace],
    place: int,
    cut: int,
    above: Sequence[Outranking],
    *,
    filtered: bool = False,
    lost_by_index: bool = False,
) -> Facts:
    """The facts of one (person, photo), from its row and the faces that all sets found in the photo."""
    detector = ParameterSet.parse(key).detector
    return Facts(
        path=fact.path,
        problem=fact.problem,
        detected=fact.detected,
        own_faces=[face.box for face in faces if face.parameter_set == key],
        other_faces=[face for face in faces if face.parameter_set != key],
        box=fact.box,
        rejected=fact.shown is False,
        by_hand=fact.by_hand,
        rank=place if fact.rank is not None else None,
        cut=cut,
        outranking=above,
        filtered=filtered,
        lost_by_index=lost_by_index,
        smallest=detector.min_size if isinstance(detector, HaarSettings) else None,
    )
