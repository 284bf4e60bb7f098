"""How good parameter sets are on an event whose truth is known, the template ranking beside the nearest-reference one.

    python -m bench.quality                                    (the demo's own event)
    python -m bench.quality EVENT --params recommended --params hog --home DIR

EVENT has photos, directly or in folders below it, `references/NAME.jpg`, and `truth.csv` with columns `person` and
`filename`, and `x`, `y`, `w`, `h` where they are known; rows of people without a reference are strangers. Prints mean
average precision with its interval and ceiling, what the cuts bring, how right the calibration is, losses by reason.
With --floor it exits with 1 if any set's mean average precision is below. DIR keeps the database for the next time.
"""

import argparse
import csv
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.run import find_people
from facefind_pipeline.cli.workspace import open_graph
from facefind_pipeline.demo_event import compose
from facefind_pipeline.evaluation.evaluate import compute_figures, evaluate_set
from facefind_pipeline.evaluation.figures import CalibrationCheck, Figures
from facefind_pipeline.orchestration.resources import Incoming
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.plurals import counted
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.server import EmbeddedServer

COLUMNS = ("person", "filename", "x", "y", "w", "h")


def main() -> None:
    """Reads the arguments, works on the event and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__.splitlines()[0])
    parser.add_argument("event", nargs="?", type=Path)
    parser.add_argument("--params", action="append", help="a set; `recommended` if none is given")
    parser.add_argument("--home", type=Path, help="keeps the database here")
    parser.add_argument("--floor", type=float, default=0.0, help="of mean average precision")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="facefind-bench") as scratch:
        home = (chosen.home or Path(scratch) / "home").absolute()
        os.environ["FACEFIND_HOME"] = str(home)
        event = chosen.event.absolute() if chosen.event else _demo(Path(scratch))
        keys = [ParameterSet.parse(key).key for key in chosen.params or ["recommended"]]
        try:
            figures = measure(event, keys, Path(scratch))
        finally:
            if read_settings().database_url is None and not chosen.home:
                EmbeddedServer(home).stop()
    for key, one in figures.items():
        echo(key, one)
    if any(one.summary is None or one.summary.average_precision.mean < chosen.floor for one in figures.values()):
        sys.exit(f"mean average precision below {chosen.floor}")


def measure(event: Path, keys: Sequence[str], scratch: Path) -> dict[str, Figures]:
    """Works on the event under each set, and evaluates."""
    references = {file.stem: file for file in sorted((event / "references").glob("*.*"))}
    photos = event / "photos" if (event / "photos").is_dir() else event
    truth = scratch / "truth.csv"
    with (event / "truth.csv").open(newline="", encoding="utf-8") as read, truth.open("w", newline="") as write:
        writer = csv.writer(write)
        writer.writerow(COLUMNS)
        rows = {(r["person"], r["filename"]): [r.get(name, "") for name in COLUMNS] for r in csv.DictReader(read)}
        writer.writerows(row for (person, _), row in rows.items() if person in references)
    for key in keys:
        find_people(photos, list(references.items()), key, largest=True, quiet=True)
    graph = open_graph(Bars())
    graph.materialize(["truth_lists"], incoming=Incoming(truth_lists=[truth]))
    figures = {}
    for key in keys:
        graph.materialize(["evaluation"], key)
        figures[key] = evaluate_set(graph.workspace.database, key).figures
    started = time.perf_counter()
    with graph.workspace.database.connect() as connection:
        for key in keys:
            compute_figures(connection, key)
    print(f"evaluated {counted(len(keys), 'set')} in {time.perf_counter() - started:.1f} s")
    return figures


def echo(key: str, figures: Figures) -> None:
    """Prints a set's figures."""
    summary = figures.summary
    assert summary is not None  # else truth would know of nobody
    print(f"\n{key}: {counted(summary.people, 'person', 'people')} in {counted(summary.relevant, 'picture')}")
    for label, estimate in (
        ("mAP", summary.average_precision),
        ("mAP by nearest reference", summary.nearest_reference_average_precision),
        ("gain", summary.gain),
    ):
        low, high = estimate.interval
        print(f"  {label:24} {estimate.mean:.4f}  ({low:.4f} to {high:.4f})")
    print(f"  {'ceiling':24} {summary.ceiling:.4f}")
    if figures.calibration is not None:
        _echo_calibration(figures.calibration)
    for one in figures.slices:
        print(f"  found, {one.by} {one.slice}: {one.found:.3f} of {one.photos}")
    reasons = Counter(loss.reason.value for loss in figures.losses)
    print("  lost: " + (", ".join(f"{count} {reason}" for reason, count in reasons.most_common()) or "nothing"))


def _echo_calibration(check: CalibrationCheck) -> None:
    for cut in check.cuts:
        print(f"  {cut.cut:30} {cut.false_matches_per_person:6.2f} false matches per person, recall {cut.recall:.3f}")
    for rate in check.rates:
        print(
            f"  stated false-match rate {rate.stated:g}: measured {rate.measured:.2g}, "
            f"{rate.measured / rate.stated:.2f} times, at distance {rate.distance:.3f}"
        )
    for group in check.reliability:
        print(
            f"  probability {group.low:.2f} to {group.high:.2f}: {group.photos:6d} photos, "
            f"stated {group.stated:.3f}, measured {group.measured:.3f}"
        )


def _demo(scratch: Path) -> Path:
    """The demo's event, with its truth as a list."""
    event = compose(scratch / "event")
    rows = [f"{event.person},{path}" for path in sorted(event.truth)]
    (event.photos.parent / "truth.csv").write_text("person,filename\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return event.photos.parent


if __name__ == "__main__":
    main()
