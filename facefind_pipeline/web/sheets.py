"""Contact sheets beside Dagster's UI, behind the same guard: its record has links to them, and never a picture."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


class WithSheets:
    """An ASGI application that answers with the files of a folder below a prefix, and hands on everything else."""

    def __init__(self, app: ASGIApp, prefix: str, folder: Path) -> None:
        """Serves beside `app`.

        Args:
            app: the other application.
            prefix: of the paths of sheets; ends with a slash.
            folder: of the sheets; need not exist yet. No link leads out of it.
        """
        self._app, self._prefix = app, prefix
        self._files = StaticFiles(directory=folder, check_dir=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a file, or hands on."""
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return

        async def send_uncached(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        below = {**scope, "path": scope["path"][len(self._prefix) - 1 :], "root_path": ""}
        try:
            await self._files(below, receive, send_uncached)
        except HTTPException as error:
            gone = "This contact sheet is gone: it is made again with what it shows.\n"
            await PlainTextResponse(gone, error.status_code)(scope, receive, send_uncached)
