"""What is said of groups of faces, by commands and on pages, carried out by Dagster runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facefind_pipeline.cli import stages
from facefind_pipeline.orchestration.runs import Graph
from facefind_pipeline.store.people import Person

if TYPE_CHECKING:
    from facefind_pipeline.search.group_changes import CutReferences


@dataclass(frozen=True, slots=True)
class Forgotten:
    """References that a person lost with faces of a group, and how many are left."""

    cut: "CutReferences"
    left: int


def name_group(graph: Graph, key: str, group: str, person: Person, author: str) -> int:
    """Makes a person of a set's group: references are cut from its faces, and the person is looked for.

    Returns:
        How many references were cut.

    Raises:
        FacefindError: no such group, or no face of it can be cut.
    """
    from facefind_pipeline.ingest.group_references import cut_references
    from facefind_pipeline.orchestration.resources import Incoming
    from facefind_pipeline.parameters import ParameterSet
    from facefind_pipeline.search.group_listing import find_group
    from facefind_pipeline.search.group_references import references_of_group
    from facefind_pipeline.store import people_changes

    settings, database = graph.workspace.settings, graph.workspace.database
    with database.connect() as connection:
        find_group(connection, key, group)
        places = references_of_group(connection, key, group)
        cut = cut_references(connection, settings, ParameterSet.parse(key), person, places)
    graph.materialize(["reference_photos"], incoming=Incoming(references=[reference for reference, _ in cut]))
    said = {"parameter_set": key, "group": group, "person": person.key, "author": author, "agreed": True}
    graph.run_job("name_face_group", {"record_group_name": said})
    located = {(person.key, reference.sha256): face for reference, face in cut}
    graph.materialize(["reference_embeddings", "search_results"], key, incoming=Incoming(located=located))
    make_groups(graph, key)
    with database.connect() as connection:
        others = [one for one in people_changes.sets_of(connection, person.key) if one != key]
    if others:
        stages.people_changed(graph, others)
    return len(cut)


def record_of_groups(graph: Graph, key: str, job: str, op: str, said: Mapping[str, Any]) -> None:
    """Records by a job and its op what was said of a set's groups, and makes the groups anew.

    Raises:
        FacefindError: it can't be said.
    """
    graph.run_job(job, {op: {"parameter_set": key, "agreed": True, **said}})
    make_groups(graph, key)


def leave_out(graph: Graph, key: str, group: str, photos: Sequence[str], author: str) -> Forgotten | None:
    """Takes a group's faces out of it in photos, given by SHA-256 in hex; what was cut from them is no reference.

    Returns:
        What was forgotten; None if there was nothing.

    Raises:
        FacefindError: they can't be left out.
    """
    from facefind_pipeline.ingest.who import sets_with_sheet
    from facefind_pipeline.orchestration.named_photos import named
    from facefind_pipeline.search.group_changes import references_of_left_out
    from facefind_pipeline.store.people_changes import sets_of
    from facefind_pipeline.store.truth import photos_with

    contents = [bytes.fromhex(photo) for photo in photos]
    with graph.workspace.database.connect() as connection:
        known = photos_with(connection, contents)
        cut = references_of_left_out(connection, key, group, contents)
        sets = sets_of(connection, cut.person.key) if cut else []
        sheets = sets_with_sheet(graph.workspace.settings, cut.person, sets) if cut else []
    said = {"group": group, "photos": [named(photo) for photo in known.values()], "author": author}
    record_of_groups(graph, key, "leave_out_of_face_group", "record_left_out", said)
    return Forgotten(cut, stages.references_forgotten(graph, cut.person, sets, sheets)) if cut else None


def make_groups(graph: Graph, key: str) -> None:
    """Makes the groups of this set, and of the active ones that have some: what was said holds in every set."""
    from facefind_pipeline.plan.due import Scope, Why, due
    from facefind_pipeline.store import parameter_sets

    with graph.workspace.database.connect() as connection:
        sets = [one.key for one in parameter_sets.registered(connection) if one.active or one.key == key]
        steps = due(connection, ["face_groups"], Scope(sets=sets))
    for step in steps:
        if step.partition == key or step.why is not Why.NEVER_MADE:
            graph.materialize(["face_groups"], step.partition)
