"""Photos as the configuration of jobs names them, which people write and read: by their files' names."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg
from psycopg2.extensions import connection as Connection  # noqa: N812
from pydantic import Field

if TYPE_CHECKING:
    from facefind_pipeline.store.truth import KnownPhoto


class NamedPhoto(dg.Config):
    """A photo."""

    photo: str = Field(description="Name of its file, or the end of its path.")
    day: str = Field(default="", description="Its event day, where several have a photo of that name.")

    def found(self, connection: Connection, known: "Sequence[KnownPhoto]") -> "KnownPhoto":
        """The one of the known photos that is meant.

        Raises:
            FacefindError: none, or several of different content.
        """
        from facefind_pipeline.ingest.days import day_named
        from facefind_pipeline.ingest.truth import find_photo

        return find_photo(known, self.photo, self.day and day_named(connection, self.day).key)


def named(photo: "KnownPhoto") -> dict[str, str]:
    """The values that mean just this file."""
    return {"photo": photo.path, "day": photo.event_day}
