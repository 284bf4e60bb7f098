"""How long work reports its progress; the command draws bars, a Dagster run writes log lines."""

from typing import Protocol


class Progress(Protocol):
    """Told of each stage of work and of each unit done."""

    def begin(self, stage: str, total: int, unit: str) -> None:
        """A stage begins; `total` units are to do."""

    def advance(self, units: int = 1, detection_seconds: float = 0.0) -> None:
        """So many more are done, with the detector's seconds in them."""

    def end(self) -> None:
        """The stage is over."""


class Silent:
    """Reports to nobody."""

    def begin(self, stage: str, total: int, unit: str) -> None:
        """Nothing."""

    def advance(self, units: int = 1, detection_seconds: float = 0.0) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""


SILENT = Silent()
