"""Versions of libraries, as fingerprints of detectors and embedders tell them."""

from functools import cache
from importlib.metadata import version


@cache
def library_version(distribution: str) -> str:
    """Read once: a sensor asks for those of all sets every few seconds, and what is loaded stays what it is."""
    return version(distribution)
