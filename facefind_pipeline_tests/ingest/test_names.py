"""Names as keys: slugs of any name, none too long for a file's name."""

import os
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.names import LONGEST_KEY, UNSEEN, key_of


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Anna's wedding (2024)", "annas-wedding-2024"),
        ("José Núñez", "jose-nunez"),
        ("2024-06-14", "2024-06-14"),
        ("  Straße & Öl  ", "strasse-ol"),
        ("Свадьба", "svadba"),
        ("v1.2_final", "v1.2_final"),
        ("婚礼照片", "hun-li-zhao-pian"),
        ("\U0001f389\U0001f389", "party-popper-party-popper"),
        ("❤\ufe0f", "heavy-black-heart"),
        ("\U0001f469\u200d\U0001f467", "woman-girl"),
        ("???", "question-mark-question-mark-question-mark"),
        (os.fsdecode(b"caf\xe9"), "caf-xe9"),
        (r"caf\xe9", "caf-xe9"),
        (os.fsdecode(b"\xff"), "xff"),
    ],
)
def test_keys_are_slugs(name: str, key: str) -> None:
    assert key_of(name) == key


@given(st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=400), st.binary().map(os.fsdecode)))
def test_a_key_is_a_slug_or_nothing_of_the_name_can_be_seen(name: str) -> None:
    try:
        key = key_of(name)
    except FacefindError as error:
        assert "no character" in str(error)
        assert all(letter.isspace() or unicodedata.category(letter) in UNSEEN for letter in name)
    else:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*", key)
        assert len(key) <= LONGEST_KEY
        assert key_of(key) == key


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_name_has_one_key_in_each_normal_form(name: str) -> None:
    try:
        key = key_of(name)
    except FacefindError:
        return
    assert key_of(unicodedata.normalize("NFC", name)) == key_of(unicodedata.normalize("NFD", name)) == key


def test_a_key_is_never_a_range_of_partitions() -> None:
    assert key_of("before... and after") == "before.-and-after"


def test_long_names_keep_keys_of_their_own() -> None:
    assert key_of("婚礼照片" * 20) != key_of("婚礼照片" * 21)
    assert key_of("José " * 60) == key_of("jose " * 60)
