"""The demo's event: what is in it, and that composing it again changes nothing."""

from collections import Counter
from pathlib import Path

import pytest

from facefind_pipeline.demo_event import DemoEvent, compose, take_group_photo
from facefind_pipeline.vision.decode import decode
from facefind_pipeline.vision.exif import read_facts
from facefind_pipeline.vision.opening import UnreadablePhotoError, open_photo


@pytest.fixture(scope="module")
def event(tmp_path_factory: pytest.TempPathFactory) -> DemoEvent:
    return compose(tmp_path_factory.mktemp("demo"))


def files(event: DemoEvent) -> dict[str, tuple[bytes, int]]:
    """Bytes and time of change of every file."""
    root = event.photos.parent
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def faces(path: Path) -> int:
    import dlib

    return len(dlib.get_frontal_face_detector()(decode(path.read_bytes(), rgb=True, grey=False).rgb, 1))


def test_what_is_in_it(event: DemoEvent) -> None:
    assert Counter(path.parent.name for path in event.photos.rglob("*.jpg")) == {
        "2024-06-14 Lisbon arrival": 13,
        "2024-06-15 Sintra": 12,
        "2024-06-16 Vigo": 14,
    }
    assert event.person == "Grace Hopper"
    assert len(event.truth) == 21
    assert all((event.photos / path).is_file() for path in event.truth)
    assert not event.reference.is_relative_to(event.photos)


def test_one_file_is_no_image_and_one_photo_has_no_end(event: DemoEvent) -> None:
    problems, notes = {}, {}
    for path in event.photos.rglob("*.jpg"):
        name = path.relative_to(event.photos).as_posix()
        try:
            note = open_photo(path.read_bytes()).note
        except UnreadablePhotoError as error:
            problems[name] = str(error)
        else:
            notes |= {name: note} if note else {}
    assert list(problems.values()) == ["not an image"]
    assert list(notes.values()) == ["incomplete JPEG: used as far as it goes"]
    assert not event.truth & (problems.keys() | notes.keys())


def test_one_file_is_a_copy_of_a_photo_that_shows_her(event: DemoEvent) -> None:
    (copy,) = event.photos.rglob("Copy of *.jpg")
    original = copy.with_name(copy.name.removeprefix("Copy of "))
    assert copy.read_bytes() == original.read_bytes()
    assert {path.relative_to(event.photos).as_posix() for path in (copy, original)} <= event.truth


def test_photos_tell_where_and_when(event: DemoEvent) -> None:
    countries = {"2024-06-14 Lisbon arrival": "PT", "2024-06-15 Sintra": "PT", "2024-06-16 Vigo": "ES"}
    orientations, widths = set(), set()
    for path in event.photos.rglob("IMG_*.jpg"):
        facts = read_facts(path.read_bytes())
        orientations.add(facts.orientation)
        widths.add(facts.width)
        assert facts.country == countries[path.parent.name]
        assert facts.taken_at is not None
        assert path.parent.name.startswith(f"{facts.taken_at:%Y-%m-%d} ")
        assert facts.camera
    assert orientations == {1, 3, 6, 8}
    assert (min(widths), max(widths)) == (640, 3000)


def test_her_face_is_found_in_small_photos_and_from_afar(event: DemoEvent) -> None:
    assert faces(event.reference) == 1
    small = [path for path in sorted(event.truth) if read_facts((event.photos / path).read_bytes()).width <= 800]
    far = "2024-06-14 Lisbon arrival/IMG_0005.jpg"
    assert len(small) >= 3
    for path in (*small, far):
        assert faces(event.photos / path) >= 1, path


def test_composing_again_changes_no_file(event: DemoEvent) -> None:
    before = files(event)
    assert compose(event.photos.parent) == event
    assert files(event) == before


def test_a_missing_file_comes_back_with_the_same_bytes(event: DemoEvent) -> None:
    before = files(event)
    lost = sorted(event.photos.rglob("IMG_000[1579].jpg"))
    for path in (*lost, event.reference):
        path.unlink()
    compose(event.photos.parent)
    assert len(lost) == 4
    assert {name: content for name, (content, _) in files(event).items()} == {
        name: content for name, (content, _) in before.items()
    }


def test_another_seed_gives_other_photos(event: DemoEvent, tmp_path: Path) -> None:
    from facefind_pipeline.demo_event import _plan, _take

    shot = next(shot for shot in _plan() if shot.size == (640, 480))
    assert _take(shot, 7) == (event.photos / shot.path).read_bytes()
    assert _take(shot, 8) != _take(shot, 7)


@pytest.mark.parametrize("people", [1, 4, 9])
def test_a_group_photo_shows_as_many_faces_as_asked_for(people: int, tmp_path: Path) -> None:
    content = take_group_photo(people, (1500, 1000), seed=people)
    photo = tmp_path / "group.jpg"
    photo.write_bytes(content)
    assert faces(photo) == people
    assert read_facts(content).width == 1500
    assert take_group_photo(people, (1500, 1000), seed=people) == content
    assert take_group_photo(people, (1500, 1000), seed=people + 1) != content
