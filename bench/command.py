"""The command as whole processes: `facefind find` against the talk's search; with `--large`, reruns of `facefind run`.

python -m bench.command [--large]
"""

import argparse
import shutil
import sys
from pathlib import Path

from bench.measure import Cost, alternate, median, module, run
from bench.results import publish, record
from bench.setting import Bench, full_size_event, prepared, small_event
from facefind_pipeline.demo_event import take_group_photo

FIND_REPEATS = 7
RERUN_PHOTOS = 500
RERUN_REPEATS = 3
PERSON = "Eileen Collins"
FACEFIND = Path(sys.executable).with_name("facefind")


def main() -> None:
    """Measures, prints and records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    with prepared() as bench:
        (rerun if options.large else find)(bench)


def find(bench: Bench) -> None:
    """Both searches over the same 200 small photos, process start to process end."""
    folder = small_event(bench.server.home / "found", 200)
    reference = _reference(bench)
    environment = bench.home("found")
    _run(folder, environment, "--reference", f"{PERSON}={reference}")
    url = bench.server.url("found_by_talk")
    bench.make_database("found_by_talk")
    module("talk", "ingest", url, bench.clip, folder, environment=bench.environment)
    costs = alternate(
        {
            "talk's search": lambda _: module(
                "talk", "search", url, bench.clip, reference, environment=bench.environment
            ),
            "`facefind find NAME`": lambda _: run([FACEFIND, "find", PERSON], environment),
        },
        FIND_REPEATS,
    )
    talk, ours = costs.values()
    record({"find_vs_talk": median(ours, "wall") / median(talk, "wall")})
    publish(
        "find",
        [
            {
                "process": name,
                "wall s": median(found, "wall"),
                "CPU s": median(found, "cpu"),
                "peak MB": median(found, "peak_mb"),
                "talk / this": median(talk, "wall") / median(found, "wall"),
            }
            for name, found in costs.items()
        ],
    )


def rerun(bench: Bench) -> None:
    """`recommended` over 500 full-size photos: the first run, some with nothing new, some with a new photo each."""
    folder = bench.server.home / "rerun"
    shutil.copytree(full_size_event(RERUN_PHOTOS) / "event", folder / "event")
    environment = bench.home("rerun")
    first = _run(folder, environment, "--reference", f"{PERSON}={_reference(bench)}")
    unchanged, new = [], []
    for number in range(RERUN_REPEATS):
        unchanged.append(_run(folder, environment))
        (folder / "event" / f"new-{number}.jpg").write_bytes(take_group_photo(6, seed=20_000 + number))
        new.append(_run(folder, environment))
    record(
        {
            "rerun_unchanged": median(unchanged, "wall") / first.wall,
            "rerun_one_new": median(new, "wall") / first.wall,
        }
    )
    publish(
        "rerun",
        [
            {
                "`facefind run`": name,
                "wall s": median(costs, "wall"),
                "CPU s": median(costs, "cpu"),
                "of the first": median(costs, "wall") / first.wall,
            }
            for name, costs in (("first", [first]), ("nothing new", unchanged), ("one new photo", new))
        ],
    )


def _run(folder: Path, environment: dict[str, str], *more: str) -> Cost:
    return run([FACEFIND, "run", folder, "--params", "recommended", *more], environment)


def _reference(bench: Bench) -> Path:
    path = bench.server.home / "reference.jpg"
    path.write_bytes(take_group_photo(1, (900, 600), seed=1))
    return path


if __name__ == "__main__":
    main()
