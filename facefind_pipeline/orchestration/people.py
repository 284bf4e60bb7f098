"""Jobs that change who is who: a person is removed, renamed, merged into another, or loses a reference photo.

None asks again, and none makes results: the command does, and from the UI the job `fill_missing`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from psycopg2.extensions import connection as Connection  # noqa: N812
from pydantic import Field

from facefind_pipeline.orchestration.resources import Workspace

KEY = "The person's key."


class PersonConfig(dg.Config):
    """A person."""

    person: str = Field(description=KEY)


class RenameConfig(dg.Config):
    """A person and their new name."""

    person: str = Field(description=KEY)
    name: str = Field(description="The name from now on, as it is shown; the key follows from it.")


class MergeConfig(dg.Config):
    """Two people who are one."""

    person: str = Field(description="The key of the person who stays.")
    other: str = Field(description="The key of the person who goes: references, confirmed and rejected photos move.")


class ReferenceConfig(dg.Config):
    """A reference photo of a person."""

    person: str = Field(description=KEY)
    sha256: str = Field(description="Of the picture's content, in hex.")


@dg.op
def remove_from_people(config: PersonConfig, workspace: dg.ResourceParam[Workspace]) -> None:
    """Removes the person with references, vectors, results, sheets and what was said of photos."""
    from facefind_pipeline.ingest import who

    with _people(workspace) as connection:
        who.remove_person(connection, workspace.settings, config.person)


@dg.op
def rename_in_people(config: RenameConfig, workspace: dg.ResourceParam[Workspace]) -> None:
    """Gives the person another name and key; stored results stay current."""
    from facefind_pipeline.ingest import who
    from facefind_pipeline.search.renaming import results_kept

    with _people(workspace) as connection, results_kept(connection):
        who.rename_person(connection, workspace.settings, config.person, config.name)


@dg.op
def merge_in_people(config: MergeConfig, workspace: dg.ResourceParam[Workspace]) -> None:
    """Moves references and what was said of photos to the person who stays, and removes the other."""
    from facefind_pipeline.ingest import who

    with _people(workspace) as connection:
        who.merge_people(connection, workspace.settings, config.person, config.other)


@dg.op
def remove_reference(config: ReferenceConfig, workspace: dg.ResourceParam[Workspace]) -> None:
    """Removes the reference photo and its vectors."""
    from facefind_pipeline.ingest import who

    with _people(workspace) as connection:
        who.forget_reference(connection, workspace.settings, config.person, bytes.fromhex(config.sha256))


@dg.job
def remove_person() -> None:
    """Removes a person with everything that is known of them."""
    remove_from_people()


@dg.job
def rename_person() -> None:
    """Gives a person another name; nothing is computed again."""
    rename_in_people()


@dg.job
def merge_people() -> None:
    """Makes two people one."""
    merge_in_people()


@dg.job
def forget_reference() -> None:
    """Removes one reference photo of a person."""
    remove_reference()


PEOPLE_JOBS = [remove_person, rename_person, merge_people, forget_reference]


@contextmanager
def _people(workspace: Workspace) -> Iterator[Connection]:
    """A transaction while nobody reads the references folder."""
    with workspace.database.lock("reference_photos"), workspace.database.connect() as connection:
        yield connection
