"""Pictures in metadata: small inline unless turned off, the full one as a file."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

from PIL import Image

from facefind_pipeline.orchestration.previews import columns_metadata, sheet_metadata
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.vision.sheet import Tile


def _tiles() -> list[Tile]:
    picture = BytesIO()
    Image.new("RGB", (96, 96), "steelblue").save(picture, "JPEG")
    return [Tile(picture.getvalue(), ("a face",))] * 3


def test_previews_can_be_turned_off(tmp_path: Path) -> None:
    settings = read_settings()
    file = tmp_path / "sheet.jpg"
    assert set(sheet_metadata(settings, _tiles(), file, title="t")) == {"preview", "contact_sheet"}
    off = sheet_metadata(replace(settings, previews=False), _tiles(), file, title="t")
    assert set(off) == {"contact_sheet"}
    assert Image.open(file).width > 96
    assert sheet_metadata(settings, [], file, title="t") == {}


def test_columns_are_those_of_the_table_with_their_comments(settings: Settings, database: Database) -> None:
    columns = columns_metadata(database, "photos")["dagster/column_schema"].value.columns
    known = {column.name: (column.type, column.description) for column in columns}
    assert known["width"] == ("integer", "upright pixels")
    assert known["sha256"][0] == "bytea"
