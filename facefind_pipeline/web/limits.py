"""How much one guest may ask for, so that nobody keeps the page from the others or guesses their way in."""

import ipaddress
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection

UPLOAD_BYTES = 30 * 2**20  # a phone's photo has 2 to 15
UPLOAD_S = 60.0  # for all of it
SELFIES_AT_ONCE = 24  # that are sent, wait or are looked at, each with its picture in memory
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one address may do.

    Attributes:
        selfies: a minute.
        selfies_at_once: that are sent, wait or are looked at.
        wrong_links: a minute; wrong PINs count.
    """

    selfies: int = 12
    selfies_at_once: int = 4
    wrong_links: int = 20


class Rate:
    """Counts what each address did in the last minute; used from any thread."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._times: defaultdict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def wait_s(self, address: str) -> float:
        """Seconds until the address may do it again; 0 where it may now."""
        with self._lock:
            times = self._recent(network_of(address))
            return times[0] + MINUTE_S - self._clock() if len(times) >= self._per_minute else 0.0

    def count(self, address: str) -> None:
        """Remembers that the address did it now."""
        with self._lock:
            self._times[network_of(address)].append(self._clock())
            for other in list(self._times):
                if not self._recent(other):
                    del self._times[other]

    def _recent(self, network: str) -> deque[float]:
        times = self._times[network]
        while times and times[0] <= self._clock() - MINUTE_S:
            times.popleft()
        return times


def client_of(request: HTTPConnection) -> str:
    """The address that a request is from; empty on sockets that have none."""
    return request.client.host if request.client else ""


def network_of(address: str) -> str:
    """Whose an address is: an IPv6 host may take any address of its network of 64 bits: these are one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(parsed) if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))
