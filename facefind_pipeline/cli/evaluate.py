"""`facefind evaluate`: how good each set is against the truth lists, and the sweep report."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.output import echo_json, echo_table
from facefind_pipeline.cli.workspace import SetName, chosen_set, json_option, open_graph, open_reading
from facefind_pipeline.errors import FacefindError

if TYPE_CHECKING:
    from facefind_pipeline.evaluation.sweep import SetFigures, Sweep


@click.command(
    epilog="""\b
Examples:
  facefind evaluate                                (every active set; writes the sweep report)
  facefind evaluate --params recommended --people
  facefind evaluate --json"""
)
@click.option("--params", "keys", multiple=True, type=SetName(), help="Only this set; repeat for more.")
@click.option("--people", "by_person", is_flag=True, help="Also one row per person.")
@json_option
def evaluate(keys: Sequence[str], by_person: bool, as_json: bool) -> None:
    """Compare stored results with the truth lists: figures per set, losses by reason, and a report with plots.

    Nothing is detected or embedded; only what changed since the last time is recomputed. A set ranked with clothes is
    compared with its ranking by the face alone.
    """
    from facefind_pipeline.evaluation.sweep import read_sweep
    from facefind_pipeline.plan.due import Scope, due
    from facefind_pipeline.store import parameter_sets, truth

    _, database = open_reading()
    with database.connect() as connection:
        if not truth.lists(connection):
            raise FacefindError("there is no truth list yet: run `facefind truth add FILE`")
        wanted = {chosen_set(connection, key).key for key in keys}
        sets = [parameter_sets.find(connection, key) for key in sorted(wanted)] or [
            one for one in parameter_sets.registered(connection) if one.active
        ]
        steps = due(connection, ["search_results"], Scope(sets=[one.key for one in sets]))
    outdated = {step.partition for step in steps}
    graph = open_graph(Bars())
    graph.sync_partitions()
    for one in sets:
        graph.materialize([*(["search_results"] if one.key in outdated else []), "evaluation"], one.key)
    graph.materialize(["sweep_report"])
    sweep = read_sweep(database)
    shown = [one for one in sweep.sets if not wanted or one.key in wanted]
    if not shown:
        click.echo("no figures: of nobody do the truth lists name a photo that counts", err=True)
    if as_json:
        echo_json({one.key: one.figures.as_json(curves=False) for one in shown if not one.face_alone})
        return
    if shown:
        _echo(sweep, shown, by_person=by_person)
    click.echo(f"report: {graph.workspace.settings.sheets.parent / 'report.html'}", err=True)


def _echo(sweep: "Sweep", shown: "Sequence[SetFigures]", *, by_person: bool) -> None:
    from facefind_pipeline.evaluation.tables import people_table, sets_table

    table = sets_table(sweep)
    rows = table[table["set"].isin([one.name for one in shown])]
    for row in rows.to_dict("records"):
        click.echo(f"\n{row.pop('set')}")
        echo_table([{"": name, "figure": value} for name, value in row.items() if value == value])  # noqa: PLR0124 - NaN
    if by_person:
        for each in shown:
            click.echo(f"\n{each.name}")
            echo_table([{str(k): v for k, v in row.items()} for row in people_table(each.figures).to_dict("records")])
