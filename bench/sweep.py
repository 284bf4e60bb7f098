"""A sweep over six detector settings through a real backfill, against its distinct work alone and six separate ingests.

    python -m bench.sweep

The sweep decodes each photo once, for the set whose run goes first, and detects it for the others, which wait, in the
same pass. The distinct work that it is measured against has six decodings and detections per photo, one embedding per
distinct box. The counts must be exact.
"""

import os
import sys
from typing import Any

import dagster as dg

from bench.measure import module, run
from bench.results import publish, record
from bench.setting import full_size_event, prepared
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.parameters import expand
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.database import open_database

PHOTOS = 60
PATTERN = "haar-sf{1.10,1.20}-mn5-ms{60,100,140}@dlib"
FACEFIND = [sys.executable, "-c", "from facefind_pipeline.cli import main; main()"]
COUNTED = ("photos_decoded", "photos_detected", "faces_embedded", "loading_seconds", "seconds", "cpu_seconds")


def main() -> None:
    """Measures, prints and records.

    Raises:
        RuntimeError: work was done twice or left out.
    """
    folder = full_size_event(PHOTOS)
    sets = [one.key for one in expand(PATTERN)]
    with prepared() as bench:
        environment = bench.home("sweep")
        run([*FACEFIND, "ingest", folder / "event"], environment)
        bare = module("bare", ",".join(sets), folder, environment=bench.environment)
        swept = run([*FACEFIND, "sweep", PATTERN], environment)
        alone = [module("ours", key, folder, environment=bench.home(f"alone_{n}")) for n, key in enumerate(sets)]
        done = _counts(environment)
    done["photos_detected"] += done["detected_ahead"]
    expected = {
        "photos_decoded": PHOTOS,
        "photos_detected": len(sets) * PHOTOS,
        "faces_embedded": bare.said["faces"],
    }
    if any(done[name] != count for name, count in expected.items()):
        raise RuntimeError(f"the sweep did {done}, its distinct work is {expected}")
    separate = sum(cost.said["seconds"] for cost in alone)
    record(
        {
            "sweep_vs_bare": done["seconds"] / bare.said["seconds"],
            "sweep_vs_bare_cpu": done["cpu_seconds"] / bare.said["busy"],
            "sweep_vs_separate": done["seconds"] / separate,
            "sweep_total": swept.wall / bare.said["seconds"],
        }
    )
    publish(
        "sweep",
        [
            {
                "what": "the distinct work alone",
                "CPU s": bare.said["busy"],
                "s": bare.said["seconds"],
                "embeddings": bare.said["faces"],
            },
            {
                "what": "the sweep's work",
                "CPU s": done["cpu_seconds"],
                "s": done["seconds"],
                "embeddings": done["faces_embedded"],
            },
            {"what": "its runs' models", "s": done["loading_seconds"]},
            {"what": "its runs' start-up and waiting", "s": swept.wall - done["seconds"] - done["loading_seconds"]},
            {
                "what": "six ingests into empty databases",
                "CPU s": sum(cost.said["busy"] for cost in alone),
                "s": separate,
                "embeddings": sum(cost.said["faces"] for cost in alone),
            },
        ],
    )


def _counts(environment: dict[str, str]) -> dict[str, float]:
    """What the sweep's runs say they did."""
    os.environ.update(environment)
    settings = read_settings()
    instance = open_instance(settings, open_database(settings))
    sums = dict.fromkeys((*COUNTED, "detected_ahead"), 0.0)
    for run_ in instance.get_runs():
        for entry in instance.all_logs(run_.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
            metadata: dict[str, Any] = dict(entry.asset_materialization.metadata) if entry.asset_materialization else {}
            for name in COUNTED:
                if name in metadata:
                    sums[name] += float(metadata[name].value)
            if "detected_ahead" in metadata:
                sums["detected_ahead"] += sum(metadata["detected_ahead"].value.values())
    instance.dispose()
    return sums


if __name__ == "__main__":
    main()
