"""What commands check of their arguments before they import Dagster, which takes seconds.

Each raises the error that the work itself would end with; none writes anything, or makes a home where none is.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from facefind_pipeline.cli.workspace import home_exists
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import open_database


def check_folder(settings: Settings, root: Path, day_name: str | None = None) -> None:
    """Looks at a folder of photos as `run` and `ingest` register it.

    Raises:
        FacefindError: no such folder and none is known of it, no photos in it, or a name that another folder has.
    """
    from facefind_pipeline.ingest.folders import find_days
    from facefind_pipeline.ingest.register import look_at_folder

    if home_exists(settings):
        with open_database(settings).connect() as connection:
            look_at_folder(connection, settings, root, day_name)
    else:
        find_days(root, name=day_name, ignore=settings.ignore)


def check_set(settings: Settings, params: str | None) -> None:
    """Looks whether a set other than the home's default can be worked with, without fetching anything.

    Raises:
        FacefindError: no such set, its detector's file is missing, or a file that the settings name.
    """
    from facefind_pipeline.ingest.faces import shared_embedder
    from facefind_pipeline.parameters import ParameterSet
    from facefind_pipeline.set_names import DEFAULT
    from facefind_pipeline.store import parameter_sets
    from facefind_pipeline.vision.detectors import detector_fingerprint

    if params not in (None, DEFAULT):
        if home_exists(settings):
            with open_database(settings).connect() as connection:
                parameters = parameter_sets.resolve(connection, params)
        else:
            parameters = ParameterSet.parse(params)
        detector_fingerprint(parameters.detector, settings.models)
        shared_embedder(settings, parameters)


def check_references(given: Sequence[tuple[str, Path]]) -> None:
    """Reads the reference files; one that can't be read stops only a command that has no other.

    Raises:
        FacefindError: none can be read.
    """
    from facefind_pipeline.ingest.references import read_reference

    problems: list[str] = []
    for name, file in given:
        try:
            read_reference(name, file)
        except FacefindError as error:
            problems.append(str(error))
    if problems and len(problems) == len(given):
        raise FacefindError("; ".join(problems))


def check_names(settings: Settings, names: Sequence[str]) -> None:
    """Looks whether each name has a key of its own, among those given and those that are known, and was not forgotten.

    Raises:
        FacefindError: two names would be one key, or somebody of a name was forgotten.
    """
    from facefind_pipeline.ingest.references import person_of
    from facefind_pipeline.store import people
    from facefind_pipeline.store.tombstones import Tombstones

    given: dict[str, str] = {}
    for name in names:
        person = person_of(name)
        if not people.same_name(given.setdefault(person.key, person.name), person.name):
            raise FacefindError(people.taken(person, given[person.key]))
        if home_exists(settings):
            with open_database(settings).connect() as connection:
                people.known_as(connection, person)
                if refusal := Tombstones(settings.home).refusal(connection, person.key, name):
                    raise FacefindError(refusal)


def check_anybody(settings: Settings) -> None:
    """Looks whether there is anybody to look for without a reference given now.

    Raises:
        FacefindError: nobody is known, and no picture lies in the references folder.
    """
    from facefind_pipeline.ingest.reference_folder import list_references
    from facefind_pipeline.store import people

    if home_exists(settings):
        with open_database(settings).connect() as connection:
            if people.people(connection):
                return
    with suppress(OSError):  # no such folder
        if list_references(settings.references).files:
            return
    raise FacefindError(
        "nobody to look for: add --reference NAME=FILE with a picture of them; without one, `facefind ingest PHOTOS` "
        "and `facefind who` show everyone there is"
    )
