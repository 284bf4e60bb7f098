"""How often an address may do something, and how long what was found is held; on a clock of our own."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from facefind_pipeline.web.limits import MINUTE_S, Rate
from facefind_pipeline.web.sessions import LIFE_S, MOST, Sessions


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_address_waits_until_its_first_time_is_a_minute_ago() -> None:
    clock = Clock()
    rate = Rate(2, clock)
    rate.count("192.168.1.7")
    clock.now += 20
    rate.count("192.168.1.7")
    assert rate.wait_s("192.168.1.7") == 40
    assert rate.wait_s("192.168.1.8") == 0
    clock.now += 40
    assert rate.wait_s("192.168.1.7") == 0


def test_all_addresses_of_an_ipv6_network_are_one() -> None:
    rate = Rate(1, Clock())
    rate.count("fd00:1:2:3::7")
    assert rate.wait_s("fd00:1:2:3:ffff::9") == 60
    assert rate.wait_s("fd00:1:2:4::7") == 0


def test_addresses_that_did_nothing_for_a_minute_are_not_remembered() -> None:
    clock = Clock()
    rate = Rate(1, clock)
    for last in range(200):
        rate.count(f"192.168.1.{last}")
    clock.now += 61
    rate.count("192.168.2.1")
    assert list(rate._times) == ["192.168.2.1"]


def test_a_session_ends_after_an_hour() -> None:
    clock = Clock()
    sessions: Sessions[str] = Sessions(clock)
    first = sessions.begin("hers")
    clock.now += LIFE_S / 2
    second = sessions.begin("his")
    assert (sessions.get(first), sessions.get(second), sessions.get(None), sessions.get("guessed")) == (
        *("hers", "his"),
        *(None, None),
    )
    clock.now += LIFE_S / 2
    assert (sessions.get(first), sessions.get(second)) == (None, "his")


def test_the_oldest_session_gives_way() -> None:
    sessions: Sessions[int] = Sessions(Clock())
    tokens = [sessions.begin(number) for number in range(MOST + 1)]
    assert (sessions.get(tokens[0]), sessions.get(tokens[1]), sessions.get(tokens[-1])) == (None, 1, MOST)


@pytest.fixture
def _often_switched() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_often_switched")
def test_many_threads_at_once_begin_and_end_sessions_and_are_counted() -> None:
    clock = Clock()
    sessions: Sessions[int] = Sessions(clock)
    rate = Rate(1, clock)

    def visit(number: int) -> None:
        for last in range(300):
            clock.now += LIFE_S / 3  # so that each ends sessions and times of others
            sessions.get(sessions.begin(last))
            rate.count(f"192.168.{number}.{last % 250}")
            assert rate.wait_s(f"192.168.{number}.{last % 250}") <= MINUTE_S

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(visit, range(8)))
