"""The stage that adds references: it plans what is to be stored and embedded, then does it, then reports."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.cli.stages import Asked, embed_missing_references, note
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.references import FolderLook, locate_face, look_at_references, person_of, read_reference
from facefind_pipeline.orchestration.resources import Incoming
from facefind_pipeline.orchestration.runs import Graph
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.search.likeness import doubts
from facefind_pipeline.store import parameter_sets, people
from facefind_pipeline.store.people import Person, ReferencePhoto, ReferenceState
from facefind_pipeline.store.tombstones import Tombstones

if TYPE_CHECKING:
    from facefind_pipeline.ingest.reference_vectors import Located


@dataclass(frozen=True, slots=True)
class ReferencePlan:
    """What the references that a command is given ask for; nothing is written yet.

    Attributes:
        people: whom the command names, in that order; nobody where it is given no reference.
        new: references that are to be stored.
        located: the face in each of these, so that no picture is searched twice.
        problems: why files can't be used, by person.
        folder: what came and went in the references folder.
        notes: lines about names that are spelt otherwise.
    """

    people: Sequence[Person]
    new: Sequence[ReferencePhoto]
    located: "Located"
    problems: Mapping[Person, Sequence[str]]
    folder: FolderLook
    notes: Sequence[str]

    @property
    def changed(self) -> Collection[str]:
        """Keys of the people who get a reference."""
        return {reference.person.key for reference in self.new} | {person for person, _ in self.folder.new}


def add_references(
    graph: Graph,
    given: Sequence[tuple[str, Path]],
    parameters: ParameterSet,
    *,
    largest: bool,
    known: "Located | None" = None,
) -> Asked:
    """Stores new references that show the face of one person, and embeds those that the set has not tried.

    Args:
        graph: to run in.
        given: names and files.
        parameters: the set whose detector finds the faces.
        largest: of several faces, take the largest.
        known: faces that it has found in some of the files already.

    Returns:
        The people given, or if none is everyone known who has a reference.

    Raises:
        FacefindError: references are given and none can be used.
    """
    plan = plan_references(graph, given, parameters, largest=largest, known=known or {})
    for line in (*plan.notes, *plan.folder.problems):
        note(line)
    if plan.new or plan.folder.new or plan.folder.gone:
        graph.materialize(["reference_photos"], incoming=Incoming(references=list(plan.new)))
    embed_missing_references(graph, parameters, plan.located)
    return _report(graph, plan, parameters)


def plan_references(
    graph: Graph, given: Sequence[tuple[str, Path]], parameters: ParameterSet, *, largest: bool, known: "Located"
) -> ReferencePlan:
    """Reads the files, finds the face in those that are new, and looks into the references folder."""
    settings = graph.workspace.settings
    with graph.workspace.database.connect() as connection:
        stored = people.stored_references(connection)
        holders, notes = _holders(connection, [name for name, _ in given])
        folder = look_at_references(connection, settings)
    new: list[ReferencePhoto] = []
    located = dict(known)
    problems: dict[Person, list[str]] = {}
    for name, file in given:
        try:
            reference = read_reference(name, file, largest=largest)
            photo = reference.person.key, reference.sha256
            if not _is_new(stored, reference):
                continue
            with graph.workspace.database.connect(vectors=False) as connection:
                refusal = Tombstones(settings.home).refusal(connection, photo[0], name, reference.sha256)
            if refusal:
                raise FacefindError(refusal)
            if photo not in located:
                located[photo] = locate_face(settings, parameters, reference)
            new.append(reference)
        except FacefindError as error:
            problems.setdefault(holders[name], []).append(str(error))
    return ReferencePlan(list(dict.fromkeys(holders.values())), new, located, problems, folder, notes)


def _report(graph: Graph, plan: ReferencePlan, parameters: ParameterSet) -> Asked:
    """Whom the command looks for; warns of references that can't be used, or that may show somebody else."""
    with graph.workspace.database.connect() as connection:
        for doubt in doubts(connection, parameter_sets.find(connection, parameters.key), plan.changed):
            note(f"warning: {doubt.text}")
        states = people.reference_states(connection, parameters.key)
        known = [person for person, references in people.reference_counts(connection) if references]
    asked = Asked(list(plan.people) or known)
    problems: list[str] = []
    for person in asked.people:
        theirs = [state for state in states if state.person.key == person.key]
        of_person = [*plan.problems.get(person, ()), *(problem for state in theirs if (problem := _problem(state)))]
        if all(_problem(state) for state in theirs):
            asked.unusable[person] = "; ".join(of_person) or "no reference"
        problems += of_person
    nobody = bool(plan.people) and len(asked.people) == len(asked.unusable)
    if nobody and len(asked.people) == 1:
        raise FacefindError(asked.unusable[asked.people[0]])
    for problem in problems:
        note(problem)
    if nobody:
        raise FacefindError("nobody has a usable reference")
    return asked


def _problem(state: ReferenceState) -> str | None:
    if state.tried:
        return state.problem
    return (
        f"reference {state.filename} of {state.person.name} can't be looked at now: what did was killed; the same "
        "command tries it again"
    )


def _holders(connection: Connection, names: Sequence[str]) -> tuple[dict[str, Person], list[str]]:
    """The person that each name means, known or first among these; and a line for each that is spelt otherwise."""
    held: dict[str, Person] = {}
    holders, notes = {}, []
    for name in dict.fromkeys(names):
        person = person_of(name)
        holders[name] = held.setdefault(person.key, people.known_as(connection, person))
        notes += people.taken_for(person, holders[name].name)
    return holders, notes


def _is_new(stored: Mapping[tuple[str, bytes], tuple[str, bool]], reference: ReferencePhoto) -> bool:
    known = stored.get((reference.person.key, reference.sha256))
    return known is None or (reference.largest and not known[1])
