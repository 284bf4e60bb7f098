"""Reference photos of the folder: what is bad is told and left out, what is missing deletes nothing."""

import shutil
from pathlib import Path

import pytest

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.references import store_references
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import people
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.people import Person, ReferencePhoto


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
