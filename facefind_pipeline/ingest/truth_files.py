"""Truth lists as files: rows of people who are forgotten leave them, and nothing else of them changes."""

import os
from collections.abc import Collection
from pathlib import Path

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.names import key_of
from facefind_pipeline.ingest.spreadsheet import decoded, physical_lines, read_lines


def remove_people(file: Path, persons: Collection[str]) -> None:
    """Removes the rows of these people, by key, from a list; a file that is no such list stays as it is."""
    if file.is_symlink() or not file.is_file():
        return
    try:
        lines = read_lines(file)
        text, encoding = decoded(file)
    except FacefindError:
        return
    rows = [line for line in lines if not line.cells[0].startswith("#")]
    columns = [name.casefold() for name in rows[0].cells] if rows else []
    if not {"person", "filename"} <= set(columns):
        return
    column = columns.index("person")
    listed = {line.number for line in rows[1:]}
    begins = [line.number for line in lines[1:]]
    written = physical_lines(text)
    gone: set[int] = set()
    for line, end in zip(lines, [*begins, len(written) + 1], strict=True):
        if line.number in listed and len(line.cells) > column and _key(line.cells[column]) in persons:
            gone.update(range(line.number, end))
    if gone:
        _replace(file, "".join(one for number, one in enumerate(written, 1) if number not in gone).encode(encoding))


def _key(name: str) -> str | None:
    try:
        return key_of(name)
    except FacefindError:
        return None


def _replace(file: Path, content: bytes) -> None:
    """Writes it whole or not at all, with the mode it has."""
    partial = file.with_name(f".{file.name}.{os.urandom(4).hex()}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
            new.write(content)
        partial.chmod(file.stat().st_mode & 0o777)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
