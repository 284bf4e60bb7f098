"""Pictures in an asset's metadata: a small sheet inline, the full one as a file."""

import base64
from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from facefind_pipeline.vision.sheet import Tile, inline_sheet, write_sheet


def sheet_metadata(tiles: Sequence[Tile], file: Path, *, title: str) -> dict[str, dg.MetadataValue]:
    """`preview` and `contact_sheet` for an asset's metadata; empty without faces.

    The UI shows `preview` behind a link that opens it; raw HTML it does not show.
    """
    if not tiles:
        return {}
    inline = base64.b64encode(inline_sheet(tiles)).decode()
    return {
        "preview": dg.MetadataValue.md(f"![contact sheet](data:image/jpeg;base64,{inline})"),
        "contact_sheet": dg.MetadataValue.path(str(write_sheet(file, tiles, title=title))),
    }
