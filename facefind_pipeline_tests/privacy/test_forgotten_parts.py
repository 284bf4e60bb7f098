"""A set, a photo, an event day and faces of nobody who agreed are forgotten one after the other, and found nowhere.

What is searched for, and what the receipts' counts are held against, is read by other means than the product's own.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from facefind_pipeline_tests.conftest import SMALL_SET, Portraits, call_facefind
from facefind_pipeline_tests.privacy.searched_place import Needles, Place, found

pytestmark = [pytest.mark.slow, pytest.mark.proof]

OTHER_SET = "hog-up1-px800@dlib"
THIRD_SET = "hog-up0-px900@dlib"
PHOTO, DAY = "canary-photo-2718281828", "canary-day-1618033988"


def _done(*arguments: object) -> Any:
    result = call_facefind(*arguments)
    assert result.exit_code == 0, result.stderr
    return result


def _write(photos: Path, portraits: Portraits) -> None:
    """Beside the event's two days a photo, and a day of two, whose files' names, faces and vectors no other has."""
    portraits.hopper.crop((20, 0, 512, 580)).resize((470, 554)).save(photos / "Day 1" / f"{PHOTO}.jpg", quality=88)
    day = photos / "Day 3"
    day.mkdir()
    portraits.hopper.crop((0, 20, 500, 600)).resize((500, 580)).save(day / f"{DAY}-a.jpg", quality=87)
    portraits.collins.crop((10, 0, 512, 502)).save(day / f"{DAY}-b.jpg", quality=87)


def _fill(place: Place, folder: Path) -> None:
    """All that is said of photos and made of them, under two sets."""
    _done("run", place.photos, "--params", SMALL_SET, "--reference", f"Grace={place.reference}")
    _done("sweep", OTHER_SET)
    for photo in (f"Day 1/{PHOTO}.jpg", f"Day 3/{DAY}-a.jpg"):
        _done("confirm", "Grace", photo)
    truth = folder / "truth.csv"
    truth.write_text(f"person,filename\nGrace,{PHOTO}.jpg\nGrace,{DAY}-a.jpg\nGrace,hopper.jpg\n")
    _done("truth", "add", truth)
    _done("person", "consent", "Grace", "--yes")
    for key in (SMALL_SET, OTHER_SET):
        _done("evaluate", "--params", key)
    _done("who")
    _done("gallery", "Grace", "--out", folder / "gallery")
    _done("album", "Grace", "--to", folder / "album")
    _done("deliver", "Grace", "--to", folder / "delivered", "--approve")


def _columns(place: Place, column: str) -> list[str]:
    """The tables that have a column of this name."""
    named = place.ask(
        f"SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema,"
        f" table_name) WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name = '{column}'"
        " AND table_name NOT IN (SELECT inhrelid::regclass::text FROM pg_inherits)"
    )
    return [str(name) for (name,) in named]


def _counts(place: Place, where: Mapping[str, str]) -> dict[str, int]:
    """Rows by table, of those that have any."""
    counts = {}
    for name, condition in where.items():
        ((count,),) = place.ask(f"SELECT count(*) FROM {name} WHERE {condition}")
        if count:
            counts[name] = int(str(count))
    return counts


def _forget(place: Place, needles: Needles, counts: Mapping[str, int], *arguments: str) -> None:
    """Forgets; what was in tables and files is nowhere, and the receipt counts what was counted."""
    before = found(place, needles)
    assert all(any("table " in one for one in where) and len(where) > 1 for where in before.values()), before
    receipt = json.loads(_done("forget", *arguments, "--yes", "--json").stdout)
    assert receipt["clean"], receipt
    rows = {name: both for name, both in receipt["rows"].items() if name != "evaluations"}  # all are made again
    assert rows == {name: [count, 0] for name, count in counts.items()}
    assert found(place, needles) == {kind: [] for kind in needles}


def _of_photos(place: Place, photos: str) -> tuple[Needles, dict[str, int]]:
    """What must go with photos, which a statement gives by SHA-256, and how many rows."""
    hashes = [bytes(one) for (one,) in place.ask(photos)]  # type: ignore[call-overload]
    faces = f"SELECT face_key FROM detected_faces WHERE sha256 IN ({photos})"
    ranked = f"face_key IN ({faces}) OR by_face_key IN ({faces})"
    where = {name: f"sha256 IN ({photos})" for name in _columns(place, "sha256") if "reference" not in name}
    where["ranked_photos"] = f"sha256 IN ({photos}) OR {ranked}"
    needles = {
        "crops": place.crops(faces),
        "vectors": place.vectors(f"SELECT embedding FROM embeddings WHERE face_key IN ({faces})"),
        "contents": [form for one in hashes for form in (one, one.hex().encode())],
    }
    return needles, _counts(place, where)


def test_what_is_forgotten_is_found_nowhere_and_does_not_come_back(
    place: Place, portraits: Portraits, tmp_path: Path
) -> None:
    _write(place.photos, portraits)
    _fill(place, tmp_path)
    _forget_the_set(place)
    _forget_the_photo(place)
    _forget_the_day(place)
    _forget_the_unmatched(place)


def _forget_the_set(place: Place) -> None:
    only = f"SELECT embedding FROM embeddings WHERE parameter_set {{}} '{OTHER_SET}'"
    ((detector,),) = place.ask(
        f"SELECT DISTINCT detector_fingerprint FROM set_days WHERE parameter_set = '{OTHER_SET}'"
    )
    faces = f"SELECT face_key FROM detected_faces WHERE detector_fingerprint = '{detector}'"
    needles = {
        "vectors": place.vectors(f"{only.format('=')} EXCEPT {only.format('<>')}"),
        "crops": place.crops(faces),
    }
    where = dict.fromkeys(_columns(place, "parameter_set"), f"parameter_set = '{OTHER_SET}'")
    where.pop("evaluations")
    of_detector = ("detected_faces", "detections", "embedding_problems")
    where |= dict.fromkeys(of_detector, f"detector_fingerprint = '{detector}'")
    where["made"] = f"partition LIKE '%{OTHER_SET}'"
    where["ranked_photos"] = f"search IN (SELECT search FROM searches WHERE parameter_set = '{OTHER_SET}')"
    _forget(place, needles, _counts(place, where), "--set", OTHER_SET)
    assert OTHER_SET not in _done("params", "list").stdout
    _done("run", place.photos, "--rehash")
    assert place.ask("SELECT parameter_set FROM parameter_sets") == [(SMALL_SET,)]
    assert found(place, needles) == {"vectors": [], "crops": []}


def _forget_the_photo(place: Place) -> None:
    needles, counts = _of_photos(place, f"SELECT sha256 FROM photos WHERE path LIKE '%{PHOTO}%'")
    assert place.names(PHOTO)
    _forget(place, needles, counts, "--photo", f"Day 1/{PHOTO}.jpg")
    assert not place.names(PHOTO)
    file = place.photos / "Day 1" / f"{PHOTO}.jpg"
    file.rename(file.with_name("renamed.jpg"))
    (place.photos / "Day 2" / "copied.jpg").write_bytes(file.with_name("renamed.jpg").read_bytes())
    _read_again(place, needles, "renamed.jpg", "copied.jpg")


def _forget_the_day(place: Place) -> None:
    needles, counts = _of_photos(place, f"SELECT sha256 FROM photos WHERE path LIKE '%{DAY}%'")
    assert place.names(DAY)
    _forget(place, needles, counts, "--day", "Day 3")
    assert not place.names(DAY)
    assert place.ask("SELECT event_day FROM event_days ORDER BY 1") == [("day-1",), ("day-2",)]
    (place.photos / "Day 3").rename(place.photos / "Day 4")
    for file, name in zip(sorted((place.photos / "Day 4").iterdir()), ("one.jpg", "two.jpg"), strict=True):
        file.rename(file.with_name(name))
    _read_again(place, needles, "one.jpg", "two.jpg")


def _read_again(place: Place, needles: Needles, *left_out: str) -> None:
    """Under other names, wholly, and by another detector: the files are left out, and said to be."""
    again = _done("run", place.photos, "--rehash", "--params", SMALL_SET).stderr.splitlines()
    for name in left_out:
        assert any(name in line and "was forgotten on" in line for line in again), again
    _done("sweep", THIRD_SET)
    assert found(place, needles) == {kind: [] for kind in needles}


def _forget_the_unmatched(place: Place) -> None:
    """Grace agreed; the other person's faces lose all but their places."""
    others = """
        SELECT face_key FROM detected_faces WHERE face_key NOT IN (
            SELECT e.face_key FROM embeddings e JOIN reference_embeddings r USING (parameter_set)
            WHERE e.embedding <-> r.embedding < 0.45
        )
    """
    needles = {
        "crops": place.crops(others),
        "vectors": place.vectors(f"SELECT embedding FROM embeddings WHERE face_key IN ({others})"),
    }
    places = place.ask("SELECT sha256, x, y, w, h FROM detected_faces ORDER BY 1, 2, 3")
    where = dict.fromkeys(("embeddings", "group_faces"), f"face_key IN ({others})")
    where["detected_faces"] = f"thumbnail <> '' AND face_key IN ({others})"
    where["clothes"] = f"descriptor IS NOT NULL AND face_key IN ({others})"
    where["ranked_photos"] = f"face_key IN ({others}) OR by_face_key IN ({others})"
    _forget(place, needles, _counts(place, where), "--unmatched")
    _done("run", place.photos, "--rehash", "--params", SMALL_SET)
    assert found(place, needles) == {"crops": [], "vectors": []}
    assert place.ask("SELECT sha256, x, y, w, h FROM detected_faces ORDER BY 1, 2, 3") == places
