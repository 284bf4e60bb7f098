"""Figures for people: the tables of one set and of all, and the numbers that the UI plots."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel

from facefind_pipeline.evaluation.figures import Figures, PersonFigures
from facefind_pipeline.evaluation.losses import Reason
from facefind_pipeline.evaluation.sweep import SetFigures, Sweep

if TYPE_CHECKING:
    import pandas as pd


BANDS = ("likely", "sure")
LEFT_OUT, UNLABELLED = "photos left out", "unlabelled photos"


def headline(figures: Figures) -> dict[str, float]:
    """The numbers that the UI plots for each set; empty without truth."""
    summary = figures.summary
    if summary is None:
        return {"dagster/row_count": 0}
    clothes_gain = {} if summary.clothes_gain is None else {"clothes_gain": summary.clothes_gain.mean}
    return {
        "dagster/row_count": summary.people,
        "mean_average_precision": summary.average_precision.mean,
        "nearest_reference_mean_average_precision": summary.nearest_reference_average_precision.mean,
        "precision_at_10": summary.p_at_10.mean,
        "r_precision": summary.r_precision.mean,
        "ceiling": summary.ceiling,
        "lost": len(figures.losses),
        **clothes_gain,
    }


def people_table(figures: Figures) -> "pd.DataFrame":
    """One row per person."""
    import pandas as pd

    frame = pd.DataFrame([_person_row(one) for one in figures.people])
    return _without_empty(frame, (LEFT_OUT, UNLABELLED)).round(3)


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


def _person_row(one: PersonFigures) -> dict[str, object]:
    return {
        "person": one.person,
        "photos": one.relevant,
        LEFT_OUT: len(one.left_out),
        UNLABELLED: one.unlabelled,
        "P@1": one.p_at_1,
        "P@10": one.p_at_10,
        "P@min(10,R)": one.p_at_10_or_relevant,
        "R-precision": one.r_precision,
        "recall@10": one.recall_at[10],
        "AP": one.average_precision,
        "AP by nearest reference": one.nearest_reference_average_precision,
        "best F1": one.best_f1,
        "at distance": one.best_f1_distance,
        **{f"recall, {name}": one.cuts[name].recall for name in BANDS if name in one.cuts},
        **{f"false matches, {name}": one.cuts[name].false_matches for name in BANDS if name in one.cuts},
    }


def sets_table(sweep: Sweep) -> "pd.DataFrame":
    """One row per set, the best first: quality, cost, what no other set finds, and lost photos by reason."""
    import pandas as pd

    frame = pd.DataFrame([_set_row(one, sweep.only_here[one.name]) for one in sweep.sets])
    return _without_empty(frame, [LEFT_OUT, UNLABELLED, *(f"lost: {reason.value}" for reason in Reason)])


def _set_row(one: SetFigures, only_here: int) -> dict[str, object]:
    summary, figures = one.summary, one.figures
    low, high = summary.average_precision.interval
    capped = summary.p_at_10_or_relevant
    cuts = figures.calibration.cuts if figures.calibration is not None else ()
    bands = {cut.cut: cut for cut in cuts if cut.cut in BANDS}
    reasons = Counter(loss.reason for loss in figures.losses)
    return {
        "set": one.name,
        "mAP": round(summary.average_precision.mean, 4),
        "95 %": f"{low:.3f}-{high:.3f}",
        "mAP by nearest reference": round(summary.nearest_reference_average_precision.mean, 4),
        "ceiling": round(summary.ceiling, 3),
        "P@1": round(summary.p_at_1.mean, 3),
        "P@10": round(summary.p_at_10.mean, 3),
        "P@min(10,R)": None if capped is None else round(capped.mean, 3),
        "R-precision": round(summary.r_precision.mean, 3),
        **{f"recall, {name}": round(bands[name].recall, 3) if name in bands else None for name in BANDS},
        **{
            f"false matches per person, {name}": round(bands[name].false_matches_per_person, 2)
            if name in bands
            else None
            for name in BANDS
        },
        "detector, s per photo": None if figures.seconds_per_photo is None else round(figures.seconds_per_photo, 2),
        "found by no other set": only_here,
        LEFT_OUT: sum(len(person.left_out) for person in figures.people),
        UNLABELLED: sum(person.unlabelled for person in figures.people),
        **{f"lost: {reason.value}": reasons[reason] for reason in Reason if reason is not Reason.FOUND},
    }


def _without_empty(frame: "pd.DataFrame", names: Iterable[str]) -> "pd.DataFrame":
    """Without those of the named columns in which nothing is counted."""
    return frame.drop(columns=[name for name in names if name in frame and not frame[name].any()])


def _frame(rows: Sequence[BaseModel]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame([row.model_dump() for row in rows]).rename(columns=lambda name: name.replace("_", " "))
