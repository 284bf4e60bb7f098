"""Who is shown what: in memory alone, by a cookie, and forgotten after an hour."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

LIFE_S = 3600.0
MOST = 1_000  # sessions; the one that began first gives way

T = TypeVar("T")


class Sessions(Generic[T]):
    """Values by tokens that nobody guesses; used from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, value: T) -> str:
        """Holds a value for an hour; returns its token."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._end_old()
            self._held[token] = self._clock() + LIFE_S, value
            if len(self._held) > MOST:
                self._held.popitem(last=False)
        return token

    def get(self, token: str | None) -> T | None:
        """The value of a token; None where it ended or never was."""
        with self._lock:
            self._end_old()
            held = self._held.get(token or "")
        return None if held is None else held[1]

    def _end_old(self) -> None:
        while self._held and next(iter(self._held.values()))[0] <= self._clock():
            self._held.popitem(last=False)
