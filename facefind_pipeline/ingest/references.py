"""Reference photos: the folder of them, the one face in each, and its vector under a parameter set."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.faces import present_partition, record_fingerprints, shared_embedder
from facefind_pipeline.ingest.folders import is_utf8, key_of
from facefind_pipeline.parameters import DetectorSettings, HogSettings, ParameterSet
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import people
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import StoredFace
from facefind_pipeline.store.people import Person, ReferenceEmbedding, ReferencePhoto
from facefind_pipeline.vision.decode import DecodedPhoto, UnreadablePhotoError, decode
from facefind_pipeline.vision.detectors import Detector, load_detector
from facefind_pipeline.vision.faces import Face
from facefind_pipeline.vision.formats import PHOTO, kind_of_file
from facefind_pipeline.vision.sheet import thumbnail

if TYPE_CHECKING:
    import pandas as pd

# Asked where the set's own detector does not find exactly one face: of all detectors it has the fewest false ones.
SECOND_OPINION = HogSettings(upsample=1, longest_side=2000)


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
    return Person(key_of(name), name)


def read_reference(name: str, file: Path, *, largest: bool = False) -> ReferencePhoto:
    """A reference photo from a file.

    Raises:
        FacefindError: the file can't be read.
    """
    if not is_utf8(f"{name}{file.name}"):
        raise FacefindError(f"reference {str(file).encode(errors='backslashreplace').decode()} is not UTF-8: rename it")
    try:
        return ReferencePhoto(person_of(name), file.name, file.read_bytes(), largest)
    except OSError as error:
        raise FacefindError(f"reference {file} can't be read: {(error.strerror or str(error)).lower()}") from None


def references_in(folder: Path, tell: Callable[[str], None]) -> Iterator[ReferencePhoto]:
    """Reference photos of a folder: `NAME.jpg`, or `NAME/` with several; what can't be read is told and left out."""
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        named = [(entry.name, file) for file in sorted(entry.iterdir())] if entry.is_dir() else [(entry.stem, entry)]
        for name, file in named:
            if kind_of_file(file) == PHOTO and not name.startswith(".") and not file.name.startswith("."):
                try:
                    yield read_reference(name, file)
                except FacefindError as error:
                    tell(str(error))


def locate_face(settings: Settings, parameters: ParameterSet, reference: ReferencePhoto) -> LocatedFace:
    """The one face of a reference photo, by the set's detector, else by a second opinion.

    Raises:
        FacefindError: unreadable, no face, or several without `largest`; the message says where they are.
    """
    where = f"reference {reference.filename} of {reference.person.name}"
    try:
        photo = decode(reference.content, rgb=True, grey=True)
    except UnreadablePhotoError as error:
        raise FacefindError(f"{where} can't be read: {error}") from None
    seen: list[tuple[list[Face], str]] = []
    for detector in (parameters.detector, SECOND_OPINION):
        faces = _detector(settings, detector).detect(photo)
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
    """The vector (d,) of a located face under the set."""
    embedder = shared_embedder(settings, parameters)
    pixels = located.photo.grey if embedder.needs_grey else located.photo.rgb
    assert pixels is not None
    return embedder.embed([embedder.crop(pixels, located.face)])[0]


def embed_references(database: Database, settings: Settings, key: str) -> list[ReferenceEmbedding]:
    """Embeds the references that the set has not tried yet; a bad one becomes a row with its problem."""
    parameters = ParameterSet.parse(key)
    made = []
    with database.lock("references", key), database.connect() as connection:
        partition = present_partition(settings, "", parameters)
        record_fingerprints(connection, settings, parameters)
        to_do = people.references_to_do(connection, key, partition.detector, partition.embedder)
        connection.commit()
        for person, sha256 in to_do:
            reference = people.reference(connection, person, sha256)
            connection.commit()  # no transaction stays open while a face is looked for
            if reference is None:
                continue
            result = _embed_reference(settings, parameters, reference)
            people.write_reference_embedding(connection, key, partition.detector, partition.embedder, result)
            connection.commit()
            made.append(result)
    return made


def store_references(
    database: Database, settings: Settings, add: Sequence[tuple[str, str, bool]], tell: Callable[[str], None]
) -> tuple[str, "pd.DataFrame"]:
    """Stores the references folder's photos and those of `add` (name, file, largest); `tell` hears what is left out.

    Returns:
        The data version of all reference photos, and a row a person: `person`, `references`.
    """
    import pandas as pd

    with database.lock("reference_photos"), database.connect() as connection:
        present = []
        for reference in references_in(settings.references, tell):
            try:
                people.add_reference(connection, reference, "folder")
            except FacefindError as error:  # another person's key: nobody else waits for that
                tell(str(error))
                continue
            present.append((reference.person.key, reference.sha256))
        if settings.references.is_dir():  # a folder that is missing deletes nothing
            people.remove_missing_from_folder(connection, present)
        for name, file, largest in add:
            people.add_reference(connection, read_reference(name, Path(file), largest=largest), "command")
        counts = [(person.name, count) for person, count in people.reference_counts(connection)]
        return people.references_version(connection), pd.DataFrame(counts, columns=["person", "references"])


def reference_report(database: Database, key: str) -> tuple["pd.DataFrame", str]:
    """How every reference fares under a set: `person`, `file`, `found_by`, `problem`; and their data version."""
    import pandas as pd

    with database.connect() as connection:
        rows = [
            (state.person.name, state.filename, state.found_by or "", state.problem or "")
            for state in people.reference_states(connection, key)
        ]
        version = people.reference_embeddings_version(connection, key)
    return pd.DataFrame(rows, columns=["person", "file", "found_by", "problem"]), version


def _embed_reference(settings: Settings, parameters: ParameterSet, reference: ReferencePhoto) -> ReferenceEmbedding:
    known = (reference.person.key, reference.sha256, reference.largest)
    try:
        located = locate_face(settings, parameters, reference)
    except FacefindError as error:
        return ReferenceEmbedding(*known, problem=str(error))
    assert located.photo.rgb is not None
    return ReferenceEmbedding(
        *known,
        found_by=located.found_by,
        face=StoredFace(located.face.box, located.face.score, located.face.landmarks),
        thumbnail=thumbnail(located.photo.rgb, located.face.box),
        vector=embed_face(settings, parameters, located),
    )


@cache
def _detector(settings: Settings, detector: DetectorSettings) -> Detector:
    return load_detector(detector, settings.models)
