"""`facefind dev` as others on the machine and on the web meet it, and how it ends. Each test starts a real one."""

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlencode

import psutil
import pytest
from dagster import DagsterRun, DagsterRunStatus, RunsFilter
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.orchestration.jobs import assets_of
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import photos
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import Facefind, Portraits
from facefind_pipeline_tests.dev_server import COMMAND, PATIENCE_S, Dev, as_from_a_terminal, dev_log

LAUNCH = "mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename } }"
JSON = {"Content-Type": "application/json"}
FOREIGN = {"Origin": "https://attacker.example"}


def _ask(dev: Dev, method: str, path: str, headers: Mapping[str, str], body: str = "") -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", dev.port, timeout=60)
    connection.request(method, path, body, dict(headers))
    return connection.getresponse()


def _launch(folder: Path) -> dict[str, object]:
    """What the audit sent: register a private folder, so that its pictures are shown."""
    selector = {
        "repositoryLocationName": "facefind_pipeline.definitions",
        "repositoryName": "__repository__",
        "jobName": "add_event_days",
    }
    config = {"ops": {"register_event_days": {"config": {"folder": str(folder)}}}}
    return {"query": LAUNCH, "variables": {"params": {"selector": selector, "runConfigData": config}}}


@pytest.mark.proof
def test_the_audit_replayed(
    event: Path, dev: Callable[[], Dev], settings: Settings, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "yaml.py").write_text("open('imported', 'w')")  # the working directory of the command
    (tmp_path / ".env").write_text("DAGSTER_HOME=/nowhere\n")
    served, launch = dev(), _launch(event)
    instance = open_instance(settings, database)
    runs = len(instance.get_runs())
    query = urlencode({"query": LAUNCH, "variables": json.dumps(launch["variables"])})
    post, rebound = json.dumps(launch), {"Host": f"attacker.example:{served.port}"}
    cookie = served.cookie
    for method, headers, path in (
        ("GET", {}, f"/graphql?{query}"),  # an <img>, without and with the cookie
        ("GET", cookie, f"/graphql?{query}"),
        ("POST", cookie | {"Content-Type": "text/plain"}, f"/graphql?{query}"),
        ("POST", cookie | {"Content-Type": "text/plain"} | FOREIGN, "/graphql"),
        ("POST", cookie | JSON | FOREIGN, "/graphql"),
        ("POST", JSON, "/graphql"),
        ("POST", cookie | JSON | rebound, "/graphql"),
        ("GET", cookie | rebound, "/"),
        ("GET", {}, "/"),
    ):
        assert _ask(served, method, path, headers, post).status in {401, 403}, (method, headers, path)
    protocol, listening = [Subprotocol("graphql-ws")], f"ws://127.0.0.1:{served.port}/graphql"
    for headers in (cookie | FOREIGN, {}):
        with pytest.raises(InvalidStatus):
            connect(listening, subprotocols=protocol, additional_headers=headers)
    other = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    curl = ["curl", "--silent", "--include", f"{served.address}/assets"]
    stranger = subprocess.run(curl, check=True, capture_output=True, text=True, **other)
    assert stranger.stdout.startswith("HTTP/1.1 401")
    assert len(instance.get_runs()) == runs

    page = _ask(served, "GET", "/assets", cookie)
    assert (page.status, "script-src 'nonce-" in page.headers["Content-Security-Policy"]) == (200, True)
    with connect(listening, subprotocols=protocol, additional_headers=cookie | {"Origin": served.address}) as websocket:
        websocket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(websocket.recv()) == {"type": "connection_ack"}
    answer = json.load(_ask(served, "POST", "/graphql", cookie | JSON | {"Origin": served.address}, post))
    assert answer["data"]["launchRun"]["__typename"] == "LaunchRunSuccess"
    _wait(lambda: instance.get_runs()[0].is_finished)
    assert (instance.get_runs()[0].job_name, instance.get_runs()[0].status) == (
        "add_event_days",
        DagsterRunStatus.FAILURE,
    )
    with database.connect() as connection:
        assert photos.roots(connection) == []  # since no command was given the folder
    assert not (tmp_path / "imported").exists()


@pytest.mark.proof
def test_the_token_is_in_the_printed_address_alone_and_files_are_closed(
    dev: Callable[[], Dev], settings: Settings
) -> None:
    served = dev()
    assert served.output.read_text().splitlines()[-1].endswith(served.printed)
    assert len(served.output.read_text().splitlines()) <= 3
    assert _ask(served, "GET", f"/runs?token={served.token}", {}).status == 303
    for process in served.family():
        assert served.token not in " ".join([*process.cmdline(), *process.environ().values()])
    written = [file for file in settings.home.rglob("*") if file.is_file()]
    assert not [file for file in written if served.token.encode() in file.read_bytes()]
    modes = {file.name: file.stat().st_mode & 0o777 for file in settings.home.glob("dev.*")}
    assert modes == {"dev.log": 0o600, "dev.lock": 0o600}


@pytest.mark.proof
@pytest.mark.parametrize(("ending", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGKILL, -9)])
def test_it_ends_with_all_its_processes(dev: Callable[[], Dev], ending: signal.Signals, code: int) -> None:
    served = dev()
    family = served.family()
    assert {"ui_server", "daemon_process", "live", "grpc"} <= {
        word.rpartition("orchestration.")[2] for p in family for word in p.cmdline()
    }
    served.process.send_signal(ending)
    assert served.process.wait(timeout=60) == code
    assert psutil.wait_procs(family, timeout=60)[1] == []
    assert "Traceback" not in served.output.read_text() + dev_log()


@pytest.mark.proof
def test_ctrl_c_in_a_terminal_ends_it_with_the_run_at_work_and_without_a_traceback(
    filled: Path, facefind: Facefind, settings: Settings, database: Database, portraits: Portraits
) -> None:
    large = portraits.hopper.resize((2000, 2344))
    for number in range(20):
        large.crop((number, 0, 1900 + number, 2344)).save(filled / "Day 1" / f"{number}.jpg")
    for command in (("ingest", filled), ("params", "add", "hog-up1-px2000@dlib")):
        assert facefind(*command).exit_code == 0
    process, terminal = pty.fork()
    if not process:
        as_from_a_terminal()
        os.execv(COMMAND, [str(COMMAND), "dev", "--port", "3543"])
    printed = ""
    with open_instance(settings, database) as instance, os.fdopen(terminal, "rb", buffering=0) as output:

        def at_work() -> list[DagsterRun]:
            started = instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.STARTED]))
            return [run for run in started if "detected_faces" in assets_of(run)]

        while "token=" not in printed:
            printed += output.read(4096).decode()
        _wait(lambda: bool(at_work()))
        os.write(terminal, b"\x03")
        with suppress(OSError):  # the terminal's other side is closed
            while more := output.read(4096):
                printed += more.decode()
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
        _wait(lambda: not at_work())
    starting, address, stopping = printed.splitlines()
    assert "dev.log" in starting
    assert "http://127.0.0.1:3543/" in address
    assert stopping == "^Cstopping"
    assert "Traceback" not in dev_log()


@pytest.mark.proof
def test_beside_it_the_database_is_not_stopped_nor_a_second_one_started(
    dev: Callable[[], Dev], facefind: Facefind
) -> None:
    served = dev()
    pid = str(served.process.pid)
    down = facefind("down")
    assert (down.exit_code, pid in down.stderr, "Ctrl-C" in down.stderr) == (1, True, True)
    for port, told in ((served.port, "address already in use"), (served.port - 1, f"as process {pid}")):
        command = [COMMAND, "dev", "--port", str(port)]
        second = subprocess.run(command, check=False, capture_output=True, text=True)
        assert (second.returncode, told in second.stderr) == (1, True), second.stderr

    daemon = next(
        process for process in served.family() if "facefind_pipeline.orchestration.daemon_process" in process.cmdline()
    )
    family = served.family()
    daemon.kill()
    assert served.process.wait(timeout=60) == 1
    assert served.output.read_text().splitlines()[-1].startswith("facefind: Dagster's UI or daemon ended by itself")
    assert psutil.wait_procs(family, timeout=60)[1] == []
    assert facefind("down").exit_code == 0


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("0.0.0.0", "every address at once"),
        ("192.0.2.1", "no address of this machine"),
        ("no.invalid", "no address of"),
    ],
)
def test_only_one_address_of_this_machine_is_served(facefind: Facefind, host: str, told: str) -> None:
    refused = facefind("dev", "--host", host)
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert told in refused.stderr


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, dev_log()
        time.sleep(0.5)
