"""`facefind sweep`: many parameter sets over all event days, as one backfill."""

from collections.abc import Sequence

import click

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.output import echo_table
from facefind_pipeline.cli.workspace import open_graph, open_reading
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.parameters import expand
from facefind_pipeline.plurals import counted
from facefind_pipeline.set_names import NAME


@click.command(
    epilog="""\b
Examples:
  facefind sweep default recommended
  facefind sweep 'haar-sf{1.05,1.10,1.20}-mn{2,5}-ms{60,100}@dlib'
  facefind params compare hog-up1-px2000@dlib yunet-st0.60-px2000@dlib"""
)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
def sweep(keys: Sequence[str]) -> None:
    """Fill the parameter sets KEY... for all registered event days, side by side.

    Choices in braces make a set of each combination. The work is one backfill, which `facefind dev` shows and works
    off; if it is not running, this command does. What another set has found or embedded already is not done again.
    Interrupted, the same command resumes.
    """
    from facefind_pipeline.store import overview, parameter_sets, photos

    patterns = {key: expand(key) for key in keys if not NAME.fullmatch(key)}
    _, database = open_reading()
    with database.connect() as connection:
        if not photos.days(connection):
            raise FacefindError("no event day is registered yet: run `facefind ingest PHOTOS` first")
        named = [one for key in keys for one in patterns.get(key) or [parameter_sets.resolve(connection, key)]]
    sets = list({one.key: one for one in named}.values())

    from facefind_pipeline.cli import stages
    from facefind_pipeline.orchestration.backfills import missing_partitions, request_backfill
    from facefind_pipeline.orchestration.daemon import failed_runs, standing_by, work_off
    from facefind_pipeline.orchestration.dagster_internals import BulkActionStatus
    from facefind_pipeline.orchestration.processes import described
    from facefind_pipeline.orchestration.runs import why_failed

    bars = Bars()
    graph = open_graph(bars)
    workspace = graph.workspace
    status = BulkActionStatus.COMPLETED_SUCCESS
    with standing_by(graph.instance, workspace.settings) as worker:
        stages.register_sets(graph, sets)
        graph.sync_partitions()
        missing = missing_partitions(graph.instance, workspace, [one.key for one in sets])
        backfill = request_backfill(graph.instance, missing, f"Sweep of {counted(len(sets), 'parameter set')}")
        if backfill is None:
            stages.note(f"{counted(len(sets), 'parameter set')}: nothing is missing")
        else:
            expected = sum(len(partitions) for partitions in missing.values())
            to_fill = counted(expected, "asset partition")
            stages.note(f"{counted(len(sets), 'parameter set')}, {to_fill} to fill: backfill {backfill}")
            bars.overall(expected, "asset partition")
            try:
                status = work_off(graph.instance, workspace.settings, backfill, bars.advance, worker)
            finally:
                bars.close()
    if status is not BulkActionStatus.COMPLETED_SUCCESS:
        for parameters in sets:  # a day that failed keeps the backfill from its set's index and results
            stages.index_and_search(graph, parameters)
    with workspace.database.connect() as connection:
        wanted = {one.key for one in sets}
        echo_table([row for row in overview.sets(connection) if row["set"] in wanted])
    failed = failed_runs(graph.instance, backfill) if backfill else []
    for run in failed:
        stages.note(f"failed: {described(run)}: {why_failed(graph.instance, run.run_id)} (run {run.run_id})")
    if failed or status is not BulkActionStatus.COMPLETED_SUCCESS:
        raise FacefindError(
            f"{counted(len(failed), 'run')} failed, the backfill is {status.value.lower()}; `facefind dev` shows more, "
            "the same command tries again"
        )
