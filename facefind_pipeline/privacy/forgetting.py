"""Forgetting, step by step: each step may be done twice, is recorded once it is done, and resumes after a kill.

What is still to be searched for lies in one file of the home, closed to others, until the receipt is written.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from socket import gethostname

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline import home as homes
from facefind_pipeline.privacy import dagster_record, residue
from facefind_pipeline.privacy.compaction import begin_log_anew, rewrite_tables
from facefind_pipeline.privacy.data_map import EXTERNAL_SERVER, OTHER_HOSTS, OUT_OF_REACH
from facefind_pipeline.privacy.erasing import count_rows, erase_rows
from facefind_pipeline.privacy.found_again import found_again
from facefind_pipeline.privacy.home_files import remove_files
from facefind_pipeline.privacy.needles import Needles, collect
from facefind_pipeline.privacy.receipt import Receipt
from facefind_pipeline.privacy.subject import Subject
from facefind_pipeline.progress import Progress
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import parameter_sets, photos
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.tombstones import Tombstones


@dataclass(slots=True)
class State:
    """How far a forgetting is.

    Attributes:
        number: of its row in `forgettings`.
        begun: when, in ISO 8601.
        subject: what goes.
        needles: what must be found nowhere at the end.
        rows: how many of each table went.
        found: where the search found something before.
        done: names of the steps that are done.
    """

    number: int
    begun: str
    subject: Subject
    needles: Needles
    rows: dict[str, int]
    found: dict[str, int]
    done: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Works in one home.

    Attributes:
        database: whose tables lose something.
        settings: of the home.
        progress: told of long steps.
        forget_partitions: takes event days and sets out of Dagster's record; given, since nothing here knows Dagster.
    """

    database: Database
    settings: Settings
    progress: Progress
    forget_partitions: Callable[[Subject], None]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Waits until nothing else is forgotten or written: to be held from `unfinished` or `begin` to the receipt.

        What goes is looked for under these locks, those of all event days: a run that was at work before may have
        found the person in any of them.
        """
        with self.database.locks([("forget",), ("faces", gethostname()), ("register",)]):
            with self.database.connect(vectors=False) as connection:
                sets = [registered.key for registered in parameter_sets.registered(connection)]
                days = [day.key for day in photos.days(connection)]
            of_days = [("raw_photos", day) for day in days] + [("faces", day, key) for day in days for key in sets]
            with self.database.locks([*of_days, ("reference_photos",), ("truth",)]):
                yield

    def begin(self, find: Callable[[Connection], Subject]) -> State:
        """Looks what there is of what `find` finds, and notes that it is to go. Nothing is changed yet."""
        with self.database.connect() as connection:
            subject = find(connection)
            needles, rows = collect(connection, subject), count_rows(connection, subject)
        found = residue.search(self.database, self.settings, needles, self.progress)
        with self.database.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(max(forgetting), 0) + 1 FROM forgettings")
            (number,) = cursor.fetchone() or (1,)
        state = State(number, datetime.now().astimezone().isoformat(timespec="seconds"), subject, needles, rows, found)
        self._write(state)
        return state

    def unfinished(self) -> State | None:
        """One that was begun in this home and not ended; begun anew if nothing went yet: others found more."""
        try:
            read = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        state = State(**read | {"subject": Subject(**read["subject"]), "needles": Needles(**read["needles"])})
        with self.database.connect(vectors=False) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT FROM forgettings WHERE (forgetting, begun_at) = (%s, %s)", [state.number, state.begun]
            )
            if cursor.rowcount:  # it was recorded together with the rows' deletion
                return state
        return self.begin(lambda connection: found_again(connection, state.subject))

    def carry_out(self, state: State) -> Receipt:
        """Does what is left to do, and returns the receipt, which the tables keep."""
        steps: dict[str, Callable[[State], None]] = {
            "rows": self._erase_rows,
            "record": self._clean_record,
            "files": lambda state: remove_files(self.settings, self.database.data, state.subject),
            "tables": lambda _: rewrite_tables(self.database, self.progress),
            "log": lambda _: begin_log_anew(self.database, self.settings),
        }
        for name, step in steps.items():
            if name not in state.done:
                step(state)
                state.done.append(name)
                self._write(state)
        receipt = self._receipt(state)
        if not receipt.is_clean:  # a process that was at work when the rows went may have written since
            for step in steps.values():
                step(state)
            receipt = self._receipt(state)
        self._keep(receipt)
        for file in (self._file, *self.settings.home.glob(f".{residue.STATE_FILE}.*")):  # a kill may have left others
            file.write_bytes(bytes(file.stat().st_size))
            file.unlink()
        return receipt

    @property
    def _file(self) -> Path:
        return self.settings.home / residue.STATE_FILE

    def _write(self, state: State) -> None:
        homes.write_private(self._file, json.dumps(asdict(state)))

    def _erase_rows(self, state: State) -> None:
        with self.database.connect() as connection:
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO forgettings (forgetting, kind, begun_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                    [state.number, state.subject.kind, state.begun],
                )
            erase_rows(connection, state.subject, Tombstones(self.settings.home), state.number)

    def _clean_record(self, state: State) -> None:
        self.forget_partitions(state.subject)
        dagster_record.remove_names(self.database, state.needles, self.progress)

    def _receipt(self, state: State) -> Receipt:
        with self.database.connect() as connection:
            rows = count_rows(connection, state.subject)
        found = residue.search(self.database, self.settings, state.needles, self.progress)
        return Receipt(
            forgetting=state.number,
            kind=state.subject.kind,
            begun=state.begun,
            ended=datetime.now().astimezone().isoformat(timespec="seconds"),
            rows={table: (before, rows[table]) for table, before in state.rows.items() if before},
            found={place: (state.found.get(place, 0), found.get(place, 0)) for place in sorted({*state.found, *found})},
            searched=len(state.needles.digests),
            out_of_reach=[
                *OUT_OF_REACH,
                *([EXTERNAL_SERVER] if self.database.data is None else []),
                *([OTHER_HOSTS] if self.settings.broker_url else []),
            ],
        )

    def _keep(self, receipt: Receipt) -> None:
        with self.database.connect(vectors=False) as connection, connection.cursor() as cursor:
            cursor.execute(
                "UPDATE forgettings SET ended_at = %s, receipt = %s WHERE forgetting = %s",
                [receipt.ended, json.dumps(receipt.as_json()), receipt.forgetting],
            )


def is_unfinished(home: Path) -> bool:
    """Whether something is still to be forgotten in a home."""
    return os.path.lexists(home / residue.STATE_FILE)
