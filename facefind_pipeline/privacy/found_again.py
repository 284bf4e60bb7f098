"""What is to be forgotten, looked for again: between an interruption and its end others may have found more of it."""

from dataclasses import replace
from datetime import date

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.faces import Box
from facefind_pipeline.privacy.subject import (
    DAY,
    PERSON,
    PHOTO,
    SET,
    Subject,
    days_with,
    of_day,
    of_person,
    of_set,
)
from facefind_pipeline.privacy.unmatched import of_unmatched
from facefind_pipeline.store import parameter_sets, photos
from facefind_pipeline.store.groups import FacePlace
from facefind_pipeline.store.people import Person, people


def found_again(connection: Connection, before: Subject) -> Subject:
    """The same as there is of it now, where nothing of it went yet; what is there no more stays as it was.

    Raises:
        FacefindError: it is a set that became the default of several.
    """
    if before.kind == PERSON:
        return _person(connection, before)
    if before.kind == PHOTO:
        return replace(before, days_shown=days_with(connection, before.photos))
    if before.kind == DAY:
        day = next((day for day in photos.days(connection) if day.key in before.days), None)
        return before if day is None else of_day(connection, day)
    if before.kind == SET:
        present = {one.key for one in parameter_sets.registered(connection)}
        return of_set(connection, before.label) if before.label in present else before
    return of_unmatched(connection, date.today())


def _person(connection: Connection, before: Subject) -> Subject:
    """With the faces that were theirs when the forgetting began, and under the name they have now."""
    names = [(key, name) for key, name in before.persons]
    now = next((person for person in people(connection) if person.key == names[0][0]), Person(*names[0]))
    known = [FacePlace(bytes.fromhex(photo), Box(*box)) for photo, *box in before.places]
    found = of_person(connection, now, known)
    references = sorted({*found.references, *before.references})
    return replace(found, references=references, persons=sorted({*names, (now.key, now.name)}))
