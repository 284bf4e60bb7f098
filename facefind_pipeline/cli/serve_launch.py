"""What the host does on the pages of `facefind serve`, as the commands do it: by Dagster runs in this process."""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, ParamSpec

from facefind_pipeline.authors import PAGE, author
from facefind_pipeline.cli.workspace import open_graph
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.people import Person, ReferencePhoto
from facefind_pipeline.web.actions import Action, NewReference, OfGroups, Said

if TYPE_CHECKING:
    from facefind_pipeline.orchestration.runs import Graph

P = ParamSpec("P")
_log = logging.getLogger(__name__)


class Launcher:
    """Carries out what the host does; opens the graph behind the pages, since that takes seconds."""

    def __init__(self, key: str) -> None:
        """Begins to open the graph; `key` is of the set that the pages show."""
        self._key = key
        self._graph: Graph | None = None
        self._opened = threading.Lock()
        threading.Thread(target=self._open_early, name="graph", daemon=True).start()

    def launch(self, actions: Sequence[Action]) -> None:
        """Records and adds all of it, then brings the results of all active sets up to that.

        Raises:
            FacefindError: some of it can't be; the rest was.
        """
        graph = self._open()
        problems: list[str] = []
        said = [one for one in actions if isinstance(one, Said)]
        for person in dict.fromkeys(one.person for one in said):
            problems += _tried(self._record, graph, person, [one for one in said if one.person == person])
        new = [one for one in actions if isinstance(one, NewReference)]
        if new:
            added = [ReferencePhoto(one.person, one.filename, one.content) for one in new]
            problems += _tried(_materialize, graph, ["reference_photos"], None, added)
        for one in actions:
            if isinstance(one, OfGroups):
                problems += _tried(self._of_groups, graph, one)
        if not said and not new:
            _report(problems)
            return
        graph.sync_partitions()
        with graph.workspace.database.connect() as connection:
            sets = [one.key for one in parameter_sets.registered(connection) if one.active or one.key == self._key]
        for key in sets:
            problems += _tried(_materialize, graph, [*(["reference_embeddings"] if new else []), "search_results"], key)
        _report(problems)

    def _of_groups(self, graph: "Graph", one: OfGroups) -> None:
        from facefind_pipeline.cli import group_stages

        by = author(PAGE)
        if one.name is not None:
            group_stages.name_group(graph, self._key, one.group, one.name, by)
        elif one.same:
            said = {"groups": list(one.same), "author": by}
            group_stages.record_of_groups(graph, self._key, "join_face_groups", "record_same_person", said)
        elif one.different:
            said = {"group": one.group, "other": one.different, "author": by}
            group_stages.record_of_groups(graph, self._key, "part_face_groups", "record_different_people", said)
        elif one.left_out:
            group_stages.leave_out(graph, self._key, one.group, one.left_out, by)
        else:
            group_stages.make_groups(graph, self._key)

    def at_work(self) -> list[str]:
        """What other processes run on this home now, a line each; nothing until the graph is open."""
        if self._graph is None:
            return []
        from facefind_pipeline.orchestration.processes import unfinished_elsewhere

        return unfinished_elsewhere(self._graph.instance, os.getpid())

    def _open_early(self) -> None:
        with suppress(FacefindError):  # the first action says what is wrong
            self._open()

    def _open(self) -> "Graph":
        with self._opened:
            if self._graph is None:
                self._graph = open_graph(None, why="facefind serve")
            return self._graph

    def _record(self, graph: "Graph", person: Person, said: Sequence[Said]) -> None:
        """Records what was said of a person's photos.

        Raises:
            FacefindError: some of it can't be; the rest was.
        """
        from facefind_pipeline.orchestration.named_photos import named
        from facefind_pipeline.store.feedback import nearest_face
        from facefind_pipeline.store.truth import photos_with

        entries, problems = [], []
        with graph.workspace.database.connect() as connection:
            chosen = parameter_sets.find(connection, self._key)
            last = {bytes.fromhex(one.sha256): one.shown for one in said}  # of two answers the last
            known = photos_with(connection, last)
            for sha256, shown in last.items():
                face = nearest_face(connection, chosen, person, sha256) if shown else None
                if sha256 not in known:
                    problems.append(f"photo {sha256.hex()[:12]} is not known any more: nothing was recorded of it")
                elif shown and face is None:
                    problems.append(f"no face of {known[sha256].path} is known any more: it was not confirmed")
                else:
                    box = {"box": list(face)} if face else {}
                    entries.append({**named(known[sha256]), "shown": shown, **box})
        if entries:
            said_of = {"person": person.key, "photos": entries, "parameter_set": chosen.key}
            config = {**said_of, "author": author(PAGE), "agreed": True}
            graph.run_job("record_feedback", {"write_feedback": config})
        _report(problems)


def _report(problems: Sequence[str]) -> None:
    if problems:
        raise FacefindError("; ".join(dict.fromkeys(problems)))  # where the database is away all have the same


def _tried(do: Callable[P, None], *args: P.args, **named: P.kwargs) -> list[str]:
    """Does one of the things that came together; what went wrong, which does not stop the others."""
    try:
        do(*args, **named)
    except FacefindError as error:
        return [str(error)]
    except Exception as error:  # noqa: BLE001 - whatever Dagster raises
        _log.exception("what was done on a page could not be carried out")
        return [f"{type(error).__name__}: {error}"]
    return []


def _materialize(
    graph: "Graph", assets: Sequence[str], partition: str | None, references: Sequence[ReferencePhoto] = ()
) -> None:
    from facefind_pipeline.orchestration.resources import Incoming

    graph.materialize(assets, partition, incoming=Incoming(references=list(references)))
