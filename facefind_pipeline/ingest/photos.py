"""A day's folder into rows of `photos`: only new and changed files are read, once, for hash and header."""

import hashlib
import math
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.ingest.listing import Problem, list_folder, report, why_unreadable
from facefind_pipeline.ingest.sidecars import SidecarFiles, SidecarIndex, Sidecars
from facefind_pipeline.path_text import text_of
from facefind_pipeline.progress import Progress
from facefind_pipeline.store import faces
from facefind_pipeline.store import photos as store
from facefind_pipeline.store.made import mark_incomplete, record_made
from facefind_pipeline.store.photos import EventDay, PhotoRow
from facefind_pipeline.store.tombstones import Tombstones

COMMIT_EVERY = 200  # files
READERS = 4  # threads, each waiting for a process apart that reads and hashes
SETTLE_S = 10  # a file that changed within this is taken to be still copied, where nobody is waiting for it

Closed = Mapping[str, float]  # files of one folder by name, and when the system told that each was closed, s since 1970
NOTHING_TOLD: Closed = {}


@dataclass(frozen=True, slots=True)
class Scan:
    """What a look at the folder says against the rows that are there.

    Attributes:
        known: the rows that it was compared with, by path.
        changed: files to read, each with its sidecars: new, or of another size, time of change or inode, or with
            other sidecars.
        gone: paths that are there no more.
        unsettled: how many changed files are left alone, since they may still be copied.
        problems: entries that can't be looked at; rows of theirs stay.
        others: how many files of each kind are no photos.
        unavailable: why the day's photos can't be had now; nothing is changed or gone then. None where they can.
    """

    known: Mapping[str, PhotoRow]
    changed: Sequence[tuple[os.DirEntry[str], Sidecars]] = ()
    gone: Sequence[str] = ()
    unsettled: int = 0
    problems: Sequence[Problem] = ()
    others: Mapping[str, int] = field(default_factory=dict)
    unavailable: str | None = None

    def finds_news_of(self, day: EventDay) -> bool:
        """Whether the day's rows, or what is known of its being there, are to change."""
        return bool(self.changed or self.gone) or (self.unavailable is None) != day.available


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a day's photos.

    Attributes:
        version: data version of the rows.
        photos: how many rows there are.
        read: how many files were read.
        gone: how many rows were removed.
        problems: why files that have a row could not be read, by path.
        notes: what is wrong with photos that are used nevertheless, by path.
        left_out: a line for each entry that can't be looked at and so has no row of its own.
        others: how many files of each kind are no photos.
        unavailable: why the day's photos can't be had now; None where they can.
    """

    version: str
    photos: int
    read: int
    gone: int
    problems: dict[str, str]
    notes: dict[str, str] = field(default_factory=dict)
    left_out: Sequence[str] = ()
    others: Mapping[str, int] = field(default_factory=dict)
    unavailable: str | None = None


def scan(
    day: EventDay,
    known: Mapping[str, PhotoRow],
    *,
    rehash: bool = False,
    settle_seconds: float = 0,
    closed: Closed = NOTHING_TOLD,
) -> Scan:
    """Compares the day's folder with its rows.

    A folder in which none of the day's photos is left is taken for a disk that is not mounted: where somebody deletes
    photos some mostly stay, and what is not deleted here can be read again.

    Args:
        day: whose folder to look at.
        known: its rows by path.
        rehash: takes every file for changed.
        settle_seconds: leaves files alone that changed within so many seconds; 0 leaves none.
        closed: of the day's folder; these are left alone only if they were written again.
    """
    try:
        listing = list_folder(day.path)
    except FileNotFoundError:
        return Scan(known, unavailable="is gone")
    except OSError as error:
        return Scan(known, unavailable=why_unreadable(error))
    sidecars = SidecarIndex(listing.sidecars)
    present: set[str] = set()
    changed: list[tuple[os.DirEntry[str], Sidecars]] = []
    unsettled = 0
    for entry in listing.photos:
        path, beside = _path(day, entry.name), sidecars.of(entry.name)
        try:
            status = entry.stat()
        except FileNotFoundError:  # since the folder was listed
            continue
        except OSError:  # a row that is there stays, a new one says why
            present.add(path)
            changed += [(entry, beside)] if path not in known else []
            continue
        present.add(path)
        if not rehash and path in known and not _differs(status, beside, known[path]):
            continue
        if is_complete(entry.name, status, settle_seconds, closed):
            changed.append((entry, beside))
        else:
            unsettled += 1
    if known and not present:
        return Scan(known, problems=listing.problems, others=listing.others, unavailable="has no photos any more")
    present.update(_path(day, problem.path.name) for problem in listing.problems)
    gone = [path for path in known if path not in present]
    return Scan(known, changed, gone, unsettled, listing.problems, listing.others)


def is_complete(name: str, status: os.stat_result, settle_seconds: float, closed: Closed) -> bool:
    """Whether a file is whole: closed and not written since, or left alone for so long."""
    return status.st_mtime <= closed.get(name, -math.inf) or is_settled(status, settle_seconds)


def is_settled(status: os.stat_result, seconds: float) -> bool:
    """Whether a file was left alone for so long; by time of status change, which copying with old times sets too."""
    age = time.time() - status.st_ctime
    return not 0 <= age < seconds  # a server's clock may be ahead of ours


def ingest_day(
    connection: Connection,
    day: EventDay,
    progress: Progress,
    tombstones: Tombstones,
    *,
    rehash: bool = False,
    settle_seconds: float = 0,
    looked: Scan | None = None,
) -> Ingested:
    """Brings the rows of a day up to its folder; photos that can't be had now mark the day, and nothing is deleted.

    Args:
        connection: any; rows are committed in batches.
        day: whose folder to read.
        progress: told of each file.
        tombstones: of photos that are not to be read again.
        rehash: as for `scan`.
        settle_seconds: as for `scan`.
        looked: what a look at the folder found just now; it counts while the rows are those that it was compared with.
    """
    known = store.photos(connection, day.key)
    if looked is not None and looked.known == known:
        found = looked
    else:
        found = scan(day, known, rehash=rehash, settle_seconds=settle_seconds)
    store.mark_available(connection, day.key, available=found.unavailable is None)
    if found.unavailable:
        return _finish(connection, day, known, found)
    if rehash:  # whoever asks for all files again wants another try of what failed on them
        faces.forget_problems(connection, day.key)
    progress.begin(f"reading {day.key}", len(found.changed), "photo")
    with ThreadPoolExecutor(READERS) as pool:
        entries = iter(found.changed)
        # One batch at a time, so that no more than a batch of rows waits and a kill loses no more than that.
        while batch := list(islice(entries, COMMIT_EVERY)):
            rows = []
            for row in pool.map(lambda one: read_photo(Path(one[0].path), _path(day, one[0].name), one[1]), batch):
                if row is not None:
                    rows.append(row)
                progress.advance()
            store.replace_photos(connection, day.key, _without_forgotten(connection, tombstones, rows), gone=())
            mark_incomplete(connection, "raw_photos", day.key)
            connection.commit()
    store.replace_photos(connection, day.key, changed=(), gone=found.gone)
    progress.end()
    return _finish(connection, day, store.photos(connection, day.key), found)


def read_photo(file: Path, path: str, sidecars: Sidecars) -> PhotoRow | None:
    """The row of one file; what can't be read becomes a row with the reason. None if the file went away meanwhile."""
    from facefind_pipeline.vision.apart import apart
    from facefind_pipeline.vision.watched_process import LostPhotoError

    state = sidecars.state()
    try:
        return apart(_read, file, path, sidecars.files(), state)
    except LostPhotoError as error:
        status = None
        with suppress(OSError):  # what may be the machine's fault is tried again at the next look
            status = None if error.by_machine else file.stat()
        return _row(path, None, status, state, problem=f"reading its header failed: {error}")


def _read(file: Path, path: str, beside: SidecarFiles, state: str | None) -> PhotoRow | None:
    from facefind_pipeline.vision.decode import UnreadablePhotoError
    from facefind_pipeline.vision.exif import read_facts
    from facefind_pipeline.vision.failures import reason
    from facefind_pipeline.vision.memory import read_whole

    data: bytes | None = None
    status = None
    try:
        with file.open("rb") as opened:
            status = os.fstat(opened.fileno())
            data = read_whole(opened)
        facts, problem = asdict(read_facts(data, beside.read(file.name))), None
    except UnreadablePhotoError as error:
        facts, problem = {}, str(error)
    except FileNotFoundError:
        return None
    except OSError as error:
        facts, problem = {}, (error.strerror or str(error)).lower()
        data = status = None  # so that the next look tries again
    except Exception as error:  # noqa: BLE001 - whatever a reader makes of damaged bytes, it is of this photo alone
        facts, problem = {}, f"reading its header failed: {reason(error)}"
    return _row(path, data, status, state, problem=problem, **facts)


def _row(path: str, data: bytes | None, status: os.stat_result | None, sidecars: str | None, **facts: Any) -> PhotoRow:
    return PhotoRow(
        path=path,
        sha256=hashlib.sha256(data).digest() if data is not None else None,
        bytes=status.st_size if status else 0,
        mtime_ns=_mtime_ns(status) if status else 0,
        inode=_inode(status) if status else 0,
        sidecars=sidecars,
        **facts,
    )


def _without_forgotten(connection: Connection, tombstones: Tombstones, rows: Sequence[PhotoRow]) -> list[PhotoRow]:
    """The rows; of a photo that was forgotten only that its file is there, so that it is not read at each look."""
    forgotten = tombstones.photos(connection, {row.sha256 for row in rows if row.sha256})
    return [
        PhotoRow(row.path, None, row.bytes, row.mtime_ns, row.inode, forgotten[row.sha256].text, sidecars=row.sidecars)
        if row.sha256 in forgotten
        else row
        for row in rows
    ]


def _finish(connection: Connection, day: EventDay, rows: Mapping[str, PhotoRow], found: Scan) -> Ingested:
    version = store.photos_version(rows.values())
    record_made(connection, "raw_photos", day.key, version, version)
    return Ingested(
        version=version,
        photos=len(rows),
        read=len(found.changed),
        gone=len(found.gone),
        problems={row.path: row.problem for row in rows.values() if row.problem},
        notes={row.path: row.note for row in rows.values() if row.note},
        left_out=report(found.problems),
        others=found.others,
        unavailable=found.unavailable,
    )


def _path(day: EventDay, name: str) -> str:
    """Below the root, as the table can hold it."""
    return f"{day.folder}/{text_of(name)}" if day.folder else text_of(name)


def _differs(status: os.stat_result, sidecars: Sidecars, row: PhotoRow) -> bool:
    now = (status.st_size, _mtime_ns(status), _inode(status), sidecars.state())
    return now != (row.bytes, row.mtime_ns, row.inode, row.sidecars)


def _mtime_ns(status: os.stat_result) -> int:
    """Of 64 bits, as the table can hold it: times before 1678 and after 2262 need more. It is only compared."""
    return (status.st_mtime_ns + 2**63) % 2**64 - 2**63


def _inode(status: os.stat_result) -> int:
    """Of 63 bits, as the table can hold it; network file systems use all 64."""
    return status.st_ino & (2**63 - 1)
