"""Addresses of databases: everything libpq takes, read into its parameters once and written in one form."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import quote, urlencode

import psycopg2
from psycopg2.extensions import parse_dsn

from facefind_pipeline.errors import FacefindError

Parameters = Mapping[str, str]  # libpq's names, such as host, port, dbname, sslmode


def parse(address: str) -> dict[str, str]:
    """The parameters of a URI or of key=value pairs. The database is `facefind` where none is named.

    Raises:
        FacefindError: libpq cannot read it; the message quotes nothing, for a password may be what is wrong.
    """
    if "://" in address and not address.startswith(("postgresql://", "postgres://")):
        raise FacefindError(
            "FACEFIND_DATABASE_URL must begin with postgresql://, as in postgresql://user@host/facefind"
        )
    try:
        parameters: dict[str, str] = parse_dsn(address)
    except psycopg2.ProgrammingError:
        raise FacefindError(
            "FACEFIND_DATABASE_URL can't be read: postgresql://user@host:port/facefind or libpq's key=value pairs, "
            "special characters of a URI as %XX"
        ) from None
    parameters.setdefault("dbname", "facefind")
    hosts, ports = parameters.get("host", "").count(","), parameters.get("port", "")
    if hosts and ports.isdigit():  # one for all, which libpq takes and SQLAlchemy does not
        parameters["port"] = ",".join([ports] * (hosts + 1))
    return parameters


def uri(parameters: Parameters) -> str:
    """A URI for people and for libpq: user and database in their places, all else in the query."""
    rest = {name: value for name, value in parameters.items() if name not in {"user", "dbname"}}
    user = quote(parameters["user"], safe="") + "@" if "user" in parameters else ""
    return f"postgresql://{user}/{quote(parameters['dbname'], safe='')}" + (_query(rest) if rest else "")


def driver_url(parameters: Parameters, scheme: str) -> str:
    """A URL for libraries that hand its query to libpq as it is; of other parts they know less than libpq does."""
    return f"{scheme}://{_query(parameters)}"


def _query(parameters: Parameters) -> str:
    return f"?{urlencode(parameters, quote_via=quote, safe='')}"


def is_unverified(effective: Parameters) -> bool:
    """Whether a connection leaves this machine without proof of whom it reaches.

    Args:
        effective: parameters of a connection with all defaults filled in, its one host among them.
    """
    host = effective.get("hostaddr") or effective.get("host", "")
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return False
    try:
        if ipaddress.ip_address(host).is_loopback:
            return False
    except ValueError:
        pass  # a name
    return effective.get("sslmode") != "verify-full"
