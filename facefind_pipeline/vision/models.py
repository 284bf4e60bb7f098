"""Model files that are not in a package: where they lie, what they must hash to, and the one way to fetch them."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from facefind_pipeline.errors import FacefindError

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Model:
    """A file of fixed content.

    Attributes:
        name: what `facefind models pull` takes.
        filename: in the models folder.
        url: where it is published.
        bytes: its size.
        sha256: its content, in hex.
        licence: SPDX identifier.
    """

    name: str
    filename: str
    url: str
    bytes: int
    sha256: str
    licence: str

    def path(self, folder: Path) -> Path:
        """Where the file lies if it was pulled."""
        return folder / self.filename

    def present(self, folder: Path) -> bool:
        """Whether the file is there and is the pinned one."""
        path = self.path(folder)
        return path.is_file() and file_sha256(path) == self.sha256

    def require(self, folder: Path) -> Path:
        """The file's path.

        Raises:
            FacefindError: missing or not the pinned content; the message names the command that fetches it.
        """
        path = self.path(folder)
        if not path.is_file():
            raise FacefindError(f"model {self.name} is not there: run `facefind models pull {self.name}` ({path})")
        if file_sha256(path) != self.sha256:
            raise FacefindError(f"{path} is not the pinned model: run `facefind models pull {self.name}` again")
        return path


YUNET = Model(
    name="yunet",
    filename="face_detection_yunet_2023mar.onnx",
    url="https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/face_detection_yunet/face_detection_yunet_2023mar.onnx",
    bytes=232_589,
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    licence="Apache-2.0",
)
MODELS = {model.name: model for model in (YUNET,)}


def pull(model: Model, folder: Path, source: Path | None = None) -> Path:
    """Puts the model into the folder, from its address or from a local copy; an interrupted pull leaves nothing behind.

    Raises:
        FacefindError: unreachable, unreadable, or not the pinned content.
    """
    try:
        content = source.read_bytes() if source else _download(model)
    except OSError as error:  # URLError is one
        raise FacefindError(
            f"could not get {model.name} from {source or model.url}: {error}; "
            f"`facefind models pull {model.name} --from FILE` takes a local copy"
        ) from None
    if hashlib.sha256(content).hexdigest() != model.sha256:
        raise FacefindError(
            f"{source or model.url} is not the pinned {model.name}: its SHA-256 is another; nothing was kept"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(model.path(folder), content)
    return model.path(folder)


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file that is whole or not there."""
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content in hex; hashed once a process while size and time of change stay."""
    status = path.stat()
    return _file_sha256(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _file_sha256(path: Path, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(model: Model) -> bytes:
    from urllib.request import urlopen  # with TLS and HTTP it takes longer to import than a search

    with urlopen(model.url, timeout=60) as response:  # noqa: S310 - a pinned https address
        content: bytes = response.read(model.bytes + CHUNK)
    return content
