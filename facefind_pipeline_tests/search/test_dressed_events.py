"""Events in outfits and in uniforms, from the tables to the answer: what clothes gain, lose, and say of themselves."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from facefind_pipeline.evaluation.explain import explain
from facefind_pipeline.plan.due import is_current
from facefind_pipeline.search import results, stored, worn_reading
from facefind_pipeline.search.filters import Filters, company_of
from facefind_pipeline.search.find import find_person
from facefind_pipeline.search.matches import Match
from facefind_pipeline.search.results import refresh, results_version
from facefind_pipeline.search.worn_days import read_days
from facefind_pipeline.store import feedback, parameter_sets, photos
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.people import Person
from facefind_pipeline_tests.search.dressed import DAYS, FACES, GUESTS, write_event
from facefind_pipeline_tests.store.rows import KEY, table

FIRST = Person("guest-00", "Guest-00")


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


def _search(connection: Connection) -> None:
    refresh(connection, parameter_sets.find(connection, KEY))


def _average_precision(connection: Connection, shown: Mapping[str, set[bytes]], rank: str) -> float:
    """The mean over all guests of the stored results, by one of the two ranks."""
    made = []
    for name in GUESTS:
        rows = table(connection, f"SELECT sha256 FROM search_results WHERE person = '{name.lower()}' ORDER BY {rank}")
        right = np.array([bytes(sha256) in shown[name] for (sha256,) in rows])
        precision = np.cumsum(right) / np.arange(1, len(right) + 1)
        made.append(precision[right].sum() / len(shown[name]))
    return float(np.mean(made))


def _answer(connection: Connection, *, clothes: bool = True, filters: Filters | None = None) -> list[Match]:
    chosen = parameter_sets.find(connection, KEY)
    return find_person(connection, chosen, FIRST, limit=60, clothes=clothes, filters=filters).matches


def test_guests_in_outfits_of_their_own_gain(connection: Connection) -> None:
    shown = write_event(connection, uniforms=False)
    _search(connection)
    alone, with_clothes = (_average_precision(connection, shown, rank) for rank in ("face_rank", "rank"))
    assert with_clothes > alone + 0.02
    assert with_clothes > 0.95
    days = read_days(connection, KEY)
    assert [day.event_day for day in days] == list(DAYS)
    assert all(day.separation > 1 and day.people >= 8 and day.same > 20 and day.others > 50 for day in days)


def test_guests_in_uniforms_lose_nothing(connection: Connection) -> None:
    write_event(connection, uniforms=True)
    _search(connection)
    assert [day.separation for day in read_days(connection, KEY)] == [0, 0]
    assert table(connection, "SELECT count(*) FROM search_results WHERE rank <> face_rank OR score <> face_score") == [
        (0,)
    ]
    assert table(connection, "SELECT count(clothes) FROM search_results") == [(0,)]


def test_without_clothes_results_are_those_of_the_face_alone(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_event(connection, uniforms=False)
    _search(connection)
    with_clothes, asked_without = _answer(connection), _answer(connection, clothes=False)
    assert table(connection, "SELECT count(*) > 0 FROM search_results WHERE by_face_key IS NOT NULL") == [(True,)]
    version = results_version(connection, KEY)
    monkeypatch.setenv("FACEFIND_CLOTHES", "off")
    assert not is_current(connection, "search_results", KEY)
    assert results_version(connection, KEY) != version
    _search(connection)
    assert is_current(connection, "search_results", KEY)
    assert _answer(connection) == asked_without
    assert [match.sha256 for match in asked_without] != [match.sha256 for match in with_clothes]
    assert read_days(connection, KEY) == []


def test_an_answer_says_what_clothes_added(connection: Connection) -> None:
    write_event(connection, uniforms=False)
    _search(connection)
    found = [match for match in _answer(connection) if match.clothes is not None]
    moved = [match for match in found if match.score != match.face_score]
    assert moved
    for match in moved:
        assert match.clothes_photos is not None
        assert match.clothes_photos > 0
    json = moved[0].as_json()
    assert json["clothes"] == pytest.approx(moved[0].clothes, abs=1e-4)
    assert json["face_score"] == pytest.approx(moved[0].face_score, abs=1e-6)
    assert all(
        match.clothes is None and match.score == match.face_score for match in _answer(connection, clothes=False)
    )


def test_a_day_may_be_forgotten_while_its_clothes_are_searched(database: Database, connection: Connection) -> None:
    write_event(connection, uniforms=False)
    connection.commit()
    with database.connect() as searching:
        searching.set_session(isolation_level="REPEATABLE READ")
        assert table(searching, "SELECT count(*) FROM event_days") == [(2,)]
        photos.remove_day(connection, "friday")
        connection.commit()
        _search(searching)
        assert [day.event_day for day in read_days(searching, KEY)] == list(DAYS)


def test_a_forgotten_day_leaves_nothing_of_its_clothes(connection: Connection) -> None:
    write_event(connection, uniforms=False)
    _search(connection)
    photos.remove_day(connection, "friday")
    assert [day.event_day for day in read_days(connection, KEY)] == ["saturday"]


def test_explain_knows_both_ranks_and_what_the_day_tells(connection: Connection) -> None:
    shown = write_event(connection, uniforms=False)
    _search(connection)
    photo = bytes.fromhex(next(match for match in _answer(connection) if match.clothes is not None).sha256)
    chosen = parameter_sets.find(connection, KEY)
    clothes = explain(connection, chosen, FIRST, photo, limit=10, filters=Filters()).clothes
    ((rank, day),) = table(
        connection,
        "SELECT face_rank, event_day FROM search_results JOIN photos USING (sha256)"
        f" WHERE person = 'guest-00' AND sha256 = '\\x{photo.hex()}'",
    )
    assert (clothes.face_rank, clothes.event_day) == (rank, day)
    assert clothes.log_odds is not None
    assert clothes.separation is not None
    assert clothes.separation > 0
    assert shown


def test_confirmed_faces_show_what_their_people_wear_that_day(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "SURE_RATE", 1e-12)  # nobody is sure by the face alone
    shown = write_event(connection, uniforms=False)
    _search(connection)
    assert read_days(connection, KEY) == []
    chosen = parameter_sets.find(connection, KEY)
    for name in GUESTS:
        found = find_person(connection, chosen, Person(name.lower(), name), limit=60).matches
        right = [one for one in found if one.event_day == DAYS[0] and bytes.fromhex(one.sha256) in shown[name]]
        for match in right[:4]:
            feedback.say(connection, name.lower(), bytes.fromhex(match.sha256), match.box)
    _search(connection)
    assert [day.event_day for day in read_days(connection, KEY)] == [DAYS[0]]
    compared = table(
        connection,
        "SELECT DISTINCT event_day, clothes_photos, confirmed FROM search_results JOIN photos USING (sha256)"
        " WHERE clothes IS NOT NULL ORDER BY 2",
    )
    assert compared[-1] == (DAYS[0], 4, False)
    assert {(day, confirmed) for day, _, confirmed in compared} == {(DAYS[0], False)}


def test_what_is_read_grows_with_people_and_not_with_their_sure_faces(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements, descriptors = [], []

    class Noting(Cursor):
        def execute(self, *arguments: Any) -> None:
            super().execute(*arguments)
            statements.append(len(self.query))
            descriptors.append(self.rowcount if b"descriptor IS NOT NULL" in self.query else 0)

    monkeypatch.setattr(worn_reading, "PHOTOS_OF_A_PERSON", 1)
    monkeypatch.setattr(worn_reading, "PHOTOS_LEARNT_FROM", 1)
    write_event(connection, uniforms=False)
    connection.cursor_factory = Noting
    _search(connection)
    sure = table(connection, "SELECT sum(sure_photos) FROM searches")
    assert sure[0][0] > 50
    # Of each day a photo of each guest, and all faces of one photo.
    assert 0 < sum(descriptors) <= len(DAYS) * (len(GUESTS) + FACES)
    assert max(statements) < 5_000


def test_days_whose_clothes_are_not_described_are_left_to_the_face(connection: Connection) -> None:
    write_event(connection, uniforms=False)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE set_days SET clothes_fingerprint = NULL WHERE event_day = 'friday'")
    _search(connection)
    assert [day.event_day for day in read_days(connection, KEY)] == ["saturday"]
    assert table(
        connection,
        "SELECT DISTINCT event_day FROM search_results JOIN photos USING (sha256) WHERE clothes IS NOT NULL",
    ) == [("saturday",)]


def test_who_else_is_on_a_photo_counts_with_clothes_or_by_the_face_alone(connection: Connection) -> None:
    write_event(connection, uniforms=False)
    _search(connection)
    chosen, other = parameter_sets.find(connection, KEY), Person("guest-01", "Guest-01")
    found = {}
    for clothes in (True, False):
        company = company_of(connection, chosen, FIRST, [other], [], only=False, clothes=clothes)
        assert company is not None
        found[clothes] = {match.sha256 for match in _answer(connection, filters=Filters(company=company))}
        score = "score" if clothes else "face_score"
        rows = table(
            connection,
            f"SELECT sha256 FROM search_results WHERE person = 'guest-01' AND {score} <= {company.cut}",
        )
        assert found[clothes] == {bytes(sha256).hex() for (sha256,) in rows}
    assert found[True] != found[False]


def test_an_answer_beyond_stored_results_says_that_it_rests_on_the_face(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_event(connection, uniforms=False)
    _search(connection)
    chosen = parameter_sets.find(connection, KEY)
    assert not find_person(connection, chosen, FIRST, limit=60).by_face
    monkeypatch.setattr(stored, "KEPT", 10)  # as if no more were stored
    assert find_person(connection, chosen, FIRST, limit=61).by_face
    assert not find_person(connection, chosen, FIRST, limit=61, clothes=False).by_face
