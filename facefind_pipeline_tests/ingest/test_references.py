"""Reference photos of the folder: what is bad is told and left out, what is missing deletes nothing."""

import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest import reference_vectors, references
from facefind_pipeline.ingest.references import (
    FolderLook,
    embed_face,
    locate_face,
    look_at_references,
    store_references,
)
from facefind_pipeline.ingest.register import register_missing_set
from facefind_pipeline.ingest.sheet_files import remove_sheets_of, sheet_path
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import people
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.people import Person, ReferencePhoto
from facefind_pipeline.vision import formats
from facefind_pipeline.vision.sheet import Tile, write_sheet
from facefind_pipeline.vision.watched_process import LostPhotoError, NotStartedError
from facefind_pipeline_tests.conftest import SMALL_SET, Portraits, turned_portrait
from facefind_pipeline_tests.store.rows import Photo, partition, table, vector, write_all


@pytest.fixture
def folder(settings: Settings, reference: Path) -> Path:
    (settings.references / "Ada").mkdir(parents=True)
    shutil.copy(reference, settings.references / "Ada" / "1.jpg")
    shutil.copy(reference, settings.references / "Grace.jpg")
    return settings.references


def _stored(database: Database, settings: Settings, told: list[str]) -> set[str]:
    store_references(database, settings, [], told.append)
    with database.connect() as connection:
        return {person for person, _ in people.stored_references(connection)}


def test_a_file_that_can_not_be_read_is_told_and_the_others_are_stored(
    folder: Path, database: Database, settings: Settings
) -> None:
    (folder / "Bob.jpg").symlink_to("nowhere.jpg")
    (folder / ".hidden.jpg").write_text("")
    told: list[str] = []
    assert _stored(database, settings, told) == {"ada", "grace"}
    assert len(told) == 1
    assert "Bob.jpg" in told[0]


def test_a_reference_is_known_by_its_content_and_one_that_can_not_be_read_is_kept(
    folder: Path, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "Eve").write_bytes((folder / "Grace.jpg").read_bytes())
    (folder / "guests.csv").write_text("Ada,Eve,Grace")
    assert _stored(database, settings, []) == {"ada", "eve", "grace"}

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(formats, "_kind_of_content", fail)
    told: list[str] = []
    assert _stored(database, settings, told) == {"ada", "eve", "grace"}
    assert told == [f"{folder}/Eve: can't be read: input/output error"]


def test_a_photo_that_leaves_the_folder_leaves_but_a_missing_folder_deletes_nothing(
    folder: Path, database: Database, settings: Settings
) -> None:
    _stored(database, settings, [])
    (folder / "Grace.jpg").unlink()
    assert _stored(database, settings, []) == {"ada"}
    folder.rename(folder.with_name("away"))
    assert _stored(database, settings, []) == {"ada"}


def test_a_name_that_is_taken_is_told_and_the_others_are_stored(
    folder: Path, database: Database, settings: Settings, reference: Path
) -> None:
    with database.connect() as connection:
        people.add_reference(connection, ReferencePhoto(Person("li-lei", "李雷"), "a.jpg", b"a"), "command")
    shutil.copy(reference, folder / "Li Lei.jpg")
    told: list[str] = []
    assert _stored(database, settings, told) == {"ada", "grace", "li-lei"}
    assert [line for line in told if "another name" in line] == told
    assert told


def test_names_that_share_a_key_are_not_one_person(database: Database) -> None:
    with database.connect() as connection:
        people.add_reference(connection, ReferencePhoto(Person("li-lei", "李雷"), "a.jpg", b"a"), "command")
        with pytest.raises(FacefindError, match="another name"):
            people.add_reference(connection, ReferencePhoto(Person("li-lei", "李磊"), "b.jpg", b"b"), "command")
        people.add_reference(connection, ReferencePhoto(Person("jose", "José"), "a.jpg", b"a"), "command")
        people.add_reference(connection, ReferencePhoto(Person("jose", "jose"), "b.jpg", b"b"), "command")
        assert people.people(connection) == [Person("jose", "José"), Person("li-lei", "李雷")]


def _look(database: Database, settings: Settings) -> FolderLook:
    with database.connect() as connection:
        return look_at_references(connection, settings)


def test_a_folder_that_is_suddenly_empty_deletes_nothing_and_is_not_read_again(
    folder: Path, database: Database, settings: Settings
) -> None:
    _stored(database, settings, [])
    shutil.rmtree(folder / "Ada")
    (folder / "Grace.jpg").unlink()
    told: list[str] = []
    assert _stored(database, settings, told) == {"ada", "grace"}
    assert told == [f"references folder {folder} has no picture any more; the references that it held are kept"]
    look = _look(database, settings)
    assert (look.new, look.gone) == ({}, ())


def test_references_that_can_not_be_had_for_a_moment_are_kept(
    folder: Path, database: Database, settings: Settings, reference: Path, portraits: Portraits
) -> None:
    shutil.copy(reference, folder / "Bob.jpg")
    portraits.collins.save(folder / "Eve.jpg")
    _stored(database, settings, [])
    for name in ("Ada", "Bob.jpg"):  # links into a folder that is not mounted
        (folder / name).rename(folder.with_name(f"away {name}"))
        (folder / name).symlink_to(f"/mnt/none/{name}")
    (folder / "Grace.jpg").unlink()
    (folder / "Grace.jpg").symlink_to("Grace.jpg")
    told: list[str] = []
    assert _stored(database, settings, told) == {"ada", "bob", "eve", "grace"}
    assert len(told) == 3
    (folder / "Bob.jpg").unlink()
    assert _stored(database, settings, []) == {"ada", "eve", "grace"}


def test_links_in_loops_make_nobody(folder: Path, database: Database, settings: Settings) -> None:
    for name, target in {"l1": ".", "l2": "..", "Bob": "Ada", "@eaDir": "Ada", "self": "self"}.items():
        (folder / name).symlink_to(target)
    told: list[str] = []
    assert _stored(database, settings, told) == {"ada", "grace"}
    assert len(told) == 3


def test_long_names_have_short_keys_and_sheets(database: Database, settings: Settings, reference: Path) -> None:
    settings.references.mkdir(parents=True)
    shutil.copy(reference, settings.references / f"{'婚' * 80}.jpg")
    assert [len(person) <= 100 for person in _stored(database, settings, [])] == [True]
    sheet = sheet_path(settings, SMALL_SET, "people", "x" * 300)
    write_sheet(sheet, [Tile(reference.read_bytes())], title="x" * 300)
    remove_sheets_of(settings, ["x" * 300])
    assert not sheet.exists()


def test_a_person_whose_references_left_the_folder_leaves_the_results_of_all(
    folder: Path, database: Database, settings: Settings
) -> None:
    with database.connect() as connection:
        write_all(connection, partition(connection, "friday"), [Photo("a.jpg", "a", [vector(1)])])
    _stored(database, settings, [])
    with database.connect() as connection, connection.cursor() as cursor:
        for person in ("ada", "grace"):
            cursor.execute(
                "INSERT INTO searches (parameter_set, person) SELECT parameter_set, %s FROM parameter_sets",
                [person],
            )
    (folder / "Grace.jpg").unlink()
    _stored(database, settings, [])
    with database.connect() as connection:
        assert table(connection, "SELECT person FROM searches") == []
        assert [person.key for person, count in people.reference_counts(connection) if count] == ["ada"]


@pytest.mark.parametrize(
    ("lost", "stored", "not_now"),
    [
        (LostPhotoError("crashed (Killed)", by_machine=True), [], 2),
        (LostPhotoError("crashed (Segmentation fault)"), [("ada", True), ("grace", True)], 0),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_reference_that_the_machine_ended_leaves_no_row(
    lost: LostPhotoError,
    stored: list[tuple[str, bool]],
    not_now: int,
    database: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ended(*_: object, **__: object) -> None:
        raise lost

    _stored(database, settings, [])
    register_missing_set(database, settings, SMALL_SET)
    monkeypatch.setattr(references, "apart", ended)
    made = reference_vectors.embed_people(database, settings, SMALL_SET, {})
    assert len(made.not_now) == not_now
    with database.connect() as connection:
        rows = table(connection, "SELECT person, problem IS NOT NULL FROM reference_embeddings ORDER BY 1")
        assert rows == stored
        assert table(connection, "SELECT complete FROM made WHERE asset = 'reference_embeddings'") == [(not not_now,)]


@pytest.mark.usefixtures("folder")
def test_a_reference_that_no_process_looks_at_leaves_no_row(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise NotStartedError("no process")

    _stored(database, settings, [])
    register_missing_set(database, settings, SMALL_SET)
    monkeypatch.setattr(references, "apart", refused)
    with pytest.raises(NotStartedError):
        reference_vectors.embed_people(database, settings, SMALL_SET, {})
    with database.connect() as connection:
        assert table(connection, "SELECT count(*) FROM reference_embeddings") == [(0,)]


def test_a_reference_in_24_turns_gives_nearly_the_same_vector(settings: Settings, portraits: Portraits) -> None:
    parameters, vectors = ParameterSet.parse("recommended"), []
    for degrees in range(0, 360, 15):
        content = BytesIO()
        turned_portrait(portraits.hopper, degrees).save(content, "JPEG", quality=92)
        reference = ReferencePhoto(Person("grace", "Grace"), f"{degrees}.jpg", content.getvalue())
        located = locate_face(settings, parameters, reference)
        assert located.found_by == parameters.detector.key  # the set's own detector, without a second opinion
        vectors.append(embed_face(settings, parameters, located))
    distances = np.linalg.norm(np.array(vectors) - vectors[0], axis=1)
    assert distances.max() < 0.3, distances
