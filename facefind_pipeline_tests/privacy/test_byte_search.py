"""The search for bytes in files finds what was planted, wherever it lies, and nothing else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from facefind_pipeline.privacy import byte_search
from facefind_pipeline.privacy.byte_search import ByteSearch

SLICE = bytes(range(100, 124))


@hypothesis_settings(max_examples=60)
@given(places=st.lists(st.integers(0, 400), max_size=6), chunk=st.integers(30, 200), others=st.integers(0, 50))
def test_each_planted_slice_is_counted_once_wherever_chunks_end(
    tmp_path_factory: pytest.TempPathFactory, places: list[int], chunk: int, others: int
) -> None:
    starts = [
        place for number, place in enumerate(sorted(places)) if all(place - p >= 24 for p in sorted(places)[:number])
    ]
    content = bytearray(500)
    for start in starts:
        content[start : start + 24] = SLICE
    file = tmp_path_factory.mktemp("bytes") / "file"
    file.write_bytes(content)
    looked_for = [SLICE, *(bytes([200, number, *range(22)]) for number in range(others))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(byte_search, "CHUNK", chunk)
        assert ByteSearch(looked_for, []).count(file)["slices"] == len(starts)


def test_short_names_count_as_words_alone_and_the_shortest_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"\x0bGrace\x00 Gracefully;Grace.Ada \x4fAda Lovelace Byron")
    assert ByteSearch([], ["Grace"]).count(file)["names"] == 2
    assert ByteSearch([], ["Ada Lovelace Byron"]).count(file)["names"] == 1  # after a length that is a letter
    assert not ByteSearch([], ["Ada"]).count(file)
    assert not ByteSearch([SLICE], []).count(tmp_path / "gone")
