"""Photos by their content, read again from whichever file holds them still."""

from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store import feedback
from facefind_pipeline.vision.contents import made_of
from facefind_pipeline.vision.failures import UnreadablePhotoError

P = ParamSpec("P")
T = TypeVar("T")


def made_of_photo(
    connection: Connection,
    sha256: bytes,
    make: Callable[Concatenate[bytes, P], T],
    *arguments: P.args,
    **named: P.kwargs,
) -> T | None:
    """What a function makes of a photo's content, in a process apart; None if no file holds it, or can be read, now."""
    try:
        return made_of(map(Path, feedback.files_of(connection, sha256)), sha256, make, *arguments, **named)
    except UnreadablePhotoError:
        return None
