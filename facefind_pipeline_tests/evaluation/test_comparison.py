"""Which boxes of two sets are one face."""

from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.evaluation.comparison import compare_sets, match_boxes
from facefind_pipeline.faces import Box
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.store import rows

SIDES = st.integers(1, 50)
BOXES = st.builds(Box, st.integers(-50, 50), st.integers(-50, 50), SIDES, SIDES)
OTHER = "haar-sf1.10-mn5-ms60@dlib"


@given(st.lists(BOXES, max_size=6), st.lists(BOXES, max_size=6))
def test_each_box_is_in_one_pair_at_most(first: list[Box], second: list[Box]) -> None:
    pairs = match_boxes(first, second)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert all(first[i].iou(second[j]) >= 0.5 for i, j in pairs)
    left = [(i, j) for i in range(len(first)) for j in range(len(second))]
    free = [(i, j) for i, j in left if i not in {i for i, _ in pairs} and j not in {j for _, j in pairs}]
    assert all(first[i].iou(second[j]) < 0.5 for i, j in free)


def test_the_most_alike_boxes_are_paired_first() -> None:
    near, nearer, box = Box(2, 0, 10, 10), Box(1, 0, 10, 10), Box(0, 0, 10, 10)
    assert match_boxes([near, nearer], [box]) == [(1, 0)]


def test_sets_are_compared_photo_by_photo(database: Database) -> None:
    with database.connect() as connection:
        first = rows.partition(connection, "friday")
        second = rows.partition(connection, "friday", OTHER, detector="haar")
        vectors = [rows.vector(1), rows.vector(2)]
        same = rows.Photo("friday/same.jpg", "same", vectors, boxes=[(0, 0, 20, 20), (50, 50, 20, 20)])
        moved = rows.Photo("friday/same.jpg", "same", vectors, boxes=[(1, 1, 20, 20), (80, 80, 20, 20)])
        alone = rows.Photo("friday/alone.jpg", "alone", vectors[:1], boxes=[(5, 5, 20, 20)])
        rows.write_all(connection, first, [same, alone])
        rows.write_faces(connection, second, [moved])
        rows.write_all(connection, second, [rows.Photo("friday/none.jpg", "none")])
        rows.write_photos(connection, "friday", [same, alone], gone=["friday/none.jpg"])
        found = compare_sets(
            connection, *(parameter_sets.find(connection, key) for key in (rows.KEY, second.parameter_set))
        )
    assert (found.both, found.only_first, found.only_second) == (1, 2, 1)
    assert [(photo.path, len(photo.only_first), len(photo.only_second)) for photo in found.photos] == [
        ("friday/alone.jpg", 1, 0),
        ("friday/same.jpg", 1, 1),
    ]
    assert found.photos[1].only_second[0].box == (80, 80, 20, 20)
