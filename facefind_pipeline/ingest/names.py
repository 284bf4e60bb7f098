"""Names of folders and people as keys: slugs that people can type and that stay short."""

import hashlib
import re
import unicodedata

from slugify import slugify

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.path_text import comparable

# Keys become names of files: `KEY.jpg` and the name while it is written stay below the 143 bytes of encrypted homes.
LONGEST_KEY = 100
_DIGEST = 10  # hex digits
UNSEEN = ("Mn", "Me", "Cf")  # general categories


def key_of(name: str) -> str:
    r"""The slug of a folder's or a person's name: lower case, accents folded, `[a-z0-9][a-z0-9._-]*`.

    "Anna's wedding (2024)" becomes `annas-wedding-2024`; a name without letters and digits is spelled, so that a party
    popper becomes `party-popper`; bytes that are not UTF-8 become `xe9`. A slug of more than 100 characters ends in a
    hash of itself.

    Raises:
        FacefindError: nothing of the name can be seen.
    """
    text = comparable(name)
    key = _slug(text) or _slug(_spelled(text))
    if not key:
        raise FacefindError(f"{text!r} has no character to make a key of: give it another name")
    return shortened(key)


def shortened(key: str) -> str:
    """The key if it has at most 100 characters, else its beginning and a hash of the whole."""
    if len(key) <= LONGEST_KEY:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()[:_DIGEST]
    return f"{key[: LONGEST_KEY - 1 - _DIGEST].rstrip('._-')}-{digest}"


def _slug(text: str) -> str:
    key = slugify(text, replacements=[("'", ""), ("\u2019", "")], regex_pattern=r"[^a-z0-9._-]+").strip("._-")
    return re.sub(r"\.{2,}", ".", key)  # Dagster takes `...` for a range of partitions


def _spelled(text: str) -> str:
    """The Unicode names of the characters, without those that can't be seen: joiners, selectors, spaces."""
    seen = (letter for letter in text if unicodedata.category(letter) not in UNSEEN and not letter.isspace())
    return " ".join(unicodedata.name(letter, f"u{ord(letter):04x}") for letter in seen)
