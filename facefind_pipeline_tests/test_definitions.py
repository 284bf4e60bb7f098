"""The graph loads, with everything people see of it in the UI."""

import subprocess
import sys

import dagster as dg
import pytest

from facefind_pipeline.definitions import defs

ASSETS = {
    "raw_photos": {"event_day"},
    "set_fingerprint": {"parameter_set"},
    "detected_faces": {"event_day", "parameter_set"},
    "face_embeddings": {"event_day", "parameter_set"},
    "hnsw_index": {"parameter_set"},
    "reference_photos": set(),
    "reference_embeddings": {"parameter_set"},
    "search_results": {"parameter_set"},
    "face_groups": {"parameter_set"},
    "truth_lists": set(),
    "evaluation": {"parameter_set"},
    "sweep_report": set(),
}


def test_definitions_load() -> None:
    dg.Definitions.validate_loadable(defs)
    assert {key.to_user_string() for key in defs.resolve_all_asset_keys()} == set(ASSETS)


@pytest.mark.parametrize("name", ASSETS)
def test_an_asset_explains_itself(name: str) -> None:
    spec = next(spec for spec in defs.resolve_all_asset_specs() if spec.key.to_user_string() == name)
    assert spec.description
    assert spec.group_name in {"photos", "sets", "faces", "people", "search", "quality"}
    if spec.key.to_user_string() != "set_fingerprint":  # observed, not made
        assert spec.kinds
        assert spec.owners


@pytest.mark.parametrize("name", ASSETS)
def test_partitions_are_those_of_the_design(name: str) -> None:
    spec = next(spec for spec in defs.resolve_all_asset_specs() if spec.key.to_user_string() == name)
    partitions = spec.partitions_def
    if isinstance(partitions, dg.MultiPartitionsDefinition):
        names = {dimension.name for dimension in partitions.partitions_defs}
    else:
        names = {partitions.name} if isinstance(partitions, dg.DynamicPartitionsDefinition) else set()
    assert names == ASSETS[name]


def test_loading_imports_nothing_heavy() -> None:
    code = (
        "import sys, facefind_pipeline.definitions\n"
        "print(*{'cv2', 'dlib', 'onnxruntime', 'transformers', 'imgbeddings', 'matplotlib', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
