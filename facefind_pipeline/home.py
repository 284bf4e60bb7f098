"""Which home may be used, and how it is closed: no database, model or setting of somebody else's folder is opened.

A home holds a mark, and the user's own state folder a record of the same random id: it was made, or trusted, here.
A copy, an unpacked archive or another user's home has no record, and is used only where FACEFIND_HOME names it.
"""

import os
import pwd
import re
import shutil
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

from facefind_pipeline.errors import FacefindError

MARK = "made-here"
# What facefind writes into a home and closes. `models` stays readable; `postgres` is closed by PostgreSQL itself.
_CLOSED = ("dagster", "derived", "references", "sheets", "small-photos", "truth", "report.html", "passfile")
# Folders whose entries decide what is run or read: a link there would lead out of the home.
_DECISIVE = (".", "dagster", "postgres", "postgres/data", "postgres/data/pg_tblspc")
_INITDB_S = 60


def check(home: Path, *, named: bool) -> None:
    """Refuse a home that is not to be trusted; close and record one that is used for the first time.

    A home that does not exist yet passes. Takes a few file system calls, since every command asks.

    Args:
        home: absolute path.
        named: whether FACEFIND_HOME names it, which counts as trust in what it holds.

    Raises:
        FacefindError: another user's, open for anyone to write, led out of by a link, or made elsewhere.
    """
    try:
        found = home.stat() if named else home.lstat()
    except FileNotFoundError:
        if not named:
            _require_records(home)
        return
    except OSError as error:
        raise FacefindError(f"{home} can't be opened: {error.strerror}; FACEFIND_HOME names another home") from None
    if stat.S_ISLNK(found.st_mode):
        raise FacefindError(f"{home} is a link, which may lead anywhere; if you trust it: {_set(home)}")
    if not stat.S_ISDIR(found.st_mode):
        raise FacefindError(f"{home} is a file; FACEFIND_HOME must be a folder you can write to")
    _check_owner(home, found)
    if named:
        if found.st_mode & stat.S_ISVTX:
            raise FacefindError(f"{home} is a folder that several users share; FACEFIND_HOME must be one of your own")
    else:
        _check_unnamed(home, found)
    identity = _read_mark(home)
    known = identity is not None and _recorded(identity, home, found)
    if not known and not named:
        _check_made_here(home, identity)
    try:
        if not known:
            _close(home)
            _adopt(home, identity)
        elif found.st_mode & 0o066:
            home.chmod(_mode(home))
    except OSError as error:
        raise FacefindError(f"{error.filename or home} can't be closed to other users: {error.strerror}") from None


def make(home: Path) -> None:
    """Make the home, closed to others, if there is none, and record that it was made here.

    Raises:
        FacefindError: no folder can be made there, or another user's is.
    """
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        _check_owner(home, home.stat())
        if not (home / MARK).exists():
            _adopt(home, None)
    except OSError as error:
        raise FacefindError(
            f"no home can be made: {error.strerror}: {error.filename or home}; "
            "FACEFIND_HOME must be a folder you can write to"
        ) from None


def discard(home: Path) -> None:
    """Removes a home that this process made for a while, and the record of it."""
    if (identity := _read_mark(home)) is not None:
        _record(identity).unlink(missing_ok=True)
    shutil.rmtree(home, ignore_errors=True)


def write_private(file: Path, text: str) -> None:
    """Write a file of a home that only this user reads, whole or not at all."""
    partial = file.with_name(f".{file.name}.{os.urandom(4).hex()}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", errors="surrogateescape") as new:
        new.write(text)
    partial.replace(file)


def _check_owner(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise FacefindError(
            f"{path} belongs to {_name(found.st_uid)}, and you are {_name(os.geteuid())}: "
            "set FACEFIND_HOME to a folder of your own"
        )


def _check_unnamed(home: Path, found: os.stat_result) -> None:
    """Refuse what an explicit FACEFIND_HOME would be needed for, whether or not the home is recorded."""
    if found.st_mode & stat.S_IWOTH:
        raise FacefindError(f"anyone may write into {home}; if you trust what it holds: {_set(home)}")
    for entry in _entries(home):
        _check_owner(Path(entry.path), entry.stat(follow_symlinks=False))
    inside = home.resolve()
    for folder in _DECISIVE:
        for entry in _entries(home / folder):
            if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(inside):
                raise FacefindError(f"{entry.path} is a link out of the home; if you trust it: {_set(home)}")


def _check_made_here(home: Path, identity: str | None) -> None:
    """Refuse a home that came from elsewhere; one from before homes were marked shows by its cluster where it was made.

    A cluster's identifier begins with the second in which initdb made it (xlog.c), and the version file is written
    then and never again. What was unpacked or copied since has a later time of change, which no archive can set.
    """
    elsewhere = f"{home} was not made here: it was copied, unpacked or moved; if you trust what it holds: {_set(home)}"
    if identity is not None:
        raise FacefindError(elsewhere)
    data = home / "postgres" / "data"
    try:
        version = (data / "PG_VERSION").lstat()
        with (data / "global" / "pg_control").open("rb") as control:
            (identifier,) = struct.unpack("=Q", control.read(8))
    except FileNotFoundError:
        if data.exists():
            raise FacefindError(elsewhere) from None
    except (OSError, struct.error):
        raise FacefindError(elsewhere) from None
    else:
        copied = version.st_ctime - version.st_mtime > 1
        if copied or abs(version.st_ctime - (identifier >> 32)) > _INITDB_S:
            raise FacefindError(elsewhere)
    _require_records(home)


def _close(home: Path) -> None:
    """Take from others what facefind wrote into the home before its files were closed from the start."""
    home.chmod(_mode(home))
    for name in _CLOSED:
        top = home / name
        paths = [Path(folder, file) for folder, _, files in os.walk(top) for file in (".", *files)]
        # A link leads to what is the user's own to close, such as a folder of pictures.
        for path in [top, *paths] if top.exists() and not top.is_symlink() else []:
            if not path.is_symlink():
                path.chmod(0o700 if path.is_dir() else 0o600)


def _mode(home: Path) -> int:
    """0700; where root's server runs as another account on data inside, that account must pass through."""
    return 0o711 if os.geteuid() == 0 and (home / "postgres" / "data").exists() else 0o700


def _adopt(home: Path, identity: str | None) -> None:
    """Mark and record the home. The record comes first: a process that meets the mark must find it."""
    if identity is None or _record(identity).exists():  # a copy of a recorded home becomes one of its own
        identity = os.urandom(16).hex()
    try:
        _records().mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(_record(identity), os.fspath(home) + "\n" + _inode(home.stat()))
    except OSError:
        pass  # FACEFIND_HOME is named, or `check` would have refused: it will have to be named each time
    write_private(home / MARK, identity)


def _read_mark(home: Path) -> str | None:
    try:
        text = (home / MARK).read_text(errors="replace").strip()
    except FileNotFoundError:
        return None
    return text if re.fullmatch("[0-9a-f]{32}", text) else None


def _recorded(identity: str, home: Path, found: os.stat_result) -> bool:
    """Whether the record of that id is of this place or this folder: a home may be moved, or restored in place."""
    try:
        if _records().stat().st_uid != os.geteuid():  # sudo with the user's HOME: not root's own word
            return False
        path, _, inode = _record(identity).read_text(errors="surrogateescape").rpartition("\n")
    except OSError:
        return False
    return path == os.fspath(home) or inode == _inode(found)


def _inode(found: os.stat_result) -> str:
    return f"{found.st_dev}:{found.st_ino}"


def _record(identity: str) -> Path:
    return _records() / identity


def _records() -> Path:
    """The folder of records, by the XDG base directory specification."""
    state = os.environ.get("XDG_STATE_HOME", "")
    folder = Path(state) if state.startswith("/") else Path(os.path.expanduser("~/.local/state"))  # noqa: PTH111 - no error without HOME
    return folder / "facefind" / "homes"


def _require_records(home: Path) -> None:
    """Refuse to make or adopt a home that could not be known again."""
    folder = _records()
    there = next((parent for parent in (folder, *folder.parents) if parent.exists()), Path("/"))
    if not folder.is_absolute() or not os.access(there, os.W_OK | os.X_OK):
        raise FacefindError(f"{folder} can't be written, where facefind records which homes are yours: {_set(home)}")


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:  # not there, or, as another account's data, closed
        return


def _set(home: Path) -> str:
    return f"set FACEFIND_HOME={home}"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user id {uid}"
