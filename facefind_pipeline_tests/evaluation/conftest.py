"""An event that the tests of evaluation share."""

import pytest

from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.evaluation.event import refresh
from facefind_pipeline_tests.store.rows import Photo, partition, vector, write_all, write_person


@pytest.fixture
def event(database: Database) -> dict[str, Photo]:
    """Two days of photos; Ada is in four of them, of which one has a stranger's face only."""
    friday = [
        Photo("near.jpg", "1", [vector(0.25)]),
        Photo("far.jpg", "2", [vector(0.82), vector(0, 5)], boxes=[(0, 0, 50, 50), (90, 0, 150, 150)]),
        Photo("stranger.jpg", "3", [vector(0, 0.7)]),
    ]
    saturday = [Photo("late.jpg", "4", [vector(0.3)]), Photo("missed.jpg", "5", [vector(0, 0, 4)])]
    with database.connect() as connection:
        write_all(connection, partition(connection, "friday"), friday)
        write_all(connection, partition(connection, "saturday"), saturday)
        write_person(connection, partition(connection, "friday"), "Ada", [vector(0)])
    refresh(database)
    return {shot.path: shot for shot in friday + saturday}
