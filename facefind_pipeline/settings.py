"""Paths and URLs, read from the environment; beside the user's own state folder, nothing else in the package reads it.

| variable | meaning | default |
|---|---|---|
| FACEFIND_HOME | what facefind keeps: database, models, sheets, Dagster's home | `.facefind`, if it was made here |
| FACEFIND_DATABASE_URL | a PostgreSQL server with pgvector, in any form that libpq takes | the embedded server |
| FACEFIND_SERVER_USER | account that root's embedded server runs as; it reads all data | `nobody` |
| FACEFIND_MODELS | model files that were pulled | `models` in the home |
| FACEFIND_REFERENCES | folder of reference photos, `NAME.jpg` or `NAME/*.jpg` | `references` in the home |
| FACEFIND_PHOTO_PARENTS | folders, separated as in PATH, below which jobs of the UI may register event days | none |
| FACEFIND_IGNORE | names of folders to skip among the photos, separated by `:`, as `edited:*.lrdata` | none |
| FACEFIND_BROKER_URL | Redis or RabbitMQ, by which runs reach workers of hosts | file `broker` in the home, else none |
| FACEFIND_ROOTS_MAP | where folders of photos lie on this host, `KNOWN=HERE`, separated by `:` | as they were given |
| FACEFIND_CLOTHES | `off` ranks photos by the face alone, also where clothes of the day would count | on |
| FACEFIND_PHOTO_MEMORY | megabytes that the pixels of all photos under way may take; a larger photo is left out | 700 |
| FACEFIND_KEEP_UNMATCHED | `no` erases faces that match nobody who agreed once they were searched | `yes` |
| FACEFIND_KEEP_DAYS | days after which an event day is forgotten, counted from when it was registered | for ever |
| FACEFIND_KEEP_RUNS | days that Dagster keeps ended runs which nothing needs any more, or `all` | 30 |
| FACEFIND_CLIP_MODEL | a local ONNX file for the imgbeddings embedder | the hub download of imgbeddings |
"""

import os
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

from facefind_pipeline import broker
from facefind_pipeline import home as homes
from facefind_pipeline.errors import FacefindError

KEEP_RUNS_DAYS = 30
PHOTO_MEGABYTES = 700  # a JPEG of 110 megapixels, an HEIC of 50; on two cores a command stays under 1.5 GB so


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are. All paths are absolute; none need exist yet.

    Attributes:
        draws_sheets: no variable's: False leaves contact sheets as they are, where photos come one after another.
    """

    home: Path
    database_url: str | None
    models: Path
    references: Path
    clip_model: Path | None
    photo_parents: tuple[Path, ...] = ()
    ignore: tuple[str, ...] = ()
    server_user: str | None = None
    keep_runs: int | None = KEEP_RUNS_DAYS
    keep_unmatched: bool = True
    keep_days: int | None = None
    broker_url: str | None = None
    draws_sheets: bool = True

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME of the instance that the command writes to and the UI shows."""
        return self.home / "dagster"

    @property
    def cache(self) -> Path:
        """What libraries would keep in the user's own cache folder: lists of fonts."""
        return self.home / "cache"

    @property
    def truth(self) -> Path:
        """Folder of truth lists; those that `facefind truth add` takes need not lie there."""
        return self.home / "truth"

    @property
    def derived(self) -> Path:
        """Files computed from models, which are loaded again; never in a models folder that others may write to."""
        return self.home / "derived"

    @property
    def sheets(self) -> Path:
        """Full contact sheets, replaced in place."""
        return self.home / "sheets"

    @property
    def small_photos(self) -> Path:
        """Photos made small for galleries, by content."""
        return self.home / "small-photos"


def read_settings() -> Settings:
    """The settings of this process's environment.

    Raises:
        FacefindError: the home is not to be trusted, or FACEFIND_ROOTS_MAP, FACEFIND_PHOTO_MEMORY, one of
            FACEFIND_KEEP_* or the broker's address can't be read.
    """
    read_roots_map()
    photo_memory()
    named = _path("FACEFIND_HOME")
    home = named or Path(".facefind").absolute()
    homes.check(home, named=named is not None)
    return Settings(
        home=home,
        database_url=os.environ.get("FACEFIND_DATABASE_URL") or None,
        models=_path("FACEFIND_MODELS") or home / "models",
        references=_path("FACEFIND_REFERENCES") or home / "references",
        clip_model=_path("FACEFIND_CLIP_MODEL"),
        photo_parents=_paths("FACEFIND_PHOTO_PARENTS"),
        ignore=tuple(name for name in os.environ.get("FACEFIND_IGNORE", "").split(os.pathsep) if name),
        server_user=os.environ.get("FACEFIND_SERVER_USER") or None,
        keep_runs=_read_keep_runs(),
        keep_unmatched=_read_keep_unmatched(),
        keep_days=_read_keep_days(),
        broker_url=broker.address(os.environ.get("FACEFIND_BROKER_URL"), home),
    )


def _read_keep_runs() -> int | None:
    value = os.environ.get("FACEFIND_KEEP_RUNS") or str(KEEP_RUNS_DAYS)
    if value == "all":
        return None
    return _number_of_days("FACEFIND_KEEP_RUNS", value)


def _read_keep_days() -> int | None:
    value = os.environ.get("FACEFIND_KEEP_DAYS") or "all"
    return None if value == "all" else _number_of_days("FACEFIND_KEEP_DAYS", value)


def _number_of_days(variable: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) < 1:
        raise FacefindError(f"{variable}: {value!r} is not a number of days, at least 1, nor `all`")
    return int(value)


def _read_keep_unmatched() -> bool:
    value = os.environ.get("FACEFIND_KEEP_UNMATCHED") or "yes"
    if value not in {"yes", "no"}:
        raise FacefindError(f"FACEFIND_KEEP_UNMATCHED: {value!r} is neither `yes` nor `no`")
    return value == "yes"


def clothes_count() -> bool:
    """Whether photos are ranked by clothes too."""
    return os.environ.get("FACEFIND_CLOTHES") != "off"


def photo_memory() -> int:
    """Bytes that the pixels of all photos under way may take together.

    Raises:
        FacefindError: FACEFIND_PHOTO_MEMORY can't be read.
    """
    value = os.environ.get("FACEFIND_PHOTO_MEMORY") or str(PHOTO_MEGABYTES)
    if not value.isascii() or not value.isdigit() or int(value) < 1:
        raise FacefindError(f"FACEFIND_PHOTO_MEMORY: {value!r} is not a number of megabytes, at least 1")
    return int(value) * 1_000_000


def read_roots_map() -> tuple[tuple[str, str], ...]:
    """FACEFIND_ROOTS_MAP: folders as the tables name them, and where they lie on this host; all absolute.

    Raises:
        FacefindError: it can't be read, or leads to two answers.
    """
    return _parse_roots_map(os.environ.get("FACEFIND_ROOTS_MAP", ""))


@cache
def _parse_roots_map(value: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for entry in filter(None, value.split(os.pathsep)):
        known, _, here = (part.rstrip(os.sep) for part in entry.partition("="))
        if not (known.startswith(os.sep) and here.startswith(os.sep)):
            raise FacefindError(
                f"FACEFIND_ROOTS_MAP: {entry!r} is not KNOWN=HERE, two absolute paths, as /srv/photos=/mnt/nas/photos"
            )
        pairs.append((known, here))
    for side in zip(*pairs, strict=True):
        for one, other in combinations(sorted(side), 2):
            if other == one or other.startswith(one + os.sep):
                raise FacefindError(
                    f"FACEFIND_ROOTS_MAP: {other} is named twice, by itself or within {one}: name it once"
                )
    return tuple(pairs)


def _path(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return _absolute(value) if value else None


def _paths(variable: str) -> tuple[Path, ...]:
    return tuple(_absolute(value) for value in os.environ.get(variable, "").split(os.pathsep) if value)


def _absolute(value: str) -> Path:
    return Path(value).expanduser().absolute()
