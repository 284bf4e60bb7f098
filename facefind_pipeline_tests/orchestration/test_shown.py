"""What Dagster's UI is given to show: columns, where they come from, tags, names of runs, numbers to plot, examples."""

import re
from pathlib import Path

import dagster as dg
import pytest

from facefind_pipeline.definitions import defs
from facefind_pipeline.orchestration.backfills import request_backfill
from facefind_pipeline.orchestration.columns import LINEAGE, lineage_metadata
from facefind_pipeline.orchestration.dagster_internals import PRIORITY_TAG, QueuedRunCoordinatorDaemon
from facefind_pipeline.orchestration.examples import Examples, read_examples
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.orchestration.priorities import AUTOMATION
from facefind_pipeline.orchestration.processes import RETRY_TAG, WHY_TAG, process_tags
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import overview
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind

TABLES = {
    "raw_photos": "photos",
    "detected_faces": "detected_faces",
    "face_embeddings": "embeddings",
    "hnsw_index": "index_builds",
    "reference_photos": "reference_photos",
    "reference_embeddings": "reference_embeddings",
    "search_results": "search_results",
    "face_groups": "group_faces",
    "truth_lists": "truth",
    "evaluation": "evaluations",
}
ROOTS = {"photos", "reference_photos"}
Metadata = dict[str, dict[str, dg.MetadataValue]]


def _metadata(settings: Settings, database: Database) -> Metadata:
    """By asset the metadata of its latest materialization."""
    keys = [key for key in defs.resolve_all_asset_keys() if key.to_user_string() != "set_fingerprint"]
    with open_instance(settings, database) as instance:
        events = {key.to_user_string(): instance.get_latest_materialization_event(key) for key in keys}
    return {
        name: dict(event.asset_materialization.metadata)
        for name, event in events.items()
        if event is not None and event.asset_materialization is not None
    }


def test_every_column_has_a_description(
    filled: Path, settings: Settings, database: Database, facefind: Facefind, tmp_path: Path
) -> None:
    assert filled.is_dir()
    by_hand = tmp_path / "truth.csv"
    by_hand.write_text("person,filename\nAda,hopper.jpg\nAda,nobody.jpg\n")
    for command in (("truth", "add", by_hand), ("evaluate",), ("who",)):
        assert facefind(*command).exit_code == 0
    shown = _metadata(settings, database)
    assert set(TABLES) | {"sweep_report"} <= set(shown)
    undescribed = [
        (asset, name, column.name)
        for asset, metadata in shown.items()
        for name, value in metadata.items()
        if isinstance(value, (dg.TableMetadataValue, dg.TableSchemaMetadataValue))
        for column in (value.schema.columns)
        if not column.description
    ]
    assert undescribed == []
    assert {asset for asset, metadata in shown.items() if "dagster/column_schema" in metadata} == set(TABLES)


def test_a_plot_never_mixes_parameter_sets(filled: Path, settings: Settings, database: Database) -> None:
    assert filled.is_dir()
    shown = _metadata(settings, database)
    for asset in ("detected_faces", "face_embeddings"):  # each of whose partitions is of a day and of a set
        plotted = [
            name
            for name, value in shown[asset].items()
            if isinstance(value, (dg.IntMetadataValue, dg.FloatMetadataValue))
        ]
        assert plotted
        assert [name for name in plotted if not name.endswith(f" [{SMALL_SET}]")] == []


def test_the_preview_of_results_names_a_few_sure_photos_of_each_person(
    filled: Path, settings: Settings, database: Database
) -> None:
    assert filled.is_dir()
    text = str(_metadata(settings, database)["search_results"]["preview"].value)
    (line,) = re.findall(r"^- Ada: (.*)$", text, re.MULTILINE)
    assert "hopper\\.jpg" in line
    assert "nobody" not in line
    assert line.count(",") < 3


def test_columns_come_from_columns_that_there_are(database: Database) -> None:
    names = {asset: {name for name, *_ in overview.columns(database, table)} for asset, table in TABLES.items()}
    assert set(LINEAGE) == set(TABLES.values()) - ROOTS
    for asset, table in TABLES.items():
        if table in ROOTS:
            assert lineage_metadata(table) == {}
            continue
        lineage = lineage_metadata(table)["dagster/column_lineage"].value
        assert isinstance(lineage, dg.TableColumnLineage)
        for column, sources in lineage.deps_by_column.items():
            assert column in names[asset]
            assert [one for one in sources if one.column_name not in names[one.asset_key.to_user_string()]] == []


@pytest.mark.parametrize(
    "spec",
    sorted(defs.resolve_all_asset_specs(), key=lambda spec: spec.key),
    ids=lambda spec: spec.key.to_user_string(),
)
def test_an_asset_says_what_it_holds_and_where_its_code_is(spec: dg.AssetSpec) -> None:
    held = {tag.removeprefix("holds/") for tag in spec.tags if tag.startswith("holds/")}
    assert held
    assert held <= {"faces", "fingerprints", "names", "photos", "vectors"}
    code = spec.metadata["dagster/code_references"]
    assert isinstance(code, dg.CodeReferencesMetadataValue)
    (reference,) = code.code_references
    assert isinstance(reference, dg.LocalFileCodeReference)
    assert spec.key.to_user_string() in Path(reference.file_path).read_text()


def test_of_a_commands_runs_the_ui_shows_the_command_and_none_of_our_own_tags(
    filled: Path, settings: Settings, database: Database
) -> None:
    assert filled.is_dir()
    with open_instance(settings, database) as instance:
        runs = instance.get_runs()
    assert {run.tags[WHY_TAG] for run in runs} == {"facefind run"}
    hidden = {*process_tags("id"), RETRY_TAG}
    assert {tag for tag in hidden if not tag.startswith(".dagster/")} == set()
    shown = {tag for run in runs for tag in run.tags if not tag.startswith((".dagster/", "dagster/"))}
    assert shown == {WHY_TAG}


def test_what_a_person_launches_goes_first_then_a_sweep_then_what_is_asked_for_by_itself() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        backfill_id = request_backfill(instance, {"raw_photos": ["day-1"]}, "Sweep")
        assert backfill_id is not None
        backfill = instance.get_backfill(backfill_id)
    assert backfill is not None
    (sensor,) = (one for one in defs.sensors or () if isinstance(one, dg.AutomationConditionSensorDefinition))
    assert sensor.run_tags == AUTOMATION
    queue = [
        dg.DagsterRun("automation", tags=dict(sensor.run_tags)),
        dg.DagsterRun("sweep", tags=dict(backfill.tags or {})),
        dg.DagsterRun("person"),
        dg.DagsterRun("another person"),
    ]
    order = QueuedRunCoordinatorDaemon(interval_seconds=1)._priority_sort(queue)
    assert [run.job_name for run in order] == ["person", "another person", "sweep", "automation"]
    assert PRIORITY_TAG in AUTOMATION


def test_examples_name_what_the_home_has(filled: Path, database: Database) -> None:
    with database.connect() as connection:
        found = read_examples(connection)
    assert (found.folder, found.person, found.reference) == (str(filled), "Ada", "reference.jpg")
    assert (filled / found.photo).is_file()
    assert found.group == Examples().group  # of which it has none


@pytest.mark.parametrize("job", sorted(defs.resolve_all_job_defs(), key=lambda job: job.name), ids=lambda job: job.name)
def test_a_launchpads_text_is_a_configuration_as_it_is(job: dg.JobDefinition) -> None:
    assert dg.validate_run_config(job, {})
