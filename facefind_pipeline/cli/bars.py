"""Progress bars on standard error, and the estimate after the first ten photos."""

import os
import sys
import time
from typing import NoReturn

from tqdm import tqdm

ESTIMATE_AFTER = 10  # photos


class Bars:
    """A bar a stage, or one over all stages once `overall` was called. Silent where nothing is to do.

    On a terminal the bar moves; elsewhere a line is written every 30 seconds.
    """

    def __init__(self) -> None:
        self._bar: tqdm[NoReturn] | None = None
        self._overall = False
        self._started = 0.0
        self._detection_seconds = 0.0
        self._comparison: tuple[str, float] | None = None

    def overall(self, total: int, unit: str, comparison: tuple[str, float] | None = None) -> None:
        """One bar over all stages that follow.

        Args:
            total: units over all of them.
            unit: what they are.
            comparison: another set's key, and its detector's time as a share of this one's; None gives no comparison.
        """
        self._overall, self._comparison = True, comparison
        self._open(total, unit)

    def begin(self, stage: str, total: int, unit: str) -> None:
        """A stage begins."""
        if not self._overall:
            self._open(total, unit)
        if self._bar is not None:
            self._bar.set_description(stage, refresh=False)

    def advance(self, units: int = 1, detection_seconds: float = 0.0) -> None:
        """So many more are done."""
        if self._bar is None:
            return
        before = self._bar.n
        self._bar.update(units)
        self._detection_seconds += detection_seconds
        if self._overall and before < ESTIMATE_AFTER <= self._bar.n < (self._bar.total or 0):
            self._bar.write(self._estimate(self._bar), file=sys.stderr)
            self._bar.last_print_t = time.time()  # it is seen from now on: its end will be, too, however soon

    def end(self) -> None:
        """A stage is over."""
        if not self._overall:
            self.close()

    def close(self) -> None:
        """The overall bar is over."""
        if self._bar is not None:
            self._bar.close()
        self._bar, self._overall = None, False

    def _open(self, total: int, unit: str) -> None:
        self._started, self._detection_seconds = time.monotonic(), 0.0
        terminal = sys.stderr.isatty()
        if total:
            self._bar = tqdm(total=total, unit=unit, file=sys.stderr, mininterval=0.2 if terminal else 30, delay=1.0)

    def _estimate(self, bar: "tqdm[NoReturn]") -> str:
        elapsed = time.monotonic() - self._started
        left = (bar.total or 0) - bar.n
        text = f"about {_duration(elapsed / bar.n * left)} for the other {left} {bar.unit}s"
        if self._comparison is not None:
            key, share = self._comparison
            # Detection runs on all cores; what it would save is its seconds over the cores.
            saved = self._detection_seconds * (1 - share) / (os.cpu_count() or 1)
            text += f" (about {_duration(max(0.0, elapsed - saved) / bar.n * left)} with {key})"
        return text


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
