"""Kinds of index: their parameters and how they are spelled."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.index_kinds import IndexKind
from facefind_pipeline_tests.store.rows import KEY, partition, table

KINDS = st.one_of(
    st.just(IndexKind("none")),
    st.builds(IndexKind, st.just("ivfflat"), st.booleans(), lists=st.none() | st.integers(1, 32768)),
    st.builds(
        IndexKind,
        st.just("hnsw"),
        st.booleans(),
        m=st.none() | st.integers(2, 100),
        ef_construction=st.integers(200, 1000),
    ),
    st.builds(IndexKind, st.just("hnsw"), st.booleans(), m=st.none() | st.integers(2, 50)),
)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"method": "hnsw", "m": 64}, "ef_construction=100 is less than twice m=64: name one of at least 128"),
        ({"method": "hnsw", "ef_construction": 31}, "ef_construction=31 is less than twice m=16"),
        ({"method": "hnsw", "lists": 5}, "lists is a parameter of ivfflat, not of hnsw"),
        ({"method": "ivfflat", "m": 5}, "m is a parameter of hnsw, not of ivfflat"),
        ({"method": "auto", "ef_construction": 50}, "ef_construction is a parameter of hnsw, not of auto"),
        ({"method": "none", "halfvec": True}, "halfvec is a parameter of hnsw and ivfflat, not of none"),
    ],
)
def test_a_kind_that_cannot_be_built_is_refused(parameters: dict[str, Any], says: str) -> None:
    with pytest.raises(FacefindError, match=says):
        IndexKind(**parameters)


@given(KINDS, st.integers(0, 10**9))
def test_a_whole_kind_names_all_its_parameters_and_stays_as_it_is(kind: IndexKind, rows: int) -> None:
    whole = kind.whole(rows)
    assert whole.whole(2 * rows) == whole
    assert (whole.method, whole.halfvec) == (kind.method, kind.halfvec)
    for name in ("m", "ef_construction", "lists"):
        assert getattr(kind, name) in (None, getattr(whole, name))
    assert whole.options(rows) == kind.options(rows)


@given(st.integers(0, 10**9))
def test_there_are_as_many_lists_as_pgvector_advises_and_takes(rows: int) -> None:
    lists = IndexKind("ivfflat").options(rows)["lists"]
    assert 10 <= lists <= 32768
    assert lists == max(10, rows // 1_000) if rows <= 1_000_000 else lists**2 <= rows < (lists + 1) ** 2


def test_a_kind_is_spelled_as_what_an_index_is_made_from_spells_it(database: Database) -> None:
    from facefind_pipeline.plan.recipes import RECIPES
    from facefind_pipeline.store import parameter_sets
    from facefind_pipeline.store.made import record_made

    kinds = [IndexKind("auto"), IndexKind("hnsw", True, 8, 40), IndexKind("ivfflat", lists=7), IndexKind("hnsw", m=9)]
    with database.connect() as connection, connection.cursor() as cursor:
        into = partition(connection, "friday")
        record_made(connection, "face_embeddings", f"friday|{KEY}", "", "v")
        for kind in kinds:
            parameter_sets.set_index(connection, into.parameter_set, kind)
            cursor.execute(RECIPES["hnsw_index"].query, {"sets": None})
            ((_, made_from, _),) = cursor.fetchall()
            assert made_from.partition(" ")[2] == str(kind)
            assert parameter_sets.find(connection, KEY).index == kind
        assert table(connection, "SELECT count(*) FROM index_builds") == [(0,)]
