"""Forms with a picture, and JSON, read into memory; what is too large is refused before it is held."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from facefind_pipeline.web.answers import RefusedError
from facefind_pipeline.web.limits import UPLOAD_BYTES, UPLOAD_S

PICTURE = "picture"  # the name of the form's fields
DRAINED_BYTES, DRAINED_S = 2**28, 60.0  # of what is too large, before the connection is cut
_TOO_LARGE = f"This file is too large: a picture may have up to {UPLOAD_BYTES // 2**20} MB."


class _InMemory(MultiPartParser):
    spool_max_size = 2 * UPLOAD_BYTES  # a spooled file would be written to the disk from 1 MB on


async def read_picture(request: Request) -> bytes:
    """The picture in a request: of a form's field `picture`, the first one that was filled in.

    Raises:
        RefusedError: it is too large, or there is none.
    """
    if int(request.headers.get("content-length", "0")) > UPLOAD_BYTES:
        await _drain(request)
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
    try:
        async with asyncio.timeout(UPLOAD_S):
            form = await _InMemory(request.headers, _bounded(request), max_files=2, max_fields=2).parse()
    except TimeoutError:
        raise RefusedError(
            HTTPStatus.REQUEST_TIMEOUT, "Sending this picture took too long: try a smaller one."
        ) from None
    except (MultiPartException, KeyError) as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "No form with a picture came: choose one and send it.") from error
    try:
        for sent in form.getlist(PICTURE):
            if isinstance(sent, UploadFile) and sent.size:
                return await sent.read()
    finally:
        await form.close()
    raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "Take or choose a picture of yourself first.")


async def read_json(request: Request) -> dict[str, Any]:
    """The object that was sent.

    Raises:
        RefusedError: it is none, or too large.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > 2 * UPLOAD_BYTES:  # a picture in base64 takes four thirds
            await _drain(request)
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
    try:
        sent = json.loads(bytes(body))
    except ValueError:
        sent = None
    if not isinstance(sent, dict):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "Send an object as JSON.")
    return sent


async def _bounded(request: Request) -> AsyncGenerator[bytes, None]:
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > UPLOAD_BYTES:
            await _drain(request)
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
        yield chunk


async def _drain(request: Request) -> None:
    """Lets the rest pass: a browser that is still sending shows a lost connection and not the answer."""
    if request.headers.get("expect", "").lower() == "100-continue":
        return  # it waits for the answer
    received = 0
    with suppress(TimeoutError):  # also of who sends nothing more, and would hold a place for ever
        async with asyncio.timeout(DRAINED_S):
            async for chunk in request.stream():
                received += len(chunk)
                if received > DRAINED_BYTES:
                    return
