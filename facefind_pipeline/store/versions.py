"""Hashes that say whether something is what it was: fingerprints and data versions."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Fingerprints(NamedTuple):
    """What a parameter set's detector and embedder really are, and the rules for clothes, each as a hash."""

    detector: str
    embedder: str
    clothes: str


def hash_rows(rows: Iterable[Iterable[object]]) -> str:
    """SHA-256 of rows of plain values, in hex, cut to 32 digits; the order of rows counts."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps([_plain(value) for value in row], ensure_ascii=False).encode())
        digest.update(b"\n")
    return digest.hexdigest()[:32]


def fingerprint(meaning: Mapping[str, object]) -> str:
    """Hash of what a detector or embedder really is; the order of keys does not count."""
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()[:32]


def _plain(value: object) -> object:
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else value
