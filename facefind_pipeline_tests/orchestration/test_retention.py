"""Event days that were kept long enough are announced, then forgotten, by the nightly job; others never."""

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import dagster as dg
import pytest

from facefind_pipeline.cli.workspace import open_graph
from facefind_pipeline.orchestration import retention
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.orchestration.schedules import nightly_forgetting
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.store.rows import table

pytestmark = pytest.mark.slow

Night = Callable[[timedelta], list[str]]
DAY = timedelta(days=1)


@pytest.fixture
def night(filled: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> Night:
    """Runs the nightly job by a clock that is so far ahead; returns the event days that are left."""
    monkeypatch.setenv("FACEFIND_KEEP_DAYS", "90")
    graph = open_graph(None)

    def run(ahead: timedelta) -> list[str]:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> "Clock":
                moved = datetime.now(tz) + ahead
                return cls.fromtimestamp(moved.timestamp(), tz)

        with monkeypatch.context() as patch:
            patch.setattr(retention, "datetime", Clock)
            graph.run_job("forget_expired_days", {})
        with database.connect() as connection:
            return [day for (day,) in table(connection, "SELECT event_day FROM event_days ORDER BY 1")]

    return run


def test_a_day_that_was_kept_long_enough_is_forgotten(night: Night, filled: Path, database: Database) -> None:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE event_days SET registered_at = now() - interval '91 days' WHERE event_day = 'day-1'")
    assert night(timedelta()) == ["day-1", "day-2"]  # announced
    assert night(timedelta(minutes=1)) == ["day-1", "day-2"]  # not by the same night's second try
    assert night(DAY) == ["day-2"]
    with database.connect() as connection:
        assert table(connection, "SELECT kind, ended_at IS NOT NULL, receipt ->> 'clean' FROM forgettings") == [
            ("day", True, "true")
        ]
        assert table(connection, "SELECT count(*) FROM tombstones") == [(3,)]
    graph = open_graph(None)
    assert graph.instance.get_dynamic_partitions("event_day") == ["day-2"]
    assert (filled / "Day 1" / "both.jpg").is_file()
    # What went with the day and is still needed is asked for at once.
    (backfill,) = graph.instance.get_backfills()
    assert backfill.asset_selection is not None
    assert {"search_results", "face_groups"} <= {key.to_user_string() for key in backfill.asset_selection}
    context = dg.build_schedule_context(graph.instance, resources={"workspace": Workspace(read_settings())})
    assert isinstance(nightly_forgetting(context), dg.SkipReason)


def test_a_clock_that_was_ahead_for_a_night_forgets_nothing(night: Night) -> None:
    both = ["day-1", "day-2"]
    assert night(100 * DAY) == both  # which announces them
    assert night(DAY) == both
    # By then they are due indeed, and what a clock announced that was further ahead is announced anew.
    assert night(200 * DAY) == both
    assert night(91 * DAY) == both
    assert night(92 * DAY) == []
