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
| FACEFIND_ROOTS_MAP | where folders of photos lie on this host, `KNOWN=HERE`, separated by `:` | as they were given |
| FACEFIND_PREVIEWS | `off` keeps faces out of Dagster's own record: no contact sheets inline, only files | on |
| FACEFIND_CLOTHES | `off` ranks photos by the face alone, also where clothes of the day would count | on |
| FACEFIND_CLIP_MODEL | a local ONNX file for the imgbeddings embedder | the hub download of imgbeddings |
"""

import os
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

from facefind_pipeline import home as homes
from facefind_pipeline.errors import FacefindError


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are. All paths are absolute; none need exist yet."""

    home: Path
    database_url: str | None
    models: Path
    references: Path
    clip_model: Path | None
    previews: bool = True
    photo_parents: tuple[Path, ...] = ()
    ignore: tuple[str, ...] = ()
    server_user: str | None = None

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
        FacefindError: the home is not to be trusted, or FACEFIND_ROOTS_MAP can't be read.
    """
    read_roots_map()
    named = _path("FACEFIND_HOME")
    home = named or Path(".facefind").absolute()
    homes.check(home, named=named is not None)
    return Settings(
        home=home,
        database_url=os.environ.get("FACEFIND_DATABASE_URL") or None,
        models=_path("FACEFIND_MODELS") or home / "models",
        references=_path("FACEFIND_REFERENCES") or home / "references",
        clip_model=_path("FACEFIND_CLIP_MODEL"),
        previews=os.environ.get("FACEFIND_PREVIEWS") != "off",
        photo_parents=_paths("FACEFIND_PHOTO_PARENTS"),
        ignore=tuple(name for name in os.environ.get("FACEFIND_IGNORE", "").split(os.pathsep) if name),
        server_user=os.environ.get("FACEFIND_SERVER_USER") or None,
    )


def clothes_count() -> bool:
    """Whether photos are ranked by clothes too."""
    return os.environ.get("FACEFIND_CLOTHES") != "off"


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
