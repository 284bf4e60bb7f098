"""Tables as spreadsheets save them for others to read: their encodings, delimiters and quotes, with line numbers."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.listing import why_unreadable

DELIMITERS = ",;\t"
_SEPARATOR = re.compile(r"sep=(.)", re.IGNORECASE)  # Excel's own first line


@dataclass(frozen=True, slots=True)
class Line:
    """The cells of a row, without spaces around them, and the line of the file on which it begins, from 1."""

    number: int
    cells: Sequence[str]


def read_lines(file: Path) -> list[Line]:
    """The rows of a table that have anything in them.

    Commas, semicolons and tabs delimit cells: the one that the first row has most of, unless Excel's `sep=` names it.

    Raises:
        FacefindError: the file can't be read, is no text, or a quoted cell has no end; the message names file and line.
    """
    text, _ = decoded(file)
    first, _, rest = text.partition("\n")
    named = _SEPARATOR.fullmatch(first.strip())
    skipped = 1 if named else 0
    text = rest if named else text
    return list(_lines(file, text, named[1] if named else _delimiter(text), skipped))


def _lines(file: Path, text: str, delimiter: str, skipped: int) -> Iterator[Line]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = skipped + 1
    try:
        for cells in rows:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield Line(begins, stripped)
            begins = rows.line_num + skipped + 1
    except csv.Error as error:
        raise FacefindError(f"{file.name}, line {begins}: {error}") from None


def _delimiter(text: str) -> str:
    """That of the first row that may be a header: comments before it have commas of their own."""
    header = next((line for line in text.splitlines() if line.strip() and not line.lstrip('"').startswith("#")), "")
    return max(DELIMITERS, key=header.count)


def physical_lines(text: str) -> list[str]:
    """The lines that `Line.number` counts, with their ends."""
    return list(io.StringIO(text, newline=""))


def decoded(file: Path) -> tuple[str, str]:
    """What a spreadsheet wrote, and how: in UTF-8 or UTF-16, else in the Windows code page of western Europe.

    Raises:
        FacefindError: the file can't be read, or is no text.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise FacefindError(f"{file} {why_unreadable(error)}") from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif b"\0" in content[:2]:
        encodings = ["utf-16-be" if content[:1] == b"\0" else "utf-16-le"]
    else:
        encodings = ["utf-8-sig" if content.startswith(codecs.BOM_UTF8) else "utf-8", "cp1252"]
    for encoding in encodings:
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError as error:
            problem = error
    line = content[: problem.start].count(b"\n") + 1
    raise FacefindError(f"{file.name}, line {line}: neither UTF-8 nor UTF-16: save it as CSV in UTF-8")
