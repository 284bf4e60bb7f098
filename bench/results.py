"""Where figures go: `bench/results/latest.json`, one flat object; tables to `docs/measurements/performance.md`."""

import json
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import psutil

from facefind_pipeline.vision.pipeline import cores

ROOT = Path(__file__).parents[1]
LATEST = ROOT / "bench" / "results" / "latest.json"
DOCUMENT = ROOT / "docs" / "measurements" / "performance.md"


def record(figures: Mapping[str, float]) -> None:
    """Merges figures into the results file and prints them; beside each KEY stand KEY_date, KEY_commit, KEY_machine."""
    results = json.loads(LATEST.read_text(encoding="utf-8")) if LATEST.is_file() else {}
    date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for key, value in figures.items():
        results |= {
            key: float(f"{value:.6g}"),
            f"{key}_date": date,
            f"{key}_commit": commit(),
            f"{key}_machine": machine(),
        }
        print(f"{key} = {value:.4g}", flush=True)
    LATEST.parent.mkdir(parents=True, exist_ok=True)
    LATEST.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def publish(table: str, rows: Sequence[Mapping[str, object]], document: Path | None = None) -> None:
    """Prints a table and puts it between the marks of that name in the document, by default `DOCUMENT`.

    Raises:
        ValueError: the document has no such marks.
    """
    document, text = document or DOCUMENT, markdown(rows)
    print(f"\n{text}\n", flush=True)
    caption = f"{datetime.now(UTC):%Y-%m-%d}, commit {commit()}, {machine()}"
    text_with_table, found = re.subn(
        rf"(<!-- table: {table} -->\n).*?(<!-- end -->)",
        lambda marks: f"{marks[1]}{text}\n\n{caption}\n{marks[2]}",
        document.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    if not found:
        raise ValueError(f"{document.name} has no place for the table {table!r}")
    document.write_text(text_with_table, encoding="utf-8")


def markdown(rows: Sequence[Mapping[str, object]]) -> str:
    """A table, whose columns are those of the first row."""
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns), *([_spell(row.get(column, "")) for column in columns] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


@cache
def machine() -> str:
    """Processor, cores the process may use, memory, system and Python."""
    names = re.findall(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    memory = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{names[0] if names else platform.processor()}, {cores()} cores, {memory:.0f} GB, {system}"


@cache
def commit() -> str:
    """The commit measured, with a plus sign if the code was changed since."""
    measured = ("facefind_pipeline", "sql", "bench")
    head = _git("rev-parse", "--short", "HEAD")
    return head + "+" if _git("status", "--porcelain", "--", *measured) else head


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _spell(value: object) -> str:
    return (
        f"{value:.3g}"
        if isinstance(value, float) and abs(value) < 100
        else f"{value:.0f}"
        if isinstance(value, float)
        else str(value)
    )
