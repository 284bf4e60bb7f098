"""Whether a host would make of photos what another would, and the name of what differs."""

import dagster as dg
import pytest

from facefind_pipeline.ingest import faces
from facefind_pipeline.orchestration import host_versions
from facefind_pipeline.orchestration.dagster_internals import PARTITION_NAME_TAG
from facefind_pipeline.orchestration.host_versions import TAG
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.versions import Fingerprints
from facefind_pipeline_tests.conftest import SMALL_SET


def _run(asset: str, partition: str, **tags: str) -> dg.DagsterRun:
    return dg.DagsterRun(
        "__ASSET_JOB",
        asset_selection=frozenset([dg.AssetKey(asset)]),
        tags={PARTITION_NAME_TAG: partition, **tags},
    )


def _present(settings: Settings) -> Fingerprints:
    return faces.present_fingerprints(settings, ParameterSet.parse(SMALL_SET))


def _made_elsewhere(settings: Settings, database: Database, **changes: object) -> Fingerprints:
    """What a host has whose detector differs so."""
    meaning = faces._meanings(settings, ParameterSet.parse(SMALL_SET))["detector"] | changes
    with database.connect() as connection:
        return _present(settings)._replace(detector=parameter_sets.record_fingerprint(connection, "detector", meaning))


def test_a_run_is_for_the_hosts_that_are_as_the_one_that_launched_it(settings: Settings, database: Database) -> None:
    run = _run("face_embeddings", f"day|{SMALL_SET}")
    tags = host_versions.tags(database, settings, run)
    assert tags == {TAG: " ".join(_present(settings))}
    assert host_versions.refusal(database, settings, run.with_tags({**run.tags, **tags})) is None


@pytest.mark.parametrize(("asset", "partition"), [("raw_photos", "day"), ("search_results", SMALL_SET)])
def test_what_no_detector_makes_is_for_every_host(
    settings: Settings, database: Database, asset: str, partition: str
) -> None:
    run = _run(asset, partition)
    assert host_versions.tags(database, settings, run) == {}
    assert host_versions.refusal(database, settings, run) is None


def test_what_differs_is_named_alone(settings: Settings, database: Database) -> None:
    wanted = _made_elsewhere(settings, database, dlib="19.24.9")
    reason = host_versions.refusal(
        database, settings, _run("detected_faces", f"day|{SMALL_SET}", **{TAG: " ".join(wanted)})
    )
    assert reason is not None
    assert SMALL_SET in reason
    assert "here, 19.24.9 there; install the same on all hosts" in reason
    assert reason.count(" here, ") == 1


def test_other_rules_for_clothes_are_named(settings: Settings, database: Database) -> None:
    wanted = _present(settings)._replace(clothes="others")
    reason = host_versions.refusal(
        database, settings, _run("detected_faces", f"day|{SMALL_SET}", **{TAG: " ".join(wanted)})
    )
    assert reason is not None
    assert "the rules by which facefind describes clothes" in reason


def test_a_host_that_lacks_the_model_is_refused_with_what_to_do(settings: Settings, database: Database) -> None:
    key = f"{SMALL_SET.partition('@')[0]}@arcface-momine"
    reason = host_versions.refusal(database, settings, _run("detected_faces", f"day|{key}", **{TAG: "a b c"}))
    assert reason is not None
    assert reason.startswith(f"{key} can't be made on this host: ")
