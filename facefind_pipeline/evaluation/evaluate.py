"""A set's evaluation: all figures from its stored results and the truth lists, computed where either changed.

One query brings all rows of a ranking; the rest is arithmetic on them: 50 people in 160 photos take part of a second.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json

from facefind_pipeline.evaluation.attribution import losses_of
from facefind_pipeline.evaluation.calibration_check import check_calibration, person_cuts
from facefind_pipeline.evaluation.figures import Curves, Estimate, Figures, LostPhoto, PersonFigures, Summary
from facefind_pipeline.evaluation.losses import Loss, Reason
from facefind_pipeline.evaluation.metrics import average_precision, curve, interval, measure, paired_interval
from facefind_pipeline.evaluation.slices import slices
from facefind_pipeline.evaluation.truth_facts import (
    TruthFact,
    have_clothes_counted,
    nearest_reference_ranking,
    read_truth_facts,
    template_ranking,
)
from facefind_pipeline.plan.due import is_current, would_be_made_from
from facefind_pipeline.search.calibration import read_calibration
from facefind_pipeline.store import parameter_sets, versions
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.made import made_version, record_made

# What no ranking can find.
BEYOND_RANKING = (Reason.GONE, Reason.UNREADABLE, Reason.NOT_DONE, Reason.NO_FACE, Reason.NOT_NEAR)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A set's figures.

    Attributes:
        version: data version: what the figures follow from.
        figures: of the set.
        recomputed: whether they were computed now.
    """

    version: str
    figures: Figures
    recomputed: bool


def evaluate_set(database: Database, key: str) -> Evaluation:
    """Brings a set's stored evaluation up to its results and the truth; does nothing where neither changed."""
    with database.lock("evaluation", key), database.connect() as connection:
        made_from = would_be_made_from(connection, "evaluation", key)
        version = versions.hash_rows([(made_from,)])
        stored = read_evaluation(connection, key)
        if stored is not None and is_current(connection, "evaluation", key):
            return stored
        figures = compute_figures(connection, key)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM evaluations WHERE parameter_set = %s", [key])
            cursor.execute(
                "INSERT INTO evaluations (parameter_set, evaluation) VALUES (%s, %s)", [key, Json(figures.as_json())]
            )
        record_made(connection, "evaluation", key, made_from, version)
        return Evaluation(version, figures, recomputed=True)


def read_evaluation(connection: Connection, key: str) -> Evaluation | None:
    """The set's stored evaluation."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT evaluation FROM evaluations WHERE parameter_set = %s", [key])
        row = cursor.fetchone()
    version = made_version(connection, "evaluation", key)
    return Evaluation(version, Figures.model_validate(row[0]), recomputed=False) if row and version else None


def compute_figures(connection: Connection, key: str) -> Figures:
    """All figures of a set, from what is stored now; those of the ranking by the face alone where clothes count too."""
    facts = read_truth_facts(connection, key)
    if not have_clothes_counted(facts):
        return _figures_of(connection, key, facts)
    by_face = read_truth_facts(connection, key, clothes=False)
    return _figures_of(connection, key, facts, _figures_of(connection, key, by_face))


def _figures_of(
    connection: Connection, key: str, facts: Iterable[TruthFact], without_clothes: Figures | None = None
) -> Figures:
    """All figures of one ranking, whose facts come by person and rank."""
    everyone = {person: list(theirs) for person, theirs in itertools.groupby(facts, key=lambda fact: fact.person)}
    counting = {person: [fact for fact in theirs if fact.counts] for person, theirs in everyone.items()}
    # Photos that were listed may have moved to a day that the list does not cover.
    people = {person: theirs for person, theirs in counting.items() if any(fact.relevant for fact in theirs)}
    template = [template_ranking(theirs) for theirs in people.values()]
    nearest = [nearest_reference_ranking(theirs) for theirs in people.values()]
    calibration = read_calibration(connection, key)
    of_people = [
        PersonFigures(
            person=person,
            nearest_reference_average_precision=average_precision(by_nearest),
            cuts=person_cuts(people[person], calibration),
            left_out=[fact.path for fact in everyone[person] if fact.left_out],
            unlabelled=sum(fact.unlabelled and not fact.left_out for fact in everyone[person]),
            **dict(measure(by_template)),
        )
        for person, by_template, by_nearest in zip(people, template, nearest, strict=True)
    ]
    losses = losses_of(connection, key, people)
    return Figures(
        people=of_people,
        summary=_summary(of_people, [loss for _, loss in losses], without_clothes) if people else None,
        seconds_per_photo=_seconds_per_photo(connection, key),
        losses=[
            LostPhoto(person=fact.person, photo=fact.path, reason=loss.reason, detail=loss.detail)
            for fact, loss in losses
            if loss.reason is not Reason.FOUND
        ],
        found=[(fact.person, fact.sha256.hex()) for fact, loss in losses if loss.reason is Reason.FOUND],
        slices=slices(losses),
        calibration=check_calibration(list(itertools.chain(*people.values())), calibration)
        if calibration and people
        else None,
        curves=Curves(template=curve(template), nearest_reference=curve(nearest)) if people else None,
        without_clothes=without_clothes,
    )


def _summary(people: Sequence[PersonFigures], losses: Sequence[Loss], without_clothes: Figures | None) -> Summary:
    """Means over people with their intervals, and the ceiling."""
    relevant = sum(one.relevant for one in people)
    template = [one.average_precision for one in people]
    nearest = [one.nearest_reference_average_precision for one in people]
    return Summary(
        people=len(people),
        relevant=relevant,
        average_precision=_estimate(template),
        p_at_1=_estimate([one.p_at_1 for one in people]),
        p_at_10=_estimate([one.p_at_10 for one in people]),
        p_at_10_or_relevant=_estimate([one.p_at_10_or_relevant for one in people]),
        r_precision=_estimate([one.r_precision for one in people]),
        best_f1=_estimate([one.best_f1 for one in people]),
        nearest_reference_average_precision=_estimate(nearest),
        gain=_gain(template, nearest),
        clothes_gain=None
        if without_clothes is None
        else _gain(template, [one.average_precision for one in without_clothes.people]),
        ceiling=1 - sum(loss.reason in BEYOND_RANKING for loss in losses) / relevant,
    )


def _estimate(values: Sequence[float]) -> Estimate:
    return Estimate(mean=float(np.mean(values)), interval=interval(values))


def _gain(ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """Of one ranking over another of the same people."""
    return Estimate(mean=float(np.mean(ours) - np.mean(theirs)), interval=paired_interval(ours, theirs))


def _seconds_per_photo(connection: Connection, key: str) -> float | None:
    """Of the detector, on the machine that ran it; the mean over photos."""
    fingerprint = parameter_sets.find(connection, key).detector_fingerprint
    with connection.cursor() as cursor:
        cursor.execute("SELECT avg(seconds) FROM detections WHERE detector_fingerprint = %s", [fingerprint])
        (seconds,) = cursor.fetchone() or (None,)
        return None if seconds is None else float(seconds)
