"""A canary person goes through everything, is forgotten with a kill after each step, and found nowhere, whoever reads.

What is searched for here is searched by other means than the product's own: plain bytes in plain files.
"""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from facefind_pipeline.cli.serve_links import ADDRESS
from facefind_pipeline.privacy.data_map import files_of
from facefind_pipeline_tests.cli.test_serve import free_port, served
from facefind_pipeline_tests.conftest import SMALL_SET, call_facefind
from facefind_pipeline_tests.dev_server import serve
from facefind_pipeline_tests.privacy.searched_place import Needles, Place, found
from facefind_pipeline_tests.web.doors import JSON, PAGE, PATIENCE_S

pytestmark = [pytest.mark.slow, pytest.mark.proof]

NAME, KEY = "Kanarienvogel Núñez", "kanarienvogel-nunez"
HERS = f"/people/{KEY}"
MARKER = b"CANARY-IN-THE-PICTURE-3141592653"
OTHER_DETECTOR = "hog-up1-px800@dlib"
STEPS = 5
# A forgetting that is killed, as by the power, once it has noted so many more steps.
KILLED = """
import os, signal, sys
from facefind_pipeline.privacy import forgetting
write, left = forgetting.Forgetting._write, [int(sys.argv.pop(1))]
def killed(self, state):
    write(self, state)
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
forgetting.Forgetting._write = killed
from facefind_pipeline.cli import main
main()
"""


def _done(*arguments: object) -> Any:
    result = call_facefind(*arguments)
    assert result.exit_code == 0, result.stderr
    return result


def _fill(place: Place, tmp_path: Path) -> None:
    """Everything that may keep something of a person."""
    _done("run", place.photos, "--params", SMALL_SET, "--reference", f"{NAME}={place.reference}")
    _done("sweep", OTHER_DETECTOR)
    _done("confirm", NAME, "Day 1/both.jpg")
    _done("person", "consent", NAME, "--until", "2099-12-31", "--source", "signed form")
    place.settings.truth.mkdir()
    (place.settings.truth / "truth.csv").write_text(f"person,filename\n{NAME},hopper.jpg\n{NAME},again.jpg\n")
    _done("truth", "add", place.settings.truth / "truth.csv")
    _done("evaluate", "--params", SMALL_SET)
    _done("gallery", NAME, "--out", tmp_path / "gallery")
    _done("album", NAME, "--to", tmp_path / "album")
    (place.settings.home / ADDRESS).write_text("http://192.168.1.20:8081/")  # as if they had been served before
    _done("serve", "link", NAME)
    _done("deliver", NAME, "--to", tmp_path / "delivered", "--approve")
    place.settings.references.mkdir(exist_ok=True)
    (place.settings.references / f"{NAME}.jpg").write_bytes(place.reference.read_bytes()[:-1] + b"4")
    _done("run", place.photos, "--params", SMALL_SET)
    with serve(tmp_path / "dev.txt"):
        pass


# Of her: the faces near to her references, by whichever detector.
NEAR = """
SELECT e.face_key FROM embeddings e JOIN reference_embeddings r USING (parameter_set)
WHERE e.embedding <-> r.embedding < 0.45
"""
VECTORS = f"""
SELECT embedding FROM embeddings WHERE face_key IN ({NEAR}) UNION SELECT embedding FROM reference_embeddings
"""


def _needles(place: Place) -> Needles:
    return {
        "picture": [MARKER, MARKER[:-1] + b"4", *place.crops(NEAR)],
        "name": [NAME.encode(), KEY.encode(), json.dumps(NAME)[1:-1].encode()],
        "vector": place.vectors(VECTORS),
    }


@dataclass
class Pages:
    """What a host and a guest have opened in their browsers, and still have."""

    address: str
    host: requests.Session
    guest: requests.Session
    link: str

    def status(self, path: str, *, guest: bool = False) -> int:
        session = self.guest if guest else self.host
        return session.get(f"{self.address}{path}", timeout=PATIENCE_S).status_code


@contextmanager
def _opened_pages(folder: Path) -> Iterator[Pages]:
    """The host looks at her page and pictures and confirms one; a guest enters the PIN of her link, and takes a zip."""
    link = json.loads(_done("serve", "link", NAME, "--pin", "--json").stdout)
    path, port = urlsplit(link["address"]).path, free_port()
    with served(folder / "serve.txt", "--port", port, "--params", SMALL_SET) as printed:
        pages = Pages(f"http://127.0.0.1:{port}", requests.Session(), requests.Session(), path)
        for browser in (pages.host, pages.guest):  # on loopback whoever has the token; a guest's own needs a network
            browser.get(re.findall(r"http://127\.0\.0\.1:\S+", printed)[0], timeout=PATIENCE_S).raise_for_status()
        assert pages.status("/groups") == 200
        for page in ("/", HERS):
            assert NAME in pages.host.get(f"{pages.address}{page}", timeout=PATIENCE_S).text, page
        photos = pages.host.get(f"{pages.address}{HERS}/photos", headers=JSON, timeout=PATIENCE_S).json()["photos"]
        assert len(photos) == 3
        for photo in photos:
            for picture in (f"faces/{photo['sha256']}.jpg", f"files/{photo['full']}", f"files/{photo['thumbnail']}"):
                assert pages.status(f"{HERS}/{picture}") == 200, picture
        said = {"sha256": next(photo["sha256"] for photo in photos if "again" in photo["photo"]), "shown": True}
        assert pages.host.post(f"{pages.address}{HERS}/said", json=said, headers=JSON, timeout=PATIENCE_S).ok
        deadline = time.monotonic() + PATIENCE_S
        while pages.host.get(f"{pages.address}/work", headers=JSON, timeout=PATIENCE_S).json()["work"]["at_work"]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert pages.status("/mine/", guest=True) == 401
        opened = pages.guest.post(f"{pages.address}{path}", json={"pin": link["pin"]}, headers=JSON, timeout=PATIENCE_S)
        shown = opened.json()["photos"]
        assert len(shown) == 3
        assert NAME in pages.guest.get(f"{pages.address}/mine/", headers=PAGE, timeout=PATIENCE_S).text
        for name in ("photo", "thumbnail"):
            assert pages.status(f"/mine/{shown[0][name]}", guest=True) == 200
        zipped = pages.guest.get(f"{pages.address}/mine/photos.zip", timeout=PATIENCE_S).content
        assert len(zipfile.ZipFile(BytesIO(zipped)).namelist()) == 3
        yield pages


def _forget_with_kills() -> Any:
    """The last result, after a kill once it was begun, and after each step; until rows went it is begun anew."""
    for kill in range(STEPS + 1):
        arguments = ["forget", NAME, "--yes"] if kill == 0 else ["forget"]
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, "2" if kill == 1 else "1", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    return _done("forget", "--json")


def _forget(place: Place) -> Needles:
    """Forgets her, and holds the receipt against what is counted here."""
    needles = _needles(place)
    assert len(needles["vector"]) >= 12  # in two forms: three photos under two detectors, and the references
    before = found(place, needles)
    for part in ("table ", "pg_wal"):
        assert all(any(part in one for one in where) for where in before.values()), before
    unmapped = [file for file, _ in place.files() if not _in_map(place, file)]
    assert unmapped == []
    counted = {
        name: place.ask(f"SELECT count(*) FROM {name} WHERE person = '{KEY}'")[0][0]
        for name in ("people", "reference_photos", "reference_embeddings", "feedback", "truth", "consents",
                     "guest_links", "approvals", "deliveries", "searches")
    }  # fmt: skip
    ((faces,),) = place.ask(f"SELECT count(*) FROM detected_faces WHERE face_key IN ({NEAR})")
    assert 0 not in counted.values(), counted
    last = _forget_with_kills()
    receipt = json.loads(last.stdout)
    assert receipt["clean"], receipt
    assert {table: receipt["rows"][table] for table in counted} == {table: [n, 0] for table, n in counted.items()}
    assert receipt["rows"]["detected_faces"] == [faces, 0]
    assert NAME not in last.stdout
    return needles


def _in_map(place: Place, file: Path) -> bool:
    """Root's server lies outside the home, as what the map has below `postgres`."""
    assert place.database.data is not None
    server, home = place.database.data.parent, place.settings.home
    path = Path("postgres") / file.relative_to(server) if file.is_relative_to(server) else file.relative_to(home)
    return files_of(str(path)) is not None


def test_a_canary_is_found_nowhere_after_forget_and_does_not_come_back(place: Place, tmp_path: Path) -> None:
    place.reference.write_bytes(place.reference.read_bytes() + MARKER)
    _fill(place, tmp_path)
    with _opened_pages(tmp_path) as pages:
        needles = _forget(place)
        # Pages that were open show nothing any more, though the process that made their pictures is the same.
        assert [pages.status(path) for path in (HERS, f"{HERS}/photos")] == [404, 404]
        assert [pages.status(path, guest=True) for path in ("/mine/", "/mine/photos.zip")] == [410, 410]
        assert pages.status(pages.link, guest=True) == 404
        assert NAME not in pages.host.get(f"{pages.address}/", timeout=PATIENCE_S).text
        assert found(place, needles) == {"picture": [], "name": [], "vector": []}
    assert found(place, needles) == {"picture": [], "name": [], "vector": []}

    # She does not come back: read again, under another name, by another detector, out of the references folder.
    (place.photos / "Day 1" / "hopper.jpg").rename(place.photos / "Day 1" / "renamed.jpg")
    shutil.copytree(place.photos / "Day 2", place.photos / "Day 3")
    shutil.copy(place.reference, place.settings.references / f"{NAME}.jpg")
    shutil.copy(place.reference, place.settings.references / "Somebody.jpg")
    again = _done("ingest", place.photos, "--rehash")
    _done("sweep", SMALL_SET, "hog-up0-px900@dlib")
    _done("who")
    lines = again.stderr.splitlines() + call_facefind("run", place.photos).stderr.splitlines()
    for file in (f"{NAME}.jpg", "Somebody.jpg"):
        assert any("was forgotten on" in line and file in line for line in lines), lines
        (place.settings.references / file).unlink()
    refused = call_facefind("person", "add", NAME, place.reference)
    assert refused.exit_code == 1
    assert "was forgotten on" in refused.stderr
    assert place.ask("SELECT * FROM people") == []
    shown = place.ask("SELECT DISTINCT path FROM detected_faces JOIN photos USING (sha256) ORDER BY 1")
    assert [path for (path,) in shown] == ["Day 1/both.jpg", "Day 2/collins.png", "Day 3/collins.png"]
    after = found(place, needles)
    assert after["picture"] == after["vector"] == []
