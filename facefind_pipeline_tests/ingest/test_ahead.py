"""A photo that is decoded for one set is detected for others of its day, too: what they find then, what may fail."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from facefind_pipeline.faces import Face
from facefind_pipeline.ingest.faces import Filled, fill
from facefind_pipeline.ingest.photos import ingest_day
from facefind_pipeline.ingest.register import register_folder, register_set
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline.store.tombstones import Tombstones
from facefind_pipeline.vision import detectors, pipeline
from facefind_pipeline.vision.decode import DecodedPhoto, decode_opened, require_memory
from facefind_pipeline.vision.detectors import Effort
from facefind_pipeline.vision.opening import OpenedPhoto
from facefind_pipeline.vision.watched_process import LostPhotoError
from facefind_pipeline_tests.conftest import Silence, administer
from facefind_pipeline_tests.stored import ask

pytestmark = pytest.mark.usefixtures("in_this_process")

DAY, PHOTOS = "day-1", 3
SIZES = ((512, 600), (1024, 600), (320, 240))  # of these
FULL, REDUCED, HAAR = "hog-up0-px0@dlib", "hog-up0-px640@dlib", "haar-sf1.20-mn5-ms60@dlib"
GREY, COLOUR = "haar-sf1.30-mn5-ms60@imgbeddings", "hog-up0-px512@imgbeddings"
SETS = (FULL, REDUCED, HAAR, GREY, COLOUR)
# All that a fill stores, but for times.
ROWS = (
    "SELECT sha256, detector_fingerprint, problem FROM detections ORDER BY 1, 2",
    "SELECT * FROM detected_faces ORDER BY sha256, detector_fingerprint, face_key",
    "SELECT parameter_set, face_key, sha256, detector_fingerprint, embedder_fingerprint, embedding::text"
    " FROM embeddings ORDER BY 1, 2",
    "SELECT face_key, sha256, fingerprint, descriptor FROM clothes ORDER BY 1",
    "SELECT asset, partition, made_from, data_version, complete FROM made WHERE asset <> 'raw_photos' ORDER BY 1, 2",
)


def _prepare(database: Database, settings: Settings, event: Path) -> None:
    for key in SETS:
        register_set(database, settings, key)
    (day,) = (day for day in register_folder(database, settings, event).days if day.key == DAY)
    with database.connect() as connection:
        ingest_day(connection, day, Silence(), Tombstones(settings.home))


@pytest.fixture
def home(settings: Settings, clip_model: Path) -> Settings:
    """Where both embedders are at hand."""
    return read_settings()


@pytest.fixture
def event_day(database: Database, home: Settings, event: Path) -> Database:
    """A day of three photos that can be read, one of them without a face, under sets of two embedders."""
    _prepare(database, home, event)
    return database


@pytest.fixture
def filled_alone(
    server: EmbeddedServer, templates: dict[str, str], event_day: Database, home: Settings, event: Path
) -> Iterator[Database]:
    """Another database with the same day, each set filled by itself."""
    name = event_day.url.rpartition("/")[2].partition("?")[0] + "_alone"
    administer(server, f"CREATE DATABASE {name} TEMPLATE {templates['']}")
    alone = replace(event_day, url=server.url(name))
    _prepare(alone, home, event)
    for key in SETS:
        fill(alone, home, DAY, key, Silence())
    yield alone
    administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, bool]]:
    """A line for each photo that is decoded, of what was wanted of it."""
    calls: list[dict[str, bool]] = []

    def counting(photo: OpenedPhoto, **wanted: bool) -> DecodedPhoto:
        calls.append(wanted)
        return decode_opened(photo, **wanted)

    monkeypatch.setattr(pipeline, "decode_opened", counting)
    return calls


def _fill(database: Database, home: Settings, key: str, ahead: Sequence[str] = ()) -> Filled:
    return fill(database, home, DAY, key, Silence(), ahead=ahead)


def _rows(database: Database) -> list[object]:
    return [ask(database.url, statement) for statement in ROWS]


@pytest.mark.parametrize("first", [1, -1])
def test_sets_are_detected_in_one_pass_as_each_by_itself_whatever_their_order(
    first: int, event_day: Database, filled_alone: Database, home: Settings, decoded: list[dict[str, bool]]
) -> None:
    decoded.clear()
    for sets in ((FULL, REDUCED, HAAR)[::first], (GREY, COLOUR)[::first]):
        passed = _fill(event_day, home, sets[0], sets)
        assert (passed.decoded, passed.detected) == (PHOTOS, PHOTOS)
        assert passed.ahead == dict.fromkeys(sets[1:], PHOTOS)
        for key in sets[1:]:
            filled = _fill(event_day, home, key)
            assert (filled.decoded, filled.detected, filled.embedded, filled.described) == (0, 0, 0, 0)
            assert filled.faces > 0
        keys = ", ".join(f"'{key}'" for key in sets)
        statement = f"SELECT count(DISTINCT face_key) FROM embeddings WHERE parameter_set IN ({keys})"
        assert ask(event_day.url, statement) == [(passed.embedded,)]
    assert ask(event_day.url, "SELECT FROM embeddings GROUP BY face_key HAVING count(*) > 1")
    assert decoded == [{"rgb": True, "grey": True}] * (2 * PHOTOS)
    assert _rows(event_day) == _rows(filled_alone)


def test_sets_of_another_embedder_and_those_that_others_are_at_are_left_out(
    event_day: Database, home: Settings
) -> None:
    with event_day.lock("faces", DAY, HAAR):
        filled = _fill(event_day, home, FULL, [COLOUR, HAAR, REDUCED, "haar-sf1.10-mn5-ms60@dlib"])
    assert filled.ahead == {REDUCED: PHOTOS}
    assert _fill(event_day, home, HAAR).detected == PHOTOS


def test_what_fails_ahead_costs_no_other_set_and_is_its_own_runs_to_say(
    event_day: Database, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    detect = detectors.HaarDetector.detect

    def failing(self: detectors.HaarDetector, photo: DecodedPhoto) -> list[Face]:
        if photo.size[0] == 1024:
            raise RuntimeError("bad luck")
        return detect(self, photo)

    monkeypatch.setattr(detectors.HaarDetector, "detect", failing)
    filled = _fill(event_day, home, FULL, [HAAR, REDUCED])
    assert (filled.detected, filled.problems) == (PHOTOS, {})
    assert filled.ahead == {HAAR: PHOTOS - 1, REDUCED: PHOTOS}
    own = _fill(event_day, home, HAAR)
    assert (own.decoded, own.problems) == (1, {"Day 1/both.jpg": "decoding or detecting failed: bad luck"})


def test_a_photo_whose_process_is_lost_with_sets_ahead_is_worked_on_alone(
    event_day: Database, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crashing(function: Callable[..., object], *arguments: object) -> object:
        if isinstance(arguments[0], pipeline.PhotoTask) and arguments[0].ahead and arguments[0].path.name == "both.jpg":
            raise LostPhotoError("crashed")
        return function(*arguments)

    monkeypatch.setattr(pipeline, "apart", crashing)
    filled = _fill(event_day, home, FULL, [HAAR])
    assert (filled.detected, filled.problems, filled.ahead) == (PHOTOS, {}, {HAAR: PHOTOS - 1})
    own = _fill(event_day, home, HAAR)
    assert (own.decoded, own.problems) == (1, {})


def test_vectors_that_are_not_wanted_take_no_set_along(event_day: Database, home: Settings) -> None:
    filled = fill(event_day, home, DAY, FULL, Silence(), embed=False, ahead=[HAAR])
    assert (filled.detected, filled.ahead) == (PHOTOS, {})


@pytest.mark.parametrize("room", [True, False])
def test_detectors_ask_for_their_memory_together_and_those_ahead_only_where_there_is_room(
    room: bool, event_day: Database, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, float]] = []

    def recording(photo: OpenedPhoto, *, working: int, seconds: float) -> None:
        asked.append((working, seconds))
        require_memory(photo, working=working, seconds=seconds)

    monkeypatch.setattr(pipeline, "require_memory", recording)
    if not room:
        monkeypatch.setattr(pipeline, "AHEAD_BYTES", 0)
    filled = _fill(event_day, home, FULL, [HAAR])
    assert (filled.detected, filled.ahead) == (PHOTOS, {HAAR: PHOTOS if room else 0})
    own, other = (detectors.load_detector(ParameterSet.parse(key).detector, home.models) for key in (FULL, HAAR))
    efforts = [own.effort(size) + (other.effort(size) if room else Effort()) for size in SIZES]
    assert sorted(asked) == sorted((effort.memory, effort.seconds) for effort in efforts)
