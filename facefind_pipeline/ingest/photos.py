"""A day's folder into rows of `photos`: only new and changed files are read, once, for hash and header."""

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.ingest.folders import is_utf8
from facefind_pipeline.ingest.listing import list_folder
from facefind_pipeline.ingest.sidecars import SidecarIndex, Sidecars
from facefind_pipeline.progress import Progress
from facefind_pipeline.store import photos as store
from facefind_pipeline.store.photos import EventDay, PhotoRow

COMMIT_EVERY = 200  # files
READERS = 4  # threads; reading and hashing release the GIL
SETTLE_S = 10  # a file that changed within this is taken to be still copied, where nobody is waiting for it


@dataclass(frozen=True, slots=True)
class Scan:
    """What a look at the folder says against the rows that are there.

    Attributes:
        changed: files to read, each with its sidecars: new, or of another size, time of change or inode, or with
            other sidecars.
        gone: paths that are there no more.
        unsettled: how many changed files are left alone, since they may still be copied.
        others: how many files of each kind are no photos.
    """

    changed: Sequence[tuple[os.DirEntry[str], Sidecars]]
    gone: Sequence[str]
    unsettled: int
    others: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a day's photos.

    Attributes:
        version: data version of the rows.
        photos: how many rows there are.
        read: how many files were read.
        gone: how many rows were removed.
        problems: why files could not be read, by path.
        notes: what is wrong with photos that are used nevertheless, by path.
        others: how many files of each kind are no photos.
        available: whether the folder could be read.
    """

    version: str
    photos: int
    read: int
    gone: int
    problems: dict[str, str]
    notes: dict[str, str] = field(default_factory=dict)
    others: Mapping[str, int] = field(default_factory=dict)
    available: bool = True


def scan(day: EventDay, known: dict[str, PhotoRow], *, rehash: bool = False, settle_seconds: float = 0) -> Scan | None:
    """Compares the day's folder with its rows; None if the folder is missing or can't be read.

    A root with nothing in it at all is taken for a disk that is not mounted.

    Args:
        day: whose folder to look at.
        known: its rows by path.
        rehash: takes every file for changed.
        settle_seconds: leaves files alone that changed within so many seconds; 0 leaves none.
    """
    try:
        listing = list_folder(day.path)
        files = {_path(day, entry.name): entry for entry in listing.photos}
        if not files and known and not any(day.root.iterdir()):
            return None
    except OSError:
        return None
    sidecars = SidecarIndex(listing.sidecars)
    changed = [
        (entry, beside)
        for path, entry in files.items()
        if _differs(entry, beside := sidecars.of(entry.name), known.get(path)) or rehash
    ]
    settled = [one for one in changed if is_settled(one[0].stat(), settle_seconds)]
    gone = [path for path in known if path not in files]
    return Scan(settled, gone, len(changed) - len(settled), listing.others)


def is_settled(status: os.stat_result, seconds: float) -> bool:
    """Whether a file was left alone for so long; by time of status change, which copying with old times sets too."""
    age = time.time() - status.st_ctime
    return not 0 <= age < seconds  # a server's clock may be ahead of ours


def ingest_day(
    connection: Connection, day: EventDay, progress: Progress, *, rehash: bool = False, settle_seconds: float = 0
) -> Ingested:
    """Brings the rows of a day up to its folder; a folder that can't be read marks the day and deletes nothing."""
    known = store.photos(connection, day.key)
    found = scan(day, known, rehash=rehash, settle_seconds=settle_seconds)
    store.mark_available(connection, day.key, available=found is not None)
    if found is None:
        return _result(known, read=0, gone=0, others={}, available=False)
    progress.begin(f"reading {day.key}", len(found.changed), "photo")
    with ThreadPoolExecutor(READERS) as pool:
        entries = iter(found.changed)
        # One batch at a time, so that no more than a batch of rows waits and a kill loses no more than that.
        while batch := list(islice(entries, COMMIT_EVERY)):
            rows = []
            for row in pool.map(lambda one: read_photo(Path(one[0].path), _path(day, one[0].name), one[1]), batch):
                rows.append(row)
                progress.advance()
            store.replace_photos(connection, day.key, rows, gone=())
            connection.commit()
    store.replace_photos(connection, day.key, changed=(), gone=found.gone)
    progress.end()
    now = store.photos(connection, day.key)
    return _result(now, read=len(found.changed), gone=len(found.gone), others=found.others)


def read_photo(file: Path, path: str, sidecars: Sidecars) -> PhotoRow:
    """The row of one file; what can't be read becomes a row with the reason."""
    from facefind_pipeline.vision.decode import UnreadablePhotoError
    from facefind_pipeline.vision.exif import read_facts

    data, status = b"", None
    try:
        with file.open("rb") as opened:
            status = os.fstat(opened.fileno())
            data = opened.read()
        facts, problem = asdict(read_facts(data, sidecars.read(file.name))), None
    except UnreadablePhotoError as error:
        facts, problem = {}, str(error)
    except OSError as error:
        facts, problem = {}, (error.strerror or str(error)).lower()
        status = None  # so that the next look tries again
    if not is_utf8(file.name):
        facts, problem = {}, "file name is not UTF-8: rename it"
    return PhotoRow(
        path=path,
        sha256=hashlib.sha256(data).digest() if status else None,
        bytes=status.st_size if status else 0,
        mtime_ns=status.st_mtime_ns if status else 0,
        inode=_inode(status) if status else 0,
        problem=problem,
        sidecars=sidecars.state(),
        **facts,
    )


def _result(
    rows: dict[str, PhotoRow], *, read: int, gone: int, others: Mapping[str, int], available: bool = True
) -> Ingested:
    problems = {row.path: row.problem for row in rows.values() if row.problem}
    notes = {row.path: row.note for row in rows.values() if row.note}
    return Ingested(store.photos_version(rows.values()), len(rows), read, gone, problems, notes, others, available)


def _path(day: EventDay, name: str) -> str:
    """Below the root, as the table can hold it."""
    name = name.encode("utf-8", "backslashreplace").decode()
    return f"{day.folder}/{name}" if day.folder else name


def _differs(entry: os.DirEntry[str], sidecars: Sidecars, row: PhotoRow | None) -> bool:
    if row is None:
        return True
    status = entry.stat()
    now = (status.st_size, status.st_mtime_ns, _inode(status), sidecars.state())
    return now != (row.bytes, row.mtime_ns, row.inode, row.sidecars)


def _inode(status: os.stat_result) -> int:
    """Of 63 bits, as the table can hold it; network file systems use all 64."""
    return status.st_ino & (2**63 - 1)
