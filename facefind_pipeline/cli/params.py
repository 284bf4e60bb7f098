"""`facefind params`: the parameter sets, what each means, and which is the default."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import click

from facefind_pipeline.cli import checks
from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.output import echo_json, echo_table, sheet_option
from facefind_pipeline.cli.workspace import SetName, chosen_set, json_option, open_graph, open_reading
from facefind_pipeline.set_names import ALIASES
from facefind_pipeline.settings import read_settings

EXAMPLES = """\b
Examples:
  facefind params list
  facefind params add yunet-st0.60-px2000@dlib
  facefind params show default
  facefind params default recommended
  facefind params compare default recommended --sheet differences.jpg
  facefind params deactivate talk"""


@click.group(epilog=EXAMPLES)
def params() -> None:
    """Parameter sets: detector settings and embedder, side by side."""


@params.command("list", epilog="\b\nExamples:\n  facefind params list\n  facefind params list --json")
@json_option
def list_sets(as_json: bool) -> None:
    """All registered sets, and the aliases."""
    from facefind_pipeline.store import indexes, parameter_sets

    _, database = open_reading()
    names = {key: alias for alias, key in ALIASES.items()}
    with database.connect() as connection:
        rows = [
            {
                "parameter set": one.key,
                "alias": ", ".join(name for name in (one.name, names.get(one.key)) if name),
                "active": one.active,
                "default": one.is_default,
                "faces": indexes.count_rows(connection, one),
                "metric": one.metric,
                "index": str(one.index),
            }
            for one in parameter_sets.registered(connection)
        ]
    if as_json:
        echo_json(rows)
        return
    echo_table([row | {"active": _tick(row["active"]), "default": _tick(row["default"])} for row in rows])
    registered = {str(row["parameter set"]) for row in rows}
    for alias, key in ALIASES.items():
        if key not in registered:
            click.echo(f"not registered yet: {key} ({alias})")


@params.command(
    epilog="""\b
Examples:
  facefind params add haar-sf1.10-mn3-ms60@dlib
  facefind params add recommended --index hnsw
  facefind params add whole@imgbeddings --name pictures_alike   (then also --params pictures_alike)"""
)
@click.argument("key", type=SetName())
@click.option(
    "--index",
    "method",
    type=click.Choice(["auto", "hnsw", "ivfflat", "none"]),
    help="Approximate index, made now; auto by default.",
)
@click.option("--name", metavar="BASE", help="A name of your own for the set, in every command and of its table.")
def add(key: str, method: str | None, name: str | None) -> None:
    """Register the set KEY and activate it; photos are worked on by `facefind run --params KEY`."""
    checks.check_set(read_settings(), key)

    from facefind_pipeline.cli import stages

    graph = open_graph(Bars())
    parameters = stages.register_set(graph, key, index_method=method, name=name)
    graph.sync_partitions()
    if method is not None:
        stages.index_and_search(graph, parameters)
    click.echo(f"{parameters.key} is registered and active")


@params.command(epilog="\b\nExamples:\n  facefind params show recommended\n  facefind params show recommended --json")
@click.argument("key", type=SetName())
@json_option
def show(key: str, as_json: bool) -> None:
    """What the set KEY means: settings, and what detector and embedder really were when it was last filled."""
    from facefind_pipeline.store import parameter_sets

    _, database = open_reading()
    with database.connect() as connection:
        parameters = parameter_sets.resolve(connection, key)
        known = next((one for one in parameter_sets.registered(connection) if one.key == parameters.key), None)
        made_by = parameter_sets.meanings(connection, parameters.key)
    shown = {
        "parameter_set": parameters.key,
        "registered": known is not None,
        "name": known.name if known else None,
        "table": known.table if known else parameters.table,
        **parameters.model_dump(),
        "filled_by": made_by,
    }
    if as_json:
        echo_json(shown)
        return
    for name, value in _flat(shown):
        click.echo(f"{name:40} {value}")


@params.command("default", epilog="\b\nExample:\n  facefind params default recommended")
@click.argument("key", type=SetName())
def default_set(key: str) -> None:
    """Make the registered set KEY the one that `find` asks and the view `pictures` shows."""
    _, database = open_reading()
    with database.connect() as connection:
        chosen = chosen_set(connection, key)
    if not chosen.is_default:
        open_graph(Bars()).run_job("choose_default_set", {"set_default_set": {"key": chosen.key}})
    click.echo(f"{chosen.key} is the default")


@params.command(epilog="\b\nExample:\n  facefind params activate talk hog-up0-px640@dlib")
@click.argument("keys", nargs=-1, required=True, type=SetName(), metavar="KEY...")
def activate(keys: Sequence[str]) -> None:
    """Let automation fill the registered sets KEY... for new and changed event days."""
    _set_active(keys, active=True)


@params.command(epilog="\b\nExample:\n  facefind params deactivate talk")
@click.argument("keys", nargs=-1, required=True, type=SetName(), metavar="KEY...")
def deactivate(keys: Sequence[str]) -> None:
    """Deactivate the sets KEY...: what they have stays and can be searched, new photos are not worked on."""
    _set_active(keys, active=False)


@params.command(
    epilog="""\b
Examples:
  facefind params compare default recommended
  facefind params compare default talk -n 50 --sheet differences.png"""
)
@click.argument("first", type=SetName())
@click.argument("second", type=SetName())
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(1), help="Photos to print.")
@sheet_option("the faces that only one found")
@json_option
def compare(first: str, second: str, limit: int, sheet: Path | None, as_json: bool) -> None:
    """What only one of the sets FIRST and SECOND found, photo by photo; two boxes that overlap by half are one face."""
    from facefind_pipeline.evaluation.comparison import compare_sets

    _, database = open_reading()
    with database.connect() as connection:
        sets = [chosen_set(connection, key) for key in (first, second)]
        found = compare_sets(connection, *sets)
    keys = [one.key for one in sets]
    rows: list[dict[str, object]] = [
        {
            "event day": photo.event_day,
            "photo": photo.path,
            "only in the first": len(photo.only_first),
            "only in the second": len(photo.only_second),
        }
        for photo in found.photos
    ]
    if as_json:
        echo_json([photo.as_json() for photo in found.photos])
    else:
        click.echo(f"both: {found.both} faces; only {keys[0]}: {found.only_first}; only {keys[1]}: {found.only_second}")
        echo_table(rows[:limit])
        if len(rows) > limit:
            click.echo(f"... and {len(rows) - limit} more photos: -n {len(rows)}")
    if sheet and rows:
        from facefind_pipeline.ingest.sheets import DAY_FACES, face_tiles
        from facefind_pipeline.vision.sheet import write_sheet

        captions = {
            one.face_key: (f"{mark} {one.path}", f"score {one.score:.2f}")
            for photo in found.photos
            for mark, side in zip("AB", photo.sides, strict=True)
            for one in side
        }
        tiles = face_tiles(database, dict(islice(captions.items(), DAY_FACES)))
        file = write_sheet(sheet, tiles, title=f"A {keys[0]}, B {keys[1]}", columns=10)
        click.echo(f"contact sheet: {file}", err=True)


def _set_active(keys: Sequence[str], *, active: bool) -> None:
    _, database = open_reading()
    with database.connect() as connection:
        sets = [chosen_set(connection, key) for key in keys]
    due = [one.key for one in sets if one.active != active]
    if due:
        open_graph(Bars()).run_job("activate_parameter_sets", {"set_active": {"keys": due, "active": active}})
    for one in sets:
        click.echo(f"{one.key} is {'active' if active else 'inactive'}")
        if one.is_default and not active:
            click.echo(
                f"{one.key} is still the default of this home: `find` asks it, without new photos from now on; "
                "`facefind params default KEY` chooses another"
            )


def _tick(value: object) -> str:
    return "yes" if value else ""


def _flat(values: dict[str, object], prefix: str = "") -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = []
    for name, value in values.items():
        rows += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
    return rows
