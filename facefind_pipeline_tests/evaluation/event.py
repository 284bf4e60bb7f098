"""Results and truth that the tests of evaluation share."""

from collections.abc import Mapping

from facefind_pipeline.search import results
from facefind_pipeline.store import parameter_sets, truth
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.truth import TruthList, TruthRow
from facefind_pipeline_tests.store.rows import KEY, Photo


def refresh(database: Database, key: str = KEY) -> None:
    with database.connect() as connection:
        results.refresh(connection, parameter_sets.find(connection, key))


def write_truth(
    database: Database, event: Mapping[str, Photo], *names: str, days: tuple[str, ...] | None = None
) -> None:
    with database.connect() as connection:
        rows = [TruthRow("ada", event[name].sha256) for name in names]
        truth.write_list(connection, TruthList("by hand.csv", rows, days), "command")
