"""The sweep report's plots: precision against recall, quality against cost, and how reliable probabilities are."""

import os
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from facefind_pipeline.evaluation.sweep import SetFigures, Sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVES = 8  # sets drawn, the best ones; more can't be told apart


def picture(sweep: Sweep) -> bytes:
    """All plots as one PNG."""
    output = BytesIO()
    draw(sweep).savefig(output, format="png", dpi=110)
    return output.getvalue()


def draw(sweep: Sweep) -> "Figure":
    """Of the best sets precision against recall and how reliable probabilities are; of all quality against cost."""
    figure = _figure_class()(figsize=(18, 5.2), layout="constrained")
    curves, cost, reliability = figure.subplots(1, 3)
    _draw_curves(curves, sweep.sets[:CURVES])
    _draw_cost(cost, sweep.sets)
    _draw_reliability(reliability, sweep.sets[:CURVES])
    return figure


def _draw_curves(axes: "Axes", sets: Sequence[SetFigures]) -> None:
    for one in sets:
        if one.figures.curves is None:
            continue
        # A set that was never filled has ranked nothing and has no points.
        template = np.reshape(one.figures.curves.template, (-1, 2)).T
        nearest_reference = np.reshape(one.figures.curves.nearest_reference, (-1, 2)).T
        line = axes.plot(*template, label=one.name)[0]
        axes.plot(*nearest_reference, color=line.get_color(), ls=":", lw=1)
    title = "All people together; dotted: by the nearest reference"
    axes.set(xlabel="recall", ylabel="precision", title=title, ylim=(0, 1.02))
    axes.legend(fontsize=8, loc="lower left")


def _draw_cost(axes: "Axes", sets: Sequence[SetFigures]) -> None:
    most = max(one.figures.seconds_per_photo or 0.0 for one in sets)
    for one in sets:
        average, seconds = one.summary.average_precision, one.figures.seconds_per_photo or 0.0
        side, shift = ("right", -6) if seconds > most / 2 else ("left", 6)
        low, high = average.interval
        errors = [[average.mean - low], [high - average.mean]]
        axes.errorbar([seconds], [average.mean], yerr=errors, fmt="o", capsize=3)
        place = (seconds, average.mean)
        axes.annotate(one.name, place, xytext=(shift, 4), textcoords="offset points", fontsize=8, ha=side)
    axes.set(xlabel="detector, seconds per photo", ylabel="mean average precision, 95 %", title="Quality and cost")
    axes.set_xlim(0, 1.1 * most or 1)


def _draw_reliability(axes: "Axes", sets: Sequence[SetFigures]) -> None:
    axes.plot([0, 1], [0, 1], color="grey", lw=1)
    for one in sets:
        bins = one.figures.calibration.reliability if one.figures.calibration is not None else ()
        axes.plot([each.stated for each in bins], [each.measured for each in bins], marker="o", label=one.name)
    axes.set(
        xlabel="probability that a photo shows the person",
        ylabel="share of such photos that do",
        title="Reliability: on the grey line, right; above, under-confident",
    )


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
