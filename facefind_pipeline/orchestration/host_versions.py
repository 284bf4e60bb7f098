"""Whether a host would make of photos what the one that launched a run would: of the same libraries, models and rules.

What a run is to be made by goes along as fingerprints in its tags; the table `fingerprints` has what they mean.
"""

from collections.abc import Iterator, Mapping

from dagster import DagsterRun

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.faces import present_fingerprints, record_fingerprints
from facefind_pipeline.orchestration.dagster_internals import PARTITION_NAME_TAG
from facefind_pipeline.orchestration.jobs import assets_of
from facefind_pipeline.orchestration.processes import HIDDEN
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.versions import Fingerprints

TAG = f"{HIDDEN}made_by"
MADE_BY_MODELS = {"detected_faces", "face_embeddings", "reference_embeddings"}


def tags(database: Database, settings: Settings, run: DagsterRun) -> dict[str, str]:
    """What a run is to be made by; nothing for a run without a detector or embedder, or whose model is missing here."""
    parameters = _parameters(run)
    if parameters is None:
        return {}
    try:
        present = present_fingerprints(settings, parameters)
    except FacefindError:
        return {}
    with database.connect() as connection:
        record_fingerprints(connection, settings, parameters)
    return {TAG: " ".join(present)}


def refusal(database: Database, settings: Settings, run: DagsterRun) -> str | None:
    """Why a run is not for this host, by the name of what differs; None where it is."""
    parameters, tag = _parameters(run), run.tags.get(TAG)
    if parameters is None or tag is None:
        return None
    wanted = Fingerprints(*tag.split())
    try:
        present = present_fingerprints(settings, parameters)
    except FacefindError as error:
        return f"{parameters.key} can't be made on this host: {error}"
    if present == wanted:
        return None
    with database.connect() as connection:
        record_fingerprints(connection, settings, parameters)
        known = parameter_sets.fingerprint_meanings(connection, [*wanted, *present])
    differences = [
        difference
        for kind in ("detector", "embedder")
        for difference in _differences(known.get(getattr(wanted, kind), {}), known.get(getattr(present, kind), {}))
    ]
    if present.clothes != wanted.clothes:
        differences.append("the rules by which facefind describes clothes")
    return (
        f"this host would make other faces or vectors of {parameters.key} than the one that asks for them: "
        f"{'; '.join(dict.fromkeys(differences))}; install the same on all hosts"
    )


def _parameters(run: DagsterRun) -> ParameterSet | None:
    partition = run.tags.get(PARTITION_NAME_TAG)
    return ParameterSet.parse(partition.rpartition("|")[2]) if partition and assets_of(run) & MADE_BY_MODELS else None


def _differences(wanted: Mapping[str, object], present: Mapping[str, object]) -> Iterator[str]:
    """As `opencv 4.13.0 here, 4.14.0 there`; what differs within a name is listed by its own."""
    for name in sorted(wanted.keys() | present.keys()):
        there, here = wanted.get(name), present.get(name)
        if here == there:
            continue
        if isinstance(there, Mapping) and isinstance(here, Mapping):
            yield from _differences(there, here)
        else:
            yield f"{name} {_short(here)} here, {_short(there)} there"


def _short(value: object) -> str:
    return "missing" if value is None else str(value)[:24]  # of a file's SHA-256 enough to tell two apart
