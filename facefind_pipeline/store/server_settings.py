"""What the embedded server reads at its start: settings, who may connect, and which account is which role.

All of it lies beside the cluster's data and is written at each start. The files of that kind in the data folder are not
read, and so cannot name a program or a library. The one that PostgreSQL reads in any case, that of ALTER SYSTEM, is
removed, and the statement is switched off.
"""

import re
import struct
from pathlib import Path

_SETTINGS = """\
listen_addresses = ''
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0700
port = {port}
max_connections = 200
shared_buffers = 512MB
# The most that building an index takes, which says itself what it needs: 1.4 GB for a million faces.
maintenance_work_mem = 2GB
max_parallel_maintenance_workers = {workers}
jit = off
# Old files of the write-ahead log are removed, and new ones begin empty: what is forgotten is not kept in them.
wal_recycle = off
wal_init_zero = on
timezone = '{timezone}'
log_timezone = '{timezone}'
allow_alter_system = off
"""
ROLES = ("postgres", "facefind_pipeline", "facefind_reader")
_WHO_MAY_CONNECT = f"local all {','.join(ROLES)} peer map=facefind\n"
_HEADER = "# Written by facefind at each start.\n"


def write_settings(
    folder: Path, data: Path, *, socket_folder: Path, client: str, parallel_builds: bool
) -> dict[str, Path]:
    """Write three files beside the data and remove that of ALTER SYSTEM.

    Args:
        folder: for the files, which are made anew with mode 0600.
        data: the cluster's data folder.
        socket_folder: of the Unix socket; its path needs no quoting.
        client: name of the one account that may connect.
        parallel_builds: whether several processes may build an index.

    Returns:
        The file that each of PostgreSQL's settings `config_file`, `hba_file`, `ident_file` has to name.
    """
    settings = _SETTINGS.format(
        socket_folder=socket_folder, port=_port(data), workers=2 if parallel_builds else 0, timezone=_timezone(data)
    )
    files = {
        "config_file": (folder / "server.conf", settings),
        "hba_file": (folder / "server-hba.conf", _WHO_MAY_CONNECT),
        "ident_file": (folder / "server-ident.conf", "".join(f'facefind "{client}" {role}\n' for role in ROLES)),
    }
    for file, text in files.values():
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)
        file.write_text(_HEADER + text)
    (data / "postgresql.auto.conf").unlink(missing_ok=True)
    return {name: file for name, (file, _) in files.items()}


def _port(data: Path) -> int:
    """A number for the socket's name, another for each cluster, from the identifier that initdb gave it.

    A server whose home was deleted notices within a minute and then removes its socket by name; it must not be that of
    the cluster made there since.
    """
    with (data / "global" / "pg_control").open("rb") as control:
        (identifier,) = struct.unpack("=Q", control.read(8))
    return 1024 + int(identifier) % 64512


def _timezone(data: Path) -> str:
    """The machine's, as initdb found and checked it."""
    found = re.search(r"^timezone = '([\w/+-]+)'$", (data / "postgresql.conf").read_text(errors="replace"), re.M)
    return found[1] if found else "UTC"
