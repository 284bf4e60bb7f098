"""`facefind params`: the parameter sets, what each means, and which is the default."""

import click

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.output import echo_json, echo_table
from facefind_pipeline.cli.workspace import json_option, open_graph, open_reading
from facefind_pipeline.parameters import ALIASES, ParameterSet

EXAMPLES = """\b
Examples:
  facefind params list
  facefind params add yunet-st0.60-px2000@dlib
  facefind params show default
  facefind params default recommended"""


@click.group(epilog=EXAMPLES)
def params() -> None:
    """Parameter sets: detector settings and embedder, side by side."""


@params.command("list")
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
                "alias": names.get(one.key, ""),
                "active": one.active,
                "default": one.is_default,
                "faces": indexes.count_rows(connection, one),
                "metric": one.metric,
                "index": one.index_method,
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


@params.command()
@click.argument("key")
@click.option(
    "--index",
    "method",
    type=click.Choice(["auto", "hnsw", "ivfflat", "none"]),
    help="Approximate index; auto by default.",
)
def add(key: str, method: str | None) -> None:
    """Register the set KEY and activate it; photos are worked on by `facefind run --params KEY`."""
    from facefind_pipeline.cli import stages

    ParameterSet.parse(key)
    graph = open_graph(Bars())
    parameters = stages.register_set(graph, key, index_method=method)
    graph.sync_partitions()
    click.echo(f"{parameters.key} is registered and active")


@params.command()
@click.argument("key")
@json_option
def show(key: str, as_json: bool) -> None:
    """What the set KEY means: settings, and what detector and embedder really were when it was last filled."""
    from facefind_pipeline.store import parameter_sets

    parameters = ParameterSet.parse(key)
    _, database = open_reading()
    with database.connect() as connection:
        known = {one.key for one in parameter_sets.registered(connection)}
        made_by = parameter_sets.meanings(connection, parameters.key)
    shown = {
        "parameter_set": parameters.key,
        "registered": parameters.key in known,
        "table": parameters.table,
        **parameters.model_dump(),
        "filled_by": made_by,
    }
    if as_json:
        echo_json(shown)
        return
    for name, value in _flat(shown):
        click.echo(f"{name:40} {value}")


@params.command("default")
@click.argument("key")
def default_set(key: str) -> None:
    """Make the registered set KEY the one that `find` asks and the view `pictures` shows."""
    from facefind_pipeline.store import parameter_sets

    parameters = ParameterSet.parse(key)
    graph = open_graph(Bars())
    with graph.workspace.database.connect() as connection:
        chosen = parameter_sets.find(connection, parameters.key)
    if not chosen.is_default:
        graph.run_job("choose_default_set", {"set_default_set": {"key": parameters.key}})
    click.echo(f"{parameters.key} is the default")


def _tick(value: object) -> str:
    return "yes" if value else ""


def _flat(values: dict[str, object], prefix: str = "") -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = []
    for name, value in values.items():
        rows += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
    return rows
