"""Filters, any of them together, against the same choice made in numpy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.search import live, results
from facefind_pipeline.search.calibration import NEAREST_REFERENCE, SCORE, read_calibration
from facefind_pipeline.search.filters import Company, Filters, Near, company_of
from facefind_pipeline.search.find import find_person
from facefind_pipeline.search.live import find_nearest
from facefind_pipeline.search.matches import BANDS, WORTH_SHOWING, Answer
from facefind_pipeline.search.probes import Probe, reference_probes
from facefind_pipeline.store import feedback, indexes, parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.index_kinds import IndexKind
from facefind_pipeline.store.people import Person
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, table, vector, write_all, write_person

PEOPLE = ("Ada", "Bob", "Cy", "Dora")
LISBON = (38.72, -9.14)
PHOTO_HEIGHT = 200  # as `rows` writes them


@dataclass(frozen=True)
class Event:
    """Two days of photos on which people are together, each one's centre, and what was said of some."""

    photos: dict[str, list[Photo]]
    centres: dict[str, Any]
    said: dict[tuple[str, bytes], tuple[int, int, int, int] | None]

    @property
    def all(self) -> list[tuple[str, Photo]]:
        return [(day, photo) for day, photos in self.photos.items() for photo in photos]


def _make_event() -> Event:
    random = np.random.default_rng(7)
    centres = {name: random.normal(0, 0.06, 128) for name in PEOPLE}
    photos: dict[str, list[Photo]] = {"friday": [], "saturday": []}
    hers: dict[str, list[tuple[bytes, tuple[int, int, int, int]]]] = {name: [] for name in PEOPLE}
    for number in range(180):
        names = [name for name in PEOPLE if random.random() < 0.3]
        strangers = int(random.integers(0, 3))
        faces = [centres[name] + random.normal(0, 0.025, 128) for name in names]
        faces += [random.normal(0, 0.06, 128) for _ in range(strangers)]
        photo = Photo(
            *(f"{number:03d}.jpg", str(number), [face.astype(np.float32) for face in faces]),
            taken_at=None if number % 9 == 0 else datetime(2024, 6, 14) + timedelta(hours=float(random.integers(72))),
            country=str(random.choice(["PT", "ES"])) if number % 5 else None,
            boxes=[(130 * place, 10, 90, int(random.integers(8, 120))) for place in range(len(faces))],
            position=None if number % 7 == 0 else tuple(LISBON + random.normal(0, 0.02, 2)),
        )
        photos["friday" if number < 90 else "saturday"].append(photo)
        for name, box in zip(names, photo.boxes, strict=False):
            hers[name].append((photo.sha256, box))
    said = {
        (name.lower(), sha256): box if place % 2 else None
        for name in ("Ada", "Bob")
        for place, (sha256, box) in enumerate(hers[name][:12])
    }
    return Event(photos, centres, said)


EVENT = _make_event()


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    random = np.random.default_rng(8)
    with database.connect() as connection:
        for day, photos in EVENT.photos.items():
            write_all(connection, partition(connection, day), photos)
        for name, centre in EVENT.centres.items():
            references = [(centre + random.normal(0, 0.025, 128)).astype(np.float32) for _ in range(2)]
            write_person(connection, partition(connection, "friday"), name, references)
        for (person, sha256), box in EVENT.said.items():
            feedback.say(connection, person, sha256, box)
        results.refresh(connection, parameter_sets.find(connection, KEY))
        yield connection


class BruteForce:
    """The same search in numpy, over what is stored."""

    def __init__(self, connection: Connection) -> None:
        self.cuts = {}
        for measure in (SCORE, NEAREST_REFERENCE):
            made = read_calibration(connection, KEY, measure)
            assert made is not None
            self.cuts[measure] = (made.sure_cut, made.likely_cut)
        probes = reference_probes(connection, KEY, Person("ada", "Ada"))
        self.stored, self.face_of = {}, {}
        keys = {  # face keys to their place in the photo
            key: (bytes(sha256), x // 130)
            for key, sha256, x in table(connection, "SELECT face_key, sha256, x FROM detected_faces")
        }
        rows = table(connection, "SELECT person, sha256, score, face_key, rank FROM search_results")
        for person, sha256, score, key, rank in rows:
            self.stored[person, bytes(sha256)] = (score, rank)
            self.face_of[person, bytes(sha256)] = keys[key][1]
        self.live = {}
        for _, photo in EVENT.all:
            distances = [min(float(np.linalg.norm(v - p.vector)) for p in probes) for v in photo.vectors]
            if distances:
                self.live[photo.sha256] = (min(distances), int(np.argmin(distances)))

    def present(self, photo: Photo, cut: float) -> set[str]:
        said = {person: bool(box) for (person, sha256), box in EVENT.said.items() if sha256 == photo.sha256}
        likely = {
            person
            for (person, sha256), (score, _) in self.stored.items()
            if sha256 == photo.sha256 and score <= cut and person not in said
        }
        return likely | {person for person, shown in said.items() if shown}

    def passes(self, day: str, photo: Photo, face: int, filters: Filters) -> bool:
        height = photo.boxes[face][3]
        taken, company = photo.taken_at, filters.company
        return (
            (not filters.days or day in filters.days)
            and (filters.from_day is None or (taken is not None and taken.date() >= filters.from_day))
            and (filters.to_day is None or (taken is not None and taken.date() <= filters.to_day))
            and filters.country in (None, photo.country)
            and (filters.near is None or (photo.position is not None and _metres(photo.position, filters.near)))
            and height >= (filters.min_height or 0)
            and height >= (filters.min_share or 0) * PHOTO_HEIGHT
            and (company is None or self.fits(photo, face, company))
        )

    def fits(self, photo: Photo, face: int, company: Company) -> bool:
        there = self.present(photo, company.cut)
        if not there >= set(company.present) or there & set(company.absent):
            return False
        if company.only is None:
            return True
        theirs = {self.face_of.get((person, photo.sha256)) for person in company.present}
        others = [
            place
            for place, box in enumerate(photo.boxes)
            if place != face and place not in theirs and box[3] >= photo.boxes[face][3] / 2
        ]
        return there <= set(company.only) and not others

    def answer(self, filters: Filters, bands: Sequence[str] | None, limit: int | None, *, live: bool) -> Any:
        sure, likely = self.cuts[NEAREST_REFERENCE if live else SCORE]
        ranked = []
        for day, photo in EVENT.all:
            if photo.sha256 not in self.live or EVENT.said.get(("ada", photo.sha256), True) is None:
                continue
            said = ("ada", photo.sha256) in EVENT.said
            score = self.live[photo.sha256][0] if live else self.stored["ada", photo.sha256][0]
            face = self.live[photo.sha256][1] if live else self.face_of["ada", photo.sha256]
            if self.passes(day, photo, face, filters):
                band = "confirmed" if said else "sure" if score <= sure else "likely" if score <= likely else "unlikely"
                ranked.append((band != "confirmed", score, photo.path, band))
        ranked.sort()
        counts = {band: sum(row[3] == band for row in ranked) for band in WORTH_SHOWING}
        shown = [(path, band) for *_, path, band in ranked if bands is None or band in bands]
        return shown[:limit], counts


def _metres(position: tuple[float, float], near: Near) -> bool:
    """Whether the angle between two unit vectors is small enough."""

    def unit(latitude: float, longitude: float) -> np.ndarray:
        north, east = np.radians([latitude, longitude])
        return np.array([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)])

    one, other = unit(*position), unit(near.latitude, near.longitude)
    return bool(6371008.8 * np.arctan2(np.linalg.norm(np.cross(one, other)), one @ other) <= near.metres)


def _shown(answer: Answer) -> tuple[list[tuple[str, str]], dict[str, int]]:
    return [(match.photo, match.band) for match in answer.matches], dict(answer.counts)


NAMES = st.lists(st.sampled_from(["bob", "cy", "dora"]), max_size=2, unique=True).map(tuple)
FILTERS = st.builds(
    Filters,
    days=st.sampled_from([(), (), ("friday",), ("saturday",), ("friday", "saturday")]),
    from_day=st.sampled_from([None, None, date(2024, 6, 14), date(2024, 6, 15)]),
    to_day=st.sampled_from([None, None, date(2024, 6, 15), date(2024, 6, 16)]),
    country=st.sampled_from([None, None, "PT", "IS"]),
    near=st.none() | st.builds(Near, st.just(LISBON[0]), st.just(LISBON[1]), st.floats(100, 6000)),
    min_height=st.none() | st.floats(10, 110),
    min_share=st.none() | st.floats(0.05, 0.5),
)
COMPANY = st.none() | st.builds(lambda *given: given, NAMES, NAMES, st.booleans())
SHOWN = st.none() | st.just(WORTH_SHOWING) | st.lists(st.sampled_from(BANDS), min_size=1, unique=True)
LIMITS = st.none() | st.integers(1, 40)


def test_any_filters_together_return_what_brute_force_returns(connection: Connection, monkeypatch) -> None:
    chosen = parameter_sets.find(connection, KEY)
    ada = Person("ada", "Ada")
    probes = reference_probes(connection, KEY, ada)
    brute = BruteForce(connection)
    found = [0, 0]
    monkeypatch.setattr(live, "FACES_PER_PHOTO", 1)  # so that a first look is seldom enough

    @settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(filters=FILTERS, company=COMPANY, bands=SHOWN, limit=LIMITS, live=st.booleans())
    def holds(filters: Filters, company: Any, bands: Any, limit: int | None, live: bool) -> None:
        if company is not None:
            present, absent, only = company
            absent = tuple(one for one in absent if one not in present)
            people = [Person(key, key.title()) for key in (*present, *absent)]
            made = company_of(connection, chosen, ada, people[: len(present)], people[len(present) :], only=only)
            filters = replace(filters, company=made)
        how = {"limit": limit, "bands": bands, "filters": filters}
        answer = (
            find_nearest(connection, chosen, probes, person=ada, **how)
            if live
            else find_person(connection, chosen, ada, **how)
        )
        assert not answer.stale
        assert _shown(answer) == brute.answer(filters, bands, limit, live=live)
        found[bool(filters.company)] += len(answer.matches)

    holds()
    assert min(found) > 20  # else the filters leave too little to prove anything


def test_with_without_and_only(connection: Connection) -> None:
    chosen, ada, bob = parameter_sets.find(connection, KEY), Person("ada", "Ada"), Person("bob", "Bob")

    def photos(*, present: Sequence[Person] = (), absent: Sequence[Person] = (), only: bool = False) -> set[str]:
        company = company_of(connection, chosen, ada, present, absent, only=only)
        answer = find_person(connection, chosen, ada, bands=WORTH_SHOWING, filters=Filters(company=company))
        return {match.photo for match in answer.matches}

    everything, both, alone = photos(), photos(present=[bob]), photos(absent=[bob])
    assert both | alone == everything
    assert not both & alone
    assert both
    assert alone
    paths = {photo.sha256: photo.path for _, photo in EVENT.all}
    rejected = {paths[sha256] for (person, sha256), box in EVENT.said.items() if person == "bob" and not box}
    confirmed = {paths[sha256] for (person, sha256), box in EVENT.said.items() if person == "bob" and box}
    assert not both & rejected
    assert everything & confirmed <= both
    two = photos(present=[bob], only=True)
    assert two
    assert two < both
    assert photos(only=True) < alone


def test_only_lets_small_faces_and_a_face_found_twice_pass(database: Database) -> None:
    boxes = {"alone": [], "passer-by": [(200, 0, 40, 40)], "stranger": [(200, 0, 60, 60)], "twice": [(5, 5, 90, 90)]}
    hers, other = vector(0.1), vector(0, 0, 2)
    with database.connect() as connection:
        friday = partition(connection, "friday")
        shots = [
            Photo(name, name, [hers, *([other] * len(more))], boxes=[(0, 0, 100, 100), *more])
            for name, more in boxes.items()
        ]
        write_all(connection, friday, shots)
        ada = write_person(connection, friday, "Ada", [vector(0)])
        chosen = parameter_sets.find(connection, KEY)
        results.refresh(connection, chosen)
        company = company_of(connection, chosen, ada, [], [], only=True)
        answer = find_person(connection, chosen, ada, filters=Filters(company=company))
    assert {match.photo for match in answer.matches} == {"alone", "passer-by", "twice"}


def test_who_can_not_be_with_whom_is_said(connection: Connection) -> None:
    chosen, ada, bob = parameter_sets.find(connection, KEY), Person("ada", "Ada"), Person("bob", "Bob")
    for present, absent, says in (
        ([], [ada], "--without Ada: Ada is asked for"),
        ([bob], [bob], "--without Bob: Bob is asked for"),
        ([Person("eve", "Eve")], [], "Eve was not searched for yet"),
    ):
        with pytest.raises(FacefindError, match=says):
            company_of(connection, chosen, ada, present, absent, only=False)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM calibrations")
    with pytest.raises(FacefindError, match="it is not known who is likely to be on a photo"):
        company_of(connection, chosen, ada, [bob], [], only=False)
    assert company_of(connection, chosen, ada, [], [], only=False) is None


@pytest.mark.parametrize("few", [1, 5000])  # the index is asked first, or never
def test_as_many_come_as_were_asked_for_beside_an_index(database: Database, monkeypatch, few: int) -> None:
    random = np.random.default_rng(5)
    shots = [
        Photo(
            *(f"{n}.jpg", str(n), random.normal(0, 1, (1, 128)).astype(np.float32)),
            country="IS" if n % 10 == 0 else "PT",
            position=LISBON if n % 4 == 0 else (0.0, 0.0),
            boxes=[(0, 0, 50, 80 if n % 3 == 0 else 20)],
        )
        for n in range(3000)
    ]
    monkeypatch.setattr(live, "FEW_PHOTOS", few)
    monkeypatch.setattr(live, "EF_SEARCH", 1)
    with database.connect() as connection:
        write_all(connection, partition(connection, "friday"), shots)
        chosen = parameter_sets.find(connection, KEY)
    indexes.build(database, chosen, IndexKind("hnsw"), len(shots))
    filters = Filters(country="IS", near=Near(*LISBON, 1000), min_height=50)  # one in 60
    with database.connect() as connection:
        probe = Probe(random.normal(0, 1, 128).astype(np.float32), partition(connection, "friday").embedder)
        answer = find_nearest(connection, chosen, [probe], limit=30, filters=filters)
    among = [shot for n, shot in enumerate(shots) if n % 60 == 0]
    nearest = sorted(among, key=lambda shot: float(np.linalg.norm(shot.vectors[0] - probe.vector)))
    assert len(answer.matches) == 30
    if few == 5000:
        assert [match.photo for match in answer.matches] == [shot.path for shot in nearest[:30]]
