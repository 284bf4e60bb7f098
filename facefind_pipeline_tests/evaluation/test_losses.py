"""Why a photo is lost: each kind of failure, planted in the tables as it happens, is reported by its name."""

from collections.abc import Iterator
from datetime import date, datetime

import numpy as np
import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.evaluation.evaluate import compute_figures
from facefind_pipeline.evaluation.explain import explain
from facefind_pipeline.evaluation.losses import Facts, Outranking, Reason, attribute, near
from facefind_pipeline.faces import Face
from facefind_pipeline.search import live, results
from facefind_pipeline.search.filters import Filters
from facefind_pipeline.search.index import refresh as refresh_index
from facefind_pipeline.store import faces, feedback, parameter_sets, truth
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import Detection, Partition
from facefind_pipeline.store.index_kinds import IndexKind
from facefind_pipeline.store.people import Person
from facefind_pipeline.store.truth import TruthList, TruthRow
from facefind_pipeline_tests.store.rows import Photo, partition, table, vector, write_all, write_person, write_photos

HAAR = "haar-sf1.05-mn2-ms100@dlib"
HOG = "hog-up1-px2000@dlib"
HERS = (100, 100, 50, 50)
ADA = Person("ada", "Ada")


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


@pytest.fixture
def friday(connection: Connection) -> Partition:
    made = partition(connection, "friday", HAAR)
    write_person(connection, made, "Ada", [vector(0)])
    return made


def _lose(connection: Connection, into: Partition, shots: list[Photo], lost: Photo, box=None) -> tuple[Reason, str]:
    """What the evaluation says of one photo, beside which another one is found."""
    found = Photo("found.jpg", "found", [vector(0.25)])
    write_all(connection, into, [found, *shots])
    rows = [TruthRow("ada", found.sha256), TruthRow("ada", lost.sha256, box)]
    truth.write_list(connection, TruthList("by hand.csv", rows), "command")
    results.refresh(connection, parameter_sets.find(connection, into.parameter_set))
    figures = compute_figures(connection, into.parameter_set)
    (loss,) = figures.losses
    assert loss.photo in (lost.path, None)
    assert figures.found == [("ada", found.sha256.hex())]
    return loss.reason, loss.detail


def test_a_broken_file(connection: Connection, friday: Partition) -> None:
    broken = Photo("broken.jpg", "1", problem="not an image")
    assert _lose(connection, friday, [broken], broken) == (Reason.UNREADABLE, "not an image")


def test_a_file_whose_pixels_are_broken(connection: Connection, friday: Partition) -> None:
    broken = Photo("broken.jpg", "1")
    faces.write_detections(
        connection, friday.detector, [Detection(broken.sha256, 0.1, "truncated or damaged JPEG", [], [])]
    )
    assert _lose(connection, friday, [broken], broken) == (Reason.UNREADABLE, "truncated or damaged JPEG")


def test_a_face_that_no_detector_finds(connection: Connection, friday: Partition) -> None:
    painted = Photo("painted over.jpg", "1")
    assert _lose(connection, friday, [painted], painted) == (Reason.NO_FACE, "no other set finds a face there either")


def test_a_face_below_the_smallest_size_that_another_set_finds(connection: Connection, friday: Partition) -> None:
    small = Photo("small.jpg", "1")
    other = partition(connection, "friday", HOG, detector="hog")
    seen = Face(HERS, 1.0)
    faces.write_detections(connection, other.detector, [Detection(small.sha256, 0.1, None, [seen], [b"jpeg"])])
    faces.finish(connection, other)
    reason, detail = _lose(connection, friday, [small], small)
    assert reason is Reason.NO_FACE
    assert detail == f"{HOG} finds one 50 px wide, below this set's smallest of 100"


def test_a_face_found_elsewhere_in_the_photo(connection: Connection, friday: Partition) -> None:
    beside = Photo("beside.jpg", "1", [vector(0.9)], boxes=[(900, 100, 50, 50)])
    reason, detail = _lose(connection, friday, [beside, *_strangers(3)], beside, box=HERS)
    assert reason is Reason.NOT_NEAR
    assert "1 face elsewhere" in detail


def _strangers(count: int) -> list[Photo]:
    return [Photo(f"stranger{n}.jpg", f"s{n}", [vector(0, 0.7 + n / 100)]) for n in range(count)]


def test_a_face_that_others_outrank(connection: Connection, friday: Partition) -> None:
    far = Photo("far.jpg", "1", [vector(0.95)])
    reason, detail = _lose(connection, friday, [far, *_strangers(4)], far)
    assert reason is Reason.OUTRANKED
    assert detail.startswith("rank 6, below stranger0.jpg (0.7")
    assert detail.endswith("and 1 more")


def test_a_photo_that_was_rejected(connection: Connection, friday: Partition) -> None:
    hers = Photo("hers.jpg", "1", [vector(0.2)])
    feedback.say(connection, "ada", hers.sha256, None)
    assert _lose(connection, friday, [hers], hers)[0] is Reason.REJECTED


def test_a_photo_that_is_not_worked_on_yet(connection: Connection, friday: Partition) -> None:
    new = Photo("new.jpg", "1")
    assert _lose(connection, friday, [], new)[0] is Reason.GONE
    write_photos(connection, "friday", [new])
    (loss,) = compute_figures(connection, HAAR).losses
    assert loss.reason is Reason.NOT_DONE


def test_a_date_filter_that_takes_it_out(connection: Connection, friday: Partition) -> None:
    hers = Photo("hers.jpg", "1", [vector(0.2)], taken_at=datetime(2024, 6, 2, 12))
    write_all(connection, friday, [hers])
    chosen = parameter_sets.find(connection, HAAR)
    results.refresh(connection, chosen)
    for last, reason in ((date(2024, 6, 1), Reason.FILTERED), (date(2024, 6, 2), Reason.FOUND)):
        made = explain(connection, chosen, ADA, hers.sha256, limit=10, filters=Filters(to_day=last))
        assert made.loss.reason is reason


def test_a_photo_of_a_day_that_no_list_covers_is_explained_too(connection: Connection, friday: Partition) -> None:
    saturday = partition(connection, "saturday", HAAR)
    hers, others = Photo("hers.jpg", "1", [vector(0.2)]), Photo("others.jpg", "2", [vector(0.9)])
    write_all(connection, friday, [others])
    write_all(connection, saturday, [hers])
    truth.write_list(connection, TruthList("a.csv", [TruthRow("ada", others.sha256)], ("friday",)), "command")
    chosen = parameter_sets.find(connection, HAAR)
    results.refresh(connection, chosen)
    made = explain(connection, chosen, ADA, hers.sha256, limit=10, filters=Filters())
    assert (made.fact.path, made.loss.reason) == ("hers.jpg", Reason.FOUND)


def test_an_approximate_index_that_looks_too_briefly(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    shots = [Photo(f"{n}.jpg", str(n), [random.normal(0, 1, 128).astype(np.float32)]) for n in range(1_500)]
    with database.connect() as connection:
        into = partition(connection, "friday", HAAR)
        write_person(connection, into, "Ada", [vector(0)])
        write_all(connection, into, shots)
        parameter_sets.set_index(connection, HAAR, IndexKind("hnsw"))
    refresh_index(database, HAAR)
    with database.connect() as connection:
        with connection.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off; SET enable_sort = off")
        chosen = parameter_sets.find(connection, HAAR)
        results.refresh(connection, chosen)
        nearest = [
            bytes(sha) for (sha,) in table(connection, "SELECT sha256 FROM search_results ORDER BY rank LIMIT 20")
        ]
        monkeypatch.setattr(live, "EF_SEARCH", 1)
        monkeypatch.setattr(live, "FACES_PER_PHOTO", 1)
        reasons = [
            explain(connection, chosen, ADA, photo, limit=20, filters=Filters()).loss.reason for photo in nearest
        ]
    assert set(reasons) == {Reason.FOUND, Reason.LOST_BY_INDEX}


def test_what_is_found_is_not_lost() -> None:
    assert attribute(Facts("a.jpg", own_faces=[HERS], rank=3, cut=3)).reason is Reason.FOUND
    outranked = Facts("a.jpg", own_faces=[HERS], rank=4, cut=3, outranking=[Outranking("b.jpg", 0.5)])
    assert attribute(outranked).detail == "rank 4, below b.jpg (0.500)"


def test_the_first_thing_to_mend_is_named() -> None:
    assert attribute(Facts("a.jpg", problem="not an image", rejected=True)).reason is Reason.UNREADABLE


def test_near_is_the_same_face_whatever_a_detector_takes_for_its_border() -> None:
    assert near((100, 100, 50, 50), (90, 85, 70, 90))
    assert near((100, 100, 20, 20), (60, 60, 100, 100))
    assert not near((100, 100, 50, 50), (160, 100, 50, 50))
