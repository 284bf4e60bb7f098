"""What our processes have in common: closed files, nothing of the working directory, little garbage collection."""

import atexit
import gc
import os

from facefind_pipeline.settings import Settings


def close_new_files() -> None:
    """Give what is written from now on to this user alone: photos' faces lie in sheets, tables, logs and reports."""
    os.umask(0o077)


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment of a Python process that we start; its working directory is to be `settings.home`.

    `python -m` would put the working directory, whatever lies there, in front of all modules.
    """
    return {**os.environ, "FACEFIND_HOME": os.fspath(settings.home), "PYTHONSAFEPATH": "1"}


def collect_rarely() -> None:
    """Has Python look for garbage rarely while libraries are loaded, and not when the process ends.

    Dagster brings half a million objects, which stay: looking through them took .3 s of a start and .5 s of an end.
    """
    gc.set_threshold(50_000, 20, 100)
    atexit.register(gc.freeze)


def libraries_are_loaded() -> None:
    """Has Python look for garbage as often as by itself again, among what is made from now on."""
    if gc.get_freeze_count() == 0:  # once: what later commands of a process leave behind is to be found
        gc.freeze()
        gc.set_threshold(700, 10, 10)
