"""Runs one side of a comparison in a process of its own, so that no side warms or crowds another."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took.

    Attributes:
        wall: seconds from its start to its end.
        cpu: seconds of all cores, its own and its children's; not the database server's.
        peak_mb: largest resident memory of any one process of it.
        said: what it printed last, a JSON object.
    """

    wall: float
    cpu: float
    peak_mb: float
    said: Mapping[str, float] = field(default_factory=dict)


def run(command: Sequence[object], environment: Mapping[str, str] | None = None, *, reads: bool = False) -> Cost:
    """Runs a command to its end; `reads` takes the last line it prints as JSON.

    Raises:
        RuntimeError: it failed; with what it wrote.
    """
    started = time.perf_counter()
    with subprocess.Popen(
        [str(part) for part in command],
        env=os.environ | dict(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(str(part) for part in command)} failed:\n{printed}")
    said = json.loads(printed.strip().splitlines()[-1]) if reads else {}
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said)


def module(name: str, *arguments: object, environment: Mapping[str, str] | None = None) -> Cost:
    """Runs `python -m bench.NAME ARGUMENTS`, which prints a JSON object last."""
    return run([sys.executable, "-m", f"bench.{name}", *arguments], environment, reads=True)


def alternate(sides: Mapping[str, Callable[[int], Cost]], repeats: int) -> dict[str, list[Cost]]:
    """Runs each side in turn, `repeats` times over; each is told the number of the round."""
    costs: dict[str, list[Cost]] = {name: [] for name in sides}
    for number in range(repeats):
        for name, side in sides.items():
            costs[name].append(side(number))
            print(f"  round {number + 1}: {name} {costs[name][-1].wall:.1f} s", file=sys.stderr, flush=True)
    return costs


def median(costs: Sequence[Cost], what: str) -> float:
    """The median of a field of `Cost`, or of something the processes said."""
    return statistics.median(getattr(cost, what) if hasattr(cost, what) else cost.said[what] for cost in costs)


def ratio(costs: Sequence[Cost], others: Sequence[Cost], what: str, other: str | None = None) -> float:
    """The median over rounds of one side's figure over another's: neighbours in time, so a busy machine slows both."""
    pairs = zip(costs, others, strict=True)
    return statistics.median(cost.said[what] / beside.said[other or what] for cost, beside in pairs)


def percentile(values: Sequence[float], percent: int) -> float:
    """Such as the 95th, by nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
