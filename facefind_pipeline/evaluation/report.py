"""The sweep report: all evaluated sets side by side on one page that needs nothing else."""

import base64
import html
from pathlib import Path

from facefind_pipeline.evaluation.figures import Estimate
from facefind_pipeline.evaluation.plots import picture
from facefind_pipeline.evaluation.sweep import SetFigures, Sweep, read_sweep
from facefind_pipeline.evaluation.tables import detail_tables, sets_table
from facefind_pipeline.plan.due import would_be_made_from
from facefind_pipeline.plurals import counted
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.made import record_made

HEAD = (
    "<!doctype html><meta charset=utf-8><title>facefind: parameter sets side by side</title>",
    "<style>body{font:15px sans-serif;margin:2em;max-width:80em}table{border-collapse:collapse;margin:1em 0}"
    "td,th{border:1px solid #ccc;padding:.3em .6em;text-align:right}td:first-child,th:first-child{text-align:left}"
    "img{max-width:100%}details{margin:.5em 0}</style>",
    "<h1>Parameter sets side by side</h1>",
)


def make_report(database: Database, file: Path) -> tuple[Sweep, Path]:
    """Writes the page of all evaluated sets, and records of what it was made once it is there."""
    with database.connect() as connection:
        made_from = would_be_made_from(connection, "sweep_report")
    sweep = read_sweep(database)
    page = write_report(sweep, file)
    with database.connect() as connection:
        record_made(connection, "sweep_report", "", made_from, sweep.version)
    return sweep, page


def write_report(sweep: Sweep, file: Path) -> Path:
    """Writes the page that shows all sets."""
    parts = [*HEAD]
    if not sweep.sets:
        parts.append("<p>Nothing is evaluated yet: <code>facefind truth add FILE</code> gives the truth.</p>")
    else:
        parts += [
            _headline(sweep.sets[0]),
            *(
                _clothes(one.key, one.summary.clothes_gain)
                for one in sweep.sets
                if one.summary.clothes_gain is not None
            ),
            sets_table(sweep).to_html(index=False, border=0, na_rep=""),
            '<img alt="precision and recall, cost, reliability" '
            f'src="data:image/png;base64,{base64.b64encode(picture(sweep)).decode()}">',
            *(_details(one) for one in sweep.sets),
        ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(parts), encoding="utf-8")
    return file


def _headline(best: SetFigures) -> str:
    summary = best.summary
    low, high = summary.gain.interval
    return (
        f"<p>Best by mean average precision: <b>{html.escape(best.name)}</b>, over "
        f"{counted(summary.people, 'person', 'people')} in {counted(summary.relevant, 'picture')}; "
        f"{summary.gain.mean:+.4f} against its ranking by the nearest reference alone "
        f"(95 %: {low:+.4f} to {high:+.4f}).</p>"
    )


def _clothes(key: str, gain: Estimate) -> str:
    low, high = gain.interval
    return (
        f"<p>{html.escape(key)} with clothes against the face alone: {gain.mean:+.4f} "
        f"(95 %: {low:+.4f} to {high:+.4f}).</p>"
    )


def _details(one: SetFigures) -> str:
    inner = "".join(
        f"<h3>{title}</h3>{frame.to_html(index=False, border=0, na_rep='')}"
        for title, frame in detail_tables(one.figures).items()
    )
    return f"<details><summary>{html.escape(one.name)}</summary>{inner}</details>"
