r"""Names of the file system as text, and back: Linux takes any bytes for a name, a table or a terminal only text.

A byte that is not UTF-8 is written `\xe9`, as Python writes it and as people can type it; a backslash that would read
as the beginning of one is itself written `\x5c`, so that every name has one text and every text leads back to its name.
Names that differ only in their normal form (macOS writes NFD, most others NFC) stay two names; a name that somebody
types means either.
"""

import os
import re
import unicodedata
from pathlib import Path

_READS_AS_ESCAPE = re.compile(rb"\\(?=x[0-9a-f]{2})")
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


def text_of(path: str | os.PathLike[str]) -> str:
    r"""The text of a path, as tables hold it: `caf\xe9` for the bytes `caf`, E9."""
    return _READS_AS_ESCAPE.sub(rb"\\x5c", os.fsencode(path)).decode("utf-8", "backslashreplace")


def path_of(text: str) -> str:
    """The path of such a text, for the file system."""
    raw = text.encode("utf-8", "surrogateescape")
    return os.fsdecode(_ESCAPE.sub(lambda escape: bytes.fromhex(escape[1].decode()), raw))


def printable(text: str) -> str:
    r"""What holds a path, or was typed, as text that any table and terminal takes: other bytes than UTF-8 as `\xe9`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def comparable(name: str) -> str:
    """A name in the form in which names are compared: text in NFC."""
    return unicodedata.normalize("NFC", printable(name))


def on_disk(path: Path) -> Path:
    r"""The path as the disk spells it, where only the normal form differs or `\xe9` was typed for a byte.

    Args:
        path: absolute. One that is there, or that nothing there is meant by, stays as it is.
    """
    if os.path.lexists(path) or path == path.parent:
        return path
    parent = on_disk(path.parent)
    try:
        meant = [name for name in os.listdir(parent) if comparable(text_of(name)) == comparable(path.name)]  # noqa: PTH208
    except OSError:
        meant = []
    return parent / (meant[0] if len(meant) == 1 else path.name)
