"""What is shown: all that is sure or likely, counted; and that stored and live answers mean the same by it."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search import rank, results, stored
from facefind_pipeline.search.count import completed
from facefind_pipeline.search.filters import Filters
from facefind_pipeline.search.find import find_person
from facefind_pipeline.search.live import find_nearest
from facefind_pipeline.search.matches import WORTH_SHOWING, Answer
from facefind_pipeline.search.probes import reference_probes
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import feedback, parameter_sets
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.faces import Partition
from facefind_pipeline.store.people import Person
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, vector, write_all, write_person

NAMES = [f"guest{number}" for number in range(40)]


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


@pytest.fixture
def friday(connection: Connection) -> Partition:
    return partition(connection, "friday")


def _shots(distances: dict[str, float]) -> list[Photo]:
    return [Photo(path, path, [vector(distance)]) for path, distance in distances.items()]


# Under so few faces dlib's own constants hold: up to a distance of about .5 photos are sure or likely.
NEAR, FAR = {f"near{n}.jpg": 0.3 + n / 1000 for n in range(15)}, {f"far{n}.jpg": 1.1 + n / 1000 for n in range(20)}


def _photos(answer: Answer) -> list[str]:
    return [match.photo for match in answer.matches]


def test_all_that_is_sure_or_likely_is_shown_however_much_it_is_and_the_rest_counted(connection, friday) -> None:
    write_all(connection, friday, _shots(NEAR | FAR))
    ada = write_person(connection, friday, "Ada", [vector(0)])
    results.refresh(connection, parameter_sets.find(connection, KEY))
    chosen = parameter_sets.find(connection, KEY)
    live = completed(
        connection, KEY, find_nearest(connection, chosen, reference_probes(connection, KEY, ada), bands=WORTH_SHOWING)
    )
    stored = find_person(connection, chosen, ada, bands=WORTH_SHOWING)
    for answer in (stored, live):
        assert _photos(answer) == list(NEAR)
        assert answer.counts == {"confirmed": 0, "sure": 15, "likely": 0}
        assert (answer.photos, answer.at_least, answer.stale) == (35, False, False)
    few = find_person(connection, chosen, ada, bands=WORTH_SHOWING, limit=4)
    assert (_photos(few), few.counts["sure"]) == (list(NEAR)[:4], 15)
    assert _photos(find_person(connection, chosen, ada)) == [*NEAR, *FAR]
    assert _photos(find_person(connection, chosen, ada, bands=["unlikely"], limit=3)) == list(FAR)[:3]


def test_an_answer_says_that_it_is_live_where_results_wait_for_a_refresh(connection, friday) -> None:
    write_all(connection, friday, _shots(NEAR | FAR))
    ada = write_person(connection, friday, "Ada", [vector(0)])
    results.refresh(connection, parameter_sets.find(connection, KEY))
    write_all(connection, friday, _shots({"new.jpg": 0.2}))
    chosen = parameter_sets.find(connection, KEY)
    answer = find_person(connection, chosen, ada, bands=WORTH_SHOWING)
    assert answer.stale
    assert _photos(answer) == ["new.jpg", *NEAR]
    assert {match.band for match in answer.matches} == {"sure"}
    assert not find_person(connection, chosen, ada, metric="cosine").stale  # asked for, whatever is stored
    results.refresh(connection, chosen)
    assert not find_person(connection, chosen, ada, bands=WORTH_SHOWING).stale


def test_a_live_answer_has_the_confirmed_first_however_far_and_not_the_rejected(connection, friday) -> None:
    shots = _shots(NEAR | FAR)
    write_all(connection, friday, shots)
    ada = write_person(connection, friday, "Ada", [vector(0)])
    results.refresh(connection, parameter_sets.find(connection, KEY))
    confirmed, rejected = shots[-1], shots[0]
    feedback.say(connection, "ada", confirmed.sha256, confirmed.faces[0].box)
    feedback.say(connection, "ada", rejected.sha256, None)
    answer = find_person(connection, parameter_sets.find(connection, KEY), ada, bands=WORTH_SHOWING)
    assert answer.stale
    assert _photos(answer) == [confirmed.path, *list(NEAR)[1:]]
    assert answer.counts == {"confirmed": 1, "sure": 14, "likely": 0}


def test_where_nothing_is_known_of_probabilities_the_nearest_ten_are_shown(connection: Connection) -> None:
    key = "hog-up0-px640@imgbeddings"
    into = partition(connection, "friday", key)
    write_all(connection, into, [Photo(f"{n:02}.jpg", str(n), [vector(n, dimension=768)]) for n in range(1, 21)])
    ada = write_person(connection, into, "Ada", [vector(0, 0.1, dimension=768)])
    chosen = parameter_sets.find(connection, key)
    for from_stored in (False, True):
        if from_stored:
            results.refresh(connection, chosen)
        answer = completed(connection, key, find_person(connection, chosen, ada, bands=WORTH_SHOWING), ada)
        assert (len(answer.matches), answer.photos, answer.cut) == (10, 20, None)
        assert not any(answer.counts.values())
        assert len(find_person(connection, chosen, ada, bands=WORTH_SHOWING, limit=15).matches) == 15
        assert len(find_person(connection, chosen, ada).matches) == 20


def test_stored_results_suffice_where_the_last_they_keep_is_unlikely(connection, friday, monkeypatch) -> None:
    monkeypatch.setattr(rank, "KEPT", 20)
    monkeypatch.setattr(stored, "KEPT", 20)
    write_all(connection, friday, _shots(NEAR | FAR))
    ada = write_person(connection, friday, "Ada", [vector(0)])
    chosen = parameter_sets.find(connection, KEY)
    results.refresh(connection, chosen)
    with connection.cursor() as cursor:  # so that it shows who answered
        cursor.execute("UPDATE ranked_photos SET distance = distance + 100")
    answer = find_person(connection, chosen, ada, bands=WORTH_SHOWING)
    assert _photos(answer) == list(NEAR)
    assert answer.matches[0].distance > 100
    assert (answer.photos, answer.at_least) == (20, True)
    assert _photos(find_person(connection, chosen, ada)) == [*NEAR, *FAR]  # of all only the live search knows


def test_the_number_of_unlikely_photos_is_unknown_where_it_depends_on_the_face(connection, friday) -> None:
    write_all(connection, friday, _shots(NEAR | FAR))
    ada = write_person(connection, friday, "Ada", [vector(0)])
    chosen, filters = parameter_sets.find(connection, KEY), Filters(min_height=5)
    results.refresh(connection, chosen)
    live = find_nearest(connection, chosen, reference_probes(connection, KEY, ada), filters=filters)
    assert completed(connection, KEY, live, ada, filters).photos is None
    assert find_person(connection, chosen, ada, filters=filters).photos == 35


def test_results_from_before_live_answers_were_calibrated_stay_current(database: Database, settings: Settings) -> None:
    with database.connect() as connection:
        into = partition(connection, "friday")
        write_all(connection, into, _shots(NEAR | FAR))
        ada = write_person(connection, into, "Ada", [vector(0)])
        results.refresh(connection, parameter_sets.find(connection, KEY))
        with connection.cursor() as cursor:  # as 0011 left it
            cursor.execute("DELETE FROM calibrations WHERE measure <> 'score'")
            cursor.execute("ALTER TABLE calibrations DROP COLUMN measure, ADD PRIMARY KEY (parameter_set)")
            cursor.execute("DELETE FROM _yoyo_migration WHERE migration_id = '0013_asking'")
    with open_database.__wrapped__(settings).connect() as connection:
        chosen = parameter_sets.find(connection, KEY)
        assert _photos(find_person(connection, chosen, ada, bands=WORTH_SHOWING)) == list(NEAR)
        write_all(connection, into, _shots({"new.jpg": 0.2}))
        live = find_person(connection, parameter_sets.find(connection, KEY), ada, bands=WORTH_SHOWING)
        assert (len(live.matches), live.cut, {match.band for match in live.matches}) == (10, None, {""})


def _party(connection: Connection, friday: Partition) -> dict[str, set[str]]:
    """Forty guests in 600 photos, vectors spread as dlib's are (`bench/faces.py`); who is on which photo."""
    random = np.random.default_rng(11)

    def spread(variance: float, offset: float, power: float) -> np.ndarray:
        falling = (np.arange(1, 129) + offset) ** -power
        return np.sqrt(variance * falling / falling.sum())

    between, within = spread(0.24, 2, 1.2), spread(0.085, 3, 1.0)
    centres = random.normal(0, 1, (len(NAMES), 128)) * between

    def seen(centre: np.ndarray) -> np.ndarray:
        return (centre + random.normal(0, 1, 128) * within).astype(np.float32)

    shots, there = [], {}
    for number in range(600):
        guests = random.choice(len(NAMES), 3, replace=False)
        strangers = random.normal(0, 1, (2, 128)) * between
        faces = [seen(centre) for centre in (*centres[guests], *strangers)]
        shots.append(Photo(f"{number}.jpg", str(number), faces))
        there[f"{number}.jpg"] = {NAMES[guest] for guest in guests}
    write_all(connection, friday, shots)
    for name, centre in zip(NAMES, centres, strict=True):
        write_person(connection, friday, name, [seen(centre)])
    return there


def test_stored_and_live_answers_call_the_same_photos_sure_and_likely(connection, friday) -> None:
    there = _party(connection, friday)
    chosen = parameter_sets.find(connection, KEY)
    results.refresh(connection, chosen)
    same, sure, false = Counter(), Counter(), {"stored": Counter(), "live": Counter()}
    for name in NAMES:
        person = Person(name, name)
        probes = reference_probes(connection, KEY, person)
        answers = {
            "stored": find_person(connection, chosen, person, bands=WORTH_SHOWING),
            "live": find_nearest(connection, chosen, probes, person=person, bands=WORTH_SHOWING),
        }
        for how, answer in answers.items():
            false[how].update(match.band for match in answer.matches if name not in there[match.photo])
        stored, live = ({match.photo: match.band for match in answer.matches} for answer in answers.values())
        same.update(stored.get(photo) == live.get(photo) for photo in there)
        sure.update(
            (photo in stored) == (photo in live) for photo in there if "sure" in (stored.get(photo), live.get(photo))
        )
    print(f"\nin one band {same}; sure by one and shown by both {sure}; false {false}")
    assert same[True] > 0.99 * same.total()
    assert sure[True] > 0.99 * sure.total()
    assert false["live"]["sure"] <= 0.1 * len(NAMES)
    for how in ("stored", "live"):
        assert false[how].total() <= 3 * len(NAMES)
