"""Reference photos: the folder of them, the one face in each, and its vector under a parameter set."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import Face
from facefind_pipeline.ingest.faces import shared_embedder
from facefind_pipeline.ingest.listing import report, why_unreadable
from facefind_pipeline.ingest.names import key_of
from facefind_pipeline.ingest.reference_folder import list_references
from facefind_pipeline.ingest.sheet_files import remove_sheets_of
from facefind_pipeline.parameters import DetectorSettings, HogSettings, ParameterSet
from facefind_pipeline.path_text import comparable, printable, text_of
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import people, people_changes
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.made import record_made
from facefind_pipeline.store.people import Person, ReferencePhoto
from facefind_pipeline.vision.decode import DecodedPhoto, UnreadablePhotoError, decode
from facefind_pipeline.vision.detectors import Detector, load_detector
from facefind_pipeline.vision.failures import reason

if TYPE_CHECKING:
    import pandas as pd

# Asked where the set's own detector does not find exactly one face: of all detectors it has the fewest false ones.
SECOND_OPINION = HogSettings(upsample=1, longest_side=2000)


class EmbeddingFailedError(FacefindError):
    """The embedder failed on this one face; it may do with others."""


@dataclass(frozen=True, slots=True)
class LocatedFace:
    """The face of a reference photo, and the detector (its part of a key) that found it."""

    photo: DecodedPhoto
    face: Face
    found_by: str


def person_of(name: str) -> Person:
    """The person of a display name.

    Raises:
        FacefindError: nothing of the name is left for a key.
    """
    return Person(key_of(name), comparable(name))


def read_reference(name: str, file: Path, *, largest: bool = False) -> ReferencePhoto:
    """A reference photo from a file.

    Raises:
        FacefindError: the file can't be read.
    """
    try:
        return ReferencePhoto(person_of(name), text_of(file.name), file.read_bytes(), largest)
    except OSError as error:
        raise FacefindError(f"reference {printable(str(file))} {why_unreadable(error)}") from None


@dataclass(frozen=True, slots=True)
class FolderLook:
    """The references folder against the tables.

    Attributes:
        new: (person, sha256) of photos that are to be stored, each with the person's name and the file.
        gone: (person, sha256) of photos that came from the folder and are there no more.
        problems: a line for all that is left out or can't be had now, and for a name that is taken for another.
    """

    new: Mapping[tuple[str, bytes], tuple[str, Path]]
    gone: Collection[tuple[str, bytes]]
    problems: Sequence[str]


def look_at_references(connection: Connection, folder: Path) -> FolderLook:
    """Compares the references folder with what is stored of it.

    What can't be had now is kept: all of a person of whom one entry can't be read, and everyone if nothing at all is
    there. A folder in which some are left is taken at its word. Pictures that were taken from their person are no news.
    """
    stored = people.stored_references(connection)
    of_folder = {key for key, (source, _) in stored.items() if source == "folder"}
    try:
        listing = list_references(folder)
    except OSError as error:
        kept = f"references folder {folder} {why_unreadable(error)}; the references that it held are kept"
        return FolderLook({}, (), [kept] if of_folder else [])
    names = {person.key: person.name for person in people.people(connection)}
    dismissed = people_changes.dismissed(connection)
    found: dict[tuple[str, bytes], tuple[str, Path]] = {}
    problems, unread = report(listing.problems), set(listing.unread)
    some_dismissed = False
    for name, entry in listing.files:
        try:
            reference = read_reference(name, Path(entry.path))
        except FacefindError as error:
            problems.append(str(error))
            unread.add(name)
            continue
        key = reference.person.key
        if (key, reference.sha256) in dismissed:
            some_dismissed = True
            continue
        if people.same_name(names.setdefault(key, name), name):
            found[key, reference.sha256] = name, Path(entry.path)
            if (key, reference.sha256) not in stored:
                problems += people.taken_for(reference.person, names[key])
        else:
            problems.append(f"reference {entry.path}: {people.taken(reference.person, names[key])}")
    if of_folder and not found and not some_dismissed:
        problems.append(f"references folder {folder} has no picture any more; the references that it held are kept")
        return FolderLook({}, (), problems)
    kept_people = {slugged for name in unread if (slugged := _key_or_none(name))}
    return FolderLook(
        {key: file for key, file in found.items() if key not in stored},
        {key for key in of_folder - found.keys() if key[0] not in kept_people},
        problems,
    )


def lying_in_folder(folder: Path, person: Person) -> dict[bytes, Path]:
    """The pictures that lie in the references folder under a person's name now, by SHA-256."""
    try:
        files = list_references(folder).files
    except OSError:  # no such folder, or it can't be read now
        return {}
    lying = {}
    for name, entry in files:
        if _key_or_none(name) == person.key:
            with suppress(FacefindError):
                lying[read_reference(name, Path(entry.path)).sha256] = Path(entry.path)
    return lying


def locate_face(settings: Settings, parameters: ParameterSet, reference: ReferencePhoto) -> LocatedFace:
    """The one face of a reference photo, by the set's detector, else by a second opinion.

    Raises:
        FacefindError: unreadable, no face, or several without `largest`; the message says where they are. Or the
            detector failed.
    """
    where = named(reference)
    try:
        photo = decode(reference.content, rgb=True, grey=True)
    except UnreadablePhotoError as error:
        raise FacefindError(f"{where} can't be read: {error}") from None
    seen: list[tuple[list[Face], str]] = []
    for detector in (parameters.detector, SECOND_OPINION):
        found_in = _detector(settings.models, detector)
        try:
            faces = found_in.detect(photo)
        except Exception as error:  # as in vision.pipeline, whatever the libraries raise
            raise FacefindError(f"{where}: detecting failed: {reason(error)}") from error
        if len(faces) == 1:
            return LocatedFace(photo, faces[0], detector.key)
        seen.append((faces, detector.key))
    faces, found_by = next((found for found in reversed(seen) if found[0]), ([], ""))
    if not faces:
        raise FacefindError(
            f"{where} shows no face that can be found: take one that shows it larger and from the front"
        )
    largest = max(faces, key=lambda face: face.box.w * face.box.h)
    if reference.largest:
        return LocatedFace(photo, largest, found_by)
    places = ", ".join(f"{f.box.w}x{f.box.h} at ({f.box.x}, {f.box.y})" for f in faces)
    raise FacefindError(
        f"{where} shows {len(faces)} faces: {places}; cut it to one, or add --largest to take the largest"
    )


def embed_face(settings: Settings, parameters: ParameterSet, located: LocatedFace) -> Any:
    """The vector (d,) of a located face under the set.

    Raises:
        EmbeddingFailedError: the embedder failed on it.
        FacefindError: its model is missing.
    """
    embedder = shared_embedder(settings, parameters)
    pixels = located.photo.grey if embedder.needs_grey else located.photo.rgb
    assert pixels is not None
    try:
        return embedder.embed([embedder.crop(pixels, located.face)])[0]
    except FacefindError:
        raise
    except Exception as error:  # as in vision.pipeline, whatever the libraries raise
        raise EmbeddingFailedError(f"embedding failed: {reason(error)}") from error


def store_references(
    database: Database, settings: Settings, add: Sequence[ReferencePhoto], warn: Callable[[str], None]
) -> tuple[str, "pd.DataFrame"]:
    """Stores the references folder's photos and those of `add`; `warn` is called with what is left out.

    Returns:
        The data version of all reference photos, and a row per person: `person`, `references`.
    """
    import pandas as pd

    with database.lock("reference_photos"), database.connect() as connection:
        look = look_at_references(connection, settings.references)
        for problem in look.problems:
            warn(problem)
        for name, file in look.new.values():
            try:
                people.add_reference(connection, read_reference(name, file), "folder")
            except FacefindError as error:  # it went away meanwhile, or somebody else took the key
                warn(str(error))
        people.remove_references(connection, look.gone)
        for reference in add:
            people.add_reference(connection, reference, "command")
        everyone = people.reference_counts(connection)
        version = people.references_version(connection)
        record_made(connection, "reference_photos", "", version, version)
    if look.gone:
        remove_sheets_of(settings, [person.key for person, count in everyone if not count])
    counts = [(person.name, count) for person, count in everyone if count]
    return version, pd.DataFrame(counts, columns=["person", "references"])


def named(reference: ReferencePhoto) -> str:
    """A reference photo, for messages."""
    return f"reference {reference.filename} of {reference.person.name}"


def _key_or_none(name: str) -> str | None:
    try:
        return key_of(name)
    except FacefindError:
        return None


@lru_cache(maxsize=4)
def _detector(models: Path, detector: DetectorSettings) -> Detector:
    return load_detector(detector, models)
