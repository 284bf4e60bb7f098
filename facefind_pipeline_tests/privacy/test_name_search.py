"""Names that go are found as whole words in any script, and never within the name of somebody who stays."""

from pathlib import Path

import pytest

from facefind_pipeline.privacy.byte_search import ByteSearch
from facefind_pipeline.privacy.name_search import NameSearch
from facefind_pipeline.privacy.needles import Needles


@pytest.mark.parametrize(
    ("name", "text", "left"),
    [
        ("Angelina", "Angelina B and Angelina", "Angelina B and -"),
        ("Ada", "Ada, Ada Lovelace, Adam", "-, Ada Lovelace, Adam"),
        ("José", "José, Joséphine", "-, Joséphine"),
        ("李", "李, 李小龙", "-, 李小龙"),
    ],
)
def test_other_peoples_names_stay(name: str, text: str, left: str) -> None:
    names = NameSearch(Needles(names=[name], others=["Angelina B", "Ada Lovelace"]))
    assert names.replaced(text, "-") == left
    assert names.count(text) == left.count("-")
    escaped = text.encode("ascii", "backslashreplace").decode().replace("\\xe9", "\\u00e9")
    assert names.count(escaped) == left.count("-")


def test_in_bytes_too(tmp_path: Path) -> None:
    needles = Needles(names=["Angelina", "José"], others=["Angelina B", "Bob"])
    file = tmp_path / "file"
    file.write_bytes("\x15Angelina B\x11Angelina\x00 Joséphine\x00José\x00Joséé".encode())
    assert ByteSearch([], needles.spellings, needles.other_spellings).count(file)["names"] == 2
