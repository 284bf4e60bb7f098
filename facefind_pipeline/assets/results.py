"""`search_results`: the nearest photos of every person under a parameter set."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from facefind_pipeline.assets.index import hnsw_index
from facefind_pipeline.assets.references import reference_embeddings
from facefind_pipeline.orchestration.asset_tags import holds
from facefind_pipeline.orchestration.automation import aggregate_condition
from facefind_pipeline.orchestration.partitions import parameter_sets
from facefind_pipeline.orchestration.previews import columns_metadata, sheet_metadata, table_metadata, with_names
from facefind_pipeline.orchestration.resources import OWNERS, Workspace

if TYPE_CHECKING:
    import pandas as pd

    from facefind_pipeline.search.calibration import Calibration
    from facefind_pipeline.search.worn_days import ClothesDay


@dg.asset(
    deps=[hnsw_index, reference_embeddings],
    partitions_def=parameter_sets,
    group_name="search",
    kinds={"postgres", "pgvector"},
    tags=holds("faces", "names"),
    owners=OWNERS,
    automation_condition=aggregate_condition(),
)
def search_results(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult[None]:
    """The nearest 1,000 photos of every person, by exact search, for all people at once.

    All of them are ranked, the unlike ones last: `ranked` counts photos with a face, not pictures of the person.
    """
    import pandas as pd

    from facefind_pipeline.ingest.sheet_files import sheet_path
    from facefind_pipeline.ingest.sheets import result_tiles, sure_photos
    from facefind_pipeline.privacy.unmatched import erase_unmatched_of
    from facefind_pipeline.search.results import FoundPerson, refresh_results
    from facefind_pipeline.store.overview import days_missing

    key = context.partition_key
    results = refresh_results(workspace.database, key)
    erased = 0 if workspace.settings.keep_unmatched else erase_unmatched_of(workspace.database, key)
    cut = results.calibration.shown_cut if results.calibration else None
    tiles = result_tiles(workspace.database, key, cut)
    file = sheet_path(workspace.settings, key, "results")
    sheet = sheet_metadata(workspace.settings, tiles, file, title=f"Matches, {key}")
    sure = sure_photos(workspace.database, key, results.calibration.sure_cut if results.calibration else None)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(results.version),
        metadata={
            "dagster/row_count": sum(person.ranked for person in results.people),
            "people": len(results.people),
            "people_searched_now": len(results.searched),
            "faces_erased": erased,
            "matches": table_metadata(pd.DataFrame(results.people, columns=FoundPerson._fields)),
            **_calibration(results.calibration),
            "clothes": table_metadata(_clothes(results.clothes)),
            "event_days_missing": dg.MetadataValue.json(days_missing(workspace.database, key)),
            **columns_metadata(workspace.database, "search_results"),
            **with_names(sheet, sure),
        },
    )


def _clothes(days: "Sequence[ClothesDay]") -> "pd.DataFrame":
    """What clothes tell on each event day, and whether they count."""
    import pandas as pd

    from facefind_pipeline.search.worn_days import ClothesDay

    rows = [(*day, "yes" if day.separation else "no") for day in days]
    return pd.DataFrame(rows, columns=[*ClothesDay._fields, "count"])


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
