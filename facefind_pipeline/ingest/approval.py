"""Which folders a job may read: those that a command was given, and what lies below an approved parent.

A job's configuration comes from whoever reaches the UI, and a folder that is registered has its pictures shown there.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.store import photos


def require_approved(connection: Connection, folder: Path, approved: Sequence[Path]) -> None:
    """Ends a job whose folder nobody approved; links are followed before paths are compared.

    Args:
        connection: roots that are registered already are approved, with all below them.
        folder: from a job's configuration.
        approved: folders that are approved beside those, with all below them.

    Raises:
        FacefindError: neither this folder nor one above it is approved.
    """
    above = [_real(root) for root in (*approved, *photos.roots(connection))]
    if not folder.is_absolute() or not any(_real(folder).is_relative_to(root) for root in above):
        raise FacefindError(
            f"no command was given {folder} or a folder above it: run `facefind ingest {folder}` once, or name a "
            "parent in FACEFIND_PHOTO_PARENTS and start `facefind dev` again"
        )


def _real(folder: Path) -> Path:
    return Path(os.path.realpath(folder))  # Path.resolve() fails on links that lead in a circle
