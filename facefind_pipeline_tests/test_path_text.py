"""Names of the file system as text: any bytes lead to text that a table takes, and back."""

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.path_text import comparable, on_disk, path_of, printable, text_of

NFC, NFD = "José à Zürich", unicodedata.normalize("NFD", "José à Zürich")
# What an escape looks like is drawn often: there a name and its text could be mixed up.
NAMES = st.lists(st.one_of(st.binary(max_size=9), st.sampled_from([b"\\", b"\\x", b"e9", b"5c", "é".encode()])))


@given(NAMES.map(b"".join))
def test_every_name_has_one_text_that_leads_back_to_it(name: bytes) -> None:
    text = text_of(os.fsdecode(name))
    text.encode()  # PostgreSQL takes it
    assert os.fsencode(path_of(text)) == name


@given(NAMES.map(b"".join))
def test_text_needs_no_more_than_four_letters_for_a_byte(name: bytes) -> None:
    assert len(text_of(os.fsdecode(name)).encode()) <= 4 * len(name)


def test_names_in_utf8_are_their_own_text() -> None:
    for name in ("a.jpg", "婚礼/照片.jpg", "🎉", NFC, NFD, "back\\slash", r"\x", ""):
        assert text_of(name) == path_of(name) == name


def test_other_bytes_are_written_as_people_can_type_them() -> None:
    assert text_of(os.fsdecode(b"caf\xe9")) == printable(os.fsdecode(b"caf\xe9")) == r"caf\xe9"
    assert text_of(r"caf\xe9") == r"caf\x5cxe9"


def test_names_are_compared_in_one_normal_form() -> None:
    assert NFC != NFD
    assert comparable(NFC) == comparable(NFD) == NFC


@pytest.mark.parametrize(("there", "typed"), [(NFD, NFC), (NFC, NFD), (os.fsdecode(b"caf\xe9"), r"caf\xe9")])
def test_a_path_is_spelled_as_the_disk_has_it(tmp_path: Path, there: str, typed: str) -> None:
    (tmp_path / there).mkdir()
    (tmp_path / there / there).write_bytes(b"")
    assert on_disk(tmp_path / typed / typed) == tmp_path / there / there
    assert on_disk(tmp_path / typed / "new.jpg") == tmp_path / there / "new.jpg"


def test_of_two_names_the_one_that_was_typed_is_meant_and_nothing_is_guessed(tmp_path: Path) -> None:
    (tmp_path / NFC).write_bytes(b"")
    (tmp_path / NFD).write_bytes(b"")
    assert on_disk(tmp_path / NFD) == tmp_path / NFD
    assert on_disk(tmp_path / NFC) == tmp_path / NFC
    assert on_disk(tmp_path / "other") == tmp_path / "other"
    assert on_disk(Path("/nowhere/at/all")) == Path("/nowhere/at/all")
