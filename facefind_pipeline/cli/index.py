"""`facefind index`: what indexes of several kinds find and cost on one's own faces, and the choice of one."""

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict
from itertools import product
from typing import TYPE_CHECKING, Any

import click

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.output import echo_json, echo_table
from facefind_pipeline.cli.workspace import SetName, chosen_set, json_option, open_graph, open_reading
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.plurals import counted
from facefind_pipeline.search.recall import LOWEST_RECALL
from facefind_pipeline.store.index_kinds import IndexKind

if TYPE_CHECKING:
    from facefind_pipeline.search.index_trial import Tried
    from facefind_pipeline.store.indexes import Build

METHODS = ("none", "ivfflat", "hnsw")


class ListOf(click.ParamType):  # type: ignore[type-arg]  # older clicks have no arguments for it
    """Values of a type, separated by commas; each once."""

    def __init__(self, inner: "click.ParamType[Any]", metavar: str) -> None:
        self._inner, self.name = inner, metavar

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Any, ...]:
        """The values in their order."""
        return tuple(dict.fromkeys(self._inner.convert(part.strip(), param, ctx) for part in value.split(",")))


@click.command(
    epilog="""\b
Examples:
  facefind index                                  (exact search, IVFFlat and HNSW with their defaults)
  facefind index --method hnsw --m 8,16,32 --ef-construction 64,200 --no-halfvec
  facefind index recommended --method ivfflat --lists 50,100,200
  facefind index --method hnsw --halfvec --m 32 --keep
  facefind params add recommended --index auto    (the automatic choice again)"""
)
@click.argument("parameter_set", type=SetName(), default="default", metavar="[SET]")
@click.option(
    "--method", type=ListOf(click.Choice(METHODS), "METHODS"), help="Of none, ivfflat and hnsw; all three if left out."
)
@click.option(
    "--halfvec/--no-halfvec", default=None, help="Floats of 16 bits in the index, or of 32; both if left out."
)
@click.option(
    "--m", type=ListOf(click.IntRange(2, 100), "NUMBERS"), help="HNSW: connections per node and layer; 16 if left out."
)
@click.option(
    "--ef-construction",
    type=ListOf(click.IntRange(4, 1000), "NUMBERS"),
    help="HNSW: candidates while a node is connected, at least twice m; 100 if left out.",
)
@click.option(
    "--lists", type=ListOf(click.IntRange(1, 32768), "NUMBERS"), help="IVFFlat: lists; one per 1,000 faces if left out."
)
@click.option("--keep", is_flag=True, help="Let the set have this index from now on; the options name one.")
@json_option
def index(
    parameter_set: str,
    method: Sequence[str] | None,
    halfvec: bool | None,
    m: Sequence[int] | None,
    ef_construction: Sequence[int] | None,
    lists: Sequence[int] | None,
    keep: bool,
    as_json: bool,
) -> None:
    """Compare indexes of the faces of SET, the default set if left out: recall, latency, size and build time.

    Options take several values, separated by commas; every combination is built, on a copy of the vectors that takes
    as much disk again and is removed afterwards. Searches go on, by the index that the set has. Recall is that of the
    ten nearest faces, against exact search.
    """
    kinds = _kinds(method or METHODS, halfvec, m, ef_construction, lists)
    if keep and len(kinds) > 1:
        raise click.UsageError(f"--keep takes one index, these options name {len(kinds)}: {', '.join(map(str, kinds))}")
    if keep:
        _keep(parameter_set, kinds[0], as_json=as_json)
    else:
        _compare(parameter_set, kinds, as_json=as_json)


def _kinds(
    methods: Iterable[str],
    halfvec: bool | None,
    m: Sequence[int] | None,
    ef_construction: Sequence[int] | None,
    lists: Sequence[int] | None,
) -> list[IndexKind]:
    """Every combination that the options name.

    Raises:
        click.UsageError: a parameter of a method that is not tried, or two that do not go together.
    """
    for given, option, of in (
        (m, "--m", "hnsw"),
        (ef_construction, "--ef-construction", "hnsw"),
        (lists, "--lists", "ivfflat"),
    ):
        if given and of not in methods:
            raise click.UsageError(f"{option} is a parameter of {of}: add --method {of}")
    floats = (False, True) if halfvec is None else (halfvec,)
    try:
        kinds = {
            "none": [IndexKind("none")],
            "ivfflat": [IndexKind("ivfflat", half, lists=number) for half, number in product(floats, lists or (None,))],
            "hnsw": [
                IndexKind("hnsw", half, m=connections, ef_construction=candidates)
                for half, connections, candidates in product(floats, m or (None,), ef_construction or (None,))
            ],
        }
    except FacefindError as error:
        raise click.UsageError(str(error)) from None
    return [kind for method in methods for kind in kinds[method]]


def _compare(parameter_set: str, kinds: Sequence[IndexKind], *, as_json: bool) -> None:
    from facefind_pipeline.search.index_trial import try_kinds
    from facefind_pipeline.store.indexes import last_build

    _, database = open_reading()
    with database.connect() as connection:
        chosen = chosen_set(connection, parameter_set)
        build = last_build(connection, chosen.key)
    tried: list[Tried] = []
    try:
        with closing(try_kinds(database, chosen, kinds, Bars())) as measured:
            for one in measured:
                tried.append(one)  # noqa: PERF402 - an interruption leaves what was measured
    finally:
        if tried and not as_json:
            _echo(chosen.key, tried, [one for one in tried if _serves(one, build)])
    if as_json:
        echo_json([_as_json(chosen.key, one, serves=_serves(one, build)) for one in tried])
        return
    fastest = min((one for one in tried if one.recall >= LOWEST_RECALL), key=lambda one: one.p95, default=None)
    if fastest and not _serves(fastest, build):
        click.echo(
            f"the fastest with a recall of at least {LOWEST_RECALL}: `{_command(chosen.key, fastest.kind)}` keeps it"
        )


def _serves(one: "Tried", build: "Build | None") -> bool:
    """Whether the set's index is of the kind that was asked for: lists that were left out follow the rows it has."""
    return build is not None and one.asked.whole(build.rows) == build.kind.whole(build.rows)


def _keep(parameter_set: str, kind: IndexKind, *, as_json: bool) -> None:
    from facefind_pipeline.cli import stages
    from facefind_pipeline.parameters import ParameterSet
    from facefind_pipeline.search.index_trial import require_faces, try_live

    _, database = open_reading()
    with database.connect() as connection:
        chosen = chosen_set(connection, parameter_set)
        require_faces(connection, chosen)
    graph = open_graph(Bars())
    graph.sync_partitions()
    if chosen.index != kind:
        graph.run_job("choose_index", {"set_index": {"key": chosen.key, **asdict(kind)}})
    stages.index_and_search(graph, ParameterSet.parse(chosen.key))
    kept = try_live(database, chosen.key)
    if as_json:
        echo_json([_as_json(chosen.key, kept, serves=True)])
    else:
        _echo(chosen.key, [kept], [kept])


def _echo(key: str, tried: Sequence["Tried"], serving: Sequence["Tried"]) -> None:
    from facefind_pipeline.search.live import EF_SEARCH, IVFFLAT_PROBES

    click.echo(
        f"{key}, {counted(tried[0].faces, 'face')}; searched with hnsw.ef_search = {EF_SEARCH} and "
        f"ivfflat.probes = {IVFFLAT_PROBES}, as `facefind find` does"
    )
    echo_table(
        [
            {
                "index": one.kind.method,
                "floats": "" if one.kind.method == "none" else one.kind.floats,
                "m": one.kind.m,
                "ef_construction": one.kind.ef_construction,
                "lists": one.kind.lists,
                "recall@10": f"{one.recall:.3f}",
                "p50 ms": f"{one.p50:.3g}",
                "p95 ms": f"{one.p95:.3g}",
                "MB": f"{one.bytes / 2**20:.3g}",
                "build s": f"{one.seconds:.3g}",
                "serves now": "yes" if one in serving else "",
            }
            for one in tried
        ]
    )


def _as_json(key: str, one: "Tried", *, serves: bool) -> dict[str, object]:
    return {
        "parameter_set": key,
        "faces": one.faces,
        **asdict(one.kind),
        "recall_at_10": one.recall,
        "p50_ms": one.p50,
        "p95_ms": one.p95,
        "bytes": one.bytes,
        "build_seconds": one.seconds,
        "serves_now": serves,
    }


def _command(key: str, kind: IndexKind) -> str:
    """The call that keeps an index of that kind."""
    words = ["facefind", "index", key, "--method", kind.method]
    if kind.method != "none":
        words.append("--halfvec" if kind.halfvec else "--no-halfvec")
    parameters = {"--m": kind.m, "--ef-construction": kind.ef_construction, "--lists": kind.lists}
    for option, value in parameters.items():
        words += [option, str(value)] if value is not None else []
    return " ".join([*words, "--keep"])
