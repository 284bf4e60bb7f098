"""Jobs that record what people say of groups of faces; the groups follow when `face_groups` is made."""

import dagster as dg
from pydantic import Field

from facefind_pipeline.authors import UI, author
from facefind_pipeline.orchestration import examples
from facefind_pipeline.orchestration.agreement import AgreedConfig, is_agreed
from facefind_pipeline.orchestration.examples import EXAMPLES
from facefind_pipeline.orchestration.named_photos import NamedPhoto
from facefind_pipeline.orchestration.people import NAME, changing_people
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.set_names import DEFAULT

GROUP = "Id of a group, as `facefind who` lists it."


class GroupsConfig(AgreedConfig):
    """Whose groups are meant, and who says something of them."""

    parameter_set: str = Field(default=DEFAULT, description="The parameter set whose groups are meant.")
    author: str = Field(default_factory=lambda: author(UI), description="Who says so.")


class NameConfig(GroupsConfig):
    """A group and whose faces it has."""

    group: str = Field(description=GROUP)
    person: str = Field(description=NAME)


class JoinConfig(GroupsConfig):
    """Groups that are one person's."""

    groups: list[str] = Field(description="Ids of groups.")


class PartConfig(GroupsConfig):
    """Two groups that are two people's."""

    group: str = Field(description=GROUP)
    other: str = Field(description=GROUP)


class LeaveOutConfig(GroupsConfig):
    """A group, and photos in which its face is somebody else's."""

    group: str = Field(description=GROUP)
    photos: list[NamedPhoto] = Field(description="Each photo once.")


@dg.op
def record_group_name(
    context: dg.OpExecutionContext, config: NameConfig, workspace: dg.ResourceParam[Workspace]
) -> None:
    """Records whose faces a group has."""
    from facefind_pipeline.ingest.persons import person_named
    from facefind_pipeline.search.group_changes import name_group
    from facefind_pipeline.search.group_listing import find_group
    from facefind_pipeline.store import parameter_sets

    with workspace.database.connect() as connection:
        key = parameter_sets.find(connection, config.parameter_set).key
        person, group = person_named(connection, config.person), find_group(connection, key, config.group)
        if is_agreed(context, config, f"name group {group.id} {person.name}"):
            name_group(connection, key, group.id, person.key, config.author)


@dg.op
def record_same_person(
    context: dg.OpExecutionContext, config: JoinConfig, workspace: dg.ResourceParam[Workspace]
) -> None:
    """Records that groups are one person's."""
    from facefind_pipeline.search.group_changes import check_join, join_groups
    from facefind_pipeline.store import parameter_sets

    with workspace.database.connect() as connection:
        key = parameter_sets.find(connection, config.parameter_set).key
        check_join(connection, key, config.groups)
        if is_agreed(context, config, f"make one of groups {', '.join(config.groups)}"):
            join_groups(connection, key, config.groups, config.author)


@dg.op
def record_different_people(
    context: dg.OpExecutionContext, config: PartConfig, workspace: dg.ResourceParam[Workspace]
) -> None:
    """Records that two groups are two people's."""
    from facefind_pipeline.search.group_changes import check_part, part_groups
    from facefind_pipeline.store import parameter_sets

    with workspace.database.connect() as connection:
        key = parameter_sets.find(connection, config.parameter_set).key
        check_part(connection, key, config.group, config.other)
        if is_agreed(context, config, f"keep groups {config.group} and {config.other} apart"):
            part_groups(connection, key, config.group, config.other, config.author)


@dg.op
def record_left_out(
    context: dg.OpExecutionContext, config: LeaveOutConfig, workspace: dg.ResourceParam[Workspace]
) -> None:
    """Records that faces of a group are somebody else's, and removes the references that were cut from them."""
    from facefind_pipeline.ingest.who import forget_reference
    from facefind_pipeline.search.group_changes import check_leave_out, leave_out, references_of_left_out
    from facefind_pipeline.store import parameter_sets, truth

    with changing_people(workspace) as connection:
        key = parameter_sets.find(connection, config.parameter_set).key
        known = truth.known_photos(connection)
        found = {photo.sha256 or b"": photo.path for photo in (one.found(connection, known) for one in config.photos)}
        check_leave_out(connection, key, config.group, found)
        if not is_agreed(context, config, f"take {', '.join(found.values())} out of group {config.group}"):
            return
        cut = references_of_left_out(connection, key, config.group, list(found))
        leave_out(connection, key, config.group, list(found), config.author)
        if cut:
            for reference in cut.references:
                forget_reference(connection, workspace.settings, cut.person.key, reference.sha256)


_OF_GROUPS = {"parameter_set": EXAMPLES.parameter_set, "agreed": False}


@dg.job(config=examples.config(record_group_name={"group": EXAMPLES.group, "person": EXAMPLES.person, **_OF_GROUPS}))
def name_face_group() -> None:
    """Names a group of faces after a person who is known."""
    record_group_name()


@dg.job(config=examples.config(record_same_person={"groups": [EXAMPLES.group, EXAMPLES.other_group], **_OF_GROUPS}))
def join_face_groups() -> None:
    """Says that groups of faces are one person's."""
    record_same_person()


@dg.job(
    config=examples.config(
        record_different_people={"group": EXAMPLES.group, "other": EXAMPLES.other_group, **_OF_GROUPS}
    )
)
def part_face_groups() -> None:
    """Says that two groups of faces are two people's."""
    record_different_people()


@dg.job(
    config=examples.config(
        record_left_out={
            "group": EXAMPLES.group,
            "photos": [{"photo": EXAMPLES.group_photo, "day": EXAMPLES.group_photo_day}],
            **_OF_GROUPS,
        }
    )
)
def leave_out_of_face_group() -> None:
    """Says that faces of a group are somebody else's."""
    record_left_out()


GROUP_JOBS = [name_face_group, join_face_groups, part_face_groups, leave_out_of_face_group]
