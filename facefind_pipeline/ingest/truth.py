"""Truth lists from files of spreadsheets, checked against the photos and people that are known.

A list has the columns `person` and `filename`, and may have `event_day`, `note`, `x`, `y`, `w`, `h` of the person's
face, and `leave_out`: `yes` where the photo counts neither as true nor as false. A file is called by its name, the end
of its path or its absolute path. A list names every photo of its people; where it covers a few event days only, or
names some photos only, its first lines say so:

    # days: friday, saturday
    # unlabelled: leave out
    event_day,person,filename,note,leave_out
    friday,Ada,IMG_0001.jpg,at the bar,
    friday,Ada,IMG_0002.jpg,her reference was cut from it,yes
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import Box
from facefind_pipeline.ingest.names import key_of
from facefind_pipeline.ingest.spreadsheet import Line, read_lines
from facefind_pipeline.path_text import comparable, printable
from facefind_pipeline.plurals import counted
from facefind_pipeline.store import people, photos, truth
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.made import record_made
from facefind_pipeline.store.truth import KnownPhoto, TruthList, TruthRow

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("event_day", "person", "filename", "note", "leave_out", "x", "y", "w", "h")
_DAYS, _UNLABELLED = "# days:", "# unlabelled:"
_YES_OR_NO = {"yes": True, "no": False, "": None}


def read_list(file: Path, known: Sequence[KnownPhoto], persons: Iterable[str], days: Iterable[str]) -> TruthList:
    """The list in a file.

    Args:
        file: a table as spreadsheets save it.
        known: every photo file.
        persons: keys of the people that are known.
        days: keys of the event days.

    Raises:
        FacefindError: unreadable, not such a list, or a row that fits no photo, person or day, or fits a row before it;
            the message names the first such line and counts the others.
    """
    lines = read_lines(file)
    covered, unlabelled_left_out = None, False
    while lines and lines[0].cells[0].startswith("#"):
        line = lines.pop(0)
        if line.cells[0].casefold().startswith(_DAYS):
            covered = _covered(file.name, line, list(days))
        else:
            _check_unlabelled(file.name, line)
            unlabelled_left_out = True
    header = lines.pop(0) if lines else Line(1, [])
    columns = [name.casefold() for name in header.cells]
    named = [name for name in columns if name]
    if not {"person", "filename"} <= set(named) or not set(named) <= set(COLUMNS) or len(set(named)) < len(named):
        raise FacefindError(
            f"{file.name}, line {header.number}: its columns are {', '.join(named) or 'none'}: `person` and `filename` "
            "must be there, `event_day`, `note`, `leave_out`, `x`, `y`, `w`, `h` may, each once"
        )
    rows = _rows(file.name, columns, lines, _by_name(known), set(persons), covered)
    return TruthList(file.name, rows, covered, unlabelled_left_out)


def store_lists(
    database: Database, folder: Path, add: Sequence[Path], warn: Callable[[str], None]
) -> tuple[str, "pd.DataFrame"]:
    """Stores the lists of the truth folder and those of `add`; `warn` is called for a list in it that is left out.

    Returns:
        The data version of all truth, and one row per list under `truth.LIST_COLUMNS`.

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
                warn(str(error))
        # All that are stored anew leave first: a row may have moved from one to another.
        if folder.is_dir():  # a folder that is missing deletes nothing
            anew = {made.source for made in lists}
            truth.remove_lists(connection, [file.name for file in present if file.name not in anew])
        for made in lists:
            try:
                truth.write_list(connection, made, "folder")
            except FacefindError as error:
                warn(str(error))
        for file in add:
            truth.write_list(connection, read_list(file, known, persons, days), "command")
        rows = pd.DataFrame([one.row for one in truth.lists(connection)], columns=list(truth.LIST_COLUMNS))
        version = truth.truth_version(connection)
        record_made(connection, "truth_lists", "", version, version)
        return version, rows


def find_photo(known: Sequence[KnownPhoto], filename: str, day: str = "") -> KnownPhoto:
    """The photo that a file's name, the end of its path or its absolute path means, in any Unicode form.

    Raises:
        FacefindError: none, or several of different content.
    """
    return _photo(filename, day, _by_name(known), None)


def _by_name(known: Sequence[KnownPhoto]) -> dict[str, list[KnownPhoto]]:
    named: dict[str, list[KnownPhoto]] = defaultdict(list)
    for photo in known:
        named[_parts(photo.path)[-1]].append(photo)
    return named


def _parts(path: str) -> tuple[str, ...]:
    return PurePosixPath(comparable(path)).parts


def _covered(name: str, line: Line, days: Sequence[str]) -> tuple[str, ...]:
    """The event days of the line `# days: friday, saturday`, however its commas were taken."""
    text = ",".join(line.cells)[len(_DAYS) :]
    given = [day.strip() for day in re.split("[,;\t]", text) if day.strip()]
    for day in given:
        if _slug(day) not in days:
            raise FacefindError(
                f"{name}, line {line.number}: no event day {day!r}: there is {', '.join(days) or 'none yet'}"
            )
    return tuple(_slug(day) for day in given)


def _check_unlabelled(name: str, line: Line) -> None:
    """Refuses a line before the header other than `# unlabelled: leave out`."""
    text = ",".join(line.cells).rstrip(",;\t ").casefold()
    if not text.startswith(_UNLABELLED) or text[len(_UNLABELLED) :].strip() != "leave out":
        raise FacefindError(
            f"{name}, line {line.number}: {','.join(line.cells)!r}: a line before the columns is "
            "`# days: DAY, DAY` or `# unlabelled: leave out`"
        )


def _rows(
    name: str,
    columns: Sequence[str],
    lines: Sequence[Line],
    by_name: Mapping[str, Sequence[KnownPhoto]],
    persons: set[str],
    covered: Sequence[str] | None,
) -> list[TruthRow]:
    made: dict[tuple[str, bytes], TruthRow] = {}
    first: dict[tuple[str, str], int] = {}
    problems = []
    for line in lines:
        values = dict.fromkeys(COLUMNS, "") | dict(zip(columns, line.cells, strict=False))
        try:
            if any(line.cells[len(columns) :]):
                raise FacefindError(f"{len(line.cells)} cells in {len(columns)} columns: quote a cell that has commas")
            person = _person(values["person"], persons)
            photo = _photo(values["filename"], values["event_day"], by_name, covered)
            number = first.setdefault((person, f"{photo.event_day} {photo.path}"), line.number)
            if line.number != number:
                raise FacefindError(f"{values['filename']} of {values['person']} is on line {number} already")
            assert photo.sha256 is not None
            # Two files of one content are one photo.
            made.setdefault(
                (person, photo.sha256),
                TruthRow(person, photo.sha256, _box(values), values["note"] or None, _leave_out(values["leave_out"])),
            )
        except FacefindError as error:
            problems.append(f"line {line.number}: {error}")
    if problems:
        more = f" (and {counted(len(problems) - 1, 'more line')})" if len(problems) > 1 else ""
        raise FacefindError(f"{name}, {problems[0]}{more}")
    if not made:
        raise FacefindError(f"{name} lists no photo")
    return list(made.values())


def _person(name: str, persons: set[str]) -> str:
    key = _slug(name)
    if key not in persons:
        raise FacefindError(f"no person {name!r}: add them with `facefind person add NAME FILE`, or correct the name")
    return key


def _slug(name: str) -> str:
    """The key of a name; of one that nothing can be made of the name itself, which no key is like."""
    try:
        return key_of(name)
    except FacefindError:
        return name


def _photo(
    filename: str, day: str, by_name: Mapping[str, Sequence[KnownPhoto]], covered: Sequence[str] | None
) -> KnownPhoto:
    of_day = _slug(day) if day else ""
    named = [photo for photo in _called(filename, by_name) if of_day in ("", photo.event_day)]
    # Of two files whose names differ in the normal form alone, the one that is spelled as it was typed.
    typed = PurePosixPath(printable(filename)).parts
    named = [photo for photo in named if _ends(PurePosixPath(photo.path).parts, typed)] or named
    if not named:
        stem = PurePosixPath(comparable(filename).replace("\\", "/")).stem
        twin = next((photo for name, found in by_name.items() if PurePosixPath(name).stem == stem
                     for photo in found if of_day in ("", photo.event_day)), None)  # fmt: skip
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


def _called(filename: str, by_name: Mapping[str, Sequence[KnownPhoto]]) -> list[KnownPhoto]:
    """Photos whose absolute path ends as a given one.

    A backslash separates folders, unless a photo has one in its name. An absolute path that is no photo's was written
    where the photos lie elsewhere: then its end is compared with the path below the photos' root.
    """
    name = comparable(filename)
    for text in (name, name.replace("\\", "/")):
        given = _parts(text)
        candidates = by_name.get(given[-1], ()) if given else ()
        named = [photo for photo in candidates if _ends(_parts(f"{photo.root}/{photo.path}"), given)]
        if not named and (text.startswith("/") or re.match("[A-Za-z]:/", text)):
            named = [photo for photo in candidates if _ends(given, _parts(photo.path))]
        if named:
            return named
    return []


def _ends(path: tuple[str, ...], end: tuple[str, ...]) -> bool:
    return path[-len(end) :] == end


def _leave_out(text: str) -> bool | None:
    try:
        return _YES_OR_NO[text.casefold()]
    except KeyError:
        raise FacefindError(f"leave_out is {text!r}: `yes`, `no`, or nothing") from None


def _box(values: Mapping[str, str]) -> Box | None:
    given = [values[side] for side in "xywh"]
    if not any(given):
        return None
    try:
        x, y, w, h = (round(float(side.replace(",", "."))) for side in given)
    except ValueError:
        raise FacefindError(f"x, y, w, h are {', '.join(given)}: four numbers, or none of them") from None
    if w <= 0 or h <= 0:
        raise FacefindError(f"the box is {w} by {h} pixels: w and h are above 0")
    return Box(x, y, w, h)
