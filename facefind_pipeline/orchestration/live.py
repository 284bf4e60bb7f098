"""Photos become results while they come, under `facefind dev`: `python -m ...` follows the folders that were given.

The daemon's way from a file to results has five stations, each of which looks every ten or fifteen seconds. This
process makes what is due of an event day by itself, in runs as a command's, under the set that `find` and the pages
ask, while that is active. All else goes the daemon's way; contact sheets, which are made of many photos, are drawn once
no more come. Between them it carries out commands, since it has Dagster loaded.
"""

import logging
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.environment import close_new_files, libraries_are_loaded
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.arrivals import Arrivals
from facefind_pipeline.ingest.photos import SETTLE_S, Closed, Scan, scan
from facefind_pipeline.ingest.watch import day_state, new_days
from facefind_pipeline.orchestration.dagster_internals import take_signals
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.orchestration.partitions import day_set
from facefind_pipeline.orchestration.recorded import recorded_versions
from facefind_pipeline.orchestration.resources import Incoming, Workspace
from facefind_pipeline.orchestration.runs import Graph
from facefind_pipeline.orchestration.warm_worker import Desk, carry_out, listening
from facefind_pipeline.plan.due import Scope, due
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store import forgotten_days, parameter_sets, photos
from facefind_pipeline.store.database import open_database
from facefind_pipeline.store.made import FACES
from facefind_pipeline.store.photos import EventDay
from facefind_pipeline.store.root_places import known_text
from facefind_pipeline.warm_commands import Command, stamp

LOOK_S = 2.0  # between looks at folders of which nothing is told, or where a file may still be copied
ROOTS_S = 10.0  # between questions which folders were given
QUIET_S = 20.0  # without a new photo, after which contact sheets are drawn
SEARCH = ("reference_embeddings", "hnsw_index", "search_results")

_log = logging.getLogger(__name__)


class Live:
    """Follows the folders that were given."""

    def __init__(self, graph: Graph, arrivals: Arrivals, *, settle_seconds: float = SETTLE_S) -> None:
        """Begins with what comes from now on.

        Args:
            graph: to make what is due in.
            arrivals: what tells of the folders.
            settle_seconds: how long a file must have been left alone that was not told to be closed.
        """
        self._graph, self._arrivals, self._settle_s = graph, arrivals, settle_seconds
        self._closed: dict[Path, dict[str, float]] = {}  # by folder; as long as they are not looked at
        self._again: dict[Path, float] = {}  # folders to look at again, and until when
        self._states: dict[str, str] = {}  # of the days of which nothing is told
        self._silent: Mapping[Path, str] = {}
        self._undrawn: set[str] = set()  # event days
        self._last = 0.0  # when something was made, by the clock of `time.monotonic`

    def follow(self, desk: Desk) -> None:
        """Looks for ever, and carries out the commands that are offered on a desk."""
        while True:
            self._hear(LOOK_S if self._silent or self._again else ROOTS_S)
            command = desk.take()
            try:
                if isinstance(command, Command):
                    carry_out(command)
            except Exception:  # noqa: BLE001 - whatever is wrong with one command is not with the next
                _log.exception("a command was not carried out to its end")
            try:
                self.make()
                if self._undrawn and time.monotonic() - self._last > QUIET_S:
                    self.draw()
            except FacefindError as error:  # as where the database stopped
                _log.warning("%s", error)
                time.sleep(LOOK_S)
            except Exception:  # noqa: BLE001 - whatever Dagster raises: what comes next may be another matter
                _log.exception("photos that arrived are left to the sensor new_event_days")
                time.sleep(LOOK_S)
            desk.free()

    def look(self, seconds: float) -> None:
        """Waits for what is told, so many seconds at most, and makes what is due of it; raises as `make`."""
        self._hear(seconds)
        self.make()

    def _hear(self, seconds: float) -> None:
        until = time.monotonic() + self._settle_s + LOOK_S
        for folder, closed in self._arrivals.wait(seconds).items():
            self._closed.setdefault(folder, {}).update(closed)
            self._again[folder] = until

    def make(self) -> None:
        """Makes what is due of what was told.

        Raises:
            FacefindError: a run failed, or the database stopped; what arrived is looked at again with the next.
        """
        with self._graph.workspace.database.connect() as connection:
            roots, days = photos.roots(connection), photos.days(connection)
            self._listen(roots)
            touched = {*self._again, *self._changed(days)}
            new = self._new_days(connection, roots, days, touched)
        for root in new:
            config = {"register_event_days": {"folder": known_text(root), "by_name": False}}
            self._graph.run_job("add_event_days", config, Incoming(folders=[root]))
        if new:
            with self._graph.workspace.database.connect() as connection:
                before, days = {day.path for day in days}, photos.days(connection)
            touched |= {day.path for day in days} - before
        for day in days:
            if day.path in touched:
                self._take(day)
        self._again = {folder: until for folder, until in self._again.items() if until > time.monotonic()}
        self._closed = {folder: closed for folder, closed in self._closed.items() if folder in self._again}

    def draw(self) -> None:
        """Makes what was made of new photos once more, now with contact sheets; nothing is read or computed again."""
        days, self._undrawn = sorted(self._undrawn), set()
        if not days:
            return
        with self._graph.workspace.database.connect() as connection:
            chosen = _default_set(connection)
        with self._sheets():
            for day in days:
                self._graph.materialize(["raw_photos"], day, self._config())
                if chosen is not None:
                    self._graph.materialize(FACES, day_set(day, chosen))
            if chosen is not None:
                self._graph.materialize(["hnsw_index", "search_results"], chosen)

    @contextmanager
    def _sheets(self) -> Iterator[None]:
        workspace = self._graph.workspace
        workspace.settings = replace(workspace.settings, draws_sheets=True)
        try:
            yield
        finally:
            workspace.settings = replace(workspace.settings, draws_sheets=False)

    def _listen(self, roots: Sequence[Path]) -> None:
        silent = dict(self._arrivals.listen(roots))
        for root in silent.keys() - self._silent.keys():
            _log.warning("%s: %s, so it is looked at every %.0f seconds", root, silent[root], LOOK_S)
        self._silent = silent

    def _changed(self, days: Iterable[EventDay]) -> list[Path]:
        """Folders of which nothing is told and which look otherwise than before; at first none does."""
        before, self._states = self._states, {day.key: day_state(day) for day in days if day.root in self._silent}
        return [day.path for day in days if before.get(day.key, self._states.get(day.key)) != self._states.get(day.key)]

    def _new_days(
        self, connection: Connection, roots: Iterable[Path], days: Collection[EventDay], touched: Collection[Path]
    ) -> list[Path]:
        """Those of the roots below which there is a new day."""
        unknown = set(touched) - {day.path for day in days}
        forgotten = forgotten_days.folders(connection)
        return [
            root
            for root in roots
            if (root in self._silent or any(folder.is_relative_to(root) for folder in unknown))
            and new_days(
                root,
                days,
                ignore=self._graph.workspace.settings.ignore,
                forgotten=forgotten,
                settle_seconds=self._settle_s,
                closed=self._closed,
            )[0]
        ]

    def _take(self, day: EventDay) -> None:
        """Reads what is new in a day's folder and makes what follows."""
        closed: Closed = self._closed.pop(day.path, {})
        self._again.pop(day.path, None)
        with self._graph.workspace.database.connect() as connection:
            known = photos.photos(connection, day.key)
            found = scan(day, known, settle_seconds=self._settle_s, closed=closed)
            chosen = _default_set(connection)
        if found.unsettled:
            self._again[day.path] = time.monotonic() + self._settle_s + LOOK_S
        if not found.finds_news_of(day):
            return
        self._undrawn.add(day.key)
        self._read(day, found)
        if chosen is not None:
            self._make(FACES, Scope(sets=[chosen], days=[day.key]), day_set(day.key, chosen))
            self._make(SEARCH, Scope(sets=[chosen]), chosen)
        self._last = time.monotonic()

    def _read(self, day: EventDay, found: Scan) -> None:
        self._graph.sync_partitions()
        self._graph.materialize(["raw_photos"], day.key, self._config(), Incoming(looks={day.key: found}))

    def _config(self) -> dict[str, dict[str, float]]:
        return {"raw_photos": {"settle_seconds": self._settle_s}}

    def _make(self, assets: Sequence[str], scope: Scope, partition: str) -> None:
        recorded = recorded_versions(self._graph.instance, assets, scope)
        with self._graph.workspace.database.connect() as connection:
            steps = due(connection, assets, scope, recorded=recorded)
        if steps:
            self._graph.materialize([step.asset for step in steps], partition)


def _default_set(connection: Connection) -> str | None:
    return next((one.key for one in parameter_sets.registered(connection) if one.is_default and one.active), None)


def main() -> None:
    """Follows until this process is told to end."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    take_signals()
    close_new_files()
    settings = read_settings()
    database = open_database(settings)
    workspace = Workspace(replace(settings, draws_sheets=False))
    build_defs = import_module("facefind_pipeline.definitions").build_defs
    libraries_are_loaded()
    with suppress(KeyboardInterrupt), open_instance(settings, database) as instance, closing(Arrivals()) as arrivals:
        live = Live(Graph(instance, workspace, build_defs({"workspace": workspace})), arrivals)
        desk, folder = Desk(None, wake=arrivals.wake), settings.home / "workers" / "live"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with listening(folder, desk, stamp(settings, database)):
            live.follow(desk)


if __name__ == "__main__":
    main()
