"""The switches that keep libraries from reporting to their makers; the package sets them before it imports anything.

They go into the environment, since onnxruntime reads its own while it is imported and never again, and children inherit
it. `facefind env` prints them for processes that others start.
"""

import os

TELEMETRY_OFF = {
    # Making a session queues events with a device id in ~/.cache/Microsoft and resolves a collector's host.
    "ORT_DISABLE_TELEMETRY": "1",
    # Uploads of queued events, also where another dagster.yaml than ours is read; ours has `telemetry: enabled: false`.
    "DAGSTER_DISABLE_TELEMETRY": "1",
    # huggingface_hub and transformers: what is loaded, by whom, appended to the requests for files.
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}


def switch_off() -> None:
    """Sets the switches in this process's environment, whatever they were."""
    os.environ.update(TELEMETRY_OFF)
