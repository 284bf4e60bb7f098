"""Folders of photos that lie elsewhere on this host than where they were given first."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.path_text import text_of
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.root_places import here, known_text
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits
from facefind_pipeline_tests.store.rows import table

NAMES = st.binary(min_size=1, max_size=8).map(
    lambda name: os.fsdecode(name.translate(None, b"/:=\0") or b"photos").strip(".") or "photos"
)


@contextmanager
def _map(value: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEFIND_ROOTS_MAP", value)
        yield


@given(st.lists(NAMES, max_size=3), NAMES, NAMES)
def test_each_path_has_one_place_here_and_leads_back(below: list[str], known: str, local: str) -> None:
    with _map(f"/known/{known}=/local/{local}"):
        path = Path("/known", known, *below)
        assert here(text_of(path)) == os.fspath(Path("/local", local, *below))
        assert known_text(here(text_of(path))) == text_of(path)


def test_what_only_begins_alike_stays_where_it_is() -> None:
    with _map("/srv/photos=/mnt/photos"):
        assert here("/srv/photos-of-bob/a.jpg") == "/srv/photos-of-bob/a.jpg"
        assert known_text("/mnt/photos2") == "/mnt/photos2"


def test_a_folder_that_the_map_has_elsewhere_is_refused() -> None:
    with (
        _map("/srv/photos=/mnt/nas"),
        pytest.raises(FacefindError, match="/srv/photos/x lies at /mnt/nas/x on this host: give that path"),
    ):
        known_text("/srv/photos/x")


def test_several_are_named() -> None:
    with _map("/srv/a=/mnt/one/:/srv/b/=/mnt/two"):
        assert (here("/srv/a/1.jpg"), here("/srv/b")) == ("/mnt/one/1.jpg", "/mnt/two")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("/srv/photos", "'/srv/photos' is not KNOWN=HERE"),
        ("photos=/mnt", "'photos=/mnt' is not KNOWN=HERE"),
        ("/srv/photos=", "is not KNOWN=HERE"),
        ("/srv=/mnt/a:/srv/photos=/mnt/b", "/srv/photos is named twice"),
        ("/srv/a=/mnt:/srv/b=/mnt", "/mnt is named twice"),
    ],
)
def test_a_map_that_cannot_be_read_is_refused(settings: object, value: str, message: str) -> None:
    with _map(value), pytest.raises(FacefindError, match=f"^FACEFIND_ROOTS_MAP: .*{message}"):
        read_settings()


@pytest.mark.slow
def test_a_host_that_has_the_photos_elsewhere_works_on_them_as_its_own(
    facefind: Facefind, filled: Path, database: Database, portraits: Portraits
) -> None:
    before = [match["file"] for match in json.loads(facefind("find", "Ada", "--json").stdout)]
    local = filled.rename(filled.with_name("elsewhere"))
    with _map(f"{filled}={local}"):
        found = json.loads(facefind("find", "Ada", "--json").stdout)
        assert [match["file"] for match in found] == [file.replace(str(filled), str(local)) for file in before]
        assert all(match["there"] for match in found)

        portraits.collins.save(next(folder for folder in local.iterdir() if folder.is_dir()) / "new.png")
        read = facefind("run", local, "--params", SMALL_SET)
        assert read.exit_code == 0, read.stderr
        assert "--moved" not in read.stderr
        (exports,) = [line for line in facefind("env").stdout.splitlines() if "ROOTS_MAP" in line]
        assert f"{filled}={local}" in exports
    with database.connect() as connection:
        assert table(connection, "SELECT path FROM photo_roots") == [(str(filled),)]
        assert table(connection, "SELECT count(*) FROM photos WHERE path LIKE '%new.png'") == [(1,)]
