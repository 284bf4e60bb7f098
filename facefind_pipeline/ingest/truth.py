"""Truth lists from CSV files, checked against the photos and people that are known.

A list has the columns `person` and `filename`, and may have `event_day`, `note`, and `x`, `y`, `w`, `h` of the person's
face. It names every photo of its people; where it covers a few event days only, its first line says so:

    # days: friday, saturday
    event_day,person,filename,note
    friday,Ada,IMG_0001.jpg,at the bar
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.names import key_of
from facefind_pipeline.path_text import comparable, printable
from facefind_pipeline.store import people, photos, truth
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.truth import Box, KnownPhoto, TruthList, TruthRow

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("event_day", "person", "filename", "note", "x", "y", "w", "h")
_DAYS = "# days:"


def read_list(file: Path, known: Sequence[KnownPhoto], persons: Iterable[str], days: Iterable[str]) -> TruthList:
    """The list in a file.

    Args:
        file: CSV in UTF-8.
        known: every photo file.
        persons: keys of the people that are known.
        days: keys of the event days.

    Raises:
        FacefindError: unreadable, not such a list, or a row that fits no photo, person or day, or fits a row before it;
            the message names the first such line and counts the others.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise FacefindError(f"truth list {file} can't be read: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError:
        raise FacefindError(f"truth list {file} is not UTF-8: save it as such") from None
    covered = None
    if lines and lines[0].startswith(_DAYS):
        covered = tuple(day.strip() for day in lines[0].removeprefix(_DAYS).split(",") if day.strip())
        unknown = [day for day in covered if day not in set(days)]
        if unknown:
            raise FacefindError(f"{file.name}: no event day {unknown[0]!r}: there is {', '.join(days) or 'none yet'}")
    skipped = int(covered is not None)
    rows = csv.DictReader(lines[skipped:])
    header = [name.strip() for name in rows.fieldnames or ()]
    rows.fieldnames = header
    if not {"person", "filename"} <= set(header) or not set(header) <= set(COLUMNS):
        raise FacefindError(
            f"{file.name}: its columns are {', '.join(header) or 'none'}: `person` and `filename` must be there, "
            "`event_day`, `note`, `x`, `y`, `w`, `h` may"
        )
    return TruthList(file.name, _rows(file.name, rows, skipped, known, set(persons), covered), covered)


def store_lists(
    database: Database, folder: Path, add: Sequence[Path], tell: Callable[[str], None]
) -> tuple[str, "pd.DataFrame"]:
    """Stores the lists of the truth folder and those of `add`; `tell` hears of a list in the folder that is left out.

    Returns:
        The data version of all truth, and a row a list: `list`, `people`, `photos`, `days`.

    Raises:
        FacefindError: a list of `add` is not usable; nothing is stored then.
    """
    import pandas as pd

    with database.lock("truth"), database.connect() as connection:
        known = truth.known_photos(connection)
        persons = [person.key for person in people.people(connection)]
        days = [day.key for day in photos.days(connection)]
        present = sorted(folder.glob("*.csv")) if folder.is_dir() else []
        lists = []
        for file in present:
            try:
                lists.append(read_list(file, known, persons, days))
            except FacefindError as error:
                tell(str(error))
        # All that are stored anew leave first: a row may have moved from one to another.
        if folder.is_dir():  # a folder that is missing deletes nothing
            anew = {made.source for made in lists}
            truth.remove_lists(connection, [file.name for file in present if file.name not in anew])
        for made in lists:
            try:
                truth.write_list(connection, made, "folder")
            except FacefindError as error:
                tell(str(error))
        for file in add:
            truth.write_list(connection, read_list(file, known, persons, days), "command")
        rows = [
            (source, persons_in, listed, ", ".join(covered) if covered is not None else "all")
            for source, persons_in, listed, covered in truth.lists(connection)
        ]
        return truth.truth_version(connection), pd.DataFrame(rows, columns=["list", "people", "photos", "days"])


def find_photo(known: Sequence[KnownPhoto], filename: str, day: str = "") -> KnownPhoto:
    """The photo that a file's name, or the end of its path, means.

    Raises:
        FacefindError: none, or several of different content.
    """
    return _photo(filename, day, _by_name(known), None)


def _by_name(known: Sequence[KnownPhoto]) -> dict[str, list[KnownPhoto]]:
    named: dict[str, list[KnownPhoto]] = defaultdict(list)
    for photo in known:
        named[comparable(PurePosixPath(photo.path).name)].append(photo)
    return named


def _rows(
    name: str,
    rows: "csv.DictReader[str]",
    skipped: int,
    known: Sequence[KnownPhoto],
    persons: set[str],
    covered: Sequence[str] | None,
) -> list[TruthRow]:
    by_name = _by_name(known)
    made: dict[tuple[str, bytes], TruthRow] = {}
    first: dict[tuple[str, str], int] = {}
    problems = []
    for row in rows:
        values, number = {column: (row.get(column) or "").strip() for column in COLUMNS}, rows.line_num + skipped
        try:
            person = _person(values["person"], persons)
            photo = _photo(values["filename"], values["event_day"], by_name, covered)
            line = first.setdefault((person, f"{photo.event_day} {photo.path}"), number)
            if line != number:
                raise FacefindError(f"{values['filename']} of {values['person']} is on line {line} already")
            assert photo.sha256 is not None
            # Two files of one content are one photo.
            made.setdefault(
                (person, photo.sha256), TruthRow(person, photo.sha256, _box(values), values["note"] or None)
            )
        except FacefindError as error:
            problems.append(f"line {number}: {error}")
    if problems:
        more = f" (and {len(problems) - 1} more lines)" if len(problems) > 1 else ""
        raise FacefindError(f"{name}, {problems[0]}{more}")
    if not made:
        raise FacefindError(f"{name} lists no photo")
    return list(made.values())


def _person(name: str, persons: set[str]) -> str:
    key = key_of(name) if name else ""
    if key not in persons:
        raise FacefindError(f"no person {name!r}: add them with `facefind person add NAME FILE`, or correct the name")
    return key


def _photo(
    filename: str, day: str, by_name: Mapping[str, Sequence[KnownPhoto]], covered: Sequence[str] | None
) -> KnownPhoto:
    path = PurePosixPath(comparable(filename))
    named = [photo for photo in by_name.get(path.name, ()) if _ends_with(comparable(photo.path), path)
             and day in ("", photo.event_day)]  # fmt: skip
    # Of two files whose names differ in the normal form alone, the one that is spelled as it was typed.
    named = [photo for photo in named if _ends_with(photo.path, PurePosixPath(printable(filename)))] or named
    if not named:
        twin = next((photo for name, found in by_name.items() if PurePosixPath(name).stem == path.stem
                     for photo in found if day in ("", photo.event_day)), None)  # fmt: skip
        hint = f"there is {PurePosixPath(twin.path).name}" if twin else "check the spelling, or ingest its folder first"
        raise FacefindError(f"no photo {filename!r}{f' in event day {day!r}' if day else ''}: {hint}")
    if len({photo.sha256 for photo in named}) > 1:
        places = ", ".join(f"{photo.event_day} ({photo.path})" for photo in named[:3])
        raise FacefindError(
            f"{filename!r} is in several event days: {places}; say which: event_day in a list, or --day"
        )
    if covered is not None and not any(photo.event_day in covered for photo in named):
        raise FacefindError(f"{filename!r} is of event day {named[0].event_day!r}, which `# days:` does not name")
    if named[0].sha256 is None:
        raise FacefindError(f"{filename!r} could not be opened when its folder was read: run `facefind ingest` again")
    return named[0]


def _ends_with(path: str, end: PurePosixPath) -> bool:
    return PurePosixPath(path).parts[-len(end.parts) :] == end.parts


def _box(values: Mapping[str, str]) -> Box | None:
    given = [values[side] for side in "xywh"]
    if not any(given):
        return None
    try:
        x, y, w, h = (round(float(side)) for side in given)
    except ValueError:
        raise FacefindError(f"x, y, w, h are {', '.join(given)}: four numbers, or none of them") from None
    if w <= 0 or h <= 0:
        raise FacefindError(f"the box is {w} by {h} pixels: w and h are above 0")
    return x, y, w, h
