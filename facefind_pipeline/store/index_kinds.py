"""Kinds of approximate index: the method, over which floats, and the method's own parameters."""

import math
from dataclasses import dataclass

from facefind_pipeline.errors import FacefindError

HNSW_M, HNSW_EF_CONSTRUCTION = 16, 100
IVFFLAT_ROWS_A_LIST, LEAST_LISTS = 1_000, 10
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class IndexKind:
    """What index a set is to have, or has; a parameter that is None has its default.

    Attributes:
        method: `hnsw`, `ivfflat`, `none` for exact search; of a choice also `auto`.
        halfvec: whether it holds floats of 16 bits; the vectors themselves have 32.
        m: HNSW: connections per node and layer, 2 to 100.
        ef_construction: HNSW: candidates while a node is connected, 4 to 1000 and at least twice `m`.
        lists: IVFFlat: number of lists, 1 to 32768.
    """

    method: str
    halfvec: bool = False
    m: int | None = None
    ef_construction: int | None = None
    lists: int | None = None

    def __post_init__(self) -> None:
        """Refuses what pgvector would refuse, or what would have no effect.

        Raises:
            FacefindError: a parameter of another method, or fewer candidates than twice the connections.
        """
        for given, name, methods in (
            (self.halfvec, "halfvec", ("hnsw", "ivfflat")),
            (self.m, "m", ("hnsw",)),
            (self.ef_construction, "ef_construction", ("hnsw",)),
            (self.lists, "lists", ("ivfflat",)),
        ):
            if given and self.method not in methods:
                raise FacefindError(f"{name} is a parameter of {' and '.join(methods)}, not of {self.method}")
        candidates, connections = self.ef_construction or HNSW_EF_CONSTRUCTION, self.m or HNSW_M
        if candidates < 2 * connections:
            raise FacefindError(
                f"ef_construction={candidates} is less than twice m={connections}: name one of at least "
                f"{2 * connections}"
            )

    @property
    def floats(self) -> str:
        """Pgvector's type of what is indexed."""
        return "halfvec" if self.halfvec else "vector"

    def options(self, rows: int) -> dict[str, int]:
        """Pgvector's parameters with their values, for an index of so many rows."""
        if self.method == "hnsw":
            return {"m": self.m or HNSW_M, "ef_construction": self.ef_construction or HNSW_EF_CONSTRUCTION}
        if self.method == "ivfflat":
            return {"lists": self.lists or default_lists(rows)}
        return {}

    def whole(self, rows: int) -> "IndexKind":
        """The same, with all the method's parameters."""
        return IndexKind(self.method, self.halfvec, **self.options(rows))

    def __str__(self) -> str:
        """What was chosen, as `hnsw halfvec m=32`; `made_from/hnsw_index.sql` spells it so too."""
        chosen = {"m": self.m, "ef_construction": self.ef_construction, "lists": self.lists}
        parameters = [f"{name}={value}" for name, value in chosen.items() if value is not None]
        return " ".join([self.method, *(["halfvec"] if self.halfvec else []), *parameters])


def default_lists(rows: int) -> int:
    """Lists of IVFFlat as pgvector advises: one per thousand rows up to a million, then the root of the rows."""
    return math.isqrt(rows) if rows > MILLION else max(LEAST_LISTS, rows // IVFFLAT_ROWS_A_LIST)
