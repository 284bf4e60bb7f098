"""Where contact sheets lie in the home."""

from collections.abc import Iterable
from pathlib import Path

from facefind_pipeline.ingest.names import shortened
from facefind_pipeline.set_names import table_of
from facefind_pipeline.settings import Settings

# Where the server of the UI has the folder of sheets: what Dagster records of a sheet is a link to it.
SHEETS_URL = "/facefind/sheets/"


def sheet_path(settings: Settings, partition: str, *names: str) -> Path:
    """The file of a full sheet, of one event day or parameter set; keys in it may be of any length."""
    folder = table_of(partition).removeprefix("embeddings_") if "@" in partition else partition
    *folders, name = (shortened(part) for part in (folder, *names))
    return settings.sheets.joinpath(*folders, f"{name}.jpg")


def remove_sheets_of_day(settings: Settings, event_day: str) -> None:
    """Removes the sheets of a day, and those of sets, which may show faces of it."""
    key = shortened(event_day)
    of_sets = ("people/*", "albums/*", "galleries/*", "results", "neighbours", "groups")
    for pattern in (f"{key}/*.jpg", f"*/days/{key}.jpg", *(f"*/{name}.jpg" for name in of_sets)):
        for file in settings.sheets.glob(pattern):
            file.unlink(missing_ok=True)


def remove_sheets_of(settings: Settings, persons: Iterable[str]) -> None:
    """Removes the sheets that show these people by name under any set; what others need of them is made again."""
    theirs = (f"*/{folder}/{shortened(person)}.jpg" for person in persons for folder in ("people", "albums"))
    for pattern in (*theirs, "*/galleries/*.jpg", "*/references.jpg", "*/results.jpg", "*/groups.jpg"):
        for file in settings.sheets.glob(pattern):
            file.unlink(missing_ok=True)
