"""Numbers with their nouns."""

import pytest

from facefind_pipeline.plurals import counted


@pytest.mark.parametrize(
    ("number", "noun", "plural", "says"),
    [
        (1, "event day", None, "1 event day"),
        (0, "photo", None, "0 photos"),
        (1200, "photo", None, "1,200 photos"),
        (2, "person", "people", "2 people"),
    ],
)
def test_a_noun_is_counted_as_people_write_it(number: int, noun: str, plural: str | None, says: str) -> None:
    assert counted(number, noun, plural) == says
