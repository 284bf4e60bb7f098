"""A photo to publish: its content, from whichever of its files still holds it."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from facefind_pipeline.vision.contents import GoneError, made_of

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """A photo to publish: SHA-256 of its content in hex, and the files that held it when last looked at."""

    sha256: str
    files: tuple[Path, ...]

    def read(self) -> bytes:
        """The content, to be given away byte by byte; nothing parses it in this process.

        Raises:
            GoneError: no file holds it any more.
        """
        for file in self.files:
            with suppress(OSError):
                data = file.read_bytes()
                if hashlib.sha256(data).hexdigest() == self.sha256:
                    return data
        raise GoneError

    def make(self, make: Callable[Concatenate[bytes, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        """What a function makes of the content in a process apart; as `made_of`, with its errors."""
        return made_of(self.files, bytes.fromhex(self.sha256), make, *arguments, **named)
