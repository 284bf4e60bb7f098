"""What `dagster.yaml` and runs look like where a broker is named; the proofs have one at work."""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import dagster as dg
import pytest
from celery import Celery

from facefind_pipeline.orchestration.dagster_internals import make_new_run_id
from facefind_pipeline.orchestration.instance import environment, open_instance
from facefind_pipeline.orchestration.processes import end_dead_runs, executing, process_tags
from facefind_pipeline.orchestration.run_launcher import FACES, LIGHT, HostsRunLauncher, publishing, queue_of
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store.database import Database


@pytest.fixture
def hosts_settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("FACEFIND_BROKER_URL", "redis://:s3cret@127.0.0.1/0")
    return read_settings()


def _begun(instance: dg.DagsterInstance) -> dg.DagsterRun:
    run_id = make_new_run_id()
    run = dg.DagsterRun("job", run_id=run_id, status=dg.DagsterRunStatus.STARTED, tags=process_tags(run_id))
    return instance.add_run(run)


def test_runs_go_through_the_broker_whose_password_no_file_has(hosts_settings: Settings, database: Database) -> None:
    with open_instance(hosts_settings, database) as instance:
        launcher = instance.run_launcher
        assert isinstance(launcher, HostsRunLauncher)
        assert launcher.broker == "redis://:s3cret@127.0.0.1/0"
        assert not launcher.supports_check_run_worker_health
        assert not launcher.supports_resume_run
    files = [file for file in hosts_settings.home.rglob("*") if file.is_file() and not file.is_symlink()]
    assert files
    assert not [file for file in files if b"s3cret" in file.read_bytes()]
    assert not [name for name, value in environment(hosts_settings, database).items() if "s3cret" in value]


def test_of_an_event_day_one_set_is_launched_at_a_time(hosts_settings: Settings, database: Database) -> None:
    with open_instance(hosts_settings, database) as instance:
        (limit,) = instance.get_concurrency_config().run_queue_config.tag_concurrency_limits
    assert (limit["key"], limit["limit"]) == ("dagster/partition/event_day", 1)


@pytest.mark.parametrize(
    ("job", "assets", "queue"),
    [
        ("job", ["detected_faces", "face_embeddings"], FACES),
        ("job", ["face_embeddings"], FACES),
        ("job", ["hnsw_index", "search_results"], LIGHT),
        ("job", ["raw_photos"], LIGHT),
        ("job", [], LIGHT),
        ("fill_day", [], FACES),  # as the launchpad starts it
        ("search_set", [], LIGHT),
    ],
)
def test_the_faces_have_a_queue_of_their_own(job: str, assets: list[str], queue: str) -> None:
    selected = frozenset(map(dg.AssetKey, assets)) or None
    assert queue_of(dg.DagsterRun(job, asset_selection=selected)) == queue


def test_a_dead_run_is_followed_before_it_is_marked(settings: Settings, database: Database) -> None:
    seen = []
    with open_instance(settings, database) as instance:
        run = _begun(instance)

        def follow(dead: dg.DagsterRun) -> None:
            now = instance.get_run_by_id(dead.run_id)
            assert now is not None
            seen.append((dead.run_id, now.status))

        with executing(database, run.run_id):
            assert end_dead_runs(instance, database, follow) == []
        assert [dead.run_id for dead in end_dead_runs(instance, database, follow)] == [run.run_id]
        ended = instance.get_run_by_id(run.run_id)
    assert seen == [(run.run_id, dg.DagsterRunStatus.STARTED)]
    assert ended is not None
    assert ended.status == dg.DagsterRunStatus.FAILURE


def test_a_run_that_was_being_canceled_when_its_process_died_is_canceled(
    settings: Settings, database: Database
) -> None:
    followed: list[dg.DagsterRun] = []
    with open_instance(settings, database) as instance:
        run = _begun(instance)
        instance.report_run_canceling(run)
        assert end_dead_runs(instance, database, followed.append) == []
        ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status == dg.DagsterRunStatus.CANCELED
    assert followed == []


@contextmanager
def _broker(port: int) -> Iterator[None]:
    """A new one, which has nothing; killed at the end."""
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", "pass"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None:
                with socket.socket() as asked:
                    if asked.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield
        finally:
            process.kill()


@pytest.mark.proof
@pytest.mark.skipif(shutil.which("redis-server") is None, reason="not installed: redis-server")
def test_the_first_run_of_a_queue_waits_for_a_broker_that_starts_anew(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    monkeypatch.setenv("FACEFIND_BROKER_URL", f"redis://:pass@127.0.0.1:{port}/0")
    with open_instance(read_settings(), database) as instance:
        launcher = instance.run_launcher
        assert isinstance(launcher, HostsRunLauncher)
        app: Celery = launcher.celery
        with _broker(port):
            app.send_task("run", queue=FACES, routing_key=f"{FACES}.run")
        publish = partial(app.send_task, "run", queue=LIGHT, routing_key=f"{LIGHT}.run")
        sent = threading.Thread(target=publishing, args=[publish])
        sent.start()
        time.sleep(6)  # more than the 4 that kombu tries to connect by itself
        with _broker(port):
            sent.join(timeout=60)
            assert launcher.waiting(LIGHT) == 1
