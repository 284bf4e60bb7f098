"""Where folders of photos lie on this host: tables hold the path under which a root was given on the first one.

FACEFIND_ROOTS_MAP says it for hosts that have the shared folder elsewhere. Only what reads or writes a root's path asks
here; all else works with paths of this host.
"""

import os

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.path_text import path_of, text_of
from facefind_pipeline.settings import read_roots_map


def here(text: str) -> str:
    """The path on this host of an absolute path's text in the tables."""
    path = path_of(text)
    for known, local in read_roots_map():
        if _is_within(path, known):
            return local + path[len(known) :]
    return path


def known_text(path: str | os.PathLike[str]) -> str:
    """The text in the tables of an absolute path on this host: the way back from `here`.

    Raises:
        FacefindError: by the map that text is of another folder on this host.
    """
    place = os.fspath(path)
    for known, local in read_roots_map():
        if _is_within(place, local):
            return text_of(known + place[len(local) :])
    text = text_of(place)
    if here(text) != place:
        raise FacefindError(f"by FACEFIND_ROOTS_MAP {text} lies at {text_of(here(text))} on this host: give that path")
    return text


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)
