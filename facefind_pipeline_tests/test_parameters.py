"""Parameter set keys: canonical, both ways, and clear refusals."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.parameters import (
    ALIASES,
    DlibSettings,
    HaarSettings,
    HogSettings,
    ImgbeddingsSettings,
    ParameterSet,
    WholeSettings,
    YunetSettings,
    expand,
)

side = st.sampled_from([0, 640, 2000, 4096])
haar = st.builds(
    HaarSettings,
    scale_factor=st.floats(1.01, 2.0),
    min_neighbours=st.integers(0, 100),
    min_size=st.integers(0, 10_000),
    max_size=st.integers(0, 10_000),
    longest_side=side,
    cascade=st.sampled_from(["default", "alt", "alt2", "alt_tree", "profile"]),
)
hog = st.builds(HogSettings, upsample=st.integers(0, 3), longest_side=side)
yunet = st.builds(
    YunetSettings, score_threshold=st.floats(0.01, 1.0), longest_side=side, nms_threshold=st.floats(0.01, 1.0)
)
embedder = st.one_of(
    st.just(DlibSettings()), st.builds(ImgbeddingsSettings, colour=st.booleans(), margin=st.floats(0, 2))
)
parameter_sets = st.builds(
    ParameterSet, detector=st.one_of(haar, hog, yunet, st.just(WholeSettings())), embedder=embedder
)


@given(parameter_sets)
def test_a_key_gives_back_its_set(parameters: ParameterSet) -> None:
    assert ParameterSet.parse(parameters.key) == parameters


@given(parameter_sets)
def test_a_key_is_a_safe_partition_key_and_table_name(parameters: ParameterSet) -> None:
    assert re.fullmatch(r"[a-z0-9_.@-]+", parameters.key)
    assert re.fullmatch(r"embeddings_[a-z0-9_]+", parameters.table)
    assert len(parameters.table.encode()) <= 63


@given(parameter_sets, parameter_sets)
def test_different_sets_have_different_keys(a: ParameterSet, b: ParameterSet) -> None:
    assert (a.key == b.key) == (a == b)


@given(parameter_sets, st.randoms(use_true_random=False))
def test_options_in_any_order_normalise_to_the_key(parameters: ParameterSet, random) -> None:
    parts = []
    for part in parameters.key.split("@"):
        name, *options = part.split("-")
        random.shuffle(options)
        parts.append("-".join([name, *options]))
    assert ParameterSet.normalise("@".join(parts)).key == parameters.key


@example(["a_b", "a__b"])
@given(st.lists(st.text("ab_", min_size=1, max_size=6), min_size=2, max_size=2, unique=True))
def test_no_two_networks_share_a_table(names: list[str]) -> None:
    keys = [f"hog-up1-px2000@arcface-mo{name}" for name in names]
    assert len({ParameterSet.parse(key).table for key in keys}) == 2


def test_long_keys_keep_distinct_tables() -> None:
    keys = [f"haar-sf1.05-mn2-ms100-mx{size}-px2000-ccalt_tree@imgbeddings-co1-mg0.20" for size in (1000, 1001)]
    tables = {ParameterSet.parse(key).table for key in keys}
    assert len(tables) == 2
    assert all(len(table) == 63 for table in tables)


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases_name_canonical_keys(alias: str) -> None:
    assert ParameterSet.parse(alias).key == ALIASES[alias] == ParameterSet.parse(ALIASES[alias]).key


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("haar-sf1.1-mn2-ms100@dlib", "haar-sf1.10-mn2-ms100@dlib"),
        ("haar-mn2-sf1.05-ms100@dlib", "haar-sf1.05-mn2-ms100@dlib"),
        ("haar-sf1.05-mn2-ms100-mx0@dlib", "haar-sf1.05-mn2-ms100@dlib"),
        ("hog-up01-px2000@dlib", "hog-up1-px2000@dlib"),
        ("yunet-st0.6-px2000-nt0.30@dlib", "yunet-st0.60-px2000@dlib"),
        ("hog-up1-px2000@imgbeddings-mg0.00-co1", "hog-up1-px2000@imgbeddings-co1"),
    ],
)
def test_another_spelling_is_refused_with_the_canonical_one(spelling: str, canonical: str) -> None:
    with pytest.raises(FacefindError, match=re.escape(repr(canonical))):
        ParameterSet.parse(spelling)
    assert ParameterSet.normalise(spelling).key == canonical


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("", "not of the form"),
        ("hog-up1-px2000", "not of the form"),
        ("hgo-up1-px2000@dlib", "no detector 'hgo'"),
        ("hog-up1-px2000@facenet", "no embedder 'facenet'"),
        ("hog-up1@dlib", r"px \(longest_side\)"),
        ("hog-up9-px2000@dlib", "less than or equal to 3"),
        ("hog-up1-up1-px2000@dlib", "given twice"),
        ("hog-up1-px2000-zz3@dlib", "no option of hog"),
        ("yunet-st0.60-px2000-sl1280@dlib", r"sl \(second_look\): .*above px"),
        ("yunet-st0.60-px0-sl1280@dlib", "above px"),
        ("haar-sfnan-mn2-ms100@dlib", "sf"),
        ("haar-sf1.00-mn2-ms100@dlib", "1.01"),
        ("hog-up1-px2000@dlib\n", "no embedder"),
        ("hog-up1-px2000@dlib|x", "no embedder"),
    ],
)
def test_what_is_no_key_is_refused_with_the_reason(key: str, says: str) -> None:
    with pytest.raises(FacefindError, match=says):
        ParameterSet.parse(key)


def test_choices_in_braces_make_a_set_of_each_combination() -> None:
    sets = expand("haar-sf{1.05,1.1}-mn{2,5}-ms60@dlib")
    assert [one.key for one in sets] == [
        "haar-sf1.05-mn2-ms60@dlib",
        "haar-sf1.05-mn5-ms60@dlib",
        "haar-sf1.10-mn2-ms60@dlib",
        "haar-sf1.10-mn5-ms60@dlib",
    ]
    assert [one.key for one in expand("hog")] == [ALIASES["hog"]]
    assert len(expand("haar-sf{1.1,1.10}-mn2-ms60@{dlib}")) == 1


@pytest.mark.parametrize(
    "pattern", ["haar-sf{1.05-mn2-ms60@dlib", "haar-sf1.05}-mn2-ms60@dlib", "haar-sf{{1.05}}-mn2@dlib"]
)
def test_braces_that_do_not_match_are_told(pattern: str) -> None:
    with pytest.raises(FacefindError, match="braces"):
        expand(pattern)
