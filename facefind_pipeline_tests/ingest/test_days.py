"""Event days as people name them."""

from pathlib import Path

import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.days import day_named, days_named
from facefind_pipeline.store import photos
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.photos import EventDay

ROOT = Path("/photos")


def _register(connection: Connection, root: Path, *days: tuple[str, str]) -> None:
    photos.register_days(connection, root, [EventDay(key, root, folder) for key, folder in days])


def test_a_day_is_named_by_its_key_or_its_folder(database: Database) -> None:
    with database.connect() as connection:
        _register(connection, ROOT, ("2024-09-11-friday-reception", "2024-09-11 Friday reception"), ("trip-sea", "Sea"))
        for name in ("2024-09-11-friday-reception", "2024-09-11 Friday reception", "2024-09-11 friday RECEPTION"):
            assert day_named(connection, name).key == "2024-09-11-friday-reception"
        assert day_named(connection, "Sea").key == "trip-sea"  # of a folder that was given with --day-name trip


def test_a_part_of_a_name_means_every_day_that_has_it_unless_one_has_just_that(database: Database) -> None:
    with database.connect() as connection:
        _register(connection, ROOT, ("1-lake", "1 Lake"), ("2-lake-evening", "2 Lake, evening"), ("party", "🎉"))
        assert [day.key for day in days_named(connection, "LAKE")] == ["1-lake", "2-lake-evening"]
        assert [day.key for day in days_named(connection, "lake, evening")] == ["2-lake-evening"]
        assert [day.key for day in days_named(connection, "part")] == ["party"]
        _register(connection, ROOT, ("lake", "lake"))
        assert [day.key for day in days_named(connection, "Lake")] == ["lake"]
        with pytest.raises(FacefindError, match="no event day 'sea'"):
            days_named(connection, "sea")


def test_an_unknown_day_names_the_nearest(database: Database) -> None:
    with database.connect() as connection:
        with pytest.raises(FacefindError, match="no event day is known yet"):
            day_named(connection, "friday")
        keys = ["harbour", "friday-reception", "saturday", "sunday-brunch", "zoo"]
        _register(connection, ROOT, *((key, key) for key in keys))
        with pytest.raises(
            FacefindError, match="no event day 'friday receptoin': the nearest names are friday-reception,"
        ):
            day_named(connection, "friday receptoin")
        with pytest.raises(FacefindError, match="no character"):
            day_named(connection, " ")


def test_a_name_of_several_folders_asks_for_the_key(database: Database) -> None:
    with database.connect() as connection:
        _register(connection, ROOT, ("2023-day-1", "2023/Day 1"), ("2024-day-1", "2024/Day 1"))
        with pytest.raises(FacefindError, match="give the key of one, 2023-day-1, 2024-day-1"):
            day_named(connection, "Day 1")
