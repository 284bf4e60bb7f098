"""`facefind deliver`: what is new and sure, once, to whom the host approved of."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits
from facefind_pipeline_tests.store.rows import table

SERVED = "https://192.168.1.20:8080/"


def _sure(facefind: Facefind) -> set[str]:
    found = json.loads(facefind("find", "Ada", "--band", "sure", "--band", "confirmed", "--json").stdout)
    return {Path(match["photo"]).name for match in found}


def _pictures(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if file.suffix in {".jpg", ".png"}}


@pytest.fixture
def hook(tmp_path: Path) -> Callable[..., tuple[str, Path]]:
    """A command that writes down what it is told, and ends with an exit code."""

    def make(code: int = 0) -> tuple[str, Path]:
        script, told = tmp_path / "hook.sh", tmp_path / "told"
        script.write_text(
            f'#!/bin/sh\necho "$DELIVERY_NAME|$DELIVERY_LINK|$DELIVERY_COUNT|$#" >> {told}\nexit {code}\n'
        )
        script.chmod(0o700)
        return str(script), told

    return make


def test_nothing_is_delivered_before_the_host_approved(filled: Path, facefind: Facefind, tmp_path: Path) -> None:
    refused = facefind("deliver", "Ada", "--to", tmp_path / "ada")
    assert (refused.exit_code, "Ada is not approved yet" in refused.stderr) == (1, True)
    assert not (tmp_path / "ada").exists()
    tried = facefind("deliver", "Ada", "--dry-run")
    assert tried.stdout == f"{len(_sure(facefind))} new photos of Ada; nothing was delivered\n"


def test_new_sure_photos_come_into_the_folder_once_each(
    filled: Path,
    facefind: Facefind,
    database: Database,
    portraits: Portraits,
    hook: Callable[..., tuple[str, Path]],
    tmp_path: Path,
) -> None:
    folder, (command, told) = tmp_path / "ada", hook()
    first = facefind("deliver", "Ada", "--to", folder, "--approve", "--hook", command)
    assert first.exit_code == 0, first.stderr
    sure = _sure(facefind)
    assert len(_pictures(folder)) == len(sure) > 0
    assert told.read_text() == f"Ada|{folder}|{len(sure)}|0\n"
    (gone, *_) = folder.glob("both*")
    gone.unlink()  # by whoever got it
    again = facefind("deliver", "Ada", "--to", folder, "--hook", command)
    assert again.stdout == "nothing new of Ada\n"
    # A copy is no new photo; another picture is.
    shutil.copy(next(filled.rglob("hopper.jpg")), filled / "Day 2" / "a copy.jpg")
    portraits.hopper.resize((500, 586)).save(filled / "Day 2" / "new.jpg", quality=90)
    assert facefind("run", filled, "--params", SMALL_SET).exit_code == 0
    assert "new.jpg" in _sure(facefind)
    new = facefind("deliver", "Ada", "--to", folder, "--hook", command, "--json")
    assert json.loads(new.stdout) == {"person": "Ada", "link": str(folder), "new": 1}
    assert _pictures(folder) == {"hopper.jpg", "again.jpg", "new.jpg"}
    assert told.read_text().splitlines()[-1] == f"Ada|{folder}|1|0"
    with database.connect() as connection:
        rows = table(connection, "SELECT DISTINCT delivered_by FROM deliveries")
        ((count,),) = table(connection, "SELECT count(*) FROM deliveries")
    assert [by.endswith(", command") for (by,) in rows] == [True]
    assert count == len(sure) + 1


def test_a_link_is_made_for_what_is_new_and_told_to_the_hook(
    filled: Path, facefind: Facefind, settings: Settings, hook: Callable[..., tuple[str, Path]]
) -> None:
    refused = facefind("deliver", "Ada", "--link", "--approve")
    assert (refused.exit_code, "`facefind serve --lan ADDRESS`" in refused.stderr) == (1, True)
    (settings.home / "serve.address").write_text(SERVED)
    command, told = hook()
    given = facefind("deliver", "Ada", "--link", "--expires", "14d", "--hook", command, "--json")
    count = len(_sure(facefind))
    answer = json.loads(given.stdout)
    assert (answer["new"], answer["link"].startswith(f"{SERVED}l/")) == (count, True)
    assert told.read_text() == f"Ada|{answer['link']}|{count}|0\n"
    assert facefind("deliver", "Ada", "--link", "--hook", command).stdout == "nothing new of Ada\n"
    assert [row["state"] for row in json.loads(facefind("serve", "links", "--json").stdout)] == ["open"]


def test_should_the_hook_fail_the_same_photos_are_new_again(
    filled: Path, facefind: Facefind, settings: Settings, hook: Callable[..., tuple[str, Path]], tmp_path: Path
) -> None:
    (settings.home / "serve.address").write_text(SERVED)
    command, told = hook(3)
    count = len(_sure(facefind))
    for to in (["--to", str(tmp_path / "ada")], ["--link"]):
        failed = facefind("deliver", "Ada", "--approve", *to, "--hook", command)
        assert (failed.exit_code, "failed with exit code 3" in failed.stderr) == (1, True)
    assert [row["state"] for row in json.loads(facefind("serve", "links", "--json").stdout)] == ["closed"]
    command, told = hook()
    assert facefind("deliver", "Ada", "--to", tmp_path / "ada", "--hook", command).exit_code == 0
    assert told.read_text().splitlines()[-1].split("|")[2] == str(count)
    missing = facefind("deliver", "Ada", "--to", tmp_path / "ada", "--hook", "./no-such-hook")
    assert missing.stdout == "nothing new of Ada\n"


def test_a_photo_whose_disk_is_away_stays_and_a_rejected_one_leaves(
    filled: Path, facefind: Facefind, database: Database, tmp_path: Path
) -> None:
    folder, deliver = tmp_path / "ada", ("deliver", "Ada", "--to", tmp_path / "ada")
    assert facefind(*deliver, "--approve").exit_code == 0
    delivered = _pictures(folder)
    away = next(filled.rglob("again.jpg"))
    away.rename(tmp_path / "away.jpg")
    with database.connect() as connection, connection.cursor() as cursor:  # so that there is something new
        cursor.execute("DELETE FROM deliveries WHERE sha256 IN (SELECT sha256 FROM photos WHERE path LIKE '%both.jpg')")
    assert json.loads(facefind(*deliver, "--json").stdout)["new"] == 1
    assert _pictures(folder) == delivered
    (tmp_path / "away.jpg").rename(away)
    assert facefind("reject", "Ada", "both.jpg", "--params", SMALL_SET).exit_code == 0
    again = facefind(*deliver, "--hook", "./no-such-hook")  # which is called for new photos alone
    assert (again.exit_code, again.stdout) == (0, "nothing new of Ada\n"), again.stderr
    assert _pictures(folder) == delivered - {"both.jpg"}


def test_a_link_that_nobody_was_told_of_is_closed(
    filled: Path, facefind: Facefind, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (settings.home / "serve.address").write_text(SERVED)

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "run", interrupted)
        assert facefind("deliver", "Ada", "--link", "--approve", "--hook", "./tell").exit_code != 0
    assert [row["state"] for row in json.loads(facefind("serve", "links", "--json").stdout)] == ["closed"]


def test_who_is_merged_has_what_both_were_given(
    filled: Path, facefind: Facefind, database: Database, settings: Settings, reference: Path, tmp_path: Path
) -> None:
    (settings.home / "serve.address").write_text(SERVED)
    assert facefind("deliver", "Ada", "--to", tmp_path / "ada", "--approve").exit_code == 0
    assert facefind("serve", "link", "Ada").exit_code == 0
    assert facefind("person", "add", "Grace", reference, "--params", SMALL_SET).exit_code == 0
    assert facefind("person", "merge", "Grace", "Ada").exit_code == 0
    with database.connect() as connection:
        assert table(connection, "SELECT DISTINCT person FROM deliveries") == [("grace",)]
        assert table(connection, "SELECT person FROM guest_links") == [("grace",)]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--link", "--hook", ""], "--hook is empty"),
        (["--link", "--hook", "'"], "No closing quotation"),
        ([], "say where to"),
        (["--to", "a", "--link"], "say where to"),
        (["--link", "--hide-others"], "facefind serve"),
    ],
)
def test_what_can_not_be_meant_is_refused(facefind: Facefind, arguments: list[str], word: str) -> None:
    refused = facefind("deliver", "Ada", *arguments)
    assert (refused.exit_code, word in refused.stderr) == (2, True)


def test_a_folder_among_the_photos_is_refused(filled: Path, facefind: Facefind) -> None:
    refused = facefind("deliver", "Ada", "--approve", "--to", filled / "ada")
    assert (refused.exit_code, "lies among the photos" in refused.stderr) == (1, True)
    assert not (filled / "ada").exists()
