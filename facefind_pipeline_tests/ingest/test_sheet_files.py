"""Which contact sheets go when a person or a day does."""

import pytest

from facefind_pipeline.ingest.sheet_files import remove_sheets_of, remove_sheets_of_day, sheet_path
from facefind_pipeline.settings import Settings
from facefind_pipeline_tests.conftest import SMALL_SET

OF_ADA = [("people", "ada"), ("albums", "ada"), ("galleries", "ada+bob")]
OF_BOB = [("people", "bob"), ("albums", "bob")]


@pytest.fixture
def sheets(settings: Settings) -> None:
    for names in (*OF_ADA, *OF_BOB, ("results",), ("days", "friday"), ("days", "saturday")):
        sheet = sheet_path(settings, SMALL_SET, *names)
        sheet.parent.mkdir(parents=True, exist_ok=True)
        sheet.write_bytes(b"faces")


def _left(settings: Settings) -> set[str]:
    return {file.relative_to(file.parents[1]).as_posix() for file in settings.sheets.rglob("*.jpg")}


@pytest.mark.usefixtures("sheets")
def test_with_a_person_go_all_that_show_her_by_name(settings: Settings) -> None:
    remove_sheets_of(settings, ["ada"])
    assert _left(settings) == {"people/bob.jpg", "albums/bob.jpg", "days/friday.jpg", "days/saturday.jpg"}


@pytest.mark.usefixtures("sheets")
def test_with_a_day_go_all_that_may_show_faces_of_it(settings: Settings) -> None:
    remove_sheets_of_day(settings, "friday")
    assert _left(settings) == {"days/saturday.jpg"}
