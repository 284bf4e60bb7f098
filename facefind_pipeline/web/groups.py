"""Everyone at the event, for the host: groups of faces to name, join, keep apart, and take faces out of."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from psycopg2.extensions import connection as Connection  # noqa: N812
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from facefind_pipeline.plan.due import Scope, due
from facefind_pipeline.search.group_changes import check_join, check_leave_out, check_part
from facefind_pipeline.search.group_listing import Group, GroupFace, best_faces, find_group, list_groups
from facefind_pipeline.store import people, versions
from facefind_pipeline.store.made import made_version
from facefind_pipeline.web.actions import Actions, OfGroups
from facefind_pipeline.web.answers import RefusedError, answer, picture
from facefind_pipeline.web.reading import plainly, with_tables
from facefind_pipeline.web.site import Site, Tools
from facefind_pipeline.web.uploads import read_json

FACES = 8  # of each group in the list of all
MOST_FACES = 500  # of a group on its own page
PATIENCE_S = 30.0  # until groups that could not be made are tried again
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Faces:
    """The best faces of groups, by their ids, as a version of `face_groups` has them."""

    version: str
    of: dict[str, list[GroupFace]]


class Groups:
    """The pages."""

    def __init__(self, site: Site, tools: Tools, actions: Actions) -> None:
        self._site, self._tools, self._actions = site, tools, actions
        self._faces = _Faces("", {})
        self._asked_at = -PATIENCE_S  # when groups were to be made

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            Route("/groups", self.everyone, methods=["GET"]),
            Route("/groups/list", self.listed, methods=["GET"]),
            Route("/groups/join", self.join, methods=["POST"]),
            Route("/groups/part", self.part, methods=["POST"]),
            Route("/groups/{group}", self.group, methods=["GET"]),
            Route("/groups/{group}/faces/{sha256}.jpg", self.face, methods=["GET"]),
            Route("/groups/{group}/name", self.name, methods=["POST"]),
            Route("/groups/{group}/leave-out", self.leave_out, methods=["POST"]),
        ]

    async def everyone(self, request: Request) -> Response:
        """All groups; they are made where they are not of the faces that there are now."""
        return answer(request, "groups.html", await self._read(self._values))

    async def listed(self, request: Request) -> Response:
        """The part of the page that changes; nothing where it is as it was `seen`."""
        values = await self._read(self._values)
        if request.query_params.get("seen") == values["version"]:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return answer(request, "groups_list.html", values)

    async def group(self, request: Request) -> Response:
        """One group, with all its faces."""
        name = request.path_params["group"]

        def read(connection: Connection) -> dict[str, Any]:
            found = find_group(connection, self._site.key, name)
            faces = best_faces(connection, self._site.key, [name], MOST_FACES)[name]
            return {**_values(found), "shown": [{"sha256": one.sha256.hex(), "photo": one.photo} for one in faces]}

        return answer(request, "group.html", await self._read(read))

    async def face(self, request: Request) -> Response:
        """The group's face in a photo."""
        group, sha256 = request.path_params["group"], request.path_params["sha256"]

        def read(connection: Connection) -> bytes | None:
            held = self._faces.of.get(group) or []
            if not any(one.sha256.hex() == sha256 for one in held):
                held = best_faces(connection, self._site.key, [group], MOST_FACES)[group]
            return next((one.thumbnail for one in held if one.sha256.hex() == sha256), None)

        return picture(await self._read(read))

    async def name(self, request: Request) -> Response:
        """Makes a person of a group."""
        group, sent = request.path_params["group"], await read_json(request)
        given = str(sent.get("name") or "").strip()
        if not given:
            raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "Give a name.")
        person = await plainly(lambda: self._tools.person_of(given))
        await self._read(lambda connection: find_group(connection, self._site.key, group))
        person = await self._read(lambda connection: people.known_as(connection, person))
        self._actions.add(OfGroups(group, name=person))
        return _accepted(request, f"{person.name}: their references are being cut, their photos follow.")

    async def join(self, request: Request) -> Response:
        """Says that groups are one person's."""
        groups = _texts(await read_json(request), "groups")
        if len(groups) < 2:
            raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "Mark two groups or more.")
        await self._read(lambda connection: check_join(connection, self._site.key, groups))
        self._actions.add(OfGroups(same=groups))
        return _accepted(request, "One person: being recorded.")

    async def part(self, request: Request) -> Response:
        """Says that two groups are two people's."""
        groups = _texts(await read_json(request), "groups")
        if len(groups) != 2:
            raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "Mark just two groups.")
        await self._read(lambda connection: check_part(connection, self._site.key, *groups))
        self._actions.add(OfGroups(groups[0], different=groups[1]))
        return _accepted(request, "Two people: being recorded.")

    async def leave_out(self, request: Request) -> Response:
        """Says that faces of a group are somebody else's."""
        group, photos = request.path_params["group"], _texts(await read_json(request), "photos")
        try:
            named = {bytes.fromhex(sha256): sha256[:12] for sha256 in photos}
        except ValueError:
            named = {}
        if not named:
            raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "Mark the faces that are not theirs.")
        await self._read(lambda connection: check_leave_out(connection, self._site.key, group, named))
        self._actions.add(OfGroups(group, left_out=photos))
        return _accepted(request, "Not theirs: being recorded; what was cut from these faces is no reference any more.")

    def _values(self, connection: Connection) -> dict[str, Any]:
        key = self._site.key
        making = [one for one in self._actions.pending() if isinstance(one, OfGroups)]
        again = time.monotonic() > self._asked_at + PATIENCE_S
        if not making and again and due(connection, ["face_groups"], Scope(sets=[key])):
            making = [OfGroups()]
            self._actions.add(making[0])
            self._asked_at = time.monotonic()
        made = made_version(connection, "face_groups", key) or ""
        groups = list_groups(connection, key) if made else []  # each time: names change apart from the groups
        faces = self._best_faces(connection, made, [one.id for one in groups])
        values = [{**_values(one), "shown": [face.sha256.hex() for face in faces[one.id]]} for one in groups]
        version = versions.hash_rows([(made, len(making)), *(one.values() for one in map(_values, groups))])
        return {"version": version, "making": bool(making), "groups": values}

    def _best_faces(self, connection: Connection, made: str, groups: Sequence[str]) -> dict[str, list[GroupFace]]:
        """Of each group; read once for each version of the groups."""
        held = self._faces.of if self._faces.version == made else {}
        missing = [group for group in groups if group not in held]
        if missing:
            held = held | best_faces(connection, self._site.key, missing, FACES)
            self._faces = _Faces(made, held)
        return held

    async def _read(self, use: Callable[[Connection], T]) -> T:
        return await with_tables(self._site.database, use)


def _values(group: Group) -> dict[str, Any]:
    return {
        "group": group.id,
        "key": group.person,
        "name": group.name,
        "named": group.named,
        "faces": group.faces,
        "photos": group.photos,
    }


def _texts(sent: dict[str, Any], field: str) -> tuple[str, ...]:
    """Texts of a field, each once; of a form with one of them it is no list."""
    values = sent.get(field)
    return tuple(dict.fromkeys(map(str, values if isinstance(values, list) else [values] if values else [])))


def _accepted(request: Request, done: str) -> Response:
    return answer(request, "done.html", {"done": done}, HTTPStatus.ACCEPTED)
