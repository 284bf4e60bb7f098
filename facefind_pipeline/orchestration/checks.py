"""Checks of what the graph made, a partition at a time; the metadata of each says what to do.

A blocking one keeps what is below its partition from being made; the others warn. Their numbers come from the tables.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from facefind_pipeline.orchestration.partitions import day_sets, event_days, parameter_sets
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.search.recall import LOWEST_RECALL
from facefind_pipeline.store.faces import Partition

LISTED = 50  # at most so many photos or faces are named
PLAUSIBLE_MOST = 60  # faces per photo at the median; above it a detector takes patterns for faces
PLAUSIBLE_FROM = 5  # photos; of fewer, none may show a face
INDEX_ADVICE = "materialize hnsw_index of the sets listed; their searches are complete meanwhile"

WARN = dg.AssetCheckSeverity.WARN


@dg.asset_check(asset="raw_photos", blocking=True, partitions_def=event_days)
def some_photos_readable(
    context: dg.AssetCheckExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.AssetCheckResult:
    """At least one photo of the day can be read; else nothing is made of the day."""
    total, problems = _photos(workspace, context.partition_key)
    passed = len(problems) < total or total == 0
    return _result(
        passed,
        "none of the day's files can be read: look at the list, put the photos in order, ingest the day again",
        {"photos": total, "problems": _listed(problems)},
    )


@dg.asset_check(asset="raw_photos", partitions_def=event_days)
def all_photos_readable(
    context: dg.AssetCheckExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.AssetCheckResult:
    """Every photo of the day can be read; those that can't are left out, with the reason."""
    total, problems = _photos(workspace, context.partition_key)
    return _result(
        not problems,
        "copy the listed files again from the card or leave them: the others are worked on",
        {"photos": total, "unreadable": len(problems), "problems": _listed(problems)},
        severity=WARN,
    )


@dg.asset_check(asset="detected_faces", blocking=True, partitions_def=day_sets)
def boxes_inside_photo(
    context: dg.AssetCheckExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.AssetCheckResult:
    """Every box lies inside its upright photo."""
    from facefind_pipeline.store import integrity

    with workspace.database.connect() as connection:
        outside = integrity.boxes_outside(connection, _partition(context, workspace))
    return _result(
        not outside,
        "the photos were turned or cut by another program meanwhile: ingest the day again with rehash",
        {"outside": len(outside), "boxes": [box._asdict() for box in outside[:LISTED]]},
    )


@dg.asset_check(asset="detected_faces", partitions_def=day_sets)
def faces_plausible(
    context: dg.AssetCheckExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.AssetCheckResult:
    """The photos have neither no faces at all nor an absurd number of them."""
    from facefind_pipeline.store import integrity

    with workspace.database.connect() as connection:
        found = integrity.faces_per_photo(connection, _partition(context, workspace))
    passed = found.median <= PLAUSIBLE_MOST and not (found.photos >= PLAUSIBLE_FROM and found.with_faces == 0)
    return _result(
        passed,
        "look at the contact sheet: if the faces are none, raise the set's sensitivity or try another detector",
        found._asdict(),
        severity=WARN,
    )


@dg.asset_check(asset="face_embeddings", blocking=True, partitions_def=day_sets)
def vectors_sound(
    context: dg.AssetCheckExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.AssetCheckResult:
    """Each face has one vector of the set's dimension, finite, and they are not all equal."""
    from facefind_pipeline.store import integrity
    from facefind_pipeline.store import parameter_sets as sets

    partition = _partition(context, workspace)
    with workspace.database.connect() as connection:
        chosen = sets.find(connection, partition.parameter_set)
        counts = integrity.vector_counts(connection, partition, chosen.dimension)
    return _result(
        not counts.problems,
        f"{'; '.join(counts.problems)}: check the model files (`facefind models list`), then materialize again",
        {"faces": counts.faces, "vectors": counts.vectors, "distinct_vectors": counts.distinct},
    )


@dg.asset_check(asset="hnsw_index", partitions_def=parameter_sets)
def index_recall(context: dg.AssetCheckExecutionContext, workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """The index finds nearly all that exact search finds, on a sample of the set's own vectors."""
    from facefind_pipeline.store import indexes

    with workspace.database.connect() as connection:
        build = indexes.last_build(connection, context.partition_key)
    recall = build.recall if build and build.recall is not None else 1.0
    return _result(
        recall >= LOWEST_RECALL,
        f"`facefind params add {context.partition_key} --index none` searches exactly; hnsw finds more than ivfflat",
        {"recall_at_10": recall, "method": build.kind.method if build else "none"},
        severity=WARN,
    )


# Of all sets at once: Dagster 1.13 stores only one evaluation a partition outside runs, and the sensor's second failed.
@dg.asset_check(asset="hnsw_index")
def index_is_current(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Each set's index is valid and was made from the vectors that the set has now; a sensor looks every minute."""
    outdated = outdated_indexes(workspace)
    return _result(not outdated, INDEX_ADVICE, {"outdated": outdated}, severity=WARN)


@dg.asset_check(asset="reference_embeddings", partitions_def=parameter_sets)
def one_face_a_reference(
    context: dg.AssetCheckExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.AssetCheckResult:
    """Each reference photo shows exactly one face; others are left out and stop nobody else."""
    from facefind_pipeline.store import people

    with workspace.database.connect() as connection:
        states = people.reference_states(connection, context.partition_key)
    problems = {f"{state.person.name}: {state.filename}": state.problem for state in states if state.problem}
    return _result(
        not problems,
        "give another picture of these people, cut to one face: `facefind person add NAME FILE`",
        {"references": len(states), "left_out": len(problems), "problems": _listed(problems)},
        severity=WARN,
    )


@dg.asset_check(asset="search_results", partitions_def=parameter_sets)
def everybody_has_results(
    context: dg.AssetCheckExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.AssetCheckResult:
    """Every person with a usable reference has ranked photos."""
    from facefind_pipeline.search.results import people_without_results

    with workspace.database.connect() as connection:
        missing = people_without_results(connection, context.partition_key)
    return _result(
        not missing,
        "are there faces under this set? Fill its missing partitions, then materialize search_results",
        {"people_without_results": missing},
        severity=WARN,
    )


@dg.asset_check(asset="face_groups", partitions_def=parameter_sets)
def one_face_a_photo(
    context: dg.AssetCheckExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.AssetCheckResult:
    """No group has two faces of one photo, but where somebody said that they are one person's."""
    from facefind_pipeline.store import groups

    with workspace.database.connect() as connection:
        found = groups.twice_in_a_photo(connection, context.partition_key)
    return _result(
        not found,
        "look at these groups with `facefind who GROUP`: `facefind person leave-out` takes a face out",
        {"groups": found[:LISTED]},
        severity=WARN,
    )


CHECKS = [
    some_photos_readable,
    all_photos_readable,
    boxes_inside_photo,
    faces_plausible,
    vectors_sound,
    index_recall,
    index_is_current,
    one_face_a_reference,
    everybody_has_results,
    one_face_a_photo,
]


def outdated_indexes(workspace: Workspace) -> list[str]:
    """Registered sets whose index is invalid or not of their present vectors."""
    from facefind_pipeline.plan.due import due

    with workspace.database.connect() as connection:
        return [step.partition for step in due(connection, ["hnsw_index"])]


def _result(
    passed: bool,
    advice: str,
    metadata: Mapping[str, Any],
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
) -> dg.AssetCheckResult:
    what_to_do = "nothing to do" if passed else advice
    return dg.AssetCheckResult(passed=passed, severity=severity, metadata={"what_to_do": what_to_do, **metadata})


def _listed(problems: Mapping[str, str | None]) -> dict[str, str | None]:
    return dict(list(problems.items())[:LISTED])


def _photos(workspace: Workspace, day: str) -> tuple[int, dict[str, str]]:
    from facefind_pipeline.store import photos

    with workspace.database.connect() as connection:
        rows = photos.photos(connection, day)
    return len(rows), {path: row.problem for path, row in rows.items() if row.problem}


def _partition(context: dg.AssetCheckExecutionContext, workspace: Workspace) -> Partition:
    from facefind_pipeline.ingest.faces import present_partition

    key = context.partition_key
    day, _, parameter_set = key.rpartition("|")
    return present_partition(workspace.settings, day, ParameterSet.parse(parameter_set))
