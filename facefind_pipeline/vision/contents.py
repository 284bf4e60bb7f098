"""A photo known by its content, worked on in a process apart, from whichever of its files still holds that."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.vision.apart import apart
from facefind_pipeline.vision.failures import UnreadablePhotoError, reason
from facefind_pipeline.vision.memory import read_whole

P = ParamSpec("P")
T = TypeVar("T")


class GoneError(UnreadablePhotoError):
    """No file holds the content any more."""

    def __init__(self, message: str = "its file is gone or was changed") -> None:
        super().__init__(message)


def made_of(
    files: Iterable[Path],
    sha256: bytes,
    make: Callable[Concatenate[bytes, P], T],
    *arguments: P.args,
    **named: P.kwargs,
) -> T:
    """What a function makes of a photo's content, in a process apart: its pixels stay there.

    Args:
        files: that held the content, tried one after the other.
        sha256: of the content.
        make: of a module; it is called with the content and with what follows, as `apart` calls it.
        arguments: of it.
        named: likewise.

    Raises:
        GoneError: no file holds the content any more.
        UnreadablePhotoError: it can't be used, or what worked on it crashed or was ended.
        FacefindError: the function's own, or no process can be started.
    """
    problem: UnreadablePhotoError = GoneError()
    for file in files:  # a call each: a photo asks for memory of a file once
        try:
            return apart(_make, file, sha256, make, arguments, named)
        except GoneError:
            continue
        except UnreadablePhotoError as error:
            problem = error
    raise problem


def _make(
    file: Path, sha256: bytes, make: Callable[..., T], arguments: tuple[object, ...], named: dict[str, object]
) -> T:
    try:
        with file.open("rb") as opened:
            content = read_whole(opened)
    except OSError as error:
        raise GoneError from error
    if hashlib.sha256(content).digest() != sha256:
        raise GoneError
    try:
        return make(content, *arguments, **named)
    except (UnreadablePhotoError, FacefindError):
        raise
    except Exception as error:  # of cv2, Pillow, onnxruntime and what else: it has no common class
        raise UnreadablePhotoError(f"could not be looked at: {reason(error)}") from error
