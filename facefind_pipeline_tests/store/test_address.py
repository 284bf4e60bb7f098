"""Addresses: what libpq takes is read once and written in forms that it and others read alike."""

import pytest
from psycopg2.extensions import parse_dsn

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.store import address


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("postgresql:///facefind?host=/socket/dir", {"dbname": "facefind", "host": "/socket/dir"}),
        ("postgresql://%2Fsocket%20dir/party", {"dbname": "party", "host": "/socket dir"}),
        ("postgres://ada@db", {"user": "ada", "host": "db", "dbname": "facefind"}),
        ("host=db user=ada", {"user": "ada", "host": "db", "dbname": "facefind"}),
        (
            "postgresql://a%40b@[::1]:5433/a%2Fb?sslmode=require",
            {"user": "a@b", "host": "::1", "port": "5433", "dbname": "a/b", "sslmode": "require"},
        ),
        ("postgresql://one,two/?port=7", {"host": "one,two", "port": "7,7", "dbname": "facefind"}),
    ],
)
def test_an_address_is_read_and_written_again(given: str, read: dict[str, str]) -> None:
    from sqlalchemy import make_url

    assert address.parse(given) == read
    assert parse_dsn(address.uri(read)) == read
    assert dict(make_url(address.driver_url(read, "postgresql+psycopg2")).query) == read


@pytest.mark.parametrize(
    ("effective", "unverified"),
    [
        ({"host": "/tmp", "sslmode": "prefer"}, False),
        ({"host": "localhost", "sslmode": "prefer"}, False),
        ({"host": "127.0.0.2", "sslmode": "disable"}, False),
        ({"host": "::1", "sslmode": "prefer"}, False),
        ({"host": "db.example.org", "sslmode": "prefer"}, True),
        ({"host": "db.example.org", "sslmode": "verify-ca"}, True),
        ({"host": "db.example.org", "sslmode": "verify-full"}, False),
        ({"host": "localhost", "hostaddr": "10.0.0.1", "sslmode": "require"}, True),
    ],
)
def test_what_leaves_the_machine_unverified(effective: dict[str, str], unverified: bool) -> None:
    assert address.is_unverified(effective) is unverified


@pytest.mark.parametrize("given", ["mysql://u:secret@host/x", "postgresql://u:secret%ZZ@host/x", "secret"])
def test_an_error_quotes_no_password(given: str) -> None:
    with pytest.raises(FacefindError, match="FACEFIND_DATABASE_URL") as error:
        address.parse(given)
    assert "secret" not in str(error.value)
