"""Pictures in metadata: a link and a file's path, never the picture."""

import socket
from dataclasses import replace
from io import BytesIO

from PIL import Image

from facefind_pipeline.ingest.sheet_files import SHEETS_URL, sheet_path
from facefind_pipeline.orchestration.previews import columns_metadata, sheet_metadata
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.vision.sheet import Tile


def _tiles() -> list[Tile]:
    picture = BytesIO()
    Image.new("RGB", (96, 96), "steelblue").save(picture, "JPEG")
    return [Tile(picture.getvalue(), ("a face",))] * 3


def test_a_preview_is_a_link_that_says_how_to_open_the_sheet_elsewhere(settings: Settings) -> None:
    file = sheet_path(settings, "day é", "photos")
    made = sheet_metadata(settings, _tiles(), file, title="t")
    assert set(made) == {"preview", "contact_sheet"}
    text = str(made["preview"].value)
    assert f"({SHEETS_URL}day%20%C3%A9/photos.jpg)" in text
    assert f"`xdg-open '{file}'`" in text
    assert "data:" not in text
    assert Image.open(file).width > 96
    assert sheet_metadata(settings, [], file, title="t") == {}
    assert not file.exists()


def test_where_several_hosts_work_it_says_which_of_them_has_the_file(settings: Settings) -> None:
    hosts = replace(settings, broker_url="redis://:secret@db")
    made = sheet_metadata(hosts, _tiles(), sheet_path(settings, "day", "photos"), title="t")
    assert made["contact_sheet_host"].value == socket.gethostname()


def test_columns_are_those_of_the_table_with_their_comments(settings: Settings, database: Database) -> None:
    columns = columns_metadata(database, "photos")["dagster/column_schema"].value.columns
    known = {column.name: (column.type, column.description) for column in columns}
    assert known["width"] == ("integer", "upright pixels")
    assert known["sha256"][0] == "bytea"
