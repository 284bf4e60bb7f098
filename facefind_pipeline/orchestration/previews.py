"""What people see in an asset's metadata: tables, and where contact sheets are; never a picture itself."""

import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import dagster as dg

from facefind_pipeline.ingest.sheet_files import SHEETS_URL
from facefind_pipeline.orchestration.columns import SHOWN, lineage_metadata
from facefind_pipeline.path_text import printable
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import overview
from facefind_pipeline.store.database import Database
from facefind_pipeline.vision.sheet import Tile, write_sheet

if TYPE_CHECKING:
    import pandas as pd

COLUMN_TYPES = {"i": "int", "f": "float", "b": "bool"}


def table_metadata(frame: "pd.DataFrame") -> dg.TableMetadataValue:
    """A table for an asset's metadata; one without rows still shows its columns."""
    columns = [
        dg.TableColumn(str(name), COLUMN_TYPES.get(column.dtype.kind, "string"), description=SHOWN.get(str(name)))
        for name, column in frame.items()
    ]
    rows = frame.astype(object).to_dict("records")
    records = [dg.TableRecord({str(name): value for name, value in row.items()}) for row in rows]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns))


def columns_metadata(database: Database, table: str) -> dict[str, dg.MetadataValue]:
    """The columns of the table that an asset writes and what they come from, for its page in the UI."""
    columns = [
        dg.TableColumn(name, kind, description=comment) for name, kind, comment in overview.columns(database, table)
    ]
    return {
        "dagster/column_schema": dg.MetadataValue.table_schema(dg.TableSchema(columns)),
        **lineage_metadata(table),
    }


def file_metadata(settings: Settings, name: str, file: Path) -> dict[str, dg.MetadataValue]:
    """The path of a file for an asset's metadata; where several hosts work, also which of them has it."""
    host = {f"{name}_host": dg.MetadataValue.text(socket.gethostname())} if settings.broker_url else {}
    return {name: dg.MetadataValue.path(str(file)), **host}


def sheet_metadata(
    settings: Settings, tiles: Sequence[Tile], file: Path, *, title: str, columns: int = 10
) -> dict[str, dg.MetadataValue]:
    """`contact_sheet` for an asset's metadata, where it is, and `preview`, which shows it from behind the guard.

    Without faces it is empty, and the sheet of before is removed; where the settings draw no sheets, that one stays.
    Dagster keeps what it is told for ever, and for whoever reads its tables: faces would stay there after they are
    forgotten.
    """
    if not settings.draws_sheets:
        return {}
    if not tiles:
        file.unlink(missing_ok=True)
        return {}
    sheet = write_sheet(file, tiles, title=title, columns=columns)
    metadata = file_metadata(settings, "contact_sheet", sheet)
    link = SHEETS_URL + quote(str(sheet.relative_to(settings.sheets)))
    metadata["preview"] = dg.MetadataValue.md(
        f"![contact sheet]({link})\n\nIt is shown under `facefind dev` alone. Under plain `dagster dev` open the file:"
        f" `xdg-open '{sheet}'`"
    )
    return metadata


def with_names(sheet: Mapping[str, dg.MetadataValue], sure: Mapping[str, Sequence[str]]) -> dict[str, dg.MetadataValue]:
    """Metadata of a sheet, its `preview` headed by each person's name with the names of a few sure photos."""
    if "preview" not in sheet:
        return dict(sheet)
    lines = [f"- {_escaped(name)}: {_escaped(', '.join(files))}" for name, files in sure.items()]
    return {**sheet, "preview": dg.MetadataValue.md("\n".join([*lines, "", str(sheet["preview"].value)]))}


def _escaped(text: str) -> str:
    """As Markdown shows it: names are anything."""
    return re.sub(r"([^\w ,-])", r"\\\1", " ".join(printable(text).split()))
