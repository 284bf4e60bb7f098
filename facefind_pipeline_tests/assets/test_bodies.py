"""Assets are thin: read the partition, call domain code, return the result."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from facefind_pipeline import assets

MOST_LINES = 25


def _functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for file in Path(assets.__path__[0]).glob("*.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                yield f"{file.stem}.{node.name}", node


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


@pytest.mark.parametrize("function", [pytest.param(node, id=name) for name, node in _functions()])
def test_a_body_is_short(function: ast.FunctionDef) -> None:
    logic = [one for one in function.body if not (isinstance(one, ast.ImportFrom) or _is_docstring(one))]
    assert sum((one.end_lineno or 0) - one.lineno + 1 for one in logic) < MOST_LINES
