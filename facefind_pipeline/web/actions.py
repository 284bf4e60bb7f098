"""What the host does on the pages, carried out one after another behind them: each by Dagster runs, as by command."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.store.people import Person

KEPT_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Said:
    """That a photo, by SHA-256 in hex, shows a person, or does not."""

    person: Person
    sha256: str
    shown: bool


@dataclass(frozen=True, slots=True)
class NewReference:
    """A picture of a person, who may be new."""

    person: Person
    filename: str
    content: bytes


@dataclass(frozen=True, slots=True)
class OfGroups:
    """What is said of groups of faces; with neither of these, that they are to be made.

    Attributes:
        name: whose faces the one group has.
        same: groups that are one person's.
        different: two groups that are not.
        left_out: photos, by SHA-256 in hex, in which the face of the one group is somebody else's.
    """

    group: str = ""
    name: Person | None = None
    same: tuple[str, ...] = ()
    different: str = ""
    left_out: tuple[str, ...] = ()


Action = Said | NewReference | OfGroups
Launch = Callable[[Sequence[Action]], None]


class Actions:
    """A queue with one worker; what came while it was at work is carried out together."""

    def __init__(self, launch: Launch) -> None:
        """Begins with nothing.

        Args:
            launch: carries actions out; raises FacefindError with what went wrong.
        """
        self._launch = launch
        self._waiting: deque[Action] = deque()
        self._at_work: tuple[Action, ...] = ()
        self._problems: deque[str] = deque(maxlen=KEPT_PROBLEMS)
        self._changed = threading.Condition()
        self._ending = False
        self._worker: threading.Thread | None = None

    def add(self, action: Action) -> None:
        """Carries it out as soon as those before it are."""
        with self._changed:
            self._waiting.append(action)
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="actions")
                self._worker.start()
            self._changed.notify_all()

    def pending(self) -> list[Action]:
        """What is at work or waits, in its order."""
        with self._changed:
            return [*self._at_work, *self._waiting]

    def problems(self) -> list[str]:
        """What went wrong, the newest last."""
        with self._changed:
            return list(self._problems)

    def end(self) -> None:
        """Waits until all that was added is carried out."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._worker is not None:
            self._worker.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    if self._ending:
                        return
                    self._changed.wait()
                self._at_work = tuple(self._waiting)
                self._waiting.clear()
            problem = self._carry_out(self._at_work)
            with self._changed:
                self._problems.extend([problem] if problem else [])
                self._at_work = ()

    def _carry_out(self, actions: Sequence[Action]) -> str | None:
        """What went wrong; None where nothing did."""
        try:
            self._launch(actions)
        except FacefindError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - whatever Dagster raises: the pages go on, and say so
            return f"{type(error).__name__}: {error}"
        return None
