"""Recipes: from what each asset's partitions would be made now, by one query for all of them.

A recipe's query is `sql/queries/made_from/ASSET.sql`. It returns a row per partition that can be made: its key, the
versions of all it follows from and, where they count, the fingerprints it was made by (of detector, embedder and the
rules for clothes; null where there was none).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from psycopg2 import sql

from facefind_pipeline.settings import clothes_count
from facefind_pipeline.store.queries import query

# The name of the rules by which results are ranked, and of those for clothes; a change of rules changes it.
RANKING, WITH_CLOTHES = "templates-5", "clothes-2"
EVALUATION = 4  # of those by which figures are computed
GROUPING = "linked-1"  # of those by which faces are put into groups


def ranking() -> str:
    """The name of the rules by which results are ranked now: with clothes, unless the settings switch these off."""
    return f"{RANKING} {WITH_CLOTHES}" if clothes_count() else RANKING


class Kind(Enum):
    """How an asset is partitioned."""

    WHOLE = "not"
    DAY = "by event day"
    DAY_SET = "by event day and parameter set"
    SET = "by parameter set"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an asset comes about.

    Attributes:
        asset: its name, which is also its query's.
        kind: how it is partitioned.
        upstream: the assets that it is made from.
    """

    asset: str
    kind: Kind
    upstream: Sequence[str] = ()

    @property
    def query(self) -> sql.Composed:
        """All its partitions with what each would be made from now; see the module."""
        return query(f"made_from/{self.asset}")


# In an order in which all can be made.
RECIPES = {
    recipe.asset: recipe
    for recipe in (
        Recipe("raw_photos", Kind.DAY),
        Recipe("detected_faces", Kind.DAY_SET, ("raw_photos",)),
        Recipe("face_embeddings", Kind.DAY_SET, ("raw_photos", "detected_faces")),
        Recipe("hnsw_index", Kind.SET, ("face_embeddings",)),
        Recipe("reference_photos", Kind.WHOLE),
        Recipe("reference_embeddings", Kind.SET, ("reference_photos",)),
        Recipe("search_results", Kind.SET, ("hnsw_index", "reference_embeddings")),
        Recipe("face_groups", Kind.SET, ("hnsw_index",)),
        Recipe("truth_lists", Kind.WHOLE, ("reference_photos",)),
        Recipe("evaluation", Kind.SET, ("search_results", "truth_lists")),
        Recipe("sweep_report", Kind.WHOLE, ("evaluation",)),
    )
}
