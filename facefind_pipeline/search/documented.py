"""The queries that people read, filled in with values of a home, to run by hand or to see how they run."""

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.search.calibration import NEAREST_REFERENCE, SCORE, read_calibration
from facefind_pipeline.search.filters import Filters, wanted_photos
from facefind_pipeline.search.live import FACES_PER_PHOTO, index_settings, live_statement, probe_parameters
from facefind_pipeline.search.probes import reference_probes
from facefind_pipeline.search.shown import Shown
from facefind_pipeline.search.stored import KEPT, stored_statement
from facefind_pipeline.store import people
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import operator, query

# All of them read only. Those that write (`adopt_embeddings`) are parts of a transaction.
OF_A_PERSON = ("find", "nearest_face", "stored_results")
DOCUMENTED = (
    *OF_A_PERSON,
    *("co_occurring", "count_photos", "faces_of_photo", "faces_per_photo"),
    *("photos_to_do", "results_by_person", "wanted_photos"),
    *("together", "who_was_where", "day_timeline"),
)
LIMIT = 10  # photos, as `facefind find` prints


def filled_in(connection: Connection, chosen: RegisteredSet, name: str) -> str:
    """The statement of one of `DOCUMENTED` with values of the home: a set, a day, a photo with a face, a person.

    Raises:
        FacefindError: there is no photo with a face yet, or nobody to look for.
    """
    parts = {
        "operator": operator(chosen.metric),
        "dimension": sql.Literal(chosen.dimension),
        "table": sql.Identifier(chosen.table),
        "wanted": wanted_photos(Filters()),
    }
    composed = {
        "find": live_statement(chosen, chosen.metric, Filters(), exact=False, for_person=True),
        "stored_results": stored_statement(Filters(), clothes=True),
        "wanted_photos": wanted_photos(Filters()),
    }
    statement = composed[name] if name in composed else query(name, **parts)
    with connection.cursor() as cursor:
        made: bytes = cursor.mogrify(statement, _values(connection, chosen, name))
        return made.decode().rstrip()


def explain(connection: Connection, statement: str) -> list[str]:
    """What EXPLAIN ANALYZE prints of a statement, run under the settings that searches have."""
    with connection.cursor() as cursor:
        cursor.execute(index_settings())
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS)\n" + statement)
        return [line for (line,) in cursor.fetchall()]


def _values(connection: Connection, chosen: RegisteredSet, name: str) -> dict[str, object]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT p.event_day, p.sha256, d.clothes_fingerprint
            FROM photos p LEFT JOIN set_days d ON (d.event_day, d.parameter_set) = (p.event_day, %(parameter_set)s)
            WHERE EXISTS (SELECT FROM embeddings e WHERE e.parameter_set = %(parameter_set)s AND e.sha256 = p.sha256)
            ORDER BY p.event_day, p.path LIMIT 1
            """,
            {"parameter_set": chosen.key},
        )
        first = cursor.fetchone()
    if first is None:
        raise FacefindError(f"no photo with a face under {chosen.key} yet: run `facefind run PHOTOS`")
    day, photo, clothes = first
    values = Filters().parameters | {
        "parameter_set": chosen.key,
        "detector": chosen.detector_fingerprint,
        "embedder": chosen.embedder_fingerprint,
        "clothes": clothes,
        "day": day,
        "days": [day],
        "photo": photo,
        "photos": [photo],
        "person": None,
        "limit": LIMIT,
        "most": KEPT,
        **_cuts(connection, chosen),
    }
    return values | (_person_values(connection, chosen, name) if name in OF_A_PERSON else {})


def _cuts(connection: Connection, chosen: RegisteredSet) -> dict[str, float]:
    """Scores up to which a match is sure, and sure or likely; nothing is known to be without a calibration."""
    calibration = read_calibration(connection, chosen.key)
    return {"sure": calibration.sure_cut, "likely": calibration.shown_cut} if calibration else {"sure": 0, "likely": 0}


def _person_values(connection: Connection, chosen: RegisteredSet, name: str) -> dict[str, object]:
    usable = {state.person.key for state in people.reference_states(connection, chosen.key) if state.thumbnail}
    person = next((one for one in people.people(connection) if one.key in usable), None)
    if person is None:
        raise FacefindError(
            f"nobody has a usable reference under {chosen.key} yet: run `facefind person add NAME FILE`"
        )
    calibration = read_calibration(connection, chosen.key, NEAREST_REFERENCE if name == "find" else SCORE)
    probes = reference_probes(connection, chosen.key, person)
    return {
        **Shown(LIMIT, None, calibration).parameters,
        **probe_parameters(probes, person),
        "candidates": LIMIT * FACES_PER_PHOTO,
    }
