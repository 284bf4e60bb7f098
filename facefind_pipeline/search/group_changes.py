"""What people say of groups, recorded by the faces that these have at the moment: names, merges, and what is wrong.

Each holds after a rerun, with new days and in every set, and against all that was said before. Groups follow when they
are next made. What can't be said is refused by the checks, which a page or a command may ask beforehand.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.search.group_listing import find_group
from facefind_pipeline.store import people
from facefind_pipeline.store.groups import FacePlace, Kind, Statement, places_of, record_statement
from facefind_pipeline.store.people import Person, ReferenceName


def name_group(connection: Connection, key: str, group: str, person: str, author: str) -> None:
    """Says whose faces a group's are.

    Args:
        connection: any; so for the others.
        key: of the parameter set.
        group: id.
        person: key.
        author: who says so.

    Raises:
        FacefindError: no such group.
    """
    find_group(connection, key, group)
    record_statement(connection, Statement(Kind.NAME, places_of(connection, key, group), person=person), author)


def check_join(connection: Connection, key: str, groups: Sequence[str]) -> None:
    """Refuses what can't be one person.

    Raises:
        FacefindError: no such group, fewer than two, or they are named after two people.
    """
    found = {group.id: group for group in (find_group(connection, key, one) for one in groups)}
    if len(found) < 2:
        raise FacefindError("name two groups that are one person's: `facefind who` lists them")
    names = {group.person: group.name for group in found.values() if group.named}
    if len(names) > 1:
        one, other, *_ = names.values()
        raise FacefindError(
            f'the groups are named after two people: `facefind person merge "{one}" "{other}"` makes them one'
        )


def join_groups(connection: Connection, key: str, groups: Sequence[str], author: str) -> None:
    """Says that groups are one person's.

    Raises:
        FacefindError: as `check_join`.
    """
    check_join(connection, key, groups)
    faces = [place for group in dict.fromkeys(groups) for place in places_of(connection, key, group)]
    record_statement(connection, Statement(Kind.SAME, faces), author)


def check_part(connection: Connection, key: str, group: str, other: str) -> None:
    """Refuses what can't be two people.

    Raises:
        FacefindError: no such group, or both are one.
    """
    if find_group(connection, key, group) == find_group(connection, key, other):
        raise FacefindError(
            "name two groups that are two people's; `facefind person leave-out` takes a face out of one"
        )


def part_groups(connection: Connection, key: str, group: str, other: str, author: str) -> None:
    """Says that two groups are two people's: they are never put together.

    Raises:
        FacefindError: as `check_part`.
    """
    check_part(connection, key, group, other)
    faces, others = places_of(connection, key, group), places_of(connection, key, other)
    record_statement(connection, Statement(Kind.DIFFERENT, faces, others), author)


def check_leave_out(connection: Connection, key: str, group: str, photos: Mapping[bytes, str]) -> None:
    """Refuses photos, given by SHA-256 with their names, in which the group has no face.

    Raises:
        FacefindError: no such group, no face of it in one of these photos, or none in any other.
    """
    find_group(connection, key, group)
    in_photos = {place.sha256 for place in places_of(connection, key, group)}
    missing = next((name for photo, name in photos.items() if photo not in in_photos), None)
    if missing is not None:
        raise FacefindError(f"group {group} has no face in {missing}: `facefind who {group}` lists its photos")
    if in_photos == set(photos):
        raise FacefindError(f"group {group} would have no face left: leave it as it is")


@dataclass(frozen=True, slots=True)
class CutReferences:
    """References that were cut from faces of a named group, and whose they are."""

    person: Person
    references: Sequence[ReferenceName]


def references_of_left_out(
    connection: Connection, key: str, group: str, photos: Collection[bytes]
) -> CutReferences | None:
    """What is no reference any more once the group's faces in these photos, given by SHA-256, are somebody else's.

    Returns:
        None if nobody named the group, or nothing was cut from these faces.

    Raises:
        FacefindError: no such group.
    """
    found = find_group(connection, key, group)
    if not found.named or found.person is None or found.name is None:
        return None
    person = Person(found.person, found.name)
    places = [place for place in places_of(connection, key, group) if place.sha256 in photos]
    references = people.references_cut_from(connection, person, places)
    return CutReferences(person, references) if references else None


def leave_out(connection: Connection, key: str, group: str, photos: Collection[bytes], author: str) -> None:
    """Says that a group's face in each of these photos, given by SHA-256, is not that person's.

    Of a group that has a name the other faces are named once more: of those that were named together the most would
    keep the name, and these may be the wrong ones.

    Raises:
        FacefindError: as `check_leave_out`.
    """
    check_leave_out(connection, key, group, {photo: photo.hex() for photo in photos})
    found = find_group(connection, key, group)
    wrong: list[FacePlace] = []
    rest: list[FacePlace] = []
    for place in places_of(connection, key, group):
        (wrong if place.sha256 in photos else rest).append(place)
    for place in wrong:  # nothing is said of whether these are one person's
        record_statement(connection, Statement(Kind.DIFFERENT, [place], rest), author)
    if found.named:
        record_statement(connection, Statement(Kind.NAME, rest, person=found.person), author)
