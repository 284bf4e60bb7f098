"""Who is who through the command: people are removed, renamed, merged and shown, and references are doubted."""

import json
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from psycopg2 import sql

from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits
from facefind_pipeline_tests.store.rows import table
from facefind_pipeline_tests.work import Work

pytestmark = pytest.mark.slow


@pytest.fixture
def collins(tmp_path: Path, portraits: Portraits) -> Path:
    file = tmp_path / "eileen.png"
    portraits.collins.crop((60, 0, 400, 400)).save(file)
    return file


@pytest.fixture
def filled(facefind: Facefind, event: Path, settings: Settings, reference: Path, collins: Path) -> Path:
    """Ada is in the references folder, Eve was given, and both have a contact sheet."""
    settings.references.mkdir()
    ada = settings.references / "Ada.jpg"
    shutil.copy(reference, ada)
    given = ["--reference", f"Ada={ada}", "--reference", f"Eve={collins}"]
    done(facefind("run", event, "--params", SMALL_SET, *given))
    return event


def done(result: Any) -> Any:
    assert result.exit_code == 0, result.stderr
    return result


def _names(facefind: Facefind) -> set[str]:
    return {row["person"] for row in json.loads(done(facefind("person", "list", "--json")).stdout)}


def _found(facefind: Facefind, name: str) -> list[tuple[str, str]]:
    matches = json.loads(done(facefind("find", name, "--json")).stdout)
    return [(match["photo"], match["band"]) for match in matches]


def _mentions(database: Database, text: str) -> set[str]:
    """Tables of the schema with this name in a row, or in JSON within one."""
    found = set()
    with database.connect() as connection:
        for (name,) in table(connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            with connection.cursor() as cursor:
                statement = sql.SQL("SELECT count(*) FROM {} r WHERE strpos(lower(to_jsonb(r)::text), %s) > 0")
                cursor.execute(statement.format(sql.Identifier(name)), [f'"{text}"'])
                if cursor.fetchone() != (0,):
                    found.add(name)
    return found


def _latest(settings: Settings, database: Database, asset: str) -> dg.AssetMaterialization:
    """What the UI shows of an asset."""
    event = open_instance(settings, database).get_latest_materialization_event(dg.AssetKey(asset))
    assert event is not None
    assert event.asset_materialization is not None
    return event.asset_materialization


def test_whoever_is_removed_is_gone_everywhere_and_does_not_come_back(
    facefind: Facefind, filled: Path, settings: Settings, database: Database, portraits: Portraits
) -> None:
    truth = filled.parent / "truth.csv"
    truth.write_text("person,filename\nAda,again.jpg\n")
    done(facefind("truth", "add", truth))
    done(facefind("evaluate"))
    done(facefind("confirm", "Ada", "hopper.jpg"))
    done(facefind("reject", "Ada", "both.jpg"))
    assert "ada.jpg" in {sheet.name for sheet in settings.sheets.glob("*/people/*")}
    overview = next(settings.sheets.glob("*/results.jpg")).read_bytes()
    removed = done(facefind("person", "remove", "Ada", "--yes"))
    lying = settings.references / "Ada.jpg"
    assert removed.stdout == "Ada is removed\n"
    assert removed.stderr.count(f"{lying} stays where it is and is not read as Ada again") == 1
    assert lying.is_file()
    assert {sheet.name for sheet in settings.sheets.glob("*/people/*")} == {"eve.jpg"}
    assert next(settings.sheets.glob("*/results.jpg")).read_bytes() != overview
    assert _mentions(database, "ada") == {"dismissed_references"}
    assert facefind("find", "Ada").exit_code == 1
    work = Work(settings, database)
    work.done()
    done(facefind("run", filled, "--params", SMALL_SET))
    assert (_names(facefind), work.done()["runs"]) == ({"Eve"}, 0)  # all is known to be up to date
    for asset in ("reference_photos", "reference_embeddings", "search_results", "evaluation"):
        assert "Ada" not in str(_latest(settings, database, asset).metadata)
    portraits.hopper.save(lying.with_name("Ada 2.jpg"))
    (settings.references / "Ada").mkdir()
    lying.with_name("Ada 2.jpg").rename(settings.references / "Ada" / "new.jpg")
    done(facefind("run", filled, "--params", SMALL_SET))
    assert _names(facefind) == {"Ada", "Eve"}  # by a picture that is new
    done(facefind("person", "remove", "Ada", "--yes"))
    done(facefind("person", "add", "Ada", lying))  # or by one that is given once more
    assert _names(facefind) == {"Ada", "Eve"}


def test_nobody_is_removed_without_a_yes(facefind: Facefind, filled: Path) -> None:
    refused = facefind("person", "remove", "Eve")  # no answer
    assert (refused.exit_code, "nothing was removed: answer y, or give --yes" in refused.stderr) == (1, True)
    assert "Remove Eve with 1 reference photo, all results?" in refused.output
    assert _names(facefind) == {"Ada", "Eve"}
    assert "no person 'bob' (there is Ada, Eve)" in facefind("person", "remove", "Bob", "--yes").stderr


def test_a_new_name_keeps_everything_and_computes_nothing(
    facefind: Facefind, filled: Path, settings: Settings, database: Database
) -> None:
    done(facefind("confirm", "Ada", "again.jpg"))
    done(facefind("reject", "Ada", "both.jpg"))
    found, eves = _found(facefind, "Ada"), _found(facefind, "Eve")
    searched = "SELECT searched_at FROM searches ORDER BY 1"
    vectors = "SELECT md5(embedding::text) FROM reference_embeddings ORDER BY 1"
    with database.connect() as connection:
        before = table(connection, searched), table(connection, vectors)
    sheet = next(settings.sheets.glob("*/people/ada.jpg"))
    renamed = done(facefind("person", "rename", "Ada", "José Núñez"))
    assert "Ada is José Núñez now (key jose-nunez)" in renamed.stdout
    assert f"{settings.references / 'Ada.jpg'} stays where it is" in renamed.stderr
    with database.connect() as connection:
        assert (table(connection, searched), table(connection, vectors)) == before
    assert (_found(facefind, "jose nunez"), _found(facefind, "Eve")) == (found, eves)
    assert found[0] == ("Day 2/again.jpg", "confirmed")
    assert (sheet.exists(), sheet.with_name("jose-nunez.jpg").exists()) == (False, True)
    assert _mentions(database, "ada") == {"dismissed_references"}
    for gone in ("nothing", "Ada.jpg"):  # whether or not the picture still lies in the folder
        (settings.references / gone).unlink(missing_ok=True)
        done(facefind("run", filled, "--params", SMALL_SET))
        assert _names(facefind) == {"José Núñez", "Eve"}
    with database.connect() as connection:
        assert table(connection, searched) == before[0]


def test_a_name_that_somebody_has_is_refused(facefind: Facefind, filled: Path) -> None:
    refused = facefind("person", "rename", "Ada", "EVE")
    assert refused.exit_code == 1
    assert """'Eve' has the key 'eve': if they are one person, `facefind person merge "Eve" "Ada"`""" in refused.stderr
    assert "are both Eve: name two people" in facefind("person", "merge", "Eve", "eve").stderr


def test_two_who_are_one_are_merged_and_conflicts_reported(
    facefind: Facefind, filled: Path, settings: Settings, database: Database, portraits: Portraits
) -> None:
    again = filled.parent / "again.jpg"
    portraits.hopper_again().save(again)
    done(facefind("person", "add", "Grace", again))
    done(facefind("confirm", "Ada", "hopper.jpg"))
    done(facefind("confirm", "Grace", "again.jpg"))
    done(facefind("reject", "Grace", "hopper.jpg", "collins.png"))
    merged = done(facefind("person", "merge", "Ada", "Grace"))
    assert "Grace is Ada now" in merged.stdout
    conflict = "Day 1/hopper.jpg was confirmed for Ada and rejected for Grace: it stays confirmed"
    assert [line for line in merged.stderr.splitlines() if "rejected for" in line] == [conflict]
    assert _names(facefind) == {"Ada", "Eve"}
    shown = json.loads(done(facefind("person", "show", "Ada", "--json")).stdout)
    assert [one["file"] for one in shown["references"]] == ["Ada.jpg", "again.jpg"]
    assert (shown["confirmed"], shown["rejected"]) == (2, 1)
    assert {name for name, band in _found(facefind, "Ada") if band == "confirmed"} == {
        "Day 1/hopper.jpg",
        "Day 2/again.jpg",
    }
    assert _mentions(database, "grace") == set()
    assert {sheet.name for sheet in settings.sheets.glob("*/people/*")} == {"ada.jpg", "eve.jpg"}
    again_merged = done(facefind("person", "merge", "Eve", "Ada"))  # two people, whose references are unlike
    assert "looks unlike the other references of Eve: distance 0." in again_merged.stderr
    done(facefind("run", filled, "--params", SMALL_SET))
    assert _names(facefind) == {"Eve"}  # the picture of Ada in the folder does not bring her back


def test_a_reference_is_forgotten_by_name_or_path(
    facefind: Facefind, filled: Path, settings: Settings, portraits: Portraits
) -> None:
    again = filled.parent / "again.jpg"
    portraits.hopper_again().save(again)
    done(facefind("person", "add", "Ada", again))
    assert "there is Ada.jpg, again.jpg" in facefind("person", "forget-reference", "Ada", "other.jpg").stderr
    forgotten = done(facefind("person", "forget-reference", "Ada", again))
    assert "again.jpg is forgotten; Ada has 1 reference photo left" in forgotten.stdout
    last = done(facefind("person", "forget-reference", "Ada", "Ada.jpg"))
    assert "Ada is not looked for" in last.stderr
    assert f"{settings.references / 'Ada.jpg'} stays where it is" in last.stderr
    assert [sheet.name for sheet in settings.sheets.glob("*/people/*")] == ["eve.jpg"]
    done(facefind("run", filled, "--params", SMALL_SET))
    assert json.loads(done(facefind("person", "show", "Ada", "--json")).stdout)["references"] == []
    assert "ada  Ada     " in done(facefind("person", "list")).stdout.splitlines()[-1]


def test_a_person_is_shown_with_references_and_results(facefind: Facefind, filled: Path, tmp_path: Path) -> None:
    done(facefind("confirm", "Ada", "hopper.jpg", "again.jpg"))
    done(facefind("confirm", "Ada", "nobody.jpg", "--box", "10,10,50,60"))
    done(facefind("reject", "Ada", "both.jpg"))
    other = SMALL_SET.replace("640", "320")
    done(facefind("params", "add", other))
    shown = json.loads(done(facefind("person", "show", "Ada", "--json")).stdout)
    assert (shown["key"], shown["confirmed"], shown["confirmed_by_box"], shown["rejected"]) == ("ada", 3, 1, 1)
    assert [(one["file"], one["source"]) for one in shown["references"]] == [("Ada.jpg", "folder")]
    first, second = shown["sets"]
    assert first["references"] == [
        {"file": "Ada.jpg", "found_by": SMALL_SET.partition("@")[0], "vector": True, "problem": None}
    ]
    assert (first["photos"]["confirmed"], sum(first["photos"].values()), first["current"]) == (3, 4, True)
    assert (second["references"][0]["vector"], second["photos"]) == (False, {})
    text = done(facefind("person", "show", "Ada")).stdout
    assert "1 reference photo; 3 photos confirmed, 1 of them by a drawn box, 1 rejected" in text
    assert "not tried yet" in text


def test_adding_warns_of_references_that_look_like_somebody_else(
    facefind: Facefind, filled: Path, collins: Path, reference: Path
) -> None:
    same = done(facefind("person", "add", "Grace", reference))
    assert "reference.jpg of Grace looks like Ada.jpg of Ada: distance 0.000, strangers are above 0." in same.stderr
    unlike = done(facefind("person", "add", "Ada", collins))
    assert "eileen.png looks unlike the other references of Ada: distance 0." in unlike.stderr
    assert "eileen.png of Ada looks like eileen.png of Eve: distance 0.000" in unlike.stderr
    assert done(facefind("run", filled, "--params", SMALL_SET)).stderr.count("looks") == 0  # nothing was added


def test_names_that_would_be_one_key_are_reported(
    facefind: Facefind, event: Path, reference: Path, collins: Path, settings: Settings, database: Database
) -> None:
    both = facefind("run", event, "--reference", f"Ana María={reference}", "--reference", f"ana-maria={collins}")
    assert both.exit_code == 1
    assert "'ana-maria' would have the key 'ana-maria' of 'Ana María': if they are one person" in both.stderr
    assert Work(settings, database).done()["runs"] == 0
    given = ["--reference", f"Ana María={reference}", "--reference", f"ana maria={collins}"]
    run = done(facefind("run", event, "--params", SMALL_SET, *given))
    assert run.stderr.count("'ana maria' is taken for 'Ana María'") == 1
    other = facefind("person", "add", "ana-maria", collins)
    assert (other.exit_code, "call them 'Ana María' here too, else give one of them" in other.stderr) == (1, True)
    alike = done(facefind("person", "add", "ana maria", collins))
    assert "'ana maria' is taken for 'Ana María'" in alike.stderr
    typed_on_a_mac = done(facefind("person", "add", "Ana Mari\u0301a", collins))
    assert "taken for" not in typed_on_a_mac.stderr
    assert _names(facefind) == {"Ana María"}
