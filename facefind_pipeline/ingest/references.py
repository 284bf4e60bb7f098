"""Reference photos: the folder of them, the one face in each, and its vector under a parameter set."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import Box, Face
from facefind_pipeline.ingest.faces import set_models, shared_embedder
from facefind_pipeline.ingest.listing import report, why_unreadable
from facefind_pipeline.ingest.names import key_of
from facefind_pipeline.ingest.reference_folder import list_references
from facefind_pipeline.ingest.sheet_files import remove_sheets_of
from facefind_pipeline.parameters import DetectorSettings, HogSettings, ParameterSet
from facefind_pipeline.path_text import comparable, printable, text_of
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import people, people_changes
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import look_again_at_erased
from facefind_pipeline.store.made import record_made
from facefind_pipeline.store.people import Person, ReferencePhoto
from facefind_pipeline.store.tombstones import Tombstones
from facefind_pipeline.vision.apart import apart
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.decode import DecodedPhoto, decode, decode_opened, require_memory
from facefind_pipeline.vision.detectors import Detector, load_detector
from facefind_pipeline.vision.failures import UnreadablePhotoError, reason
from facefind_pipeline.vision.opening import open_photo
from facefind_pipeline.vision.set_models import SetModels
from facefind_pipeline.vision.sheet import thumbnail
from facefind_pipeline.vision.watched_process import LostPhotoError

if TYPE_CHECKING:
    import pandas as pd

# Asked where the set's own detector does not find exactly one face: of all detectors it has the fewest false ones.
SECOND_OPINION = HogSettings(upsample=1, longest_side=2000)
_loaded = threading.local()


class EmbeddingFailedError(FacefindError):
    """The embedder failed on this one face; it may do with others."""


class NotOneFaceError(FacefindError):
    """A reference photo shows no face, or several; `faces` says how many."""

    def __init__(self, message: str, faces: int) -> None:
        super().__init__(message)
        self.faces = faces


class NotNowError(FacefindError):
    """The machine let nobody look at a reference photo; nothing is known of it."""


@dataclass(frozen=True, slots=True)
class LocatedFace:
    """The face of a reference photo under a set.

    Attributes:
        face: in the photo's upright pixels.
        found_by: the detector (its part of a key) that found it.
        thumbnail: a JPEG of it.
        crop: what the set's embedder sees of it; None where it could not be cropped.
        problem: why not.
    """

    face: Face
    found_by: str
    thumbnail: bytes
    crop: Image | None
    problem: str | None = None


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


def look_at_references(connection: Connection, settings: Settings) -> FolderLook:
    """Compares the references folder with what is stored of it.

    What can't be had now is kept: all of a person of whom one entry can't be read, and everyone if nothing at all is
    there. A folder in which some are left is taken at its word. Pictures that were taken from their person are no news,
    and what was forgotten is left out.
    """
    folder, tombstones = settings.references, Tombstones(settings.home)
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
        if refusal := tombstones.refusal(connection, key, name, reference.sha256):
            problems.append(f"reference {entry.path}: {refusal}")
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
        NotOneFaceError: no face, or several without `largest`; the message says where they are.
        NotNowError: what looked at it was killed.
        NotStartedError: nothing can be started that looks at it.
        FacefindError: unreadable, or the detector failed.
    """
    where = named(reference)
    try:
        found = apart(_locate, set_models(settings, parameters), reference.content, largest=reference.largest)
    except UnreadablePhotoError as error:
        if isinstance(error, LostPhotoError) and error.by_machine:
            raise NotNowError(f"{where} can't be looked at now: {error}; the same command tries it again") from None
        raise FacefindError(f"{where} can't be read: {error}") from None
    if isinstance(found, LocatedFace):
        return found
    if isinstance(found, str):
        raise FacefindError(f"{where}: detecting failed: {found}")
    if not found:
        raise NotOneFaceError(
            f"{where} shows no face that can be found: take one that shows it larger and from the front", 0
        )
    places = ", ".join(f"{f.box.w}x{f.box.h} at ({f.box.x}, {f.box.y})" for f in found)
    raise NotOneFaceError(
        f"{where} shows {len(found)} faces: {places}; cut it to one, or add --largest to take the largest", len(found)
    )


def embed_face(settings: Settings, parameters: ParameterSet, located: LocatedFace) -> Any:
    """The vector (d,) of a face that was located under the set.

    Raises:
        EmbeddingFailedError: the embedder failed on it.
        FacefindError: its model is missing.
    """
    if located.crop is None:
        raise EmbeddingFailedError(f"embedding failed: {located.problem}")
    embedder = shared_embedder(settings, parameters)
    try:
        return embedder.embed([located.crop])[0]
    except FacefindError:
        raise
    except Exception as error:  # as in vision.pipeline, whatever the libraries raise
        raise EmbeddingFailedError(f"embedding failed: {reason(error)}") from error


def _locate(models: SetModels, content: bytes, *, largest: bool) -> LocatedFace | list[Face] | str:
    """The face; or the faces that there are if it is not one, or why the detector failed."""
    opened = open_photo(content)
    wanted = (models.detector_settings, SECOND_OPINION)
    detectors = [(_detector(models.models, settings), settings.key) for settings in wanted]
    efforts = [detector.effort(opened.size) for detector, _ in detectors]
    require_memory(
        opened, working=max(effort.memory for effort in efforts), seconds=sum(effort.seconds for effort in efforts)
    )
    photo = decode_opened(opened, rgb=True, grey=True)
    seen: list[tuple[list[Face], str]] = []
    for detector, key in detectors:
        try:
            faces = detector.detect(photo)
        except Exception as error:  # noqa: BLE001 - as in vision.pipeline, whatever the libraries raise
            return reason(error)
        if len(faces) == 1:
            return _crop(models, photo, faces[0], key)
        seen.append((faces, key))
    faces, key = next((found for found in reversed(seen) if found[0]), ([], ""))
    if faces and largest:
        return _crop(models, photo, max(faces, key=lambda face: face.box.w * face.box.h), key)
    return faces


def _crop(models: SetModels, photo: DecodedPhoto, face: Face, found_by: str) -> LocatedFace:
    embedder = models.embedder()
    assert embedder is not None
    assert photo.rgb is not None
    assert photo.grey is not None
    crop, problem = None, None
    try:
        crop = embedder.crop(photo.grey if embedder.needs_grey else photo.rgb, face)
    except FacefindError:
        raise
    except Exception as error:  # noqa: BLE001 - as in vision.pipeline, whatever the libraries raise
        problem = reason(error)
    return LocatedFace(face, found_by, thumbnail(photo.rgb, face.box), crop, problem)


def crop_box(content: bytes, models: SetModels, box: Box) -> LocatedFace:
    """The face that somebody drew a box around, in a photo of this content.

    Raises:
        UnreadablePhotoError: it can't be decoded.
    """
    return _crop(models, decode(content, rgb=True, grey=True), Face(box, 0.0), "by hand")


def store_references(
    database: Database, settings: Settings, add: Sequence[ReferencePhoto], warn: Callable[[str], None]
) -> tuple[str, "pd.DataFrame"]:
    """Stores the references folder's photos and those of `add`; `warn` is called with what is left out.

    Returns:
        The data version of all reference photos, and a row per person: `person`, `references`.
    """
    import pandas as pd

    with database.lock("reference_photos"), database.connect() as connection:
        look = look_at_references(connection, settings)
        for problem in look.problems:
            warn(problem)
        for name, file in look.new.values():
            try:
                people.add_reference(connection, read_reference(name, file), "folder")
            except FacefindError as error:  # it went away meanwhile, or somebody else took the key
                warn(str(error))
        people.remove_references(connection, look.gone)
        if look.new or add:  # whoever is new may be one of those that were erased
            look_again_at_erased(connection)
        for reference in add:
            person = reference.person
            if refusal := Tombstones(settings.home).refusal(connection, person.key, person.name, reference.sha256):
                raise FacefindError(refusal)
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


def _detector(models: Path, detector: DetectorSettings) -> Detector:
    """One for each thread, since none of the libraries' detectors is safe in two."""
    loaded: dict[tuple[Path, DetectorSettings], Detector] = _loaded.__dict__.setdefault("detectors", {})
    if (models, detector) not in loaded:
        loaded[models, detector] = load_detector(detector, models)
    return loaded[models, detector]
