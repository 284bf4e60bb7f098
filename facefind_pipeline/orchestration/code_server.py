"""The code server that Dagster's UI and daemon share: a process that answers at one socket for as long as they run.

`dagster dev` puts a second process in front of it, which hands each question on. At rest that one takes a quarter of
what all of them do, so here both ask the code server itself; `Reload` in the UI starts it anew.
"""

import logging
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import dagster as dg
import yaml

from facefind_pipeline.orchestration.dagster_internals import (
    CodeServerClient,
    CodeServerUnreachableError,
    WorkspaceFileTarget,
    WorkspaceProcessContext,
)
from facefind_pipeline.orchestration.examples import VARIABLE, read_examples, to_text
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.database import open_database

MODULE = "facefind_pipeline.definitions"
HEARTBEAT_S = 10.0
DEAD_S = 45  # without a heartbeat, after which it ends by itself: who started it was killed
STARTING_S = 180.0  # to load all libraries on a machine that is busy
ENDING_S = 10.0
ASK_AGAIN_S = 0.1

_log = logging.getLogger(__name__)


class CodeServer:
    """Runs while the context does; one that ended by itself is started again.

    Args:
        folder: that no one else can reach, for the socket and the workspace file.
        log_level: of the process.
    """

    def __init__(self, folder: Path, log_level: str) -> None:
        self._socket, self._log_level = folder / "code.sock", log_level
        self._changing = threading.Lock()
        self._over = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper = threading.Thread(target=self._keep, name="code-server-keeper")
        self.workspace = folder / "workspace.yaml"

    def __enter__(self) -> Self:
        """Starts it, and writes the workspace file, which says where it is.

        Raises:
            RuntimeError: it ended at once, and its log says why; or did not answer in time.
        """
        where = {"grpc_server": {"socket": str(self._socket), "location_name": MODULE}}
        self.workspace.write_text(yaml.safe_dump({"load_from": [where]}), encoding="utf-8")
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends it."""
        self._over.set()
        self._keeper.join()
        self._end()

    def restart(self) -> None:
        """Starts it anew, with what the definitions say by now; raises as `__enter__`."""
        with self._changing:
            self._end()
            self._start()

    def _keep(self) -> None:
        client = CodeServerClient(socket=str(self._socket))
        while not self._over.wait(HEARTBEAT_S):
            with self._changing:
                if self._process is not None and self._process.poll() is not None:
                    _log.warning("the code server ended with code %s, and is started again", self._process.returncode)
                    try:
                        self._start()
                    except RuntimeError as error:  # tried again at the next look
                        _log.warning("%s", error)
                    continue
            with suppress(CodeServerUnreachableError):
                client.heartbeat()

    def _start(self) -> None:
        self._socket.unlink(missing_ok=True)
        with open_database(read_settings()).connect() as connection:
            examples = to_text(read_examples(connection))
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "dagster", "api", "grpc", "--socket", self._socket, "-m", MODULE),
                *("--location-name", MODULE, "--lazy-load-user-code", "--inject-env-vars-from-instance"),
                *("--heartbeat", "--heartbeat-timeout", str(DEAD_S), "--log-level", self._log_level),
            ],
            stdin=subprocess.DEVNULL,
            env={**os.environ, VARIABLE: examples},  # not in our own: workers are told apart by their environment
        )
        client, until = CodeServerClient(socket=str(self._socket)), time.monotonic() + STARTING_S
        while self._process.poll() is None and time.monotonic() < until:
            with suppress(CodeServerUnreachableError):
                client.ping("")
                return
            time.sleep(ASK_AGAIN_S)
        raise RuntimeError(f"the code server does not answer (code {self._process.poll()})")

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class ReloadingContext(WorkspaceProcessContext):
    """What the UI knows of the code server, which it starts anew where somebody asks for that."""

    def __init__(self, instance: dg.DagsterInstance, code_server: CodeServer) -> None:
        self._code_server = code_server
        super().__init__(instance, WorkspaceFileTarget([str(code_server.workspace)]))

    def reload_code_location(self, name: str) -> None:
        """`Reload` of the one location there is."""
        self._code_server.restart()
        self.refresh_code_location(name)

    def reload_workspace(self) -> None:
        """`Reload all`."""
        self._code_server.restart()
        self.refresh_workspace()
