"""What is due: partitions whose recipe gives something else now than they were made from, and why.

Due is also what was made in part, and what Dagster's own record does not have as it was made. Stale is another word:
made by a detector, embedder or rules for clothes that are others now. It is reported only to callers that hand in
fingerprints, as a command does that was asked for these sets.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.plan.recipes import EVALUATION, GROUPING, RECIPES, Kind, Recipe, ranking
from facefind_pipeline.store.made import day_set
from facefind_pipeline.store.versions import Fingerprints

Recorded = Mapping[str, Mapping[str, str]]  # asset -> partition -> data version, as Dagster has it


class Why(Enum):
    """Why a partition is due."""

    NEVER_MADE = "never made"
    CHANGED = "what it is made from changed"
    INCOMPLETE = "made in part"
    UNRECORDED = "made, but not as Dagster has it"
    STALE = "made by another detector, embedder or rules for clothes"
    FOLLOWS = "what it is made from is due"


@dataclass(frozen=True, slots=True)
class Step:
    """A partition of an asset that is due; the key is empty for an asset without partitions."""

    asset: str
    partition: str
    why: Why


@dataclass(frozen=True, slots=True)
class Scope:
    """Which partitions are looked at; None is all days, or all registered sets."""

    sets: Collection[str] | None = None
    days: Collection[str] | None = None

    @property
    def parameters(self) -> dict[str, object]:
        """For the recipes' queries."""
        return {
            "sets": None if self.sets is None else list(self.sets),
            "days": None if self.days is None else list(self.days),
            "ranking": ranking(),
            "evaluation": EVALUATION,
            "grouping": GROUPING,
        }


EVERYTHING = Scope()


def due(
    connection: Connection,
    assets: Collection[str] = tuple(RECIPES),
    scope: Scope = EVERYTHING,
    *,
    recorded: Recorded | None = None,
    fingerprints: Mapping[str, Fingerprints] | None = None,
) -> list[Step]:
    """What is due of these assets, in an order in which it can be made; one query per asset.

    Args:
        connection: any.
        assets: names.
        scope: which partitions.
        recorded: data versions in Dagster's record; an asset that is missing there is not held against it.
        fingerprints: of each parameter set as they are now, to learn of what is stale.
    """
    steps = []
    for asset, recipe in RECIPES.items():
        if asset in assets:
            in_dagster = None if recorded is None else recorded.get(asset)
            for partition in _look(connection, recipe, scope):
                why = _why(partition, in_dagster, fingerprints or {})
                if why is not None:
                    steps.append(Step(asset, partition.key, why))
    return steps


def with_followers(steps: Sequence[Step], assets: Collection[str], sets: Collection[str]) -> list[Step]:
    """Steps, and those that may become due once they are made, among these assets and parameter sets.

    Nothing follows from what is made and only lacks its record: what it is made from is known.
    """
    due_now = {(step.asset, step.partition): step for step in steps}
    everything: dict[tuple[str, str], Step] = {}
    for asset, recipe in RECIPES.items():
        if asset not in assets:
            continue
        following = {
            partition
            for above in everything.values()
            if above.asset in recipe.upstream and above.why is not Why.UNRECORDED
            for partition in _below(RECIPES[above.asset].kind, above.partition, recipe.kind, sets)
        }
        everything |= {key: step for key, step in due_now.items() if key[0] == asset}
        for partition in sorted(following):
            known = everything.get((asset, partition))
            if known is None or known.why is Why.UNRECORDED:
                everything[asset, partition] = Step(asset, partition, Why.FOLLOWS)
    return list(everything.values())


def would_be_made_from(connection: Connection, asset: str, partition: str = "") -> str:
    """What a partition would be made from now: to be read when work on it begins and recorded when it ends.

    Empty where it can't be made yet, which no recipe gives, so that it is due once it can be.
    """
    found = (one.now for one in _look(connection, RECIPES[asset], _scope_of(partition)) if one.key == partition)
    return next(found, "")


def is_current(connection: Connection, asset: str, partition: str = "") -> bool:
    """Whether a partition was made, whole, from what it would be made from now."""
    looked = (one for one in _look(connection, RECIPES[asset], _scope_of(partition)) if one.key == partition)
    return any(_why(one, None, {}) is None for one in looked)


@dataclass(frozen=True, slots=True)
class _Partition:
    """A partition as its recipe and the table `made` have it."""

    key: str
    now: str
    made_by: Sequence[str | None] | None
    made_from: str | None
    data_version: str | None
    complete: bool | None


def _look(connection: Connection, recipe: Recipe, scope: Scope) -> Iterable[_Partition]:
    statement = sql.SQL(
        """
        SELECT now.partition, now.made_from, now.made_by, made.made_from, made.data_version, made.complete
        FROM ({recipe}) now LEFT JOIN made ON (made.asset, made.partition) = ({asset}, now.partition)
        ORDER BY now.partition
        """
    ).format(recipe=recipe.query, asset=sql.Literal(recipe.asset))
    with connection.cursor() as cursor:
        cursor.execute(statement, scope.parameters)
        return [_Partition(*row) for row in cursor.fetchall()]


def _why(
    partition: _Partition, recorded: Mapping[str, str] | None, fingerprints: Mapping[str, Fingerprints]
) -> Why | None:
    if partition.made_from is None:
        return Why.NEVER_MADE
    if partition.made_from != partition.now:
        return Why.CHANGED
    if not partition.complete:
        return Why.INCOMPLETE
    if recorded is not None and recorded.get(partition.key) != partition.data_version:
        return Why.UNRECORDED
    present = fingerprints.get(partition.key.rpartition("|")[2])
    if present is not None and any(made_by not in present for made_by in partition.made_by or ()):
        return Why.STALE
    return None


def _below(above: Kind, key: str, kind: Kind, sets: Collection[str]) -> list[str]:
    """The partitions of an asset of one kind that are made from a partition of another."""
    if kind is Kind.WHOLE:
        return [""]
    if above is Kind.DAY and kind is Kind.DAY_SET:
        return [day_set(key, one) for one in sets]
    if above is Kind.WHOLE:
        return list(sets)
    return [key if above is kind else key.rpartition("|")[2]]


def _scope_of(partition: str) -> Scope:
    """One that holds the partition and little else, whatever asset it is of: a day, a set, or a day under a set."""
    day, separator, key = partition.rpartition("|")
    if separator:
        return Scope(sets=[key], days=[day])
    return Scope(sets=[partition], days=[partition]) if partition else EVERYTHING
