"""`facefind status`: what is there, what is missing and what is stale, from tables and model files alone."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from facefind_pipeline.cli.output import echo_json, echo_table
from facefind_pipeline.cli.workspace import home_exists, json_option
from facefind_pipeline.plurals import counted
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store.server import EmbeddedServer

if TYPE_CHECKING:
    from facefind_pipeline.plan.due import Step
    from facefind_pipeline.store.hosts import HostAtWork

PARTS = {"reference_embeddings": "references", "hnsw_index": "index", "search_results": "results"}
SHOWN = ("face_embeddings", *PARTS)  # what a set may lack


@click.command(epilog="\b\nExamples:\n  facefind status\n  facefind status --json")
@json_option
def status(as_json: bool) -> None:
    """Show the database, event days, parameter sets and people, and what each host is at. Starts nothing.

    What is due is made by the next `facefind run`. What is stale was made by another detector, embedder or library, or
    before clothes were described: it serves, and is made again once you run its set.
    """
    settings = read_settings()
    server = EmbeddedServer(settings.home, settings.server_user)
    # As root it lies outside the home, so whoever deletes a home must be told where else faces are.
    place = {"home": str(settings.home)} | ({} if settings.database_url else {"data": str(server.data)})
    if settings.database_url is None and os.geteuid() == 0:
        place["server account"] = server.account
    if settings.database_url is None and not server.running():
        if as_json:
            echo_json({**place, "database": "stopped" if home_exists(settings) else "none"})
        elif not home_exists(settings):
            click.echo(
                f"no facefind home in {settings.home} yet: `facefind run PHOTOS --reference NAME=FILE` makes one"
            )
        else:
            click.echo(f"the embedded database in {server.data} is not running: `facefind up` starts it")
        return
    from facefind_pipeline.ingest.faces import fingerprints_of
    from facefind_pipeline.plan.due import Scope, Why, due
    from facefind_pipeline.presence import Look
    from facefind_pipeline.privacy.forgetting import is_unfinished
    from facefind_pipeline.store import hosts, overview, parameter_sets, photos
    from facefind_pipeline.store.database import open_database

    database = open_database(settings)
    with database.connect() as connection:
        days, sets, people = overview.days(connection), overview.sets(connection), overview.people(connection)
        folders = {day.key: day.path for day in photos.days(connection)}
        active = [one.key for one in parameter_sets.registered(connection) if one.active]
        steps = due(connection, SHOWN, Scope(sets=active), fingerprints=fingerprints_of(settings, active))
    at_work = [_host(one) for one in hosts.at_work(database)]
    look = Look()
    look.ask(folders.values())
    for day in days:
        if not look.is_there(folders[day["day"]]):
            day["note"] = overview.NOT_THERE
    for one in sets:
        of_set = [step for step in steps if step.partition.rpartition("|")[2] == one["set"]]
        one["due"] = _spell(step for step in of_set if step.why is not Why.STALE)
        one["stale"] = _spell(step for step in of_set if step.why is Why.STALE)
    if as_json:
        stored = {"days": days, "sets": sets, "people": people, "hosts": at_work}
        echo_json({**place, "database": "running", **stored, "forgetting_interrupted": is_unfinished(settings.home)})
        return
    click.echo(f"home {settings.home}, database running" + (f" in {place['data']}" if "data" in place else ""))
    for line in _to_know(settings, place.get("server account")):
        click.echo(line)
    for title, rows in (("Event days", days), ("Parameter sets", sets), ("People", people)):
        click.echo(f"\n{title}" + ("" if rows else ": none yet"))
        echo_table(rows)
    if at_work:
        click.echo("\nHosts")
        echo_table([{**one, "at": one["at"] or "waits for runs"} for one in at_work])


def _to_know(settings: Settings, account: str | None) -> Iterator[str]:
    from facefind_pipeline.privacy.forgetting import is_unfinished

    if account is not None:
        yield (
            f"the database runs as {account}, since PostgreSQL refuses to run as root: every process of that "
            "account can read it; FACEFIND_SERVER_USER names another"
        )
    if is_unfinished(settings.home):
        yield "a forgetting was interrupted: `facefind forget` ends it"


def _host(one: "HostAtWork") -> dict[str, str]:
    return {"host": one.host, "at": one.at, "since": one.since.astimezone().isoformat(" ", "seconds")}


def _spell(steps: "Iterable[Step]") -> str:
    """Steps of one set, by asset, for people."""
    assets = Counter(step.asset for step in steps)
    days = [counted(assets["face_embeddings"], "event day")] if assets["face_embeddings"] else []
    return ", ".join([*days, *(name for asset, name in PARTS.items() if assets[asset])])
