"""Figures for people: the tables of one set and of all, and the numbers that the UI plots."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel

from facefind_pipeline.evaluation.figures import Figures
from facefind_pipeline.evaluation.losses import Reason
from facefind_pipeline.evaluation.sweep import SetFigures, Sweep

if TYPE_CHECKING:
    import pandas as pd


def headline(figures: Figures) -> dict[str, float]:
    """The numbers that the UI plots for each set; empty without truth."""
    summary = figures.summary
    if summary is None:
        return {"dagster/row_count": 0}
    return {
        "dagster/row_count": summary.people,
        "mean_average_precision": summary.average_precision.mean,
        "nearest_reference_mean_average_precision": summary.nearest_reference_average_precision.mean,
        "precision_at_10": summary.p_at_10.mean,
        "r_precision": summary.r_precision.mean,
        "ceiling": summary.ceiling,
        "lost": len(figures.losses),
    }


def people_table(figures: Figures) -> "pd.DataFrame":
    """One row per person."""
    import pandas as pd

    rows = [
        (
            *(one.person, one.relevant, one.p_at_1, one.p_at_10, one.r_precision, one.recall_at[10]),
            *(one.average_precision, one.nearest_reference_average_precision, one.best_f1, one.best_f1_distance),
        )
        for one in figures.people
    ]
    columns = [
        *("person", "photos", "P@1", "P@10", "R-precision", "recall@10"),
        *("AP", "AP by nearest reference", "best F1", "at distance"),
    ]
    return pd.DataFrame(rows, columns=columns).round(3)


def losses_table(figures: Figures) -> "pd.DataFrame":
    """One row per lost photo."""
    import pandas as pd

    rows = [(one.person, one.photo, one.reason.value, one.detail) for one in figures.losses]
    return pd.DataFrame(rows, columns=["person", "photo", "reason", "detail"])


def detail_tables(figures: Figures) -> "dict[str, pd.DataFrame]":
    """All that is known of one set, by title."""
    tables = {
        "People": people_table(figures),
        "Slices": _frame(figures.slices).round(3),
        "Lost photos": losses_table(figures),
    }
    if figures.calibration is not None:
        check = figures.calibration
        for name, rows in (("rates", check.rates), ("cuts", check.cuts), ("reliability", check.reliability)):
            tables[f"Calibration: {name}"] = _frame(rows).round(5)
    return tables


def sets_table(sweep: Sweep) -> "pd.DataFrame":
    """One row per set, the best first: quality, cost, what no other set finds, and lost photos by reason."""
    import pandas as pd

    frame = pd.DataFrame([_set_row(one, sweep.only_here[one.key]) for one in sweep.sets])
    empty = [name for name in frame if str(name).startswith("lost: ") and not frame[name].any()]
    return frame.drop(columns=empty)


def _set_row(one: SetFigures, only_here: int) -> dict[str, object]:
    summary, figures = one.summary, one.figures
    low, high = summary.average_precision.interval
    cuts = figures.calibration.cuts if figures.calibration is not None else ()
    likely = next((cut for cut in cuts if cut.cut == "likely"), None)
    reasons = Counter(loss.reason for loss in figures.losses)
    return {
        "set": one.key,
        "mAP": round(summary.average_precision.mean, 4),
        "95 %": f"{low:.3f}-{high:.3f}",
        "mAP by nearest reference": round(summary.nearest_reference_average_precision.mean, 4),
        "ceiling": round(summary.ceiling, 3),
        "P@10": round(summary.p_at_10.mean, 3),
        "R-precision": round(summary.r_precision.mean, 3),
        "recall, likely": None if likely is None else round(likely.recall, 3),
        "false matches per person, likely": None if likely is None else round(likely.false_matches_per_person, 2),
        "detector, s per photo": None if figures.seconds_per_photo is None else round(figures.seconds_per_photo, 2),
        "found by no other set": only_here,
        **{f"lost: {reason.value}": reasons[reason] for reason in Reason if reason is not Reason.FOUND},
    }


def _frame(rows: Sequence[BaseModel]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame([row.model_dump() for row in rows]).rename(columns=lambda name: name.replace("_", " "))
