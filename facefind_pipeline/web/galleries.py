"""A gallery answered over the network: its page, what the page loads, all photos as a zip; for programs a list."""

from collections.abc import Callable
from http import HTTPStatus
from pathlib import PurePosixPath

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from facefind_pipeline.web.answers import RefusedError, answer, is_htmx, render, wants_json
from facefind_pipeline.web.sessions import LIFE_S
from facefind_pipeline.web.site import Shown

_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}


def gallery_routes(folder: str, of: Callable[[Request], Shown], note: str, nothing: str) -> list[BaseRoute]:
    """The routes of a gallery.

    Args:
        folder: path that they lie below, as `/found/`.
        of: the photos to show for a request; raises `RefusedError` for who may see none.
        note: template of what the page says below its heading.
        nothing: template of the page where there is no photo.
    """

    async def page(request: Request) -> Response:
        shown = await run_in_threadpool(of, request)
        photos = shown.for_programs()
        if wants_json(request) or not photos:
            return answer(request, nothing, {"photos": photos})
        return Response(shown.page(render(note)), media_type="text/html")

    async def archive(request: Request) -> Response:
        shown = await run_in_threadpool(of, request)
        headers = {"Content-Disposition": 'attachment; filename="photos.zip"'}
        return StreamingResponse(shown.archive(), media_type="application/zip", headers=headers)

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        content = await run_in_threadpool(lambda: of(request).file(name))
        if content is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "There is no such file here.")
        kept = {"Cache-Control": "private, max-age=3600"} if name.endswith(".jpg") else {}
        return Response(content, media_type=_MEDIA_TYPES.get(PurePosixPath(name).suffix), headers=kept)

    return [
        Route(folder, page, methods=["GET"]),
        Route(f"{folder}photos.zip", archive, methods=["GET"]),
        Route(f"{folder}{{name:path}}", file, methods=["GET"]),
    ]


def begin_gallery(request: Request, shown: Shown, folder: str) -> Response:
    """What leads to a gallery after a form was sent: for programs the list of its photos."""
    if wants_json(request):
        return JSONResponse({"photos": shown.for_programs(), "folder": folder, "zip": f"{folder}photos.zip"})
    if is_htmx(request):
        return Response(headers={"HX-Redirect": folder})
    return RedirectResponse(folder, HTTPStatus.SEE_OTHER)


def set_guests_cookie(request: Request, made: Response, name: str, token: str) -> None:
    """Sends the cookie of a guest's session, which a link on another site's page may bring along."""
    made.set_cookie(
        name, token, max_age=int(LIFE_S), httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )
