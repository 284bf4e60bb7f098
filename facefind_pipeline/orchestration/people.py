"""Jobs that change who is who: a person is removed, renamed, merged into another, or loses a reference photo.

None makes results: the command does, and from the UI the job `fill_missing`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from psycopg2.extensions import connection as Connection  # noqa: N812
from pydantic import Field

from facefind_pipeline.orchestration import examples
from facefind_pipeline.orchestration.agreement import AgreedConfig, is_agreed
from facefind_pipeline.orchestration.examples import EXAMPLES
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.path_text import path_of

NAME = "The person's name or key."


class PersonConfig(AgreedConfig):
    """A person."""

    person: str = Field(description=NAME)


class RenameConfig(PersonConfig):
    """A person and their new name."""

    name: str = Field(description="The name from now on, as it is shown; the key follows from it.")


class MergeConfig(AgreedConfig):
    """Two people who are one."""

    person: str = Field(description="Name or key of the person who stays.")
    other: str = Field(
        description="Name or key of the person who goes: references, confirmed and rejected photos move."
    )


class ReferenceConfig(PersonConfig):
    """A reference photo of a person."""

    reference: str = Field(description="Name of the picture's file; of several of that name the path of one.")


@contextmanager
def changing_people(workspace: Workspace) -> Iterator[Connection]:
    """A transaction while nobody reads the references folder."""
    with workspace.database.lock("reference_photos"), workspace.database.connect() as connection:
        yield connection


@dg.op
def remove_from_people(
    context: dg.OpExecutionContext, config: PersonConfig, workspace: dg.ResourceParam[Workspace]
) -> None:
    """Removes the person with references, vectors, results, sheets and what was said of photos."""
    from facefind_pipeline.ingest import who
    from facefind_pipeline.ingest.persons import person_named

    with changing_people(workspace) as connection:
        person = person_named(connection, config.person)
        if is_agreed(context, config, f"remove {person.name} with all that is known of them"):
            who.remove_person(connection, workspace.settings, person.key)


@dg.op
def rename_in_people(
    context: dg.OpExecutionContext, config: RenameConfig, workspace: dg.ResourceParam[Workspace]
) -> None:
    """Gives the person another name and key; stored results stay current."""
    from facefind_pipeline.ingest import who
    from facefind_pipeline.ingest.persons import person_named
    from facefind_pipeline.search.renaming import results_kept

    with changing_people(workspace) as connection, results_kept(connection):
        person = person_named(connection, config.person)
        to = who.new_name(connection, workspace.settings, person, config.name)
        if is_agreed(context, config, f"call {person.name} {to.name}"):
            who.rename_person(connection, workspace.settings, person.key, config.name)


@dg.op
def merge_in_people(
    context: dg.OpExecutionContext, config: MergeConfig, workspace: dg.ResourceParam[Workspace]
) -> None:
    """Moves references and what was said of photos to the person who stays, and removes the other."""
    from facefind_pipeline.ingest import who
    from facefind_pipeline.ingest.persons import person_named

    with changing_people(workspace) as connection:
        stays, goes = (person_named(connection, name) for name in (config.person, config.other))
        if is_agreed(context, config, f"make {goes.name} one with {stays.name}"):
            who.merge_people(connection, workspace.settings, stays.key, goes.key)


@dg.op
def remove_reference(
    context: dg.OpExecutionContext, config: ReferenceConfig, workspace: dg.ResourceParam[Workspace]
) -> None:
    """Removes the reference photo and its vectors."""
    from facefind_pipeline.ingest import who
    from facefind_pipeline.ingest.persons import person_named
    from facefind_pipeline.store import people

    with changing_people(workspace) as connection:
        person = person_named(connection, config.person)
        reference = who.reference_named(person, people.references_of(connection, person), path_of(config.reference))
        if is_agreed(context, config, f"forget {reference.filename} of {person.name}"):
            who.forget_reference(connection, workspace.settings, person.key, reference.sha256)


@dg.job(config=examples.config(remove_from_people={"person": EXAMPLES.person, "agreed": False}))
def remove_person() -> None:
    """Removes a person with everything that is known of them."""
    remove_from_people()


@dg.job(
    config=examples.config(
        rename_in_people={"person": EXAMPLES.person, "name": f"{EXAMPLES.person} II", "agreed": False}
    )
)
def rename_person() -> None:
    """Gives a person another name; nothing is computed again."""
    rename_in_people()


@dg.job(config=examples.config(merge_in_people={"person": EXAMPLES.person, "other": EXAMPLES.other, "agreed": False}))
def merge_people() -> None:
    """Makes two people one."""
    merge_in_people()


@dg.job(
    config=examples.config(
        remove_reference={"person": EXAMPLES.person, "reference": EXAMPLES.reference, "agreed": False}
    )
)
def forget_reference() -> None:
    """Removes one reference photo of a person."""
    remove_reference()


PEOPLE_JOBS = [remove_person, rename_person, merge_people, forget_reference]
