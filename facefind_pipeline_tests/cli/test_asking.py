"""What `facefind find` prints: totals, why each photo is there, remarks; and what its options take."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from facefind_pipeline.cli.filters import face_size, near_of
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.search import results
from facefind_pipeline.search.filters import Near
from facefind_pipeline.store import feedback, parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import Facefind
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, vector, write_all, write_person

LISBON, LAKE = (38.7167, -9.1333), (38.8, -9.3)


@pytest.fixture
def home(database: Database) -> Database:
    """Two days of Ada, Bob and strangers; one photo of her is confirmed."""
    with database.connect() as connection:
        friday, saturday = partition(connection, "2024-friday"), partition(connection, "2024-saturday-lake")
        confirmed = Photo("back.jpg", "back", [vector(0.7)], datetime(2024, 6, 14, 12), "PT", position=LISBON)
        write_all(
            connection,
            friday,
            [
                confirmed,
                *(Photo(f"sure{n}.jpg", f"s{n}", [vector(0.3 + n / 100)], position=LISBON) for n in range(12)),
                *(Photo(f"other{n}.jpg", f"o{n}", [vector(0, 0, 1.2 + n / 100)]) for n in range(20)),
            ],
        )
        lake = [
            Photo(
                "both.jpg", "b", [vector(0.25), vector(0, 1)], boxes=[(0, 0, 90, 100), (100, 0, 90, 90)], position=LAKE
            ),
            Photo("likely.jpg", "l", [vector(0.8)], boxes=[(0, 0, 30, 30)], position=LAKE),
        ]
        write_all(connection, saturday, lake)
        write_person(connection, friday, "Ada", [vector(0)])
        write_person(connection, friday, "Bob", [vector(0, 1.1)])
        feedback.say(connection, "ada", confirmed.sha256, confirmed.faces[0].box)
        results.refresh(connection, parameter_sets.find(connection, KEY))
    return database


def _photos(facefind: Facefind, *arguments: object) -> list[str]:
    result = facefind("find", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return [match["photo"] for match in json.loads(result.stdout)]


@pytest.mark.usefixtures("home")
def test_find_shows_all_that_are_sure_and_likely_with_their_totals(facefind: Facefind) -> None:
    head, columns, *rows = facefind("find", "Ada").stdout.splitlines()
    assert head == f"Ada: 1 confirmed, 13 sure, 1 likely; 20 unlikely not shown, --all (under {KEY})"
    assert columns.split()[:5] == ["rank", "match", "confidence", "why", "photo"]
    assert len(rows) == 15
    assert rows[0].split() == [
        "1",
        "confirmed",
        "confirmed",
        "back.jpg",
        "gone",
        "2024-friday",
        "2024-06-14",
        "12:00",
        "PT",
    ]


@pytest.mark.usefixtures("home")
def test_as_many_as_asked_for_or_all_are_shown_unlikely_ones_too(facefind: Facefind) -> None:
    head, _, *rows = facefind("find", "Ada", "-n", 4).stdout.splitlines()
    assert head.startswith("Ada: 1 confirmed, 13 sure, 1 likely, 20 unlikely (4 shown) (under ")
    assert len(rows) == 4
    assert len(_photos(facefind, "Ada", "-n", 100)) == 35
    every = facefind("find", "Ada", "--all").stdout.splitlines()
    assert every[0].startswith("Ada: 1 confirmed, 13 sure, 1 likely, 20 unlikely (under ")
    assert len(every) == 2 + 35


@pytest.mark.usefixtures("home")
def test_bands_are_chosen(facefind: Facefind) -> None:
    assert _photos(facefind, "Ada", "--band", "likely", "--band", "confirmed") == ["back.jpg", "likely.jpg"]
    head = facefind("find", "Ada", "--band", "likely").stdout.splitlines()[0]
    assert head.startswith("Ada: 1 likely; 1 confirmed, 13 sure, 20 unlikely not shown, --all")
    assert facefind("find", "Ada", "--band", "likely", "--all").exit_code == 2
    unknown = facefind("find", "Ada", "--band", "likely", "--metric", "cosine")
    assert unknown.exit_code == 1
    assert "--band likely: under hog-up0-px640@dlib it is not known how likely a photo is" in unknown.stderr


@pytest.mark.usefixtures("home")
def test_nobody_likely_is_said_too(facefind: Facefind) -> None:
    result = facefind("find", "Ada", "--day", "friday", "--min-size", 100)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no photos match these filters" in result.stderr
    result = facefind("find", "Bob", "--day", "friday")
    assert result.stdout.startswith("Bob: no photo is confirmed, sure or likely; 33 unlikely not shown, --all")


@pytest.mark.usefixtures("home")
def test_one_column_says_why(facefind: Facefind) -> None:
    _, columns, *rows = facefind("find", "Ada", "--all").stdout.splitlines()
    start, end = columns.index("why"), columns.index("photo")
    why = {row[end:].split()[0]: row[start:end].strip() for row in rows}
    assert why["back.jpg"] == "confirmed"
    assert why["sure0.jpg"].startswith("face .")
    assert "(cut ." in why["sure0.jpg"]
    assert "1." in why["other19.jpg"]
    of_bob = facefind("find", "Bob", "--all").stdout.splitlines()
    assert next(line for line in of_bob if "sure0.jpg" in line).count(", more like Ada") == 1


@pytest.mark.usefixtures("home")
def test_filters_are_given_together(facefind: Facefind) -> None:
    assert _photos(facefind, "Ada", "--with", "Bob") == ["both.jpg"]
    assert "both.jpg" not in _photos(facefind, "Ada", "--without", "Bob", "--day", "lake")
    assert _photos(facefind, "Ada", "--day", "lake", "--near", "38.8,-9.3,100m") == ["both.jpg", "likely.jpg"]
    assert _photos(facefind, "Ada", "--day", "lake", "--without", "Bob", "--only", "--band", "likely") == ["likely.jpg"]
    assert _photos(facefind, "Ada", "--min-size", "40%") == ["both.jpg"]
    assert _photos(facefind, "Ada", "--with", "Bob", "--only", "--near", "38.8,-9.3,1km", "--min-size", 80) == [
        "both.jpg"
    ]
    assert _photos(facefind, "Ada", "--only", "--day", "lake") == ["likely.jpg"]
    near = facefind("find", "Ada", "--near", "Lisbon,1km")
    assert "near Lisbon, PT: 38.7" in near.stderr
    assert "20 photos have no position and can't match --near" in near.stderr
    assert near.stdout.startswith("Ada: 1 confirmed, 12 sure")
    assert facefind("find", "--photo", "x.jpg", "--only").exit_code == 2


def test_a_day_is_named_by_a_part_of_its_name(home: Database, facefind: Facefind) -> None:
    assert _photos(facefind, "Ada", "--day", "Saturday") == ["both.jpg", "likely.jpg"]
    assert len(_photos(facefind, "Ada", "--day", "2024")) == 15  # both days have it
    with home.connect() as connection:
        write_all(connection, partition(connection, "lake"), [Photo("c.jpg", "c", [vector(0.2)])])
    assert _photos(facefind, "Ada", "--day", "lake") == ["c.jpg"]  # the day of just that name
    missing = facefind("find", "Ada", "--day", "sunday")
    assert missing.exit_code == 1
    assert "no event day 'sunday': the nearest names are" in missing.stderr


def test_one_line_says_that_results_are_being_refreshed(home: Database, facefind: Facefind) -> None:
    assert "refreshed" not in facefind("find", "Ada").stderr
    with home.connect() as connection:
        write_all(connection, partition(connection, "sunday"), [Photo("new.jpg", "n", [vector(0.2)])])
    for arguments in ([], ["--json"]):
        result = facefind("find", "Ada", *arguments)
        assert "new.jpg" in result.stdout
        (line,) = [line for line in result.stderr.splitlines() if "being refreshed" in line]
        assert "by the nearest reference alone" in line


@pytest.mark.usefixtures("home")
def test_json_says_whether_the_file_is_there(facefind: Facefind, tmp_path: Path) -> None:
    first = json.loads(facefind("find", "Ada", "--json").stdout)[0]
    assert (first["file"], first["there"]) == ("/photos/back.jpg", False)


@pytest.mark.usefixtures("home")
def test_the_sheet_holds_what_is_shown_and_marks_what_is_confirmed(
    facefind: Facefind, home: Database, tmp_path: Path
) -> None:
    tile = tmp_path / "tile.jpg"
    Image.new("RGB", (128, 128), "white").save(tile)
    with home.connect() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE detected_faces SET thumbnail = %s", [tile.read_bytes()])

    def green(*arguments: str) -> tuple[int, tuple[int, int]]:
        sheet = tmp_path / "sheet.png"
        assert facefind("find", "Ada", *arguments, "--sheet", sheet).exit_code == 0
        image = Image.open(sheet)
        colours = {colour: count for count, colour in image.getcolors(1 << 24)}
        return colours.get((0, 150, 60), 0), image.size

    marked, size = green()
    assert marked > 1000
    assert size[1] > 2 * 128  # 15 photos, ten in a row
    assert green("--band", "sure", "-n", "5")[0] == 0
    assert green("--all")[1][1] > size[1]


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("38.72,-9.14,2km", Near(38.72, -9.14, 2000)),
        ("-33.9, 18.4, 500 m", Near(-33.9, 18.4, 500)),
        ("0,0,0.5KM", Near(0, 0, 500)),
    ],
)
def test_a_position_and_a_radius(text: str, near: Near) -> None:
    assert near_of(text) == near


@pytest.mark.parametrize(
    "text", ["38.72,-9.14", "38.72,-9.14,2", "38.72,-9.14,2mi", "38.72,-9.14,0km", "2km", "", "95,0,2km", "0,181,2km"]
)
def test_a_malformed_place_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(FacefindError, match=r"as 38\.72,-9\.14,2km") as raised:
        near_of(text)
    assert f"--near {text}: " in str(raised.value)


def test_an_unknown_town_is_refused() -> None:
    with pytest.raises(FacefindError, match="no town 'Nowhere at all' is known"):
        near_of("Nowhere at all,2km")
    assert near_of("sao paulo,1km") == near_of("São Paulo,1km")


def test_sizes_of_faces() -> None:
    assert face_size("80") == face_size("80px") == (80, None)
    assert face_size("5%") == (None, 0.05)
    for text in ("big", "-3", "0", "120%", "5 percent", ""):
        with pytest.raises(FacefindError, match="in pixels, as 80, or of the photo, as 5%"):
            face_size(text)
