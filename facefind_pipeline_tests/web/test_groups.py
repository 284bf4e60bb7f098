"""Everyone at the event on the host's pages: groups are made, named, joined, kept apart, and lose faces."""

import time
from typing import Any

import pytest

from facefind_pipeline.search.group_listing import list_groups
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET
from facefind_pipeline_tests.store.rows import table
from facefind_pipeline_tests.web.doors import JSON, PAGE, PATIENCE_S, HostsDoor


def _groups(host: HostsDoor) -> list[dict[str, Any]]:
    """Once nothing is at work."""
    deadline = time.monotonic() + PATIENCE_S
    while (values := host.get("/groups", headers=JSON).json())["making"] or not values["groups"]:
        assert time.monotonic() < deadline, host.get("/work", headers=JSON).json()
        time.sleep(0.1)
    groups: list[dict[str, Any]] = values["groups"]
    return groups


def test_groups_are_made_when_they_are_looked_at_and_named(working_host: HostsDoor, database: Database) -> None:
    (group,) = _groups(working_host)
    assert (group["name"], group["named"], group["faces"]) == ("Ada", False, 3)  # known by her reference
    name = group["group"]
    for sha256 in group["shown"]:
        assert working_host.get(f"/groups/{name}/faces/{sha256}.jpg").content.startswith(b"\xff\xd8")
    page = working_host.get("/groups", headers=PAGE).text
    assert f'data-post="/groups/{name}/name"' in page
    seen = working_host.get("/groups", headers=JSON).json()["version"]
    assert working_host.get(f"/groups/list?seen={seen}").status_code == 204
    answer = working_host.do(f"/groups/{name}/name", name="Grace Hopper")
    assert answer.status_code == 202
    (now,) = _groups(working_host)
    assert (now["name"], now["key"], now["named"]) == ("Grace Hopper", "grace-hopper", True)
    photos = working_host.get("/people/grace-hopper", headers=JSON).json()["photos"]
    assert len(photos) == 3
    with database.connect() as connection:
        ((author,),) = table(connection, "SELECT author FROM group_statements")
    assert author.endswith(", page")
    assert working_host.get("/work", headers=JSON).json()["work"]["problems"] == []


def test_faces_leave_a_group_and_groups_are_joined_and_parted(working_host: HostsDoor, database: Database) -> None:
    (group,) = _groups(working_host)
    shown = working_host.get(f"/groups/{group['group']}", headers=JSON).json()["shown"]
    assert len(shown) == 3
    last = shown[-1]["sha256"]
    assert working_host.do(f"/groups/{group['group']}/leave-out", photos=last).status_code == 202
    working_host.wait_until_done()
    with database.connect() as connection:
        groups = {one.id: one.faces for one in list_groups(connection, SMALL_SET, least=1)}
    assert groups[group["group"]] == 2
    other = next(one for one in groups if one != group["group"])
    assert working_host.do("/groups/part", groups=[group["group"], other]).status_code == 202
    working_host.wait_until_done()
    refused = working_host.do("/groups/join", groups=[group["group"]])
    assert (refused.status_code, refused.json()["error"]) == (422, "Mark two groups or more.")
    assert working_host.do("/groups/join", groups=[group["group"], other]).status_code == 202
    working_host.wait_until_done()
    with database.connect() as connection:
        kinds = table(connection, "SELECT kind FROM group_statements ORDER BY statement")
    assert {kind for (kind,) in kinds} == {"different", "same"}


def test_a_new_name_shows_though_the_groups_are_as_they_were(working_host: HostsDoor, database: Database) -> None:
    _groups(working_host)
    seen = working_host.get("/groups", headers=JSON).json()["version"]
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE people SET display_name = 'Ada Lovelace'")
    changed = working_host.get(f"/groups/list?seen={seen}", headers=JSON)
    assert [one["name"] for one in changed.json()["groups"]] == ["Ada Lovelace"]


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/groups/g00000/name", {"name": "Ada"}),
        ("/groups/{}/name", {"name": " "}),
        ("/groups/part", {"groups": ["one"]}),
        ("/groups/part", {"groups": ["one", "another"]}),
        ("/groups/join", {"groups": ["one", "another"]}),
        ("/groups/{}/leave-out", {"photos": []}),
        ("/groups/{}/leave-out", {"photos": ["no hash"]}),
        ("/groups/{}/leave-out", {"photos": ["00"]}),
    ],
)
def test_what_can_not_be_said_gets_a_plain_word(
    working_host: HostsDoor, database: Database, path: str, values: dict[str, object]
) -> None:
    (group,) = _groups(working_host)
    refused = working_host.do(path.format(group["group"]), **values)
    assert (refused.status_code, bool(refused.json()["error"])) == (422, True)
    working_host.wait_until_done()
    with database.connect() as connection:
        assert table(connection, "SELECT * FROM group_statements") == []


def test_a_group_that_is_not_there_is_told_so(working_host: HostsDoor) -> None:
    _groups(working_host)
    assert working_host.get("/groups/g00000", headers=JSON).status_code == 422
    assert working_host.get("/groups/g00000/faces/00.jpg").status_code == 404
