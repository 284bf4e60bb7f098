"""What benchmarks stand on: figures that merge, tables that find their place, faces that are spread as real ones."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import index_scale, results
from bench.faces import vectors
from bench.measure import Cost, percentile, ratio, run


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(results, "LATEST", tmp_path / "results" / "latest.json")
    monkeypatch.setattr(results, "commit", lambda: "abc")
    return tmp_path


def test_figures_merge_into_one_flat_object(places: Path) -> None:
    results.record({"a": 1.0, "b": 2.0})
    results.record({"b": 3.0})
    found = json.loads((places / "results" / "latest.json").read_text())
    assert (found["a"], found["b"], found["b_commit"], found["b_machine"]) == (1.0, 3.0, "abc", results.machine())
    assert set(found) == {f"{key}{part}" for key in "ab" for part in ("", "_date", "_commit", "_machine")}


def test_a_table_replaces_the_one_between_its_marks_and_no_other(places: Path) -> None:
    document = places / "performance.md"
    marks = "<!-- table: {} -->\n<!-- end -->"
    document.write_text(f"before\n{marks.format('x')}\nbetween\n{marks.format('y')}\n")
    results.publish("x", [{"side": "old", "s": 0.12345}], document)
    results.publish("x", [{"side": "new", "s": 1234.5, "n": 7}], document)
    text = document.read_text()
    assert "| side | s | n |\n| --- | --- | --- |\n| new | 1234 | 7 |" in text
    assert "old" not in text
    assert text.endswith(f"between\n{marks.format('y')}\n")
    with pytest.raises(ValueError, match="no place for the table 'z'"):
        results.publish("z", [{"side": "new"}], document)


def test_a_process_is_measured_and_its_failure_told() -> None:
    cost = run([sys.executable, "-c", "x = bytearray(10**8); print('noise'); print('{\"n\": 3}')"], reads=True)
    assert cost.said == {"n": 3}
    assert cost.peak_mb > 100
    assert cost.wall > 0 < cost.cpu
    with pytest.raises(RuntimeError, match="oh no"):
        run([sys.executable, "-c", "raise SystemExit('oh no')"])


def test_ratios_are_taken_round_by_round() -> None:
    slow, fast = ([Cost(0, 0, 0, {"s": s}) for s in seconds] for seconds in ((10, 40, 22), (5, 10, 10)))
    assert ratio(slow, fast, "s") == 2.2
    assert percentile([5, 1, 4, 2, 3], 95) == 5
    assert percentile(range(1, 101), 95) == 95


def test_synthetic_faces_are_spread_as_real_ones_and_the_same_in_any_piece() -> None:
    made = vectors(0, 3_000)
    np.testing.assert_array_equal(np.concatenate([vectors(0, 700), vectors(700, 3_000)]), made)
    distances = np.linalg.norm(made[:1_000] - made[1_000:2_000], axis=1)
    assert abs(distances.mean() - 0.80) < 0.02
    assert 0.07 < distances.std() < 0.11


def test_the_pages_of_measurements_have_one_place_for_each_table() -> None:
    code = "".join(file.read_text(encoding="utf-8") for file in Path(results.__file__).parent.glob("*.py"))
    published = set(re.findall(r'publish\(\s*"([a-z-]+)"', code))
    assert len(published) > 8
    pages = "".join(page.read_text(encoding="utf-8") for page in results.DOCUMENT.parent.glob("*.md"))
    places = re.findall(r"<!-- table: ([a-z-]+) -->", pages)
    assert published <= set(places)
    assert len(places) == len(set(places))


def test_the_plan_for_many_faces_has_three_significant_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[dict[str, Any]] = []
    monkeypatch.setattr(index_scale, "DRAWING", tmp_path / "plan.png")
    monkeypatch.setattr(index_scale, "publish", lambda _name, rows, _document: published.extend(rows))
    tables: list[index_scale.Row] = [{"faces": "30,000", "vectors MB": 21.4}]
    costs = {"build s": 0.0, "build memory MB": 0.0, "index MB": 0.0, "p50 ms": 71.7871}
    index_scale._plan(tables, [{"faces": "1,000", "index": "none", "floats": "vector", **costs}])
    assert [row["p50 ms"] for row in published if row["index"] == "none"] == [718_000, 7_180_000]
