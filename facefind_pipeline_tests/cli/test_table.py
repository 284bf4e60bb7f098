"""Tables: they fit the width they are given, and the reader loses what is worth least."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.cli.table import table_lines

MATCH = {
    "rank": 1,
    "score": "0.301",
    "photo": "2024-06-14 Lisbon arrival/Copy of IMG_0001.jpg",
    "taken": "2024-06-14 16:05",
    "also": "2024-06-14 Lisbon arrival/IMG_0001.jpg",
}


def test_columns_are_aligned_and_nothing_is_cut_without_a_width() -> None:
    head, first, second = table_lines([MATCH, MATCH | {"photo": "a.jpg"}])
    assert head.index("taken") == first.index("2024-06-14 16:05") == second.index("2024-06-14 16:05")
    assert MATCH["photo"] in first
    assert MATCH["also"] in first


def test_a_long_path_keeps_both_ends() -> None:
    _, line = table_lines([MATCH], 100)
    assert len(line) <= 100
    path, copy = (word for word in line.split("  ") if "…" in word)
    assert path.startswith("2024-06-14")
    assert path.endswith("_0001.jpg")
    assert copy.endswith(".jpg")
    assert "2024-06-14 16:05" in line  # short columns stay whole


def test_the_last_columns_are_left_out_where_the_width_is_small() -> None:
    head, line = table_lines([MATCH], 50)
    assert head.split() == ["rank", "score", "photo"]
    assert str(MATCH["photo"])[:10] in line


def test_a_column_without_any_value_is_left_out() -> None:
    rows = [
        {"photo": "a.jpg", "place": "", "faces": 0, "rival": None},
        {"photo": "b", "place": "", "faces": 0, "rival": ""},
    ]
    assert table_lines(rows)[0].split() == ["photo", "faces"]
    assert table_lines([]) == []


def test_wide_letters_take_two_cells_and_accents_none() -> None:
    head, chinese, accents = table_lines([{"person": "王小明", "n": 1}, {"person": "Jose\u0301", "n": 2}])
    assert chinese == "王小明  1"
    assert accents == "Jose\u0301    2"
    assert head == "person  n"


@given(st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.text(), "c": st.integers()}), max_size=4))
def test_any_text_fits_on_one_line_of_the_terminal(rows: list[dict[str, object]]) -> None:
    for line in table_lines(rows, 50):
        assert line.isprintable()
        assert sum(not unicodedata.combining(letter) for letter in line) <= 50
