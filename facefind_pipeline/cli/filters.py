"""The options by which a search is limited to some photos, and how their values are written."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any

import click
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError

if TYPE_CHECKING:
    from facefind_pipeline.search.filters import Filters, Near
    from facefind_pipeline.store.parameter_sets import RegisteredSet
    from facefind_pipeline.store.people import Person

DATE = click.DateTime(["%Y-%m-%d"])
_METRES = {"km": 1000.0, "m": 1.0}
_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_RADIUS = re.compile(r"(\d+(?:\.\d+)?)\s*(km|m)", re.IGNORECASE)
_POSITION = re.compile(rf"({_NUMBER})\s*,\s*({_NUMBER})")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(px|%|)", re.IGNORECASE)

_OPTIONS = (
    click.option(
        "--day",
        "days",
        multiple=True,
        metavar="DAY",
        help="Only event days of this key or folder, or with this in its name; repeat for more.",
    ),
    click.option("--from", "from_day", type=DATE, metavar="DATE", help="Taken on this day or later, as 2024-06-01."),
    click.option("--to", "to_day", type=DATE, metavar="DATE", help="Taken on this day or earlier."),
    click.option("--country", help="Taken in this country: its English name or two-letter code."),
    click.option("--near", metavar="PLACE", help="Taken near a position or town: 38.72,-9.14,2km or Lisbon,500m."),
    click.option("--with", "present", multiple=True, metavar="NAME", help="This person is on it too; repeat for more."),
    click.option("--without", "absent", multiple=True, metavar="NAME", help="This person is not on it; repeat."),
    click.option(
        "--only",
        is_flag=True,
        help="Nobody else is on it: nobody known, nor a face of at least half the height; but those of --with.",
    ),
    click.option("--min-size", metavar="SIZE", help="Height of the face: 80 (pixels) or 5% (of the photo's height)."),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed, as far as it can be checked without a database.

    Attributes:
        country: two-letter code.
        min_height: pixels.
        min_share: of the photo's height.
    """

    days: Sequence[str]
    from_day: datetime | None
    to_day: datetime | None
    country: str | None
    near: "Near | None"
    present: Sequence[str]
    absent: Sequence[str]
    only: bool
    min_height: float | None
    min_share: float | None

    @property
    def given(self) -> bool:
        """Whether anything is limited."""
        return any(getattr(self, one.name) for one in fields(self))

    def filters(
        self, connection: Connection, chosen: "RegisteredSet", person: "Person | None", *, clothes: bool = True
    ) -> "Filters":
        """With the days and people of this home; `clothes` says whether they count for who is on a photo.

        Raises:
            FacefindError: a day or person is not known, or nobody knows who is on a photo.
        """
        from facefind_pipeline.ingest.days import days_named
        from facefind_pipeline.ingest.persons import person_named
        from facefind_pipeline.search.filters import Filters, company_of

        present, absent = ([person_named(connection, name) for name in names] for names in (self.present, self.absent))
        return Filters(
            days=tuple(dict.fromkeys(day.key for name in self.days for day in days_named(connection, name))),
            from_day=self.from_day.date() if self.from_day else None,
            to_day=self.to_day.date() if self.to_day else None,
            country=self.country,
            near=self.near,
            company=company_of(connection, chosen, person, present, absent, only=self.only, clothes=clothes),
            min_height=self.min_height,
            min_share=self.min_share,
        )


def filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options; the command is given a `wanted` in place of their values."""

    @wraps(command)
    def called(
        *,
        days: Sequence[str],
        from_day: datetime | None,
        to_day: datetime | None,
        country: str | None,
        near: str | None,
        present: Sequence[str],
        absent: Sequence[str],
        only: bool,
        min_size: str | None,
        **others: Any,
    ) -> None:
        height, share = face_size(min_size) if min_size is not None else (None, None)
        place = near_of(near) if near is not None else None
        code = country_of(country)
        wanted = Wanted(
            days,
            from_day,
            to_day,
            code,
            place,
            present,
            absent,
            only,
            min_height=height,
            min_share=share,
        )
        command(wanted=wanted, **others)

    made: Callable[..., None] = called
    for option in reversed(_OPTIONS):
        made = option(made)
    return made


def country_of(text: str | None) -> str | None:
    """The two-letter code of a country's name or code."""
    if text is None:
        return None
    from facefind_pipeline.vision.countries import country_code

    return country_code(text)


def near_of(text: str) -> "Near":
    """The circle that `--near` names: a position in degrees north and east, or a town, and a radius.

    Raises:
        FacefindError: it is written in another way, or no town has that name.
    """
    from facefind_pipeline.search.filters import Near

    where, _, radius = (part.strip() for part in text.rpartition(","))
    distance = _RADIUS.fullmatch(radius)
    if not where or distance is None or float(distance[1]) == 0:
        raise FacefindError(
            f"--near {text}: give a position in degrees, or a town, and a distance in km or m, as 38.72,-9.14,2km"
        )
    metres = float(distance[1]) * _METRES[distance[2].lower()]
    position = _POSITION.fullmatch(where)
    if position is None:
        return Near(*_town(text, where), metres)
    latitude, longitude = float(position[1]), float(position[2])
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise FacefindError(
            f"--near {text}: degrees north are from -90 to 90, degrees east from -180 to 180, as 38.72,-9.14,2km"
        )
    return Near(latitude, longitude, metres)


def _town(text: str, name: str) -> tuple[float, float]:
    from facefind_pipeline.vision.towns import town_named

    town = town_named(name)
    if town is None:
        raise FacefindError(f"--near {text}: no town {name!r} is known: give its position, as 38.72,-9.14,2km")
    click.echo(f"near {town.name}, {town.country}: {town.latitude:.4f},{town.longitude:.4f}", err=True)
    return town.latitude, town.longitude


def face_size(text: str) -> tuple[float | None, float | None]:
    """Pixels, or a share of the photo's height, whichever `--min-size` names; the other is None.

    Raises:
        FacefindError: neither, or more than the whole photo.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None or float(found[1]) == 0 or (found[2] == "%" and float(found[1]) > 100):
        raise FacefindError(f"--min-size {text}: give the height of a face in pixels, as 80, or of the photo, as 5%")
    number = float(found[1])
    return (None, number / 100) if found[2] == "%" else (number, None)
