"""The host's pages: everyone known, matches to confirm and reject, references, links, and what is at work."""

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, TypeVar

import segno
from psycopg2.extensions import connection as Connection  # noqa: N812
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from facefind_pipeline.authors import PAGE, author
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.plurals import counted
from facefind_pipeline.search.people_bands import people_bands
from facefind_pipeline.store import approvals, guest_links, people
from facefind_pipeline.store.coverage import coverage
from facefind_pipeline.store.guest_links import Link, State
from facefind_pipeline.store.people import Person
from facefind_pipeline.web.actions import Actions, NewReference, OfGroups, Said
from facefind_pipeline.web.answers import RefusedError, answer, picture
from facefind_pipeline.web.groups import Groups
from facefind_pipeline.web.reading import plainly, with_tables
from facefind_pipeline.web.review import Reviews
from facefind_pipeline.web.site import Site, Tools
from facefind_pipeline.web.uploads import read_json

LONGEST_DAYS = 3650  # that a link may open
T = TypeVar("T")


class Host:
    """The pages, and what the host did on them that is not carried out yet."""

    def __init__(self, site: Site, tools: Tools) -> None:
        """Answers nothing yet."""
        self._site, self._tools = site, tools
        self.actions = Actions(tools.launch)
        self._reviews = Reviews(site, tools.show, self.actions)
        self._groups = Groups(site, tools, self.actions)

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        person = "/people/{key}"
        return [
            Route("/", self.everyone, methods=["GET"]),
            Route("/work", self.work, methods=["GET"]),
            Route("/people", self.add_reference, methods=["POST"]),
            Route(person, self.person, methods=["GET"]),
            Route(f"{person}/photos", self.photos, methods=["GET"]),
            Route(f"{person}/faces/{{sha256}}.jpg", self.face, methods=["GET"]),
            Route(f"{person}/files/{{name:path}}", self.file, methods=["GET"]),
            Route(f"{person}/said", self.say, methods=["POST"]),
            Route(f"{person}/approval", self.approve, methods=["POST"]),
            Route(f"{person}/links", self.make_link, methods=["POST"]),
            Route("/links/{number:int}/close", self.close_link, methods=["POST"]),
            *self._groups.routes(),
        ]

    async def everyone(self, request: Request) -> Response:
        """Everyone known, the links, and what is at work."""

        def read(connection: Connection) -> dict[str, Any]:
            return {
                "people": [
                    {"key": one.person.key, "name": one.person.name, "references": one.references}
                    | {"confirmed": one.confirmed, "sure": one.sure, "likely": one.likely}
                    for one in people_bands(connection, self._site.key)
                ],
                "links": [_link_values(one) for one in guest_links.links(connection)],
                "guests": self._tools.guests,
                "work": self._work(connection),
            }

        values = await self._read(read)
        return answer(request, "host.html", values, qr=_qr(self._tools.guests) if self._tools.guests else None)

    async def work(self, request: Request) -> Response:
        """What is at work; the part of the page that asks again and again."""
        return answer(request, "work.html", {"work": await self._read(self._work)})

    async def person(self, request: Request) -> Response:
        """One person's photos."""

        def read(connection: Connection) -> dict[str, Any]:
            person = self._person(connection, request)
            approval = approvals.approval_of(connection, person)
            version, photos = self._reviews.photos(connection, person)
            return {
                "key": person.key,
                "name": person.name,
                "references": [one.filename for one in people.references_of(connection, person)],
                "approved": approval and f"{approval.author}, {approval.approved_at:%Y-%m-%d %H:%M}",
                "links": [_link_values(one) for one in guest_links.links(connection) if one.person == person],
                "version": version,
                "photos": photos,
            }

        return answer(request, "person.html", await self._read(read))

    async def photos(self, request: Request) -> Response:
        """The part of a person's page that changes; nothing where it is as it was `seen`."""

        def read(connection: Connection) -> dict[str, Any]:
            person = self._person(connection, request)
            version, photos = self._reviews.photos(connection, person)
            return {"key": person.key, "version": version, "photos": photos}

        values = await self._read(read)
        if request.query_params.get("seen") == values["version"]:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return answer(request, "photos.html", values)

    async def face(self, request: Request) -> Response:
        """The face in one of a person's photos."""
        sha256 = request.path_params["sha256"]
        return picture(await self._read(lambda c: self._reviews.face(c, self._person(c, request), sha256)))

    async def file(self, request: Request) -> Response:
        """A picture of one of a person's photos."""
        name = request.path_params["name"]
        return picture(await self._read(lambda c: self._reviews.file(c, self._person(c, request), name)))

    async def say(self, request: Request) -> Response:
        """Confirms or rejects a photo."""
        sent = await read_json(request)
        sha256, shown = sent.get("sha256"), sent.get("shown")
        if not isinstance(sha256, str) or not isinstance(shown, bool):
            raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "Send sha256 of a photo, and whether it is shown.")
        found = await self._read(lambda c: self._reviews.say(c, self._person(c, request), sha256, shown=shown))
        if not found:
            raise RefusedError(HTTPStatus.NOT_FOUND, "This photo is none of theirs any more.")
        return answer(request, "done.html", {"done": "confirmed" if shown else "rejected"}, HTTPStatus.ACCEPTED)

    async def add_reference(self, request: Request) -> Response:
        """Adds a picture of a person, who may be new; the face in it is looked for at once."""
        sent = await read_json(request)
        name, filename = (str(sent.get(field) or "").strip() for field in ("name", "filename"))
        try:
            content = base64.b64decode(str(sent.get("picture") or ""), validate=True)
        except binascii.Error:
            content = b""
        if not name or not content:
            raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "Give a name and a picture of one person.")
        person = await plainly(lambda: self._tools.person_of(name))
        person = await self._read(lambda c: people.known_as(c, person))
        await plainly(lambda: self._site.embed(content))
        self.actions.add(NewReference(person, filename or "picture", content))
        done = f"The picture of {person.name} is being added: their photos follow."
        return answer(request, "done.html", {"done": done}, HTTPStatus.ACCEPTED)

    async def approve(self, request: Request) -> Response:
        """Approves of giving a person their sure photos, or takes that back."""
        approved = (await read_json(request)).get("approved")

        def write(connection: Connection) -> str:
            person = self._person(connection, request)
            if approved:
                approvals.approve(connection, person, author(PAGE))
                return f"Approved: `facefind deliver {person.key}` may give {person.name} their photos."
            approvals.withdraw(connection, person)
            return f"Not approved: nothing is delivered to {person.name}."

        return answer(request, "done.html", {"done": await self._read(write)})

    async def make_link(self, request: Request) -> Response:
        """Makes a link that opens a person's photos: its address, PIN and QR code are shown now and never again."""
        sent = await read_json(request)
        if self._tools.guests is None:
            raise RefusedError(
                HTTPStatus.CONFLICT, "Links open on guests' pages: start `facefind serve` with --lan ADDRESS."
            )
        days = str(sent.get("days") or "")
        if not days.isdigit() or not 1 <= int(days) <= LONGEST_DAYS:
            raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "Say for how many days the link is to open.")
        until = datetime.now(UTC) + timedelta(days=int(days))

        def write(connection: Connection) -> tuple[Person, guest_links.NewLink]:
            person = self._person(connection, request)
            with_pin = bool(sent.get("pin"))
            return person, guest_links.make(connection, person, until, author(PAGE), with_pin=with_pin)

        person, link = await self._read(write)
        address = guest_links.address(self._tools.guests, link.token)
        values = {"link": link.number, "person": person.name, "address": address, "pin": link.pin}
        return answer(request, "link.html", values, HTTPStatus.CREATED, qr=_qr(address), until=until.astimezone())

    async def close_link(self, request: Request) -> Response:
        """Takes a link back."""
        number = request.path_params["number"]
        if not await self._read(lambda connection: guest_links.close(connection, number)):
            raise RefusedError(HTTPStatus.NOT_FOUND, f"There is no link {number}.")
        return answer(request, "done.html", {"done": f"Link {number} is closed."})

    def _work(self, connection: Connection) -> dict[str, Any]:
        pending = self.actions.pending()
        said = sum(isinstance(one, Said) for one in pending)
        own = [f"{counted(said, 'answer')} to record"] if said else []
        own += [f"a picture of {one.person.name} to add" for one in pending if isinstance(one, NewReference)]
        own += ["what was said of groups"] if any(isinstance(one, OfGroups) for one in pending) else []
        days = [
            {"event_day": one.event_day, "photos": one.photos, "looked_at": one.looked_at}
            for one in coverage(connection, self._site.key)
        ]
        return {
            "days": days,
            "photos": sum(one["photos"] for one in days),
            "at_work": [*own, *self._tools.at_work()],
            "problems": self.actions.problems(),
        }

    @staticmethod
    def _person(connection: Connection, request: Request) -> Person:
        try:
            return people.find_person(connection, request.path_params["key"])
        except FacefindError:
            raise RefusedError(HTTPStatus.NOT_FOUND, "Nobody of that key is known any more.") from None

    async def _read(self, use: Callable[[Connection], T]) -> T:
        return await with_tables(self._site.database, use)


def _link_values(link: Link) -> dict[str, Any]:
    return {
        "link": link.number,
        "person": link.person.name,
        "state": link.state.value,
        "open": link.state is State.OPEN,
        "has_pin": link.has_pin,
        "expires": f"{link.expires_at.astimezone():%Y-%m-%d %H:%M}",
        "made_by": link.made_by,
    }


def _qr(address: str) -> str:
    """The QR code of an address as SVG within a page."""
    return segno.make_qr(address).svg_inline(scale=6, border=4, light="#fff", title=f"QR code of {address}")
