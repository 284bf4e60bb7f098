"""Tables of text: aligned columns that fit a width."""

import unicodedata
from collections.abc import Mapping, Sequence

GAP = "  "
LEGIBLE = 20  # characters; a column is not shortened below that, rather the last columns are left out


def table_lines(rows: Sequence[Mapping[str, object]], width: int | None = None) -> list[str]:
    """Rows under the first one's keys, in aligned columns; none without rows.

    Columns without any value are left out. What is too long for the width is shortened in the middle, since paths
    differ at their ends; where that is not enough, the last columns are left out.

    Args:
        rows: of the same keys.
        width: of a line, in terminal cells; None is no limit.
    """
    if not rows:
        return []
    table = [[name, *(_on_one_line(row[name]) for row in rows)] for name in rows[0]]
    columns = [column for column in table if any(column[1:])]
    widths = _fitting([max(map(_cells, column)) for column in columns], width)
    shown = [[_padded(text, wide) for text in column] for column, wide in zip(columns, widths, strict=False)]
    return [GAP.join(line).rstrip() for line in zip(*shown, strict=True)]


def _fitting(widths: list[int], width: int | None) -> list[int]:
    """Widths of the columns that are shown, the widest shortened until all fit."""
    if width is None:
        return widths
    while len(widths) > 1 and _total([min(wide, LEGIBLE) for wide in widths]) > width:
        widths = widths[:-1]
    made = list(widths)
    while _total(made) > width and max(made) > LEGIBLE:
        made[made.index(max(made))] -= 1
    return made


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _padded(text: str, width: int) -> str:
    if _cells(text) > width:
        start = end = len(text) // 2
        while _cells(text[:start]) + 1 + _cells(text[end:]) > width:
            if start >= len(text) - end:
                start -= 1
            else:
                end += 1
        text = f"{text[:start]}…{text[end:]}"
    return text + " " * (width - _cells(text))


def _cells(text: str) -> int:
    """How many cells of a terminal the text takes: Chinese letters two, combining accents none."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def _on_one_line(value: object) -> str:
    text = "" if value is None else str(value)
    return "".join(letter if letter.isprintable() else "?" for letter in text)
