"""Launches runs on this host's warm workers: what `dagster.yaml` names where there is no broker."""

import os
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

from facefind_pipeline.orchestration.dagster_internals import (
    ConfigurableClass,
    ConfigurableClassData,
    LaunchRunContext,
    RunLauncher,
)
from facefind_pipeline.orchestration.processes import HOST_TAG, LOCKED_TAG, PID_TAG, is_of_command
from facefind_pipeline.orchestration.warm_workers import hand_out
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.database import open_database
from facefind_pipeline.store.hosts import RUN_LOCK


class WarmRunLauncher(RunLauncher, ConfigurableClass):
    """Hands runs to workers. Whether one lives is told by the lock of its run, which `dead_runs` looks at."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """Where in `dagster.yaml` it comes from."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:  # noqa: ARG003
        """As Dagster makes it from `dagster.yaml`."""
        return cls(inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Hands the run to a worker."""
        hand_out(read_settings(), context.dagster_run.run_id)

    def terminate(self, run_id: str) -> bool:
        """Interrupts the worker that executes a run on this host; one that none executes is canceled at once.

        A command's run ends with the command.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished or is_of_command(run):
            return False
        self._instance.report_run_canceling(run)
        with open_database(read_settings()).lock_if_free(RUN_LOCK, run_id) as free:
            if free:
                self._instance.report_run_canceled(run)
                return True
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:  # and its worker is at the next one
            return True
        if run.tags.get(LOCKED_TAG) != run_id or run.tags[HOST_TAG] != socket.gethostname():
            return False
        with suppress(ProcessLookupError):
            os.kill(int(run.tags[PID_TAG]), signal.SIGTERM)
        return True
