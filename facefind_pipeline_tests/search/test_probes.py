"""Tests of what a search asks with."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facefind_pipeline.search.probes import Probe

floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(arrays(np.float32, st.integers(1, 20), elements=floats))
def test_the_text_of_a_vector_is_read_back_bit_by_bit(vector: np.ndarray) -> None:
    for given_as in (vector, vector.tolist()):
        text = Probe(given_as, "embedder").text
        assert (text[0], text[-1]) == ("[", "]")
        np.testing.assert_array_equal(np.array(text[1:-1].split(","), np.float64).astype(np.float32), vector)
