"""`facefind worker` where it can't begin: a line that says why, and never the password."""

import socket

import pytest

from facefind_pipeline.orchestration import instance
from facefind_pipeline.settings import Settings
from facefind_pipeline_tests.conftest import Facefind, call_facefind


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_it_needs_a_broker(facefind: Facefind) -> None:
    result = facefind("worker")
    assert result.exit_code == 1
    assert "FACEFIND_BROKER_URL is not set" in result.stderr


def test_it_needs_a_database_that_others_reach(facefind: Facefind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEFIND_BROKER_URL", "redis://:s3cret@127.0.0.1/0")
    monkeypatch.delenv("FACEFIND_DATABASE_URL")
    result = facefind("worker")
    assert result.exit_code == 1
    assert "FACEFIND_DATABASE_URL is not set" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", [["worker"], ["sweep", "hog-up0-px640@dlib"]])
def test_a_broker_that_does_not_answer_is_named_without_its_password(
    command: list[str], request: pytest.FixtureRequest, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command[0] == "sweep":
        request.getfixturevalue("filled")
        command = ["sweep", "hog-up1-px640@dlib"]
    else:
        request.getfixturevalue("database")
    monkeypatch.setenv("FACEFIND_BROKER_URL", f"redis://:s3cret@127.0.0.1:{closed_port}/0")
    result = call_facefind(*command)
    assert result.exit_code == 1
    message = result.stderr.splitlines()[-1]
    assert f"broker unreachable: redis://127.0.0.1:{closed_port}: " in message
    assert "refused" in message
    assert "s3cret" not in result.output + result.stderr


def test_a_database_that_does_not_answer_is_said_in_a_line(
    settings: Settings, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEFIND_BROKER_URL", "redis://:s3cret@127.0.0.1/0")
    monkeypatch.setenv("FACEFIND_DATABASE_URL", f"postgresql://somebody@127.0.0.1:{closed_port}/facefind")
    result = call_facefind("worker")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "database unreachable" in line


def test_without_celery_it_says_what_to_install(facefind: Facefind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEFIND_BROKER_URL", "redis://:s3cret@127.0.0.1/0")
    monkeypatch.setattr(instance, "find_spec", lambda name: None)
    result = facefind("worker")
    assert result.exit_code == 1
    assert 'pip install "facefind[hosts]"' in result.stderr
