"""A photo's content, from whichever of its files still holds it."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from facefind_pipeline.vision.decode import UnreadablePhotoError


@dataclass(frozen=True, slots=True)
class Source:
    """A photo to publish: SHA-256 of its content in hex, and the files that held it when last looked at."""

    sha256: str
    files: tuple[Path, ...]

    def read(self) -> bytes:
        """The content.

        Raises:
            UnreadablePhotoError: no file holds it any more.
        """
        for file in self.files:
            with suppress(OSError):
                data = file.read_bytes()
                if hashlib.sha256(data).hexdigest() == self.sha256:
                    return data
        raise UnreadablePhotoError("its file is gone or was changed")
