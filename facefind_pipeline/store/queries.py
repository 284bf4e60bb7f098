"""Finds the SQL files: those that people read live in `sql/queries`, the schema in `sql/migrations`."""

from functools import cache
from itertools import takewhile
from pathlib import Path

from psycopg2 import sql

OPERATORS = {"l2": "<->", "cosine": "<=>", "ip": "<#>", "l1": "<+>"}


@cache
def sql_folder() -> Path:
    """`sql` beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).resolve().parents[1]
    return next(f for f in (package / "sql", package.parent / "sql") if f.is_dir())


def query(name: str, **parts: sql.Composable) -> sql.Composed:
    """The statement in `sql/queries/NAME.sql`, its `{parts}` (operators, identifiers, dimensions) filled in."""
    return sql.SQL(_read(name)).format(**parts)


def summary(name: str) -> str:
    """The first sentence of what `sql/queries/NAME.sql` says of itself."""
    lines = takewhile(lambda line: line.startswith("--"), _read(name).splitlines())
    return " ".join(line.removeprefix("--").strip() for line in lines).partition(". ")[0].rstrip(".")


def operator(metric: str) -> sql.SQL:
    """Pgvector's operator of a metric: `l2`, `cosine`, `ip` (negative inner product) or `l1`."""
    return sql.SQL(OPERATORS[metric])


def indexed(floats: str | None, dimension: int) -> sql.Composable:
    """A cast of a vector to what an index of these floats holds: `vector` of 32 bits, `halfvec` of 16.

    None is no cast. No index is over the column itself, so none serves an order by that: its result is exact.
    """
    types = {None: "", "vector": "::vector({})", "halfvec": "::halfvec({})"}
    return sql.SQL(types[floats]).format(sql.Literal(dimension))


def results_table(*, clothes: bool) -> sql.Composable:
    """What a query reads stored results from: the table, or what its rows are by the face alone."""
    return sql.Identifier("search_results") if clothes else sql.SQL("({})").format(query("results_by_face"))


@cache
def _read(name: str) -> str:
    return (sql_folder() / "queries" / f"{name}.sql").read_text(encoding="utf-8")
