"""Nothing leaves the machine: the product at work where every attempt is recorded, under a fresh HOME."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline.telemetry import TELEMETRY_OFF
from facefind_pipeline_tests.store.rows import table

FACEFIND = Path(sys.executable).with_name("facefind")
PERSON = "Grace Hopper"
# onnxruntime asks for its collector about ten seconds after a session was made.
TALKATIVE = """
import os, pathlib, socket, time, facefind_pipeline
del os.environ["ORT_DISABLE_TELEMETRY"]
from facefind_pipeline.vision.models import YUNET
from facefind_pipeline.vision.sessions import open_session
session = open_session(YUNET.require(pathlib.Path()))
for address in ("198.51.100.7", "127.0.0.1"):
    socket.socket().connect_ex((address, 9))
time.sleep(25)
"""
SELFIE = """
import re, sys, requests
from pathlib import Path
guest = requests.Session()
guest.trust_env = False
guest.get(re.search("http\\S+", Path(sys.argv[1]).read_text())[0]).raise_for_status()
sent = {"picture": Path(sys.argv[2]).read_bytes()}
found = guest.post("http://127.0.0.1:8095/selfie", files=sent, headers={"Accept": "application/json"}).json()
assert len(found["photos"]) == 20, found
assert guest.get("http://127.0.0.1:8095/found/photos.zip").content.startswith(b"PK")
"""

recorded_network = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("ip")),
    reason="only root makes a network namespace, on Linux, with util-linux and iproute2",
)


@pytest.fixture
def user_home(tmp_path: Path) -> Path:
    """A fresh HOME."""
    home = tmp_path / "user"
    home.mkdir()
    return home


def _run(script: str, user_home: Path, **more: str) -> dict[str, list[str]]:
    """Runs a shell script in a namespace, with a HOME and nothing else that a user may have set; returns the record."""
    record, log = user_home.with_name("record.json"), user_home.with_name("log")
    environment = {"PATH": os.environ["PATH"], "HOME": str(user_home), "LANG": "C.UTF-8", "PYTHONPATH": str(Path.cwd())}
    module = [sys.executable, "-m", "facefind_pipeline_tests.recorded_network", record, "sh", "-ec", script]
    with log.open("wb") as output:
        done = subprocess.run(
            ["unshare", "--net", "--mount", *module], env=environment | more, stdout=output, stderr=output, check=False
        )
    assert done.returncode == 0, log.read_text()[-3000:]
    found: dict[str, list[str]] = json.loads(record.read_text())
    return found


def _files(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*") if not path.is_dir())


@pytest.mark.proof
@recorded_network
def test_nothing_leaves_the_machine_and_nothing_stays_in_the_users_home(user_home: Path, tmp_path: Path) -> None:
    home = tmp_path / "demo" / ".facefind"
    # Without the system's cache of fonts, as for a user who can't write it, fc-list would make one in the HOME.
    work = f"""
        if [ -d /var/cache/fontconfig ]; then mount -t tmpfs -o ro tmpfs /var/cache/fontconfig; fi
        cd {tmp_path}
        {FACEFIND} demo demo
        export FACEFIND_HOME={home}
        {FACEFIND} up
        {FACEFIND} status
        {FACEFIND} models list
        {FACEFIND} find '{PERSON}' --country Portugal
        {FACEFIND} find --photo 'demo/references/{PERSON}.jpg' --sheet sheet.jpg
        photo=$(cd demo/photos && ls */*.jpg | head -n 1)
        printf 'person,filename\\n{PERSON},%s\\n' "$photo" > truth.csv
        {FACEFIND} truth add truth.csv
        {FACEFIND} evaluate
        {FACEFIND} run demo/photos
        {sys.executable} -c 'import time, pathlib; from facefind_pipeline_tests.dev_server import serve
with serve(pathlib.Path("dev.log")): time.sleep(30)'
        {FACEFIND} serve --port 8095 > served.txt &
        until grep -q token= served.txt; do sleep 1; done
        {sys.executable} -c '{SELFIE}' served.txt 'demo/references/{PERSON}.jpg'
        kill $!
        wait $!
        {FACEFIND} down
    """
    try:
        recorded = _run(work, user_home)
    finally:
        server = EmbeddedServer(home)
        server.stop()
        shutil.rmtree(server.data.parent, ignore_errors=True)  # root's lies outside the temporary folder
    assert recorded == {"names": [], "destinations": []}
    records = user_home / ".local" / "state" / "facefind" / "homes"
    assert _files(user_home) == [str(records / (home / "made-here").read_text())]  # which home is the user's, alone
    assert (home / "report.html").is_file()  # fonts were listed
    assert list((home / "cache").glob("matplotlib/fontlist*.json"))


@pytest.mark.proof
@recorded_network
def test_the_recorder_sees_onnxruntimes_telemetry_and_plain_connections(user_home: Path) -> None:
    recorded = _run(f"{sys.executable} -c '{TALKATIVE}'", user_home)
    assert "198.51.100.7" in recorded["destinations"]
    assert "127.0.0.1" not in recorded["destinations"]
    assert any("microsoft" in name for name in recorded["names"])
    assert any("onnxruntime" in file for file in _files(user_home))


def test_every_child_process_inherits_the_switches() -> None:
    print_variables = "import os; print(os.environ)"
    code = f"import subprocess, sys, facefind_pipeline; subprocess.run([sys.executable, '-c', '{print_variables}'])"
    environment = {name: value for name, value in os.environ.items() if name not in TELEMETRY_OFF}
    seen = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    for name, value in TELEMETRY_OFF.items():
        assert f"'{name}': '{value}'" in seen.stdout


def test_dagsters_page_loads_no_telemetry_from_elsewhere(settings: Settings, database: Database) -> None:
    assert not open_instance(settings, database).telemetry_enabled  # else its page loads a script of dagster.io


def test_migrations_keep_neither_the_machines_name_nor_the_users(database: Database) -> None:
    with database.connect() as connection:
        assert table(connection, "SELECT * FROM _yoyo_log") == []
