"""`facefind demo`: the whole way on photos that the demo composes itself, beside the truth it knows."""

import hashlib
import os
import sys
import time
from pathlib import Path

import click

from facefind_pipeline.cli.workspace import absolute, params_option

# What of the user's own environment the demo goes by: where model files are, what root's server runs as.
SHARED = ("FACEFIND_MODELS", "FACEFIND_CLIP_MODEL", "FACEFIND_SERVER_USER")


@click.command(
    epilog="""\b
Examples:
  facefind demo
  cd facefind-demo && facefind dev                 (afterwards: the graph it made, in a browser)"""
)
@click.argument("folder", type=click.Path(), default="facefind-demo")
@params_option
def demo(folder: str, params: str | None) -> None:
    """Compose photos from two public-domain portraits in FOLDER, find one person in them, and make her gallery."""
    from facefind_pipeline.cli.gallery import make_gallery
    from facefind_pipeline.cli.run import find_people
    from facefind_pipeline.demo_event import compose
    from facefind_pipeline.settings import read_settings
    from facefind_pipeline.store.server import EmbeddedServer

    place = absolute(folder)
    started = time.monotonic()
    event = compose(place)
    # Copies of one photo are one match, so they count once.
    wanted = {_digest(event.photos / path) for path in event.truth}
    stay_apart(place)
    settings = read_settings()
    server = EmbeddedServer(settings.home, settings.server_user)
    ours = server.start()
    try:
        click.echo(f"looking for {event.person} among the photos in {event.photos}", err=True)
        found, _ = find_people(event.photos, [(event.person, event.reference)], params, limit=len(wanted))
        made = make_gallery(place / "gallery", [event.person], params)
    finally:
        if ours:
            server.stop()
    ((_, matches),) = found
    right = sum(match.sha256 in wanted for match in matches)
    click.echo(
        f"\n{event.person}: found {right} of {len(wanted)}, {len(matches) - right} wrong in the first {len(wanted)}"
        f" ({time.monotonic() - started:.0f} s)"
    )
    click.echo(f"next: cd {folder} && {absolute(sys.argv[0])} dev", err=True)
    click.echo(f"gallery: {made.place}")


def stay_apart(place: Path) -> None:
    """Makes the demo's own folder the home of this process, whatever `facefind env` or the user has exported."""
    for variable in [name for name in os.environ if name.startswith(("FACEFIND_", "DAGSTER_"))]:
        if variable not in SHARED:
            del os.environ[variable]
    os.environ["FACEFIND_HOME"] = str(place / ".facefind")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
