"""The files of a home that go with what is forgotten: sheets, small copies, references, truth, logs."""

import hashlib
import os
from pathlib import Path

from facefind_pipeline.ingest.references import lying_in_folder
from facefind_pipeline.ingest.sheet_files import remove_sheets_of, remove_sheets_of_day
from facefind_pipeline.ingest.truth_files import remove_people
from facefind_pipeline.privacy.residue import server_log
from facefind_pipeline.privacy.subject import Subject
from facefind_pipeline.set_names import table_of
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.people import Person

# Processes at work hold them open and write on at their end: they are emptied, not removed.
LOGS = ("dev.log", "dagster/workers.log", "dagster/backfills.log")


def remove_files(settings: Settings, data: Path | None, subject: Subject) -> None:
    """Removes what the data map has of them in the home; done again, it finds nothing.

    Args:
        settings: of the home.
        data: the embedded server's folder, where there is one.
        subject: what goes.
    """
    remove_sheets_of(settings, [key for key, _ in subject.persons])
    for name in ("references.jpg", "*/neighbours.jpg"):
        for file in settings.sheets.glob(name):
            file.unlink(missing_ok=True)
    for day in subject.days_shown:
        remove_sheets_of_day(settings, day)
    for key in subject.sets:
        for file in settings.sheets.glob(f"{table_of(key).removeprefix('embeddings_')}/**/*.jpg"):
            file.unlink(missing_ok=True)
    for photo in subject.shown_in:
        for file in settings.small_photos.glob(f"{photo[:2]}/{photo}-*"):
            file.unlink(missing_ok=True)
    (settings.home / "report.html").unlink(missing_ok=True)
    for file in references_of(settings, subject):
        file.unlink(missing_ok=True)
    for file in settings.truth.glob("*") if subject.persons else ():
        remove_people(file, {key for key, _ in subject.persons})
    logs = [settings.home / name for name in LOGS]
    if data is not None:
        logs.append(server_log(data))
    for log in logs:
        if log.is_file():
            os.truncate(log, 0)


def references_of(settings: Settings, subject: Subject) -> list[Path]:
    """The pictures that lie in the home's references folder under the people's names, or are theirs by content.

    A folder elsewhere is the user's own.
    """
    if not settings.references.is_relative_to(settings.home):
        return []
    found = {
        file for person in subject.persons for file in lying_in_folder(settings.references, Person(*person)).values()
    }
    theirs = set(subject.references)
    if theirs and settings.references.is_dir():
        pictures = (file for file in settings.references.rglob("*") if file.is_file())
        found.update(file for file in pictures if hashlib.sha256(file.read_bytes()).hexdigest() in theirs)
    return sorted(found)
