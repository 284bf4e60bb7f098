"""What assets are given: the settings, the database, where to report progress, and what a command hands over."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from facefind_pipeline.orchestration.processes import execute_until_exit, process_tags
from facefind_pipeline.progress import Progress
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.people import ReferencePhoto

if TYPE_CHECKING:
    from facefind_pipeline.ingest.photos import Scan
    from facefind_pipeline.ingest.reference_vectors import Located

OWNERS = ["team:facefind"]
CORES = "cores"  # the pool of steps that use all cores: two at once would only fight over them


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a command hands to its own run. A run's configuration cannot name it: whoever reaches the UI writes that.

    Attributes:
        folders: that the user named, to register event days of.
        looks: what a look at the folder of an event day, by key, found just now.
        references: to add beside those of the references folder.
        located: faces that were found in reference photos just now, under the set that the run is of.
        truth_lists: files to add beside those of the truth folder.
    """

    folders: Sequence[Path] = ()
    looks: "Mapping[str, Scan]" = field(default_factory=dict)
    references: Sequence[ReferencePhoto] = ()
    located: "Located" = field(default_factory=dict)
    truth_lists: Sequence[Path] = ()


NOTHING = Incoming()


@dataclass(slots=True, eq=False)
class Workspace:
    """One place of work: everything an asset needs from outside.

    Attributes:
        settings: read from the environment where the run executes.
        progress: the command's bars; None writes to the run's log.
        incoming: from the command; nothing in runs that Dagster launches.
    """

    settings: Settings = field(default_factory=read_settings)
    progress: Progress | None = None
    incoming: Incoming = NOTHING

    @contextmanager
    def handing_over(self, incoming: Incoming) -> Iterator[None]:
        """For one run: the definitions are bound to this object, which Dagster lets no run replace."""
        self.incoming = incoming
        try:
            yield
        finally:
            self.incoming = NOTHING

    @property
    def database(self) -> Database:
        """Opened when first needed, so that definitions load without a server."""
        return open_database(self.settings)

    def progress_for(self, log: dg.DagsterLogManager) -> Progress:
        """Where a run reports."""
        return self.progress or LogProgress(log)


@dg.resource(description="Settings and database; holds the run's lock, by which its process's death is noticed.")
def workspace(context: dg.InitResourceContext) -> Workspace:
    """For runs that Dagster launches, each in a process; commands give their own workspace and hold the lock."""
    given = Workspace()
    if context.run is not None and context.instance is not None:
        run_id = context.run.run_id
        execute_until_exit(given.database, run_id)
        context.instance.add_run_tags(run_id, process_tags(run_id))
    return given


class LogProgress:
    """Writes a line to the run's log at each tenth of a stage."""

    def __init__(self, log: dg.DagsterLogManager) -> None:
        self._log = log
        self._stage, self._total, self._unit, self._done = "", 0, "", 0

    def begin(self, stage: str, total: int, unit: str) -> None:
        """A stage begins."""
        self._stage, self._total, self._unit, self._done = stage, total, unit, 0
        if total:
            self._log.info(f"{stage}: {total} to do")

    def advance(self, units: int = 1, detection_seconds: float = 0.0) -> None:  # noqa: ARG002
        """So many more are done."""
        before, self._done = self._done, self._done + units
        if before * 10 // self._total < self._done * 10 // self._total:
            self._log.info(f"{self._stage}: {self._done} of {self._total}")

    def end(self) -> None:
        """Nothing: the last tenth was written."""
