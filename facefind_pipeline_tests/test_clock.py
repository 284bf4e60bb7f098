"""A clock that jumps: each place that decides something by it, where a jump must lose or betray nothing.

That event days are not forgotten by it: `orchestration/test_retention.py`.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.ingest.looks import LOOK_AGAIN_S, Looks
from facefind_pipeline.ingest.photos import SETTLE_S, ingest_day, scan
from facefind_pipeline.orchestration.daemon import HEARTBEAT_S, daemon_lives
from facefind_pipeline.store import guest_links, photos
from facefind_pipeline.store.consents import Consent, consents_of, people_who_agreed, record_consent
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.guest_links import State
from facefind_pipeline.store.people import Person
from facefind_pipeline.store.photos import EventDay
from facefind_pipeline.store.tombstones import Tombstones
from facefind_pipeline.vision import dates
from facefind_pipeline.web.limits import Rate
from facefind_pipeline.web.sessions import Sessions
from facefind_pipeline_tests.conftest import Silence
from facefind_pipeline_tests.store.rows import partition, table, vector, write_person

JUMPS_S = (-3600.0, 3600.0)
ADA = Person("ada", "Ada")


@pytest.fixture(params=JUMPS_S, ids=["back", "ahead"])
def jump(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets this process's clock back or ahead when called."""
    now = time.time

    def jump() -> None:
        monkeypatch.setattr(time, "time", lambda: now() + request.param)

    return jump


@pytest.fixture
def connection(database: Database) -> Any:
    with database.connect() as connection:
        write_person(connection, partition(connection, "day"), ADA.name, [vector(1)])
        yield connection


def test_a_photo_that_was_read_half_copied_is_read_again(connection: Connection, event: Path, jump: Any) -> None:
    day = EventDay("day-1", event, "Day 1")
    photos.register_days(connection, event, [day])
    whole = (day.path / "hopper.jpg").read_bytes()
    (day.path / "copied.jpg").write_bytes(whole[: len(whole) // 2])
    jump()  # a file that changed just now is taken to have been left alone
    assert ingest_day(connection, day, Silence(), Tombstones(event), settle_seconds=SETTLE_S).photos == 5
    (day.path / "copied.jpg").write_bytes(whole)
    found = scan(day, photos.photos(connection, day.key))
    assert [entry.name for entry, _ in found.changed] == ["copied.jpg"]


def test_a_folder_is_not_left_unseen_for_as_long_as_the_clock_was_off(tmp_path: Path, jump: Any) -> None:
    then = time.time() - 2 * LOOK_AGAIN_S
    (tmp_path / "photos").mkdir()
    looked = []
    look = Looks(looked.append)
    os.utime(tmp_path / "photos", (then, then))
    look(tmp_path / "photos")
    jump()
    look(tmp_path / "photos")
    assert len(looked) == 2


@pytest.mark.parametrize("jump_s", JUMPS_S)
def test_a_daemon_that_ended_is_not_waited_for_until_the_clock_catches_up(jump_s: float) -> None:
    def instance(beat: float) -> Any:
        return cast("Any", SimpleNamespace(get_daemon_heartbeats=lambda: {"BACKFILL": SimpleNamespace(timestamp=beat)}))

    assert not daemon_lives(instance(time.time() - jump_s))
    for other in (-1, 1):  # clocks of two hosts are never quite the same
        assert daemon_lives(instance(time.time() + other * HEARTBEAT_S / 2))


def test_what_was_said_last_holds_though_the_clock_was_put_back(connection: Connection) -> None:
    record_consent(connection, ADA, Consent(agreed=True, until=None, source="form"))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE consents SET stated_at = clock_timestamp() + interval '1 year'")
    today = datetime.now(UTC).date()
    assert people_who_agreed(connection, today) == [ADA.key]
    record_consent(connection, ADA, Consent(agreed=False, until=None, source="letter"))
    assert people_who_agreed(connection, today) == []
    record_consent(connection, ADA, Consent(agreed=True, until=None, source="mail"))
    assert people_who_agreed(connection, today) == [ADA.key]
    assert [one.source for one in consents_of(connection, ADA)] == ["mail", "letter", "form"]


def test_a_link_that_looked_expired_opens_again_when_the_clock_is_right(connection: Connection) -> None:
    """The link's end is moved instead of the server's clock, which is the same to what compares them."""
    made = guest_links.make(connection, ADA, datetime.now(UTC) + timedelta(days=1), "test", with_pin=True)

    def ends(days: int) -> State:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE guest_links SET expires_at = clock_timestamp() + interval '1 day' * %s", [days])
        link = guest_links.by_token(connection, made.token)
        assert link is not None
        assert guest_links.is_right_pin(connection, link, made.pin or "") is (link.state is State.OPEN)
        return link.state

    assert [ends(days) for days in (1, -1, 1)] == [State.OPEN, State.EXPIRED, State.OPEN]
    assert table(connection, "SELECT closed_at FROM guest_links") == [(None,)]


def test_rates_and_sessions_go_on_as_if_nothing_were(jump: Any) -> None:
    rate, sessions = Rate(1), Sessions[str]()
    rate.count("192.168.1.7")
    token = sessions.begin("hers")
    jump()
    assert 0 < rate.wait_s("192.168.1.7") <= 60
    assert sessions.get(token) == "hers"


def test_dates_in_names_are_read_by_a_machine_whose_clock_was_never_set(monkeypatch: pytest.MonkeyPatch) -> None:
    class NeverSet(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "NeverSet":
            return cls(1970, 1, 1, 0, 5)

    monkeypatch.setattr(dates, "datetime", NeverSet)
    found = dates.date_in_name("IMG-20240615-WA0001.jpg")
    assert found is not None
    assert (found.year, found.month, found.day) == (2024, 6, 15)
    assert dates.date_in_name("IMG_20981231.jpg") is None
