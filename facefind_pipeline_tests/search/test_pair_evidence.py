"""What pairs of faces tell."""

from math import log

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.search.calibrate import Learnt
from facefind_pipeline.search.pair_evidence import PROBABLE, independent, pair_evidence
from facefind_pipeline.search.priors import DLIB
from facefind_pipeline_tests.search.guests import EVIDENCE


@given(st.lists(st.floats(0, 3), min_size=2))
def test_nearer_faces_never_tell_less(distances: list[float]) -> None:
    odds = EVIDENCE.of(np.sort(distances))
    assert (np.diff(odds) <= 0).all()
    assert (odds >= EVIDENCE.least).all()


def test_what_is_needed_follows_from_how_rare_one_person_is() -> None:
    rare, common = (pair_evidence(Learnt(DLIB, 0, 1.0, share)) for share in (1e-4, 1e-2))
    for evidence, share in ((rare, 1e-4), (common, 1e-2)):
        assert abs(evidence.needed - log(PROBABLE / (1 - PROBABLE)) - log((1 - share) / share)) < 1e-9
    assert rare.reach < common.reach


def test_pairs_that_are_out_of_reach_are_never_enough_however_many() -> None:
    many = np.array([10**6])
    assert EVIDENCE.between(np.array([EVIDENCE.least]), many, many)[0] < EVIDENCE.needed


def test_faces_that_share_a_person_tell_less_than_as_many_of_their_own() -> None:
    assert independent(np.array([1])).tolist() == [1]
    told = independent(np.array([2, 5, 1000]))
    assert (np.diff(told) > 0).all()
    assert told[-1] < 1.25
