"""The files of one folder, told apart: photos, what lies beside them and tells of them, and what is neither."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facefind_pipeline.vision.formats import PHOTO, SIDECAR, kind_of_file, without_twins


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies directly in a folder; hidden files are skipped.

    Attributes:
        photos: by name; a RAW beside a photo of its name is not among them.
        sidecars: by name; XMP, JSON and the like.
        others: how many files of each other kind.
    """

    photos: Sequence[os.DirEntry[str]]
    sidecars: Sequence[os.DirEntry[str]]
    others: Mapping[str, int]


def list_folder(folder: Path) -> Listing:
    """The files of a folder.

    Raises:
        OSError: it is missing or can't be read.
    """
    with os.scandir(folder) as entries:
        files = sorted((e for e in entries if not e.name.startswith(".") and _is_file(e)), key=lambda e: e.name)
    photos, sidecars, others = {}, [], Counter[str]()
    for entry in files:
        kind = kind_of_file(entry)
        if kind == PHOTO:
            photos[entry.name] = entry
        elif kind == SIDECAR:
            sidecars.append(entry)
        else:
            others[kind] += 1
    return Listing([photos[name] for name in without_twins(photos)], sidecars, others)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself
        return False
