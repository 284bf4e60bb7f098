"""What people see in an asset's metadata: tables, and pictures: a small sheet inline, the full one as a file."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from facefind_pipeline.settings import Settings
from facefind_pipeline.store import overview
from facefind_pipeline.store.database import Database
from facefind_pipeline.vision.sheet import Tile, inline_sheet, write_sheet

if TYPE_CHECKING:
    import pandas as pd

COLUMN_TYPES = {"i": "int", "f": "float", "b": "bool"}


def table_metadata(frame: "pd.DataFrame") -> dg.TableMetadataValue:
    """A table for an asset's metadata; one without rows still shows its columns."""
    columns = [
        dg.TableColumn(str(name), COLUMN_TYPES.get(column.dtype.kind, "string")) for name, column in frame.items()
    ]
    rows = frame.astype(object).to_dict("records")
    records = [dg.TableRecord({str(name): value for name, value in row.items()}) for row in rows]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns))


def columns_metadata(database: Database, table: str) -> dict[str, dg.MetadataValue]:
    """The columns of the table that an asset writes, for its page in the UI."""
    columns = [
        dg.TableColumn(name, kind, description=comment) for name, kind, comment in overview.columns(database, table)
    ]
    return {"dagster/column_schema": dg.MetadataValue.table_schema(dg.TableSchema(columns))}


def sheet_metadata(
    settings: Settings, tiles: Sequence[Tile], file: Path, *, title: str, columns: int = 10
) -> dict[str, dg.MetadataValue]:
    """`contact_sheet` for an asset's metadata, and `preview` unless the settings turn it off.

    Without faces it is empty, and the sheet of before is removed.

    The UI shows `preview` behind a link that opens it; raw HTML it does not show.
    """
    if not tiles:
        file.unlink(missing_ok=True)
        return {}
    sheet = write_sheet(file, tiles, title=title, columns=columns)
    metadata: dict[str, dg.MetadataValue] = {"contact_sheet": dg.MetadataValue.path(str(sheet))}
    if settings.previews:
        inline = base64.b64encode(inline_sheet(tiles)).decode()
        metadata["preview"] = dg.MetadataValue.md(f"![contact sheet](data:image/jpeg;base64,{inline})")
    return metadata
