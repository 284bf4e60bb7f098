"""Event days as people name them: by the key, or by the name of the folder."""

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.names import key_of
from facefind_pipeline.store import photos
from facefind_pipeline.store.photos import EventDay

NEAREST = 3


def days_named(connection: Connection, name: str) -> list[EventDay]:
    """The event day of a key or a folder's name; where there is none, those with this in their key or folder's name.

    Raises:
        FacefindError: none, or several folders of just that name; the message lists the nearest keys.
    """
    slug = key_of(name)
    names = [(day, day.key, _slug(day.path.name)) for day in photos.days(connection)]
    if not any(slug in (key, folder) for _, key, folder in names):
        within = [day for day, key, folder in names if slug in key or slug in folder]
        if within:
            return within
    return [day_named(connection, name)]


def day_named(connection: Connection, name: str) -> EventDay:
    """The event day of a key, or of a folder's name, which may be spelt as the folder or as its slug.

    Raises:
        FacefindError: none, or several folders of that name; the message lists the nearest keys.
    """
    days = {day.key: day for day in photos.days(connection)}
    if not days:
        raise FacefindError("no event day is known yet: `facefind ingest PHOTOS` registers the days of a folder")
    slug = key_of(name)
    if slug in days:
        return days[slug]
    of_folder = [day for day in days.values() if _slug(day.path.name) == slug]
    if len(of_folder) > 1:
        keys = ", ".join(day.key for day in of_folder)
        raise FacefindError(f"several event days have a folder {name!r}: give the key of one, {keys}")
    if not of_folder:
        from difflib import get_close_matches

        near = get_close_matches(slug, days, NEAREST, cutoff=0) or list(days)[:NEAREST]
        raise FacefindError(
            f"no event day {name!r}: the nearest names are {', '.join(near)}; `facefind status` has all"
        )
    return of_folder[0]


def _slug(folder: str) -> str:
    """Of a folder's name; empty where nothing of that can be seen."""
    try:
        return key_of(folder)
    except FacefindError:
        return ""
