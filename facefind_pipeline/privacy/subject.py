"""What is to be forgotten: a person with their faces, photos, event days, or a parameter set."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import Box
from facefind_pipeline.search.find import find_person
from facefind_pipeline.search.matches import WORTH_SHOWING
from facefind_pipeline.store import forgotten_days, parameter_sets
from facefind_pipeline.store.groups import FacePlace
from facefind_pipeline.store.people import Person
from facefind_pipeline.store.photos import EventDay
from facefind_pipeline.store.tombstones import is_covered
from facefind_pipeline.store.truth import KnownPhoto

PERSON, PHOTO, DAY, SET, UNMATCHED = "person", "photo", "day", "set", "unmatched"


@dataclass(frozen=True, slots=True)
class Subject:
    """What goes, by keys and contents.

    Attributes:
        kind: one of the five above.
        label: as the user knows it.
        persons: keys and names.
        photos: whose rows go whole, by SHA-256 in hex.
        places: faces that go, by their photo's SHA-256 in hex, and box.
        faces: keys of all that any detector found at those places.
        boxes: boxes that people drew or confirmed there, as `places`.
        days: event days that are taken out.
        sets: parameter sets that are taken out.
        detectors: fingerprints that no other set uses.
        references: of the people, by SHA-256 in hex.
        shown_in: photos that show the people, of which small copies are removed, by SHA-256 in hex.
        days_shown: event days with photos that lose something.
    """

    kind: str
    label: str
    persons: Sequence[tuple[str, str]] = ()
    photos: Sequence[str] = ()
    places: Sequence[tuple[str, int, int, int, int]] = ()
    faces: Sequence[str] = ()
    boxes: Sequence[tuple[str, int, int, int, int]] = ()
    days: Sequence[str] = ()
    sets: Sequence[str] = ()
    detectors: Sequence[str] = ()
    references: Sequence[str] = ()
    shown_in: Sequence[str] = ()
    days_shown: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @property
    def values(self) -> Mapping[str, object]:
        """For the conditions of the data map."""
        box_photos, *sides = zip(*self.boxes, strict=True) if self.boxes else [()] * 5
        return {
            "people": [key for key, _ in self.persons],
            "photos": [bytes.fromhex(one) for one in self.photos],
            "faces": list(self.faces),
            "sets": list(self.sets),
            "detectors": list(self.detectors),
            "box_photos": [bytes.fromhex(one) for one in box_photos],
            **{f"box_{side}": list(numbers) for side, numbers in zip("xywh", sides, strict=True)},
        }


def of_person(connection: Connection, person: Person, known: Sequence[FacePlace] = ()) -> Subject:
    """A person with every face that is shown as theirs: sure, likely or confirmed under any set, named, or in truth.

    What another detector found at the same place of a photo is the same face.

    Args:
        connection: any.
        person: who is to be forgotten.
        known: places of faces that are theirs, whatever is shown now.
    """
    places = [*places_of(connection, person), *known]
    faces, boxes, all_places = around(connection, places)
    shown_in = sorted({place.sha256.hex() for place in all_places})
    with connection.cursor() as cursor:
        cursor.execute("SELECT encode(sha256, 'hex') FROM reference_photos WHERE person = %s ORDER BY 1", [person.key])
        references = [sha256 for (sha256,) in cursor.fetchall()]
    return Subject(
        PERSON,
        person.name,
        persons=[(person.key, person.name)],
        places=_plain(all_places),
        faces=faces,
        boxes=boxes,
        references=references,
        shown_in=shown_in,
        days_shown=days_with(connection, shown_in),
    )


def of_photo(connection: Connection, photo: KnownPhoto) -> Subject:
    """A photo by its content, in whatever event days its files are."""
    assert photo.sha256 is not None  # else it was not found
    photos = [photo.sha256.hex()]
    return Subject(PHOTO, photo.path, photos=photos, shown_in=photos, days_shown=days_with(connection, photos))


def of_day(connection: Connection, day: EventDay) -> Subject:
    """An event day; photos that another day has too stay with it."""
    photos = sorted(one.hex() for one in forgotten_days.only_in(connection, day.key))
    return Subject(DAY, day.key, photos=photos, days=[day.key], shown_in=photos, days_shown=[day.key])


def of_set(connection: Connection, name: str) -> Subject:
    """A parameter set, and the faces of its detector if no other set has that.

    Raises:
        FacefindError: no such set, or it is the default of several.
    """
    chosen = parameter_sets.find(connection, name)
    others = [one for one in parameter_sets.registered(connection) if one.key != chosen.key]
    with connection.cursor() as cursor:
        cursor.execute("SELECT is_default FROM parameter_sets WHERE parameter_set = %s", [chosen.key])
        if cursor.fetchone() == (True,) and others:
            raise FacefindError(
                f"{chosen.key} is the default set: `facefind params default {others[0].key}` chooses another, "
                "then forget it"
            )
        cursor.execute(
            """
            SELECT DISTINCT detector_fingerprint FROM set_days WHERE parameter_set = %(set)s
            EXCEPT SELECT detector_fingerprint FROM set_days WHERE parameter_set <> %(set)s
            """,
            {"set": chosen.key},
        )
        detectors = [fingerprint for (fingerprint,) in cursor.fetchall()]
    return Subject(SET, chosen.key, sets=[chosen.key], detectors=detectors)


def places_of(connection: Connection, person: Person) -> list[FacePlace]:
    """Where the person's faces are, from all that says so."""
    places: list[FacePlace] = []
    for registered in parameter_sets.registered(connection):
        try:
            found = find_person(connection, registered, person, bands=WORTH_SHOWING)
        except FacefindError:  # no usable reference under this set
            continue
        places += [FacePlace(bytes.fromhex(match.sha256), Box(*match.box)) for match in found.matches]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT sha256, x, y, w, h FROM feedback WHERE person = %(person)s AND shown
            UNION SELECT sha256, x, y, w, h FROM truth WHERE person = %(person)s AND x IS NOT NULL
            UNION SELECT sha256, x, y, w, h FROM cut_references WHERE person = %(person)s
            UNION SELECT f.sha256, f.x, f.y, f.w, f.h FROM group_statement_faces f JOIN group_statements s
                USING (statement) WHERE s.person = %(person)s AND s.kind = 'name'
            UNION SELECT d.sha256, d.x, d.y, d.w, d.h FROM face_groups g
                JOIN group_faces f USING (parameter_set, face_group)
                JOIN detected_faces d ON (d.sha256, d.face_key) = (f.sha256, f.face_key)
                WHERE g.person = %(person)s
            """,
            {"person": person.key},
        )
        places += [FacePlace(bytes(sha256), Box(*box)) for sha256, *box in cursor.fetchall()]
    return list(dict.fromkeys(places))


def around(
    connection: Connection, places: Iterable[FacePlace]
) -> tuple[list[str], list[tuple[str, int, int, int, int]], list[FacePlace]]:
    """Keys of the faces that were found at these places, boxes that people drew there, and all those places."""
    by_photo: dict[bytes, list[Box]] = {}
    for place in places:
        by_photo.setdefault(place.sha256, []).append(place.box)
    photos = list(by_photo)
    keys: set[str] = set()
    boxes: set[FacePlace] = set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sha256, face_key::text, x, y, w, h FROM detected_faces WHERE sha256 = ANY(%s::bytea[])", [photos]
        )
        found = [(bytes(sha256), key, Box(*box)) for sha256, key, *box in cursor.fetchall()]
        cursor.execute(
            """
            SELECT sha256, x, y, w, h FROM feedback WHERE sha256 = ANY(%(photos)s::bytea[]) AND x IS NOT NULL
            UNION SELECT sha256, x, y, w, h FROM truth WHERE sha256 = ANY(%(photos)s::bytea[]) AND x IS NOT NULL
            UNION SELECT sha256, x, y, w, h FROM cut_references WHERE sha256 = ANY(%(photos)s::bytea[])
            UNION SELECT sha256, x, y, w, h FROM group_statement_faces WHERE sha256 = ANY(%(photos)s::bytea[])
            """,
            {"photos": photos},
        )
        drawn = [FacePlace(bytes(sha256), Box(*box)) for sha256, *box in cursor.fetchall()]
    everywhere = {FacePlace(sha256, box) for sha256, photo_boxes in by_photo.items() for box in photo_boxes}
    for sha256, key, box in found:
        if is_covered(box, by_photo[sha256]):
            keys.add(key)
            everywhere.add(FacePlace(sha256, box))
    boxes.update(place for place in drawn if is_covered(place.box, by_photo[place.sha256]))
    return sorted(keys), _plain(boxes), sorted(everywhere, key=lambda place: (place.sha256, place.box))


def _plain(places: Collection[FacePlace]) -> list[tuple[str, int, int, int, int]]:
    return sorted((place.sha256.hex(), *place.box) for place in places)


def days_with(connection: Connection, photos: Sequence[str]) -> list[str]:
    """The event days that have one of these photos."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT event_day FROM photos WHERE encode(sha256, 'hex') = ANY(%s) ORDER BY 1", [list(photos)]
        )
        return [day for (day,) in cursor.fetchall()]
