"""Evaluations for people: tables of one set and of all side by side, and the sweep report as one page."""

import base64
import html
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facefind_pipeline.plan.due import would_be_made_from
from facefind_pipeline.search.losses import Reason
from facefind_pipeline.search.quality import read_evaluation
from facefind_pipeline.store import parameter_sets, versions
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.made import record_made

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

CURVES = 8  # sets drawn, the best ones; more can't be told apart


@dataclass(frozen=True, slots=True)
class Sweep:
    """All evaluated sets, the best first.

    Attributes:
        sets: key and figures of each.
        alone: by key, how many (person, photo) no other set finds.
        version: data version.
    """

    sets: Sequence[tuple[str, Mapping[str, Any]]]
    alone: Mapping[str, int]
    version: str


def read_sweep(database: Database) -> Sweep:
    """The stored evaluations of all sets against truth, by mean average precision."""
    with database.connect() as connection:
        keys = [one.key for one in parameter_sets.registered(connection)]
        stored = {key: read_evaluation(connection, key) for key in keys}
    evaluated = {key: one for key, one in stored.items() if one is not None and one.figures["people"]}
    found_by = Counter(tuple(pair) for one in evaluated.values() for pair in one.figures["found"])
    return Sweep(
        sorted(
            ((key, one.figures) for key, one in evaluated.items()),
            key=lambda item: -item[1]["summary"]["average_precision"]["mean"],
        ),
        {key: sum(found_by[tuple(pair)] == 1 for pair in one.figures["found"]) for key, one in evaluated.items()},
        versions.hash_rows(sorted((key, one.version) for key, one in evaluated.items())),
    )


def headline(figures: Mapping[str, Any]) -> dict[str, float]:
    """The numbers that the UI plots a set by; empty without truth."""
    summary = figures["summary"]
    if not summary:
        return {"dagster/row_count": 0}
    return {
        "dagster/row_count": summary["people"],
        "mean_average_precision": summary["average_precision"]["mean"],
        "plain_mean_average_precision": summary["plain_average_precision"]["mean"],
        "precision_at_10": summary["p_at_10"]["mean"],
        "r_precision": summary["r_precision"]["mean"],
        "ceiling": summary["ceiling"],
        "lost": len(figures["losses"]),
    }


def people_table(figures: Mapping[str, Any]) -> "pd.DataFrame":
    """A row a person."""
    import pandas as pd

    rows = [
        (
            *(one["person"], one["relevant"], one["p_at_1"], one["p_at_10"], one["r_precision"]),
            *(one["recall_at"]["10"], one["average_precision"], one["plain_average_precision"]),
            *(one["best_f1"], one["best_f1_distance"]),
        )
        for one in figures["people"]
    ]
    columns = [
        "person",
        "photos",
        "P@1",
        "P@10",
        "R-precision",
        "recall@10",
        "AP",
        "plain AP",
        "best F1",
        "at distance",
    ]
    return pd.DataFrame(rows, columns=columns).round(3)


def losses_table(figures: Mapping[str, Any]) -> "pd.DataFrame":
    """A row a lost photo."""
    import pandas as pd

    return pd.DataFrame(figures["losses"], columns=["person", "photo", "reason", "detail"])


def sets_table(sweep: Sweep) -> "pd.DataFrame":
    """A row a set, the best first: quality, cost, what it alone finds, and how many photos it lost for which reason."""
    import pandas as pd

    rows = []
    for key, figures in sweep.sets:
        summary = figures["summary"]
        low, high = summary["average_precision"]["interval"]
        cuts = {cut["cut"]: cut for cut in figures["calibration"].get("cuts", ())}
        likely = cuts.get("likely", {})
        reasons = Counter(loss["reason"] for loss in figures["losses"])
        rows.append(
            {
                "set": key,
                "mAP": round(summary["average_precision"]["mean"], 4),
                "95 %": f"{low:.3f}-{high:.3f}",
                "plain mAP": round(summary["plain_average_precision"]["mean"], 4),
                "ceiling": round(summary["ceiling"], 3),
                "P@10": round(summary["p_at_10"]["mean"], 3),
                "R-precision": round(summary["r_precision"]["mean"], 3),
                "recall, likely": _rounded(likely.get("recall"), 3),
                "false a person, likely": _rounded(likely.get("false_a_person"), 2),
                "detector s a photo": _rounded(figures["seconds_a_photo"], 2),
                "finds alone": sweep.alone[key],
                **{f"lost: {reason.value}": reasons[reason.value] for reason in Reason if reason is not Reason.FOUND},
            }
        )
    frame = pd.DataFrame(rows)
    empty = [name for name in frame if str(name).startswith("lost: ") and not frame[name].any()]
    return frame.drop(columns=empty)


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
    """Writes the page that shows all sets: one file that needs nothing else."""
    parts = [
        "<!doctype html><meta charset=utf-8><title>facefind: parameter sets side by side</title>",
        "<style>body{font:15px sans-serif;margin:2em;max-width:80em}table{border-collapse:collapse;margin:1em 0}"
        "td,th{border:1px solid #ccc;padding:.3em .6em;text-align:right}td:first-child,th:first-child{text-align:left}"
        "img{max-width:100%}details{margin:.5em 0}</style>",
        "<h1>Parameter sets side by side</h1>",
    ]
    if not sweep.sets:
        parts.append("<p>Nothing is evaluated yet: <code>facefind truth add FILE</code> gives the truth.</p>")
    else:
        best, figures = sweep.sets[0]
        gain = figures["summary"]["gain"]
        parts += [
            f"<p>Best by mean average precision: <b>{html.escape(best)}</b>, over {figures['summary']['people']} "
            f"people in {figures['summary']['relevant']} pictures; {gain['mean']:+.4f} against its plain ranking "
            f"(95 %: {gain['interval'][0]:+.4f} to {gain['interval'][1]:+.4f}).</p>",
            sets_table(sweep).to_html(index=False, border=0, na_rep=""),
            f'<img alt="precision and recall, cost, reliability" src="data:image/png;base64,{_picture(sweep)}">',
        ]
        parts += [_details(key, figures) for key, figures in sweep.sets]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(parts), encoding="utf-8")
    return file


def draw(sweep: Sweep) -> "Figure":
    """Of the best sets precision against recall and how right probabilities are; of all quality against cost."""
    figure = _figure_class()(figsize=(18, 5.2), layout="constrained")
    curves, cost, reliability = figure.subplots(1, 3)
    for key, figures in sweep.sets[:CURVES]:
        # A set that was never filled has ranked nothing and has no points.
        sharper, plain = (np.reshape(figures["curves"][name], (-1, 2)).T for name in ("sharper", "plain"))
        line = curves.plot(*sharper, label=key)[0]
        curves.plot(*plain, color=line.get_color(), ls=":", lw=1)
    curves.set(xlabel="recall", ylabel="precision", title="All people together; dotted: plain ranking", ylim=(0, 1.02))
    curves.legend(fontsize=8, loc="lower left")
    most = max((figures["seconds_a_photo"] or 0.0) for _, figures in sweep.sets)
    for key, figures in sweep.sets:
        average = figures["summary"]["average_precision"]
        seconds = figures["seconds_a_photo"] or 0.0
        side, shift = ("right", -6) if seconds > most / 2 else ("left", 6)
        low, high = average["interval"]
        errors = [[average["mean"] - low], [high - average["mean"]]]
        cost.errorbar([seconds], [average["mean"]], yerr=errors, fmt="o", capsize=3)
        place = (seconds, average["mean"])
        cost.annotate(key, place, xytext=(shift, 4), textcoords="offset points", fontsize=8, ha=side)
    cost.set(xlabel="detector, seconds a photo", ylabel="mean average precision, 95 %", title="Quality and cost")
    cost.set_xlim(0, 1.1 * most or 1)
    reliability.plot([0, 1], [0, 1], color="grey", lw=1)
    for key, figures in sweep.sets[:CURVES]:
        groups = figures["calibration"].get("reliability", ())
        reliability.plot([one["said"] for one in groups], [one["true"] for one in groups], marker="o", label=key)
    reliability.set(
        xlabel="probability that a photo shows the person",
        ylabel="share of such photos that do",
        title="Reliability: on the grey line, right; above, too shy",
    )
    return figure


def _figure_class() -> "type[Figure]":
    """matplotlib's, without a `matplotlibrc` of the working directory and without a file in the user's cache folder.

    When it has no list of fonts yet, the import calls `fc-list`, whose cache does not follow MPLCONFIGDIR.
    """
    import matplotlib

    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = matplotlib.get_cachedir()
    try:
        from matplotlib.figure import Figure
    finally:
        del os.environ["XDG_CACHE_HOME"]
        if before is not None:
            os.environ["XDG_CACHE_HOME"] = before
    matplotlib.rcdefaults()
    return Figure


def _picture(sweep: Sweep) -> str:
    output = BytesIO()
    draw(sweep).savefig(output, format="png", dpi=110)
    return base64.b64encode(output.getvalue()).decode()


def _details(key: str, figures: Mapping[str, Any]) -> str:
    import pandas as pd

    tables = {
        "People": people_table(figures),
        "Slices": pd.DataFrame(figures["slices"]).round(3),
        "Lost photos": losses_table(figures),
    }
    if figures["calibration"]:
        for name in ("rates", "cuts", "reliability"):
            tables[f"Calibration: {name}"] = pd.DataFrame(figures["calibration"][name]).round(5)
    inner = "".join(
        f"<h3>{name}</h3>{frame.to_html(index=False, border=0, na_rep='')}" for name, frame in tables.items()
    )
    return f"<details><summary>{html.escape(key)}</summary>{inner}</details>"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
