"""Doors: where the database and the pages listen, and who can reach them."""

import ipaddress
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
from psycopg2.extensions import parse_dsn

from facefind_pipeline.doctor.findings import Finding, Installation, note, ok, problem
from facefind_pipeline.store import address as addresses

ON_LOOPBACK, IN_PRIVATE_NETWORKS = "this machine", "private networks"
ALLOWED = {"dev": ON_LOOPBACK, "serve": IN_PRIVATE_NETWORKS}


def database(installation: Installation) -> Iterator[Finding]:
    """Whether the embedded server is reached by its private socket alone, or how one of the user's own is reached."""
    found = installation.answering()
    with installation.reading() as connection, connection.cursor() as cursor:
        effective = connection.info.dsn_parameters
        cursor.execute("SELECT current_setting('listen_addresses')")
        (listens,) = cursor.fetchone() or ("",)
    if found.data is None:
        if addresses.is_unverified(effective):
            yield note(
                f"the connection to {effective.get('host')} does not prove that it is your server",
                "add sslmode=verify-full to FACEFIND_DATABASE_URL",
            )
        else:
            yield ok(f"the database is reached by {effective.get('host') or 'its socket'}")
        return
    folder = Path(parse_dsn(found.url)["host"])
    open_to_others = [path for path in {folder, found.data} if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if listens:
        yield problem(f"the database listens on the network ({listens})", "facefind down && facefind up")
    elif open_to_others:
        yield problem(f"other users may enter {open_to_others[0]}", f"chmod 700 {open_to_others[0]}")
    else:
        yield ok(f"the database listens on a socket in {folder} alone, closed to other users")


def pages(installation: Installation) -> Iterator[Finding]:
    """Where `facefind dev` and `facefind serve` listen, with the processes that they started."""
    if not installation.serving:
        yield ok("no pages are served: neither `facefind dev` nor `facefind serve` runs")
    for command, pid in installation.serving.items():
        process = psutil.Process(int(pid))
        ports = sorted(
            address for member in (process, *process.children(recursive=True)) for address in _listening(member)
        )
        wide = [f"{host}:{port}" for host, port in ports if not _is_allowed(host, ALLOWED[command])]
        where = ", ".join(f"{host}:{port}" for host, port in ports) or "no port yet"
        if wide:
            yield problem(
                f"facefind {command} (process {pid}) is reached from beyond {ALLOWED[command]}: {', '.join(wide)}",
                f"end it (kill {pid}) and start it on an address of {ALLOWED[command]}",
            )
        else:
            yield ok(f"facefind {command} (process {pid}) listens on {where}")


def _listening(process: psutil.Process) -> list[tuple[str, int]]:
    try:
        found = process.net_connections(kind="tcp")
    except psutil.NoSuchProcess:
        return []
    return [(one.laddr.ip, one.laddr.port) for one in found if one.status == psutil.CONN_LISTEN]


def _is_allowed(host: str, where: str) -> bool:
    found = ipaddress.ip_address(host.partition("%")[0])
    if found.is_unspecified:
        return False
    return found.is_loopback or (where == IN_PRIVATE_NETWORKS and found.is_private)
