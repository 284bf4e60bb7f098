"""Results and truth that the tests of evaluation share."""

from collections.abc import Mapping
from types import MappingProxyType

from facefind_pipeline.search import results
from facefind_pipeline.store import parameter_sets, truth
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.truth import TruthList, TruthRow
from facefind_pipeline_tests.store.rows import KEY, Photo


def refresh(database: Database, key: str = KEY) -> None:
    with database.connect() as connection:
        results.refresh(connection, parameter_sets.find(connection, key))


def write_truth(
    database: Database,
    event: Mapping[str, Photo],
    *names: str,
    days: tuple[str, ...] | None = None,
    leave_out: Mapping[str, bool] = MappingProxyType({}),
    unlabelled_left_out: bool = False,
) -> None:
    """A list of Ada's photos; `leave_out` names further ones with what their column says."""
    with database.connect() as connection:
        rows = [TruthRow("ada", event[name].sha256, leave_out=leave_out.get(name)) for name in [*names, *leave_out]]
        truth.write_list(connection, TruthList("by hand.csv", rows, days, unlabelled_left_out), "command")
