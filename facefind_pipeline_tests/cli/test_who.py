"""Everyone at the event through the command: listed, named by pointing, put right."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from facefind_pipeline.plan.due import is_current
from facefind_pipeline.search.calibration import NEAREST_REFERENCE, read_calibration
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind
from facefind_pipeline_tests.store.rows import table


def done(result: Any) -> Any:
    assert result.exit_code == 0, result.stderr
    return result


def who(facefind: Facefind, *options: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done(facefind("who", "--json", *options)).stdout)
    return found


@pytest.mark.usefixtures("filled")
def test_everyone_is_listed_and_passers_by_when_asked(facefind: Facefind, tmp_path: Path) -> None:
    (hopper,) = who(facefind)
    assert {key: hopper[key] for key in ("name", "named", "faces", "photos")} == {
        "name": "Ada",  # by her reference
        "named": False,
        "faces": 3,
        "photos": 3,
    }
    hopper, collins = who(facefind, "--all")
    assert collins["faces"] == 2
    listed = done(facefind("who", "--sheet", tmp_path / "who.png"))
    assert "1 group of one or two faces: --all lists them" in listed.stderr
    assert Image.open(tmp_path / "who.png").height < 300  # one row
    faces = who(facefind, collins["group"])
    assert {Path(face["photo"]).name for face in faces} == {"both.jpg", "collins.png"}
    table_of = done(facefind("who", collins["group"], "--sheet", tmp_path / "one.png")).stdout
    assert "collins.png" in table_of
    assert Image.open(tmp_path / "one.png").height > 100


@pytest.mark.slow
def test_faces_are_found_first_where_nobody_looked_for_any(facefind: Facefind, event: Path, database: Database) -> None:
    nothing = facefind("who")
    assert nothing.exit_code == 1
    done(facefind("ingest", event))
    unknown = facefind("who", "--params", "nonsense")
    assert unknown.exit_code == 1
    listed = done(facefind("who", "--params", SMALL_SET, "--json", "--all"))
    assert "under hog-up0-px640@dlib: " in listed.stderr
    found = json.loads(listed.stdout)
    assert sum(group["faces"] for group in found) == 5
    assert {group["name"] for group in found} == {None}
    with database.connect() as connection:
        assert read_calibration(connection, SMALL_SET, NEAREST_REFERENCE) is not None  # selfies find something
    assert "to do" not in done(facefind("who")).stderr  # a new home's first set is its default


@pytest.mark.slow
@pytest.mark.usefixtures("filled")
def test_a_group_that_is_named_is_a_person_with_references_who_is_found(facefind: Facefind, database: Database) -> None:
    _, collins = who(facefind, "--all")
    named = done(facefind("person", "name", collins["group"], "Eileen Collins"))
    assert f"{collins['group']} is Eileen Collins, with 2 reference photos from the event" in named.stdout
    matches = json.loads(done(facefind("find", "Eileen Collins", "--json")).stdout)
    assert {Path(match["photo"]).name for match in matches} == {"collins.png", "both.jpg"}
    assert {match["band"] for match in matches} == {"sure"}
    _, group = who(facefind)
    assert (group["group"], group["name"], group["named"]) == (collins["group"], "Eileen Collins", True)
    with database.connect() as connection:
        assert table(connection, "SELECT kind, person, author <> '' FROM group_statements") == [
            ("name", "eileen-collins", True)
        ]
        assert table(connection, "SELECT count(*) FROM reference_embeddings WHERE problem IS NOT NULL") == [(0,)]
    done(facefind("person", "remove", "Eileen Collins", "--yes"))
    assert len(who(facefind)) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("last", [False, True])
def test_a_face_that_is_left_out_is_no_reference_any_more(
    facefind: Facefind, database: Database, *, last: bool
) -> None:
    _, collins = who(facefind, "--all")
    group = collins["group"]
    done(facefind("person", "name", group, "Eileen"))
    with database.connect() as connection:
        cut = dict(
            table(
                connection,
                "SELECT path, filename FROM reference_photos r JOIN cut_references c"
                " ON (c.person, c.reference) = (r.person, r.sha256) JOIN photos p ON p.sha256 = c.sha256",
            )
        )
    wrong = next(file for path, file in cut.items() if Path(path).name == "both.jpg")
    (right,) = set(cut.values()) - {wrong}
    if last:
        done(facefind("person", "forget-reference", "Eileen", right))
    left_out = done(facefind("person", "leave-out", group, "both.jpg"))
    count = "0 reference photos" if last else "1 reference photo"
    assert f"{wrong}, cut from what was left out, is forgotten; Eileen has {count} left" in left_out.stdout
    assert (f"Eileen is not looked for, and {group} keeps the name" in left_out.stderr) == last
    shown = json.loads(done(facefind("person", "show", "Eileen", "--json")).stdout)
    assert [one["file"] for one in shown["references"]] == ([] if last else [right])
    assert (group, "Eileen", 1) in [(one["group"], one["name"], one["faces"]) for one in who(facefind)]
    with database.connect() as connection:
        assert is_current(connection, "search_results", SMALL_SET)
        asked = table(connection, "SELECT count(*) FROM searches WHERE person = 'eileen'")
        vectors = table(connection, "SELECT count(*) FROM reference_embeddings WHERE person = 'eileen'")
    assert asked == vectors == [(0 if last else 1,)]


@pytest.mark.slow
@pytest.mark.usefixtures("filled")
def test_groups_are_joined_parted_and_lose_a_face(facefind: Facefind) -> None:
    hopper, collins = (one["group"] for one in who(facefind, "--all"))
    left = done(facefind("person", "leave-out", hopper, "again.jpg")).stdout
    assert "again.jpg: the face of" in left
    assert sorted(one["faces"] for one in who(facefind, "--all")) == [1, 2, 2]
    done(facefind("person", "same", hopper, collins))
    assert [one["faces"] for one in who(facefind, "--all")] == [4, 1]
    (joined, other) = (one["group"] for one in who(facefind, "--all"))
    done(facefind("person", "different", joined, other))
    assert [one["faces"] for one in who(facefind, "--all")] == [4, 1]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["who", "gnone"], f"no group 'gnone' under {SMALL_SET}: `facefind who --all` lists them"),
        (["person", "name", "gnone", "Eve"], "no group 'gnone'"),
        (["person", "same", "GROUP", "GROUP"], "name two groups that are one person's"),
        (["person", "different", "GROUP", "GROUP"], "name two groups that are two people's"),
        (["person", "leave-out", "GROUP", "collins.png"], "has no face in"),
        (["person", "leave-out", "GROUP", "hopper.jpg", "again.jpg", "both.jpg"], "would have no face left"),
    ],
)
def test_what_cannot_be_said_is_refused_and_nothing_is_written(
    facefind: Facefind, database: Database, arguments: list[str], message: str
) -> None:
    (group,) = (one["group"] for one in who(facefind))
    refused = facefind(*(group if word == "GROUP" else word for word in arguments))
    assert refused.exit_code == 1
    assert message in refused.stderr
    with database.connect() as connection:
        assert table(connection, "SELECT count(*) FROM group_statements") == [(0,)]
