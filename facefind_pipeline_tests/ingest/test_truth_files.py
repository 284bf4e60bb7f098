"""Rows of somebody who is forgotten leave truth lists; all else stays, to the byte."""

from pathlib import Path

import pytest

from facefind_pipeline.ingest.truth_files import remove_people

LIST = '# days: friday\r\nperson;filename;note\r\nAngelina;a.jpg;"two\r\nlines"\r\nAngelina B;b.jpg;\r\n{};c.jpg;x\r\n'
LEFT = "# days: friday\r\nperson;filename;note\r\nAngelina B;b.jpg;\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_only_the_rows_of_that_person_go(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(LIST.format("ANGÉLINA").encode(encoding))
    file.chmod(0o640)
    remove_people(file, {"angelina"})
    assert file.read_bytes() == LEFT.encode(encoding)
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_called_as_the_person_and_other_files_stay(tmp_path: Path) -> None:
    listed, other = tmp_path / "list.csv", tmp_path / "notes.txt"
    listed.write_text("filename,person\nParis/IMG1.jpg,bob\n")
    other.write_text("Paris was there\n")
    for file in (listed, other, tmp_path):
        remove_people(file, {"paris"})
    assert listed.read_text() == "filename,person\nParis/IMG1.jpg,bob\n"
    assert other.read_text() == "Paris was there\n"
