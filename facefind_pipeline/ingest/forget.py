"""Taking an event day out: its rows, what only its photos led to, and the sheets that show them."""

from contextlib import ExitStack

from facefind_pipeline.ingest.sheet_files import remove_sheets_of_day
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import forgotten_days, parameter_sets, photos
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.forgotten_days import Taken


def forget_day(database: Database, settings: Settings, key: str) -> Taken:
    """Takes a day out, once nobody is at work on it; the photos' files stay.

    Raises:
        FacefindError: no such day.
    """
    with database.connect() as connection:
        sets = [registered.key for registered in parameter_sets.registered(connection)]
    with ExitStack() as held:
        for lock in (("register",), ("raw_photos", key), *(("faces", key, one) for one in sets)):
            held.enter_context(database.lock(*lock))
        with database.connect() as connection:
            taken = forgotten_days.forget_day(connection, photos.find_day(connection, key))
    remove_sheets_of_day(settings, key)
    return taken
