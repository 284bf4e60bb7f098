"""Tables as spreadsheets save them: whatever the encoding and the delimiter, the same cells on the same lines."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.spreadsheet import read_lines

HEADER = ["person", "filename", "note"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]
cells = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "list.csv"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(cells, min_size=3, max_size=3)),
    delimiter=st.sampled_from(",;\t"),
    encoding=st.sampled_from(ENCODINGS),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\r\n", "\n"]),
)
def test_what_was_written_is_read(
    file: Path, rows: list[list[str]], delimiter: str, encoding: str, quoting: int, end: str
) -> None:
    # Python's writer, unlike spreadsheets, quotes only the characters that its own lines end with.
    assume(quoting == csv.QUOTE_ALL or end == "\r\n" or not any("\r" in cell for row in rows for cell in row))
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([HEADER, *rows])  # type: ignore[arg-type]
    file.write_bytes(written.getvalue().encode(encoding))
    wanted = [[cell.strip() for cell in row] for row in [HEADER, *rows]]
    assert [line.cells for line in read_lines(file)] == [row for row in wanted if any(row)]


@pytest.mark.parametrize("encoding", [*ENCODINGS, "cp1252"])
def test_accents_of_every_encoding(file: Path, encoding: str) -> None:
    file.write_bytes("person;filename\r\nJosé Núñez;Straße.jpg\r\n".encode(encoding))
    assert read_lines(file)[1].cells == ["José Núñez", "Straße.jpg"]


def test_lines_are_counted_as_an_editor_counts_them(file: Path) -> None:
    file.write_text('a,b\n\n,,\n"1\n2",x\n3,y\n', encoding="utf-8")
    assert [(line.number, line.cells) for line in read_lines(file)] == [
        (1, ["a", "b"]),
        (4, ["1\n2", "x"]),
        (6, ["3", "y"]),
    ]


def test_excels_own_first_line_names_the_delimiter(file: Path) -> None:
    file.write_text("sep=;\na;b,c,d\n1;2\n", encoding="utf-8")
    assert [(line.number, line.cells) for line in read_lines(file)] == [(2, ["a", "b,c,d"]), (3, ["1", "2"])]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'a,b\n1,"2\n3,4\n', r"list.csv, line 2: unexpected end of data"),
        (b"a,b\n" + b"x" * 200_000 + b",1\n", r"list.csv, line 2: field larger than field limit \(131072\)"),
        (b"a,b\n1,\x81\n", r"list.csv, line 2: neither UTF-8 nor UTF-16"),
        (b"\xff\xfea\0,\0b", r"list.csv, line 1: neither UTF-8 nor UTF-16"),
    ],
)
def test_what_is_no_table_is_reported_with_its_line(file: Path, content: bytes, message: str) -> None:
    file.write_bytes(content)
    with pytest.raises(FacefindError, match=message):
        read_lines(file)
