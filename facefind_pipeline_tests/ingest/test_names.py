"""Names as keys: slugs of any name, none too long for a file's name."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.names import LONGEST_KEY, key_of


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Anna's wedding (2024)", "annas-wedding-2024"),
        ("José Núñez", "jose-nunez"),
        ("2024-06-14", "2024-06-14"),
        ("  Straße & Öl  ", "strasse-ol"),
        ("Свадьба", "svadba"),
        ("v1.2_final", "v1.2_final"),
    ],
)
def test_keys_are_slugs(name: str, key: str) -> None:
    assert key_of(name) == key


@given(st.text(max_size=400))
def test_a_key_is_a_slug_or_the_name_is_refused(name: str) -> None:
    try:
        key = key_of(name)
    except FacefindError as error:
        assert "letter or digit" in str(error)
    else:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*", key)
        assert len(key) <= LONGEST_KEY
        assert key_of(key) == key


def test_a_key_is_never_a_range_of_partitions() -> None:
    assert key_of("before... and after") == "before.-and-after"


def test_long_names_keep_keys_of_their_own() -> None:
    assert key_of("婚礼照片" * 20) != key_of("婚礼照片" * 21)
    assert key_of("José " * 60) == key_of("jose " * 60)
