"""`truth_lists`, `evaluation` and `sweep_report`: how good each parameter set is, and why each lost photo was lost."""

import dagster as dg

from facefind_pipeline.assets.references import reference_photos
from facefind_pipeline.assets.results import search_results
from facefind_pipeline.orchestration.asset_tags import holds
from facefind_pipeline.orchestration.automation import aggregate_condition, report_condition
from facefind_pipeline.orchestration.partitions import parameter_sets
from facefind_pipeline.orchestration.previews import columns_metadata, file_metadata, table_metadata
from facefind_pipeline.orchestration.resources import OWNERS, Workspace


@dg.asset(
    deps=[reference_photos], group_name="quality", kinds={"python", "postgres"}, tags=holds("names"), owners=OWNERS
)
def truth_lists(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult[None]:
    """Which photos show a person, from CSV files made by hand; each row is checked against photos and people."""
    from facefind_pipeline.ingest.truth import store_lists

    version, lists = store_lists(
        workspace.database, workspace.settings.truth, workspace.incoming.truth_lists, context.log.warning
    )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": int(lists["photos"].sum()),
            "lists": table_metadata(lists),
            **columns_metadata(workspace.database, "truth"),
        },
    )


@dg.asset(
    deps=[search_results, truth_lists],
    partitions_def=parameter_sets,
    group_name="quality",
    kinds={"python", "postgres"},
    tags=holds("names"),
    owners=OWNERS,
    automation_condition=aggregate_condition(),
)
def evaluation(context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[None]:
    """Figures per person against the truth lists, and why each lost photo was lost; computed from stored rankings."""
    from facefind_pipeline.evaluation.evaluate import evaluate_set
    from facefind_pipeline.evaluation.tables import headline, losses_table, people_table

    made = evaluate_set(workspace.database, context.partition_key)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.version),
        metadata={
            **headline(made.figures),
            "recomputed": made.recomputed,
            "people": table_metadata(people_table(made.figures)),
            "losses": table_metadata(losses_table(made.figures)),
            **columns_metadata(workspace.database, "evaluations"),
        },
    )


@dg.asset(
    deps=[evaluation],
    group_name="quality",
    kinds={"matplotlib"},
    tags=holds("names"),
    owners=OWNERS,
    automation_condition=report_condition(),
)
def sweep_report(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[None]:
    """All evaluated sets side by side: quality, cost, what no other set finds, losses by reason; plots, as a page."""
    from facefind_pipeline.evaluation.report import make_report
    from facefind_pipeline.evaluation.tables import sets_table

    sweep, page = make_report(workspace.database, workspace.settings.sheets.parent / "report.html")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(sweep.version),
        metadata={
            "dagster/row_count": len(sweep.sets),
            "sets": table_metadata(sets_table(sweep)),
            **file_metadata(workspace.settings, "page", page),
        },
    )
