"""Pictures that are too large: refused in time, whatever their sender does."""

import asyncio
from http import HTTPStatus

import pytest
from starlette.requests import Request
from starlette.types import Message

from facefind_pipeline.web import uploads
from facefind_pipeline.web.answers import RefusedError
from facefind_pipeline.web.limits import UPLOAD_BYTES


def test_who_stalls_in_a_picture_that_is_too_large_is_refused_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "DRAINED_S", 0.05)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    headers = [(b"content-length", str(UPLOAD_BYTES + 1).encode())]
    request = Request({"type": "http", "method": "POST", "path": "/selfie", "headers": headers}, receive)

    async def read() -> None:
        async with asyncio.timeout(5):
            await uploads.read_picture(request)

    with pytest.raises(RefusedError) as refused:
        asyncio.run(read())
    assert refused.value.status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE
