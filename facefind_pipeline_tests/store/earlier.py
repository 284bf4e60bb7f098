"""Databases as earlier versions left them."""

import shutil
from pathlib import Path

import pytest

from facefind_pipeline.settings import Settings
from facefind_pipeline.store import database as database_module
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.queries import sql_folder


def open_earlier(settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch, before: str) -> Database:
    """A database with the migrations before this one; `folder` holds them. Opened again it gets the others."""
    earlier = folder / "sql" / "migrations"
    earlier.mkdir(parents=True)
    for file in (sql_folder() / "migrations").glob("*.sql"):
        if file.stem < before:
            shutil.copy(file, earlier)
    with monkeypatch.context() as patch:
        patch.setattr(database_module, "sql_folder", lambda: earlier.parent)
        patch.setattr(database_module, "set_up_roles", lambda *_: None)
        opened: Database = open_database.__wrapped__(settings)
    return opened
