"""`facefind backup` and `facefind restore`: all that was found, in one file, and from it again."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from facefind_pipeline import home as homes
from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.output import echo_json
from facefind_pipeline.cli.workspace import absolute, json_option, open_reading
from facefind_pipeline.plurals import counted
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store.server import EmbeddedServer

if TYPE_CHECKING:
    from facefind_pipeline.store.backup import Manifest


@click.command(epilog="\b\nExamples:\n  facefind backup faces.zip\n  facefind restore faces.zip --check")
@click.argument("file", type=click.Path())
@json_option
def backup(file: str, as_json: bool) -> None:
    """Write all that was found into the new FILE: both databases, references, sheets, settings; not the photos.

    Others may work meanwhile. FILE holds faces and names: it is closed to other users, and not encrypted. Passwords of
    a database server or a broker are not in it.
    """
    from facefind_pipeline.store.backup import write

    settings, database = open_reading()
    target = absolute(file)
    server = EmbeddedServer(settings.home, settings.server_user)
    manifest = write(database, settings.home, target, server, Bars())
    _echo(f"written to {target} ({target.stat().st_size / 1e6:.3g} MB)", manifest, as_json=as_json)


@click.command(
    epilog="""\b
Examples:
  facefind restore faces.zip --check               (into a home that is made for it and removed)
  FACEFIND_HOME=/srv/faces facefind restore faces.zip"""
)
@click.argument("file", type=click.Path())
@click.option("--check", is_flag=True, help="Only see whether it can be restored: into a home that is then removed.")
@json_option
def restore(file: str, check: bool, as_json: bool) -> None:
    """Restore the backup FILE into a home, and databases, that have nothing yet; then compare all rows with the backup.

    A backup of an earlier facefind is brought up to date. Photos must lie where they were, or
    `facefind ingest --moved OLD NEW` says where they are.
    """
    from facefind_pipeline.store.backup import read_manifest

    source = absolute(file)
    read_manifest(source)
    if check:
        _echo("can be restored", _check(source), as_json=as_json)
        return
    settings = read_settings()
    manifest = _restore(source, settings)
    _echo(f"restored into {settings.database_url or settings.home}", manifest, as_json=as_json)


def _restore(source: Path, settings: Settings) -> "Manifest":
    from facefind_pipeline.store.backup import restore as restore_into
    from facefind_pipeline.store.database import open_database, present_database

    server = EmbeddedServer(settings.home, settings.server_user)
    if settings.database_url is None:
        server.start()
    manifest = restore_into(source, present_database(settings), settings.home, server, Bars())
    open_database(settings)  # brings it up to date and makes its roles, as the next command would
    return manifest


def _check(source: Path) -> "Manifest":
    """Restores into a home of its own, with a server of its own."""
    settings = read_settings()
    home = Path(tempfile.mkdtemp(prefix="facefind-check-"))
    server = EmbeddedServer(home, settings.server_user)
    try:
        return _restore(source, replace(settings, home=home, database_url=None))
    finally:
        server.stop()
        shutil.rmtree(server.data.parent, ignore_errors=True)  # root's lies outside the home
        homes.discard(home)


def _echo(done: str, manifest: "Manifest", *, as_json: bool) -> None:
    if as_json:
        echo_json(
            {
                "facefind": manifest.facefind,
                "made_at": manifest.made_at,
                "files": len(manifest.files),
                "tables": {
                    database: {table: {"rows": rows.count, "hash": rows.hash} for table, rows in tables.items()}
                    for database, tables in manifest.tables.items()
                },
            }
        )
        return
    tables = sum(len(of) for of in manifest.tables.values())
    click.echo(f"{counted(manifest.rows, 'row')} of {counted(tables, 'table')}, {counted(len(manifest.files), 'file')}")
    click.echo(done)
