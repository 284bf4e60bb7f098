"""`facefind person name`, `same`, `different` and `leave-out`: what people say of the groups of `facefind who`."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from facefind_pipeline.authors import COMMAND, author
from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.workspace import chosen_set, open_graph, open_reading, params_option
from facefind_pipeline.plurals import counted

if TYPE_CHECKING:
    from facefind_pipeline.cli.group_stages import Forgotten


@click.command(
    epilog="""\b
Examples:
  facefind person name g3f9a1 "Ada Lovelace"
  facefind person name g07b2e Ada                    (who is known already: the group is hers too)"""
)
@click.argument("group")
@click.argument("name")
@params_option
def name(group: str, name: str, params: str | None) -> None:
    """Call the person of the GROUP NAME: its best, most different faces become references, and NAME is looked for.

    The group keeps its faces and its name from then on, in every parameter set and with new event days.
    """
    from facefind_pipeline.ingest.references import person_of
    from facefind_pipeline.search.group_listing import find_group
    from facefind_pipeline.store import people

    _, database = open_reading()
    with database.connect() as connection:
        key = chosen_set(connection, params).key
        find_group(connection, key, group)
        given = person_of(name)
        person = people.known_as(connection, given)
        taken_for = people.taken_for(given, person.name)

    from facefind_pipeline.cli import group_stages, stages

    for line in taken_for:
        stages.note(line)
    references = group_stages.name_group(open_graph(Bars()), key, group, person, author(COMMAND))
    click.echo(f"{group} is {person.name}, with {counted(references, 'reference photo')} from the event")
    click.echo(f"`facefind find {shlex.quote(person.name)}` shows the photos", err=True)


@click.command(epilog="\b\nExample:\n  facefind person same g3f9a1 g07b2e")
@click.argument("groups", nargs=-1, required=True)
@params_option
def same(groups: Sequence[str], params: str | None) -> None:
    """Say that GROUPS are one person: they become one group, and stay so.

    Of two that are named, the people are made one: `facefind person merge`.
    """
    from facefind_pipeline.search.group_changes import check_join

    _, database = open_reading()
    with database.connect() as connection:
        key = chosen_set(connection, params).key
        check_join(connection, key, groups)
    said = {"groups": list(groups), "author": author(COMMAND)}
    _record(key, "join_face_groups", "record_same_person", said)
    click.echo(f"{', '.join(dict.fromkeys(groups))} are one person: remembered")


@click.command(epilog="\b\nExample:\n  facefind person different g3f9a1 g07b2e")
@click.argument("group")
@click.argument("other")
@params_option
def different(group: str, other: str, params: str | None) -> None:
    """Say that the GROUP and the OTHER are two people: they are never put together."""
    from facefind_pipeline.search.group_changes import check_part

    _, database = open_reading()
    with database.connect() as connection:
        key = chosen_set(connection, params).key
        check_part(connection, key, group, other)
    said = {"group": group, "other": other, "author": author(COMMAND)}
    _record(key, "part_face_groups", "record_different_people", said)
    click.echo(f"{group} and {other} are two people: remembered")


@click.command("leave-out", epilog="\b\nExample:\n  facefind person leave-out g3f9a1 IMG_0042.jpg IMG_0043.jpg")
@click.argument("group")
@click.argument("photos", nargs=-1, required=True)
@click.option("--day", default="", metavar="DAY", help="Event day of PHOTOS, where several have the name.")
@params_option
def leave_out(group: str, photos: Sequence[str], day: str, params: str | None) -> None:
    """Say that the face of the GROUP in each of PHOTOS is somebody else's: it leaves the group, for good.

    Of a group that has a name, a reference that was cut from such a face is forgotten, and results follow.
    `facefind who GROUP` lists the photos.
    """
    from facefind_pipeline.ingest.days import day_named
    from facefind_pipeline.ingest.truth import find_photo
    from facefind_pipeline.search.group_changes import check_leave_out
    from facefind_pipeline.store import truth

    _, database = open_reading()
    with database.connect() as connection:
        key = chosen_set(connection, params).key
        all_known = truth.known_photos(connection)
        day_key = day and day_named(connection, day).key
        known = list(dict.fromkeys(find_photo(all_known, photo, day_key) for photo in photos))
        check_leave_out(connection, key, group, {photo.sha256 or b"": photo.path for photo in known})
    contents = [(photo.sha256 or b"").hex() for photo in known]

    from facefind_pipeline.cli import group_stages

    forgotten = group_stages.leave_out(open_graph(Bars()), key, group, contents, author(COMMAND))
    for photo in known:
        click.echo(f"{photo.path}: the face of {group} is somebody else's: remembered")
    if forgotten:
        _echo_forgotten(group, forgotten)


GROUPS = [name, same, different, leave_out]


def _echo_forgotten(group: str, forgotten: "Forgotten") -> None:
    person, references = forgotten.cut.person, forgotten.cut.references
    files, is_or_are = ", ".join(one.filename for one in references), "is" if len(references) == 1 else "are"
    left = counted(forgotten.left, "reference photo")
    click.echo(f"{files}, cut from what was left out, {is_or_are} forgotten; {person.name} has {left} left")
    if not forgotten.left:
        again = f"`facefind person name {group} {shlex.quote(person.name)}` cuts new ones"
        click.echo(f"{person.name} is not looked for, and {group} keeps the name: {again}", err=True)


def _record(key: str, job: str, op: str, said: dict[str, Any]) -> None:
    from facefind_pipeline.cli.group_stages import record_of_groups

    record_of_groups(open_graph(Bars()), key, job, op, said)
