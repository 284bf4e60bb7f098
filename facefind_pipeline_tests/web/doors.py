"""Our pages served over real sockets in this process, and a browser's manners without a browser."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import requests
import uvicorn
from PIL import Image
from starlette.types import ASGIApp

from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.web.guard import cookie_name
from facefind_pipeline.web.serving import make_server
from facefind_pipeline_tests.store.rows import table

JSON = {"Accept": "application/json"}
PAGE = {"Accept": "text/html"}
NAMES = ["127.0.0.1"]
GUESTS = "https://192.168.1.20:8080/"
TOKEN = "token-of-this-start"
PATIENCE_S = 120


@dataclass
class Door:
    """One that answers; cookies are kept as a browser keeps them."""

    port: int
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.session.get(f"{self.origin}{path}", timeout=60, **more)

    def post(self, path: str, **more: Any) -> requests.Response:
        return self.session.post(f"{self.origin}{path}", timeout=60, **more)

    def send(self, picture: bytes, **more: Any) -> requests.Response:
        """A selfie, as the form sends it, for a program."""
        return self.post("/selfie", files={"picture": ("selfie.jpg", picture)}, **{"headers": JSON, **more})

    def another(self) -> "Door":
        """The same for another browser."""
        return Door(self.port)


@dataclass
class HostsDoor(Door):
    """As the host's browser comes in, after the printed address was opened."""

    def __post_init__(self) -> None:
        self.session.cookies.set(cookie_name(self.port), TOKEN)

    def do(self, path: str, **values: object) -> requests.Response:
        return self.post(path, json=values, headers=JSON)

    def wait_until_done(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self.get("/work", headers=JSON).json()["work"]["at_work"]:
            assert time.monotonic() < deadline
            time.sleep(0.1)


@contextmanager
def opened(make: Callable[[int], ASGIApp]) -> Iterator[Door]:
    """Serves the application that is made for a port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server: uvicorn.Server = make_server(make(port), None)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Door(port)
        finally:
            server.should_exit = True
            thread.join()


def jpeg(picture: Image.Image, quality: int = 92) -> bytes:
    """A picture as phones send it."""
    data = BytesIO()
    picture.save(data, "JPEG", quality=quality)
    return data.getvalue()


def state_of(settings: Settings, database: Database) -> dict[str, Any]:
    """Rows of all tables, Dagster's too, and the home's files with their sizes and times."""
    state: dict[str, Any] = {}
    for url in (database.url, database.dagster_url):
        with Database(url, url).connect(vectors=False) as connection:
            tables = table(connection, "SELECT schemaname || '.' || quote_ident(tablename) FROM pg_tables")
            for (name,) in tables:
                if not name.startswith(("pg_catalog.", "information_schema.")):
                    state[f"{url} {name}"] = table(connection, f"SELECT count(*) FROM {name}")
    for file in sorted(_files(settings.home)):
        stat = file.lstat()
        state[str(file)] = stat.st_size, stat.st_mtime_ns
    return state


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        yield from (Path(place) / name for name in (*folders, *files))
