"""One person's photos as the host looks through them: by the faces, with what was said of each so far."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.find import find_person
from facefind_pipeline.search.gone import there_first
from facefind_pipeline.search.matches import WORTH_SHOWING, Match
from facefind_pipeline.store import parameter_sets, versions
from facefind_pipeline.store.made import made_version
from facefind_pipeline.store.people import Person
from facefind_pipeline.web.actions import Actions, Said
from facefind_pipeline.web.site import Show, Shown, Site

REVIEWS = 50  # people whose photos are held in memory


@dataclass(slots=True)
class _Review:
    """What is known of a person's photos.

    Attributes:
        results: version of the results that it is of.
        matches: by SHA-256 in hex, best first; after them those that were rejected on these pages.
        said: photos of which something was said on these pages since this was read, by SHA-256.
        shown: the photos.
    """

    results: str
    matches: dict[str, Match]
    said: set[str]
    shown: Shown


class Reviews:
    """All people's, each read when it is first asked for, again when the results have changed or an answer was done.

    What is said shows at once, while it waits to be recorded; then what the tables say, should it have failed.
    """

    def __init__(self, site: Site, show: Show, actions: Actions) -> None:
        self._site, self._show, self._actions = site, show, actions
        self._held: dict[str, _Review] = {}
        self._rejected: dict[str, dict[str, Match]] = {}  # on these pages, by person and SHA-256: may be taken back
        self._lock = threading.Lock()

    def photos(self, connection: Connection, person: Person) -> tuple[str, Sequence[Mapping[str, object]]]:
        """What the page shows of each photo; and a version of it all, which changes where any of it does."""
        pending = self._pending(person)
        review, rejected = self._read(connection, person), self._rejected[person.key]
        files = review.shown.by_content()
        photos = [
            {
                "sha256": sha256,
                "photo": match.photo,
                "event_day": match.event_day,
                "taken_at": match.taken_at and match.taken_at.isoformat(" ", "minutes"),
                "band": _band(match, pending.get(sha256), rejected=sha256 in rejected),
                "probability": match.probability and round(match.probability, 4),
                "pending": sha256 in pending,
                **files[sha256],
            }
            for sha256, match in review.matches.items()
            if sha256 in files
        ]
        states = [(photo["sha256"], photo["band"], photo["pending"]) for photo in photos]
        return versions.hash_rows([(review.results,), *states]), photos

    def say(self, connection: Connection, person: Person, sha256: str, *, shown: bool) -> bool:
        """Remembers what the host says of a photo, and has it recorded; whether the photo is one of the person's."""
        match = self._read(connection, person).matches.get(sha256)
        if match is None:
            return False
        with self._lock:
            self._actions.add(Said(person, sha256, shown))
            if person.key in self._held:
                self._held[person.key].said.add(sha256)
            if not shown:
                self._rejected[person.key] = {**self._rejected[person.key], sha256: match}
        return True

    def face(self, connection: Connection, person: Person, sha256: str) -> bytes | None:
        """JPEG of the face in a photo; None where it is none of the person's."""
        match = self._read(connection, person).matches.get(sha256)
        return None if match is None else match.thumbnail

    def file(self, connection: Connection, person: Person, name: str) -> bytes | None:
        """A picture of a photo, by its path in the gallery; None where it is none of the person's."""
        return self._read(connection, person).shown.file(name)

    def _pending(self, person: Person) -> dict[str, bool]:
        """What was said of the person's photos and is not recorded yet, by SHA-256; of two answers the last."""
        said = (one for one in self._actions.pending() if isinstance(one, Said) and one.person == person)
        return {one.sha256: one.shown for one in said}

    def _read(self, connection: Connection, person: Person) -> _Review:
        site, pending = self._site, self._pending(person)
        results = made_version(connection, "search_results", site.key) or ""
        held = self._held.get(person.key)
        if held is not None and held.results == results and held.said <= pending.keys():
            return held
        chosen = parameter_sets.find(connection, site.key)
        found = there_first(lambda most: find_person(connection, chosen, person, limit=most, bands=WORTH_SHOWING), None)
        matches = {match.sha256: match for match in found.matches}
        with self._lock:
            pending |= self._pending(person)  # what was said meanwhile
            rejected = {
                sha256: match
                for sha256, match in self._rejected.get(person.key, {}).items()
                if sha256 in pending or sha256 not in matches
            }
            self._rejected[person.key] = rejected
        matches |= {sha256: match for sha256, match in rejected.items() if sha256 not in matches}
        photos = self._show(connection, chosen, person, list(matches.values()))
        with self._lock:
            review = _Review(results, matches, {*pending, *self._pending(person)}, photos)
            self._held[person.key] = review
            if len(self._held) > REVIEWS:
                del self._held[next(iter(self._held))]
        return review


def _band(match: Match, said: bool | None, *, rejected: bool) -> str:
    if said is None:
        return "rejected" if rejected else match.band
    return "confirmed" if said else "rejected"
