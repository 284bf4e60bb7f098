"""The nearest town, against the distance to every town there is."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facefind_pipeline.vision import towns
from facefind_pipeline.vision.towns import EARTH_KM, FARTHEST_KM, nearest_town, town_named


@cache
def _places() -> np.ndarray:
    return np.radians([(town.latitude, town.longitude) for town in towns._table().towns])


def _haversine_km(latitude: float, longitude: float) -> np.ndarray:
    """To every town (Sinnott, Virtues of the Haversine, Sky & Telescope 1984)."""
    places = _places()
    north, east = np.radians([latitude, longitude])
    half = np.sin((places[:, 0] - north) / 2) ** 2 + (
        np.cos(north) * np.cos(places[:, 0]) * np.sin((places[:, 1] - east) / 2) ** 2
    )
    return 2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1)))


@given(
    latitude=st.one_of(st.floats(-90, 90), st.floats(60, 72)),
    longitude=st.one_of(st.floats(-180, 180), st.floats(177, 180), st.floats(-180, -177)),
)
@settings(max_examples=200)
def test_no_town_is_nearer(latitude: float, longitude: float) -> None:
    distances = _haversine_km(latitude, longitude)
    town = nearest_town(latitude, longitude)
    if town is None:
        assert distances.min() > FARTHEST_KM - 1e-6
    else:
        place = towns._table().towns.index(town)
        assert distances[place] == pytest.approx(distances.min(), abs=1e-6)
        assert distances[place] <= FARTHEST_KM + 1e-6


@pytest.mark.parametrize(
    ("latitude", "longitude", "name"),
    [
        (69.5, 23.0, "Alta"),  # 53 km; Kautokeino, nearer in degrees, is 54 km away
        (-16.8, -179.9, "Labasa"),  # 88 km, across the date line; Tubou is 197 km away
    ],
)
def test_towns_that_plain_degrees_miss(latitude: float, longitude: float, name: str) -> None:
    town = nearest_town(latitude, longitude)
    assert town is not None
    assert town.name == name


def test_the_table_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    nearest_town(48.2, 16.4)
    monkeypatch.setattr(towns.json, "loads", None)
    assert nearest_town(48.2, 16.4) is not None


def test_a_town_is_named_in_any_case_and_without_accents_and_the_largest_is_meant() -> None:
    found = town_named("SAO PAULO")
    assert found is not None
    assert (found.name, found.country) == ("São Paulo", "BR")
    vigo = town_named("Vigo")
    assert vigo is not None
    assert vigo.country == "ES"
    assert sum(town.name == "Vigo" for town in towns._table().towns) > 1
    assert town_named("Nowhere at all") is None
