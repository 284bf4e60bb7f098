"""The quality gate: the project's own event through the real graph, against floors that no change may break."""

import json
from pathlib import Path

import pytest

from facefind_pipeline.demo_event import compose
from facefind_pipeline.set_names import ALIASES
from facefind_pipeline_tests.conftest import Facefind

SET = ALIASES["recommended"]
# As measured when it was written: 1.000, 1.000, 1.000 and no false photo. The floors leave one photo of 19.
MEAN_AVERAGE_PRECISION, R_PRECISION, CEILING, RECALL_OF_LIKELY, FALSE_LIKELY = 0.95, 0.95, 0.95, 0.9, 0


@pytest.mark.slow
def test_the_demo_event_is_searched_as_well_as_ever(facefind: Facefind, tmp_path: Path) -> None:
    event = compose(tmp_path / "demo")
    run = facefind("run", event.photos, "--reference", f"{event.person}={event.reference}")
    assert run.exit_code == 0, run.stderr
    truth = tmp_path / "truth.csv"
    truth.write_text("person,filename\n" + "\n".join(f"{event.person},{path}" for path in sorted(event.truth)))
    assert facefind("truth", "add", truth).exit_code == 0
    figures = json.loads(facefind("evaluate", "--json").stdout)[SET]
    summary = figures["summary"]
    assert summary["relevant"] == 19  # 21 files, of which one is a copy, and one has nearly the reference's own picture
    assert summary["average_precision"]["mean"] >= MEAN_AVERAGE_PRECISION
    assert summary["r_precision"]["mean"] >= R_PRECISION
    assert summary["ceiling"] >= CEILING
    assert summary["average_precision"]["mean"] >= summary["plain_average_precision"]["mean"]
    likely = next(cut for cut in figures["calibration"]["cuts"] if cut["cut"] == "likely")
    assert likely["recall"] >= RECALL_OF_LIKELY
    assert likely["false_a_person"] <= FALSE_LIKELY
