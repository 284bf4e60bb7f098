"""The stages of `facefind run`; each asks the tables what is missing and materialises only that."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.cli.answer import echo_answer
from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.output import echo_sheet, warn_of_days_left_out
from facefind_pipeline.errors import FacefindError, OutageError
from facefind_pipeline.ingest.faces import present_fingerprints, shared_embedder
from facefind_pipeline.ingest.photos import Scan, scan
from facefind_pipeline.ingest.register import Folder, first_set, look_at_folder
from facefind_pipeline.ingest.sheet_files import sheet_path
from facefind_pipeline.orchestration.partitions import day_set
from facefind_pipeline.orchestration.recorded import recorded_versions
from facefind_pipeline.orchestration.resources import Incoming
from facefind_pipeline.orchestration.runs import CheckFailedError, Graph
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.path_text import printable
from facefind_pipeline.plan.due import Scope, Step, due, with_followers
from facefind_pipeline.plurals import counted
from facefind_pipeline.search import find
from facefind_pipeline.search.comparable import days_left_out
from facefind_pipeline.search.count import completed
from facefind_pipeline.search.gone import there_first
from facefind_pipeline.search.matches import WORTH_SHOWING, Answer, Match
from facefind_pipeline.search.worn_days import read_days
from facefind_pipeline.set_names import ALIASES, DEFAULT
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import faces, parameter_sets, photos, to_do
from facefind_pipeline.store.faces import Partition
from facefind_pipeline.store.made import FACES, made_in_part
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person, references_of
from facefind_pipeline.store.photos import EventDay
from facefind_pipeline.store.root_places import known_text
from facefind_pipeline.vision.detectors import relative_cost
from facefind_pipeline.vision.formats import left_out

if TYPE_CHECKING:
    from facefind_pipeline.ingest.reference_vectors import Located

SEARCH = ("hnsw_index", "search_results")


@dataclass(slots=True)
class Asked:
    """Whom a command looks for; `unusable` has those without a usable reference, and why."""

    people: list[Person] = field(default_factory=list)
    unusable: dict[Person, str] = field(default_factory=dict)


def note(text: str) -> None:
    """A line for people on standard error, so that standard output has results alone."""
    click.echo(printable(text), err=True)


def register_folder(graph: Graph, root: Path, day_name: str | None, *, by_name: bool = True) -> Folder:
    """Registers the folder's event days and reports what is left out; days that vanished are marked and kept.

    Args:
        graph: to run in.
        root: absolute.
        day_name: in place of the folder's own name.
        by_name: as in `look_at_folder`.

    Raises:
        FacefindError: no such folder, or no photos in it now.
    """
    with graph.workspace.database.connect() as connection:
        folder = look_at_folder(connection, graph.workspace.settings, root, day_name, by_name=by_name)
    if folder.due:
        config = {"folder": known_text(root), "day_name": day_name, "by_name": by_name}
        graph.run_job("add_event_days", {"register_event_days": config}, Incoming(folders=[root]))
    for line in folder.moved:
        note(line)
    for problem in folder.problems:
        note(f"left out: {problem}")
    if not folder.days:
        raise FacefindError(
            f"{root} is gone or empty: its event days are marked unavailable and nothing was deleted; "
            "`facefind find` still answers from them"
        )
    for day, reason in folder.unavailable:
        note(f"event day {day.key}: {day.path} {reason}; what is known of it is kept")
    return folder


def report_others(kinds: Mapping[str, int]) -> None:
    """Says how many files of which kinds were no photos, in one line for all folders together."""
    if kinds:
        note(left_out(kinds))


def register_set(
    graph: Graph, params: str | None, index_method: str | None = None, name: str | None = None
) -> ParameterSet:
    """The set that is asked for, else the home's default, registered and active; a new home's first is its default.

    Raises:
        FacefindError: no such set, or its model file is missing.
    """
    with graph.workspace.database.connect() as connection:
        registered = parameter_sets.registered(connection)
        if params not in (None, DEFAULT) or registered:
            parameters = parameter_sets.resolve(connection, params or DEFAULT)
        else:
            parameters = _first_set(graph.workspace.settings)
    _require_models(graph, parameters)
    present = next((one for one in registered if one.key == parameters.key and one.active), None)
    if present is None or index_method not in (None, present.index.method) or name not in (None, present.name):
        config = {"keys": [parameters.key], "index": index_method, "name": name, "backfill": False}
        graph.run_job("add_parameter_sets", {"register_parameter_sets": config})
    return parameters


def register_sets(graph: Graph, sets: Sequence[ParameterSet]) -> None:
    """All of these registered and active, in one run at most.

    Raises:
        FacefindError: a model file is missing.
    """
    with graph.workspace.database.connect() as connection:
        active = {one.key for one in parameter_sets.registered(connection) if one.active}
    for parameters in sets:
        _require_models(graph, parameters)
    if new := [parameters.key for parameters in sets if parameters.key not in active]:
        config = {"keys": new, "index": None, "name": None, "backfill": False}
        graph.run_job("add_parameter_sets", {"register_parameter_sets": config})


def _require_models(graph: Graph, parameters: ParameterSet) -> None:
    shared_embedder(graph.workspace.settings, parameters).fetch()
    present_fingerprints(graph.workspace.settings, parameters)


def embed_missing_references(graph: Graph, parameters: ParameterSet, located: "Located | None" = None) -> None:
    """Materialises `reference_embeddings` if it is due, handing over faces that were just found in references."""
    if _due(graph, ["reference_embeddings"], parameters):
        graph.materialize(["reference_embeddings"], parameters.key, incoming=Incoming(located=located or {}))


def read_photos(graph: Graph, days: Sequence[EventDay], *, rehash: bool = False) -> None:
    """Materialises `raw_photos` of days where folder, tables and what Dagster recorded differ."""
    scope = Scope(days=[day.key for day in days])
    recorded = recorded_versions(graph.instance, ["raw_photos"], scope)
    looks: dict[str, Scan] = {}
    with graph.workspace.database.connect() as connection:
        due_days = {step.partition for step in due(connection, ["raw_photos"], scope, recorded=recorded)}
        for day in days if not rehash else ():
            look = scan(day, photos.photos(connection, day.key))
            if look.finds_news_of(day) or day.key in due_days:
                looks[day.key] = look
    for day in days if rehash else (day for day in days if day.key in looks):
        try:
            graph.materialize(["raw_photos"], day.key, {"raw_photos": {"rehash": rehash}}, Incoming(looks=looks))
        except CheckFailedError:
            note(f"event day {day.key}: none of its files can be read; it is left out")


def fill_partitions(graph: Graph, bars: Bars, days: Sequence[EventDay], parameters: ParameterSet) -> None:
    """Materialises faces and embeddings of the days that lack any, noting first how much there is to do.

    Raises:
        OutageError: the database stopped or a disk is full.
        FacefindError: a day failed; the others were made first.
    """
    database, now = graph.workspace.database, present_fingerprints(graph.workspace.settings, parameters)
    keys = [day.key for day in days]
    steps = {step.partition for step in _due(graph, FACES, parameters, keys)}
    partitions = {day: day_set(day, parameters.key) for day in keys if day_set(day, parameters.key) in steps}
    with database.connect() as connection:
        total, unreadable = photos.count(connection, keys)
        remaining = to_do.count_to_do(connection, list(partitions), now)
    known = total - remaining - unreadable
    note(
        f"{counted(total, 'photo')} in {counted(len(days), 'event day')} under {parameters.key}: {remaining:,} to do, "
        f"{counted(known, 'duplicate')} or already processed, {unreadable:,} unreadable"
    )
    bars.overall(remaining, "photo", _comparison(parameters))
    failed: dict[str, str] = {}
    try:
        for day, partition in partitions.items():
            try:
                graph.materialize(FACES, partition)
            except OutageError:
                raise
            except FacefindError as error:
                failed[day] = str(error)
    finally:
        bars.close()
    with database.connect() as connection:
        for path, problem in faces.problems(connection, keys, now).items():
            note(f"left out: {path}: {problem}")
        # Of a day that failed it is the rest, which the error accounts for.
        in_part = made_in_part(connection, "face_embeddings", partitions.values())
        for day in (day for day, partition in partitions.items() if partition in in_part and day not in failed):
            for photo in to_do.photos_to_do(connection, Partition(day, parameters.key, *now)):
                note(
                    f"left out: {photo.path}: it went away or changed meanwhile, or what worked on it was killed or "
                    "got no memory; the same command resumes with it"
                )
    if failed:
        raise FacefindError("; ".join(failed.values()))


def find_faces(graph: Graph, bars: Bars, params: str | None) -> None:
    """Finds the faces of all photos that were read, under the set that is asked for, else the home's default.

    And whoever is known among them.

    Raises:
        FacefindError: no photos were read yet, or as `register_set` and `fill_partitions`.
    """
    with graph.workspace.database.connect() as connection:
        known = photos.days(connection)
    days = [day for day in known if day.available]
    if not known:
        raise FacefindError("no photos yet: `facefind ingest PHOTOS` reads a folder of them")
    if not days:
        raise FacefindError(f"{known[0].path} is gone or empty; `facefind status` lists where the other photos are")
    parameters = register_set(graph, params)
    graph.sync_partitions()
    fill_partitions(graph, bars, days, parameters)
    index_and_search(graph, parameters)


def index_and_search(graph: Graph, parameters: ParameterSet) -> None:
    """Materialises the set's index and results where they are not of the present vectors and references."""
    steps = with_followers(_due(graph, SEARCH, parameters), SEARCH, [parameters.key])
    if steps:
        graph.materialize([step.asset for step in steps], parameters.key)
        with graph.workspace.database.connect() as connection:
            days = read_days(connection, parameters.key)
        if days:
            count = sum(day.separation > 0 for day in days)
            note(f"clothes count on {count} of {counted(len(days), 'event day')}")
        if not graph.workspace.settings.keep_unmatched:
            note(
                "faces that match nobody who agreed are erased: after `facefind person consent NAME --yes`, "
                "`facefind run PHOTOS` looks for theirs anew"
            )


def _due(
    graph: Graph, assets: Sequence[str], parameters: ParameterSet, days: Sequence[str] | None = None
) -> list[Step]:
    """What is due of a set that was asked for, so that what is stale is too."""
    scope = Scope(sets=[parameters.key], days=days)
    recorded = recorded_versions(graph.instance, assets, scope)
    fingerprints = {parameters.key: present_fingerprints(graph.workspace.settings, parameters)}
    with graph.workspace.database.connect() as connection:
        return due(connection, assets, scope, recorded=recorded, fingerprints=fingerprints)


def people_changed(graph: Graph, sets: Sequence[str]) -> None:
    """Brings what these sets have of people, and what the UI shows of it, up to the people there are now.

    A set that can't be worked with now, since its model is missing, does not stop the others.
    """
    graph.materialize(["reference_photos"])
    evaluated = recorded_versions(graph.instance, ["evaluation"], Scope(sets=sets))["evaluation"]
    for key in sets:
        evaluation = ["evaluation"] if key in evaluated else []
        try:
            graph.materialize(["reference_embeddings", "search_results", *evaluation], key)
        except OutageError:
            raise
        except FacefindError as error:
            note(f"{key} is not up to date: {error}")


def references_forgotten(graph: Graph, person: Person, sets: Sequence[str], sheets: Sequence[str]) -> int:
    """Brings everything up to a person who lost reference photos.

    Args:
        graph: to run in.
        person: who lost them.
        sets: those that had anything of the person before.
        sheets: of these, where a contact sheet of the person was stored.

    Returns:
        How many reference photos are left.
    """
    graph.sync_partitions()
    people_changed(graph, sets)
    with graph.workspace.database.connect() as connection:
        left = len(references_of(connection, person))
    if left:
        write_sheet_of(graph, person, sheets)
    return left


def write_sheet_of(graph: Graph, person: Person, sets: Sequence[str]) -> None:
    """Writes a person's stored contact sheet under these sets, where there are matches."""
    with graph.workspace.database.connect() as connection:
        for key in sets:
            chosen = parameter_sets.find(connection, key)
            best = _worth_showing(connection, chosen, person).matches
            _write_stored_sheet(graph.workspace.settings, key, person, best)


def report(
    graph: Graph, parameters: ParameterSet, asked: Asked, *, limit: int, quiet: bool
) -> list[tuple[Person, list[Match]]]:
    """Each person's sure and likely photos, printed unless quiet; whatever the limit, the stored sheet holds all."""
    found = []
    with graph.workspace.database.connect() as connection:
        chosen = parameter_sets.find(connection, parameters.key)
        for person in asked.people:
            if person in asked.unusable:
                continue
            answer = _worth_showing(connection, chosen, person)
            found.append((person, answer.matches[:limit]))
            if not quiet:
                click.echo()
                printed = replace(completed(connection, chosen.key, answer, person), matches=answer.matches[:limit])
                every = f"`facefind find {shlex.quote(person.name)} --all`"
                echo_answer(person.name, chosen.key, printed, WORTH_SHOWING, rest=every)
            _write_stored_sheet(graph.workspace.settings, chosen.key, person, answer.matches)
        warn_of_days_left_out(chosen.key, days_left_out(connection, chosen))
    return found


def require_references(asked: Asked) -> None:
    """Ends a command that is done with what it could do.

    Raises:
        FacefindError: somebody has no usable reference.
    """
    if asked.unusable:
        raise FacefindError(f"no usable reference of {', '.join(person.name for person in asked.unusable)}")


def _worth_showing(connection: Connection, chosen: RegisteredSet, person: Person) -> Answer:
    return there_first(lambda most: find.find_person(connection, chosen, person, limit=most, bands=WORTH_SHOWING), None)


def _write_stored_sheet(settings: Settings, key: str, person: Person, best: Sequence[Match]) -> None:
    file = sheet_path(settings, key, "people", person.key)
    if best:
        echo_sheet(best, file, title=f"{person.name}, {key}")
    else:
        file.unlink(missing_ok=True)


def _first_set(settings: Settings) -> ParameterSet:
    parameters = first_set(settings)
    if parameters.key != ALIASES["recommended"]:
        note(
            f"YuNet's file is missing, so the slower {parameters.key} is the default of this home: "
            "`facefind models pull yunet` fetches it for --params recommended"
        )
    return parameters


def _comparison(parameters: ParameterSet) -> tuple[str, float] | None:
    recommended = ParameterSet.parse("recommended")
    share = relative_cost(recommended.detector) / relative_cost(parameters.detector)
    return (f"--params recommended ({ALIASES['recommended']})", share) if share < 0.8 else None
