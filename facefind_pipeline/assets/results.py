"""`search_results`: the nearest photos of every person under a parameter set."""

from typing import TYPE_CHECKING

import dagster as dg

from facefind_pipeline.assets.index import hnsw_index
from facefind_pipeline.assets.references import reference_embeddings
from facefind_pipeline.orchestration.automation import aggregate_condition
from facefind_pipeline.orchestration.partitions import parameter_sets
from facefind_pipeline.orchestration.previews import columns_metadata, sheet_metadata, table_metadata
from facefind_pipeline.orchestration.resources import OWNERS, Workspace

if TYPE_CHECKING:
    from facefind_pipeline.search.calibration import Calibration


@dg.asset(
    deps=[hnsw_index, reference_embeddings],
    partitions_def=parameter_sets,
    group_name="search",
    kinds={"postgres", "pgvector"},
    owners=OWNERS,
    automation_condition=aggregate_condition(),
)
def search_results(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult[None]:
    """The nearest 1,000 photos of every person, by exact search, for all people at once.

    All of them are ranked, the unlike ones last: `ranked` counts photos with a face, not pictures of the person.
    """
    from facefind_pipeline.ingest.sheet_files import sheet_path
    from facefind_pipeline.ingest.sheets import result_tiles
    from facefind_pipeline.search.results import refresh_results
    from facefind_pipeline.store.overview import days_missing

    key = context.partition_key
    results = refresh_results(workspace.database, key)
    cut = results.calibration.shown_cut if results.calibration else None
    tiles = result_tiles(workspace.database, key, cut)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(results.version),
        metadata={
            "dagster/row_count": int(results.people["ranked"].sum()),
            "people": len(results.people),
            "people_searched_now": len(results.searched),
            "matches": table_metadata(results.people),
            **_calibration(results.calibration),
            "clothes": table_metadata(results.clothes),
            "event_days_missing": dg.MetadataValue.json(days_missing(workspace.database, key)),
            **columns_metadata(workspace.database, "search_results"),
            **sheet_metadata(
                workspace.settings, tiles, sheet_path(workspace.settings, key, "results"), title=f"Matches, {key}"
            ),
        },
    )


def _calibration(made: "Calibration | None") -> dict[str, float]:
    """What distances mean under the set, as numbers that the UI plots; nothing where it is not known."""
    if made is None:
        return {}
    return {
        "calibrated_on_pairs": made.pairs,
        "distance_at_false_match_rate_0.001": made.threshold(1e-3),
        "sure_up_to_score": max(0.0, made.sure_cut),
        "likely_up_to_score": made.likely_cut,
    }
