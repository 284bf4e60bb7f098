"""Pinned versions: each with hashes, from no address, and the same ones for those who run and those who test."""

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

CLONE = Path(__file__).parents[1]
FILES = ("constraints.txt", "constraints-dev.txt")


def _pins(name: str) -> Iterator[tuple[str, str, list[str]]]:
    """Name, version and marker, and hashes of each package."""
    text = (CLONE / name).read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            package, _, rest = re.sub(r"\[.*?\]", "", line).partition("==")
            yield (
                re.sub(r"[-_.]+", "-", package).lower(),
                rest.split("--hash")[0].strip(),
                re.findall(r"--hash=(\S+)", line),
            )


@pytest.mark.parametrize("name", FILES)
def test_every_version_has_hashes_and_no_address(name: str) -> None:
    assert "://" not in (CLONE / name).read_text(encoding="utf-8")
    pins = list(_pins(name))
    assert len(pins) > 100
    for package, _, hashes in pins:
        assert hashes, package
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", one) for one in hashes), package


def test_who_tests_has_the_versions_of_those_who_run() -> None:
    run, dev = ({package: (version, hashes) for package, version, hashes in _pins(name)} for name in FILES)
    assert {package: dev.get(package) for package in run} == run


def test_everything_that_is_declared_is_pinned() -> None:
    pinned = {package for package, *_ in _pins("constraints-dev.txt")}
    declared = metadata.requires("facefind") or []
    names = {re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=;!~]", one)[0]).lower() for one in declared}
    assert names - {"facefind"} <= pinned
