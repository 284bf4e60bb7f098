"""People as users name them: by the key, or by the name in any case, accents and normal form."""

import unicodedata

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.names import key_of
from facefind_pipeline.path_text import comparable
from facefind_pipeline.store import people
from facefind_pipeline.store.people import Person


def person_named(connection: Connection, name: str) -> Person:
    """The person of a name as somebody typed it.

    Two Chinese names may be spelled alike in Latin letters and so have one key: only who types that means its holder.

    Raises:
        FacefindError: nobody of that name; the message names who there is.
    """
    person = people.find_person(connection, key_of(name))
    if not name.isascii() and _letters(name) != _letters(person.name):
        raise FacefindError(
            f"no person {comparable(name)!r}: its key {person.key!r} is that of {person.name!r}, meant by the key"
        )
    return person


def _letters(name: str) -> str:
    """Letters and digits without accents and case; of a name without any, all of it."""
    text = unicodedata.normalize("NFKD", comparable(name)).casefold()
    return "".join(letter for letter in text if letter.isalnum()) or text
