"""Who is who, changed by the user: tables, the pictures in the references folder and the contact sheets together."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.references import lying_in_folder, person_of
from facefind_pipeline.ingest.sheet_files import remove_sheets_of, sheet_path
from facefind_pipeline.path_text import comparable
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import people, people_changes
from facefind_pipeline.store.people import Person, ReferenceName
from facefind_pipeline.store.tombstones import Tombstones


def remove_person(connection: Connection, settings: Settings, key: str) -> None:
    """Removes a person, what is known of them, and their contact sheets; never a file of the references folder.

    Raises:
        FacefindError: nobody of that key.
    """
    person = people.find_person(connection, key)
    people_changes.remove(connection, person, lying_in_folder(settings.references, person).keys())
    remove_sheets_of(settings, [key])


def new_name(connection: Connection, settings: Settings, person: Person, name: str) -> Person:
    """The person under another name.

    Raises:
        FacefindError: the name is somebody else's or was forgotten, or has nothing for a key.
    """
    to = person_of(name)
    other = next((other for other in people.people(connection) if other.key == to.key != person.key), None)
    if other is not None:
        raise FacefindError(
            f"{other.name!r} has the key {to.key!r}: if they are one person, "
            f'`facefind person merge "{other.name}" "{person.name}"`; else choose another name'
        )
    if refusal := Tombstones(settings.home).refusal(connection, to.key, to.name):
        raise FacefindError(refusal)
    return to


def rename_person(connection: Connection, settings: Settings, key: str, name: str) -> None:
    """Gives a person another name; contact sheets that show the former one are removed.

    Raises:
        FacefindError: nobody of that key, or the name is somebody else's.
    """
    person = people.find_person(connection, key)
    to = new_name(connection, settings, person, name)
    people_changes.rename(connection, person, to, lying_in_folder(settings.references, person).keys())
    remove_sheets_of(settings, [key])


def merge_people(connection: Connection, settings: Settings, kept: str, other: str) -> None:
    """Gives one person all that another has, who then is no more, and removes both one's contact sheets.

    Raises:
        FacefindError: nobody of such a key, or both are the same.
    """
    stays, goes = (people.find_person(connection, key) for key in (kept, other))
    if stays == goes:
        raise FacefindError(f"{stays.name!r} twice: name two people")
    people_changes.merge(connection, stays, goes, lying_in_folder(settings.references, goes).keys())
    remove_sheets_of(settings, [kept, other])


def forget_reference(connection: Connection, settings: Settings, key: str, sha256: bytes) -> None:
    """Removes a person's reference photo; without any other, their results and contact sheets go too.

    Raises:
        FacefindError: nobody of that key.
    """
    person = people.find_person(connection, key)
    people_changes.forget_reference(connection, person, sha256, lying_in_folder(settings.references, person).keys())
    remove_sheets_of(settings, [key])


def sets_with_sheet(settings: Settings, person: Person, sets: Sequence[str]) -> list[str]:
    """Of these parameter sets those under which a contact sheet of the person is stored."""
    return [key for key in sets if sheet_path(settings, key, "people", person.key).is_file()]


def reference_named(person: Person, known: Sequence[ReferenceName], file: str) -> ReferenceName:
    """The reference photo of a person that a file's name means, or a path of it.

    Raises:
        FacefindError: none; or several, and what lies at the path does not say which.
    """
    named = [one for one in known if comparable(one.filename) == comparable(Path(file).name)]
    if len(named) > 1:
        content = _sha256(Path(file))
        named = [one for one in named if one.sha256 == content] or named
    if not named:
        there = ", ".join(one.filename for one in known) or "none"
        raise FacefindError(f"no reference {file!r} of {person.name}: there is {there}")
    if len(named) > 1:
        raise FacefindError(f"{len(named)} references of {person.name} are called {file!r}: give the path of the file")
    return named[0]


def _sha256(file: Path) -> bytes | None:
    try:
        return hashlib.sha256(file.read_bytes()).digest()
    except OSError:  # a name alone
        return None
