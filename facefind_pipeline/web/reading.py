"""What pages read and write in the tables, in a thread; what can't be done is answered with its plain word."""

from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

from psycopg2.extensions import connection as Connection  # noqa: N812
from starlette.concurrency import run_in_threadpool

from facefind_pipeline.errors import FacefindError, OutageError
from facefind_pipeline.store.database import Database
from facefind_pipeline.web.answers import RefusedError

T = TypeVar("T")


async def with_tables(database: Database, use: Callable[[Connection], T]) -> T:
    """What a function gives that is handed a connection; committed at its end.

    Raises:
        RefusedError: it can't be done.
        OutageError: the database stopped.
    """

    def used() -> T:
        with database.connect() as connection:
            return use(connection)

    return await plainly(used)


async def plainly(use: Callable[[], T]) -> T:
    """What a function gives, called in a thread; raises as `with_tables`."""
    try:
        return await run_in_threadpool(use)
    except OutageError:
        raise
    except FacefindError as error:
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
