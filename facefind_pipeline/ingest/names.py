"""Names of folders, files and people: as keys, as text that a table can hold, as something to print."""

import hashlib
import re

from slugify import slugify

from facefind_pipeline.errors import FacefindError

# Keys become names of files: `KEY.jpg` and the name while it is written stay below the 143 bytes of encrypted homes.
LONGEST_KEY = 100
_DIGEST = 10  # hex digits


def key_of(name: str) -> str:
    """The slug of a folder's or a person's name: lower case, accents folded, `[a-z0-9][a-z0-9._-]*`.

    "Anna's wedding (2024)" becomes `annas-wedding-2024`; a slug of more than 100 characters ends in a hash of itself.

    Raises:
        FacefindError: nothing of the name is left.
    """
    key = slugify(name, replacements=[("'", ""), ("\u2019", "")], regex_pattern=r"[^a-z0-9._-]+").strip("._-")
    key = re.sub(r"\.{2,}", ".", key)  # Dagster takes `...` for a range of partitions
    if not key:
        raise FacefindError(f"{printable(name)!r} has no letter or digit to make a key of: give it another name")
    return shortened(key)


def shortened(key: str) -> str:
    """The key if it has at most 100 characters, else its beginning and a hash of the whole."""
    if len(key) <= LONGEST_KEY:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()[:_DIGEST]
    return f"{key[: LONGEST_KEY - 1 - _DIGEST].rstrip('._-')}-{digest}"


def is_utf8(name: str) -> bool:
    """Whether a name from the file system is text that PostgreSQL can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(name: str) -> str:
    r"""A name from the file system as text; a byte that is not UTF-8 is written as `\udce9`."""
    return name.encode("utf-8", "backslashreplace").decode()
