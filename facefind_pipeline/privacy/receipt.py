"""What a forgetting leaves to show: counts per place before and after, what is left, and what is out of reach."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from facefind_pipeline.plurals import counted


@dataclass(frozen=True, slots=True)
class Receipt:
    """Of one forgetting; it names nobody, and so is kept.

    Attributes:
        forgetting: its number.
        kind: what was forgotten.
        begun: when, in ISO 8601.
        ended: likewise.
        rows: table -> rows that belonged to it, before and after.
        found: place -> how often the search found pictures, vectors or names of it, before and after.
        searched: how many pictures and vectors the search looked for.
        out_of_reach: what no command can erase.
    """

    forgetting: int
    kind: str
    begun: str
    ended: str
    rows: Mapping[str, tuple[int, int]]
    found: Mapping[str, tuple[int, int]]
    searched: int
    out_of_reach: Sequence[str]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left within reach."""
        return not any(after for _, after in (*self.rows.values(), *self.found.values()))

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "clean": self.is_clean}

    def table(self) -> list[dict[str, object]]:
        """A row per place where something was or is."""
        return [
            {"place": f"{what}{place}", "before": f"{before:,}", "after": f"{after:,}"}
            for what, counts in (("rows of ", self.rows), ("", self.found))
            for place, (before, after) in counts.items()
            if before or after
        ]

    def summary(self) -> str:
        """One line."""
        looked_for = counted(self.searched, "picture or vector", "pictures and vectors")
        end = "nothing of it is left within reach" if self.is_clean else "something of it is left, see above"
        return f"forgetting {self.forgetting}: searched for {looked_for}; {end}"
