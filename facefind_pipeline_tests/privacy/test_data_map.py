"""The data map against what a run really writes: every column, every file; and the page that is made of it."""

from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from facefind_pipeline.privacy.data_map import DAGSTER_TABLES, erasing, files_of
from facefind_pipeline.privacy.tables import TABLES
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind
from facefind_pipeline_tests.store.rows import table
from tools.privacy_tables import PAGE, page

COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables
USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
  AND table_name NOT IN (SELECT inhrelid::regclass::text FROM pg_inherits)
"""


def test_every_column_of_a_database_that_a_run_has_filled_is_in_the_map(filled: Path, database: Database) -> None:
    mapped = {(one.name, column) for one in TABLES for column in one.all_columns}
    with database.connect() as connection:
        assert set(table(connection, COLUMNS)) == mapped
    with closing(psycopg2.connect(database.dagster_url)) as connection:
        assert {name for name, _ in table(connection, COLUMNS)} == set(DAGSTER_TABLES)


def test_no_column_is_in_two_classes() -> None:
    for one in TABLES:
        listed = [column for names in one.columns.values() for column in names.split()]
        assert len(listed) == len(set(listed)), one.name


@pytest.mark.slow
def test_every_file_that_commands_leave_in_a_home_is_in_the_map(
    facefind: Facefind, filled: Path, settings: Settings, tmp_path: Path
) -> None:
    assert facefind("gallery", "Ada", "--out", tmp_path / "gallery").exit_code == 0
    assert facefind("album", "Ada", "--dry-run").exit_code == 0
    truth = tmp_path / "truth.csv"
    truth.write_text("person,filename\nAda,hopper.jpg\n")
    assert facefind("truth", "add", truth).exit_code == 0
    assert facefind("evaluate", "--params", SMALL_SET).exit_code == 0
    files = [str(file.relative_to(settings.home)) for file in settings.home.rglob("*") if file.is_file()]
    assert len(files) > 10
    assert [file for file in files if files_of(file) is None] == []


def test_every_table_with_something_of_people_says_what_erases_it() -> None:
    erased = {one.name for one in erasing()}
    for one in TABLES:
        of_people = {kind.name for kind in one.columns} & {"NAME", "PICTURE", "VECTOR", "FACE", "SHOWN", "STATED"}
        assert not of_people or one.name in erased, one.name


def test_a_table_that_refers_to_another_is_erased_before_it(database: Database) -> None:
    places = {one.name: place for place, one in enumerate(TABLES)}
    with database.connect() as connection:
        references = table(
            connection,
            "SELECT DISTINCT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint"
            " WHERE contype = 'f' AND conparentid = 0 AND conrelid <> confrelid",
        )
    erased = {one.name for one in erasing()}
    for child, parent in references:
        if child in erased and parent in erased:
            assert places[child] < places[parent], (child, parent)


def test_the_page_on_privacy_has_the_maps_tables() -> None:

    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run tools/privacy_tables.py"
