"""What people said of groups, the newest against the older; and whose a face is that another detector found."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.faces import Box
from facefind_pipeline.search.said_groups import Said, faces_said
from facefind_pipeline.store.groups import FacePlace, Kind, Statement

COUNT = 8
BOX = Box(10, 10, 40, 40)
PHOTOS = [bytes([number]) * 32 for number in range(COUNT)]
BOXES = [BOX] * COUNT


def places(*faces: int) -> list[FacePlace]:
    return [FacePlace(PHOTOS[face], BOX) for face in faces]


def name(person: str, *faces: int) -> Statement:
    return Statement(Kind.NAME, places(*faces), person=person)


def same(*faces: int) -> Statement:
    return Statement(Kind.SAME, places(*faces))


def different(ours: Iterable[int], theirs: Iterable[int]) -> Statement:
    return Statement(Kind.DIFFERENT, places(*ours), places(*theirs))


def said(*statements: Statement) -> Said:
    return faces_said(statements, PHOTOS, BOXES)


def together(found: Said) -> set[frozenset[int]]:
    return {frozenset(faces.tolist()) for faces in found.together if len(faces) > 1}


def test_statements_that_agree_add_up() -> None:
    assert together(said(same(0, 1), same(1, 2), name("ada", 4, 5), name("ada", 6))) == {
        frozenset({0, 1, 2}),
        frozenset({4, 5, 6}),
    }


def test_the_newest_holds() -> None:
    assert together(said(same(0, 1, 2, 3), different([0, 1], [2, 3]))) == {frozenset({0, 1}), frozenset({2, 3})}
    assert together(said(different([0, 1], [2, 3]), same(0, 1, 2, 3))) == {frozenset({0, 1, 2, 3})}
    assert said(different([0, 1], [2, 3]), same(0, 1, 2, 3)).apart == []


def test_a_face_that_is_left_out_leaves_its_name() -> None:
    found = said(name("ada", 0, 1, 2), different([1], [0, 2]))
    assert together(found) == {frozenset({0, 2})}
    assert found.named == {0: "ada", 2: "ada"}


def test_a_face_has_its_newest_name_and_two_people_are_never_one() -> None:
    found = said(name("ada", 0, 1, 2), name("bob", 2, 3), name("cleo", 4))
    assert found.named == {0: "ada", 1: "ada", 2: "bob", 3: "bob", 4: "cleo"}
    for one, other in ((0, 2), (0, 4), (2, 4)):
        assert any({one, other} <= {*a.tolist(), *b.tolist()} and (one in a) != (other in a) for a, b in found.apart)


def test_a_face_is_known_by_its_photo_and_place_whatever_detector_found_it() -> None:
    boxes = [Box(12, 9, 41, 38), Box(200, 10, 40, 40), Box(30, 30, 40, 40)]
    found = faces_said([name("ada", 0)], [PHOTOS[0]] * 3, boxes)
    assert found.named == {0: "ada"}
    assert faces_said([name("ada", 0)], [PHOTOS[1]] * 3, boxes).named == {}


numbers = st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=4, unique=True)
statements = st.one_of(
    st.builds(lambda faces: same(*faces), numbers),
    st.builds(lambda person, faces: name(person, *faces), st.sampled_from(["ada", "bob", "cleo"]), numbers),
    st.builds(
        lambda faces, cut: different(faces[:cut], faces[cut:]),
        st.lists(st.integers(0, COUNT - 1), min_size=2, max_size=6, unique=True),
        st.integers(1, 1),
    ),
)


@given(st.lists(statements, max_size=8))
def test_whatever_was_said_nothing_contradicts_itself(spoken: list[Statement]) -> None:
    found = said(*spoken)
    part = {face: number for number, faces in enumerate(found.together) for face in faces.tolist()}
    for ours, theirs in found.apart:
        assert not {part[face] for face in ours.tolist()} & {part[face] for face in theirs.tolist()}
    for faces in found.together:
        assert len({found.named.get(face) for face in faces.tolist()}) == 1
    if spoken:
        newest = spoken[-1]
        first = {part[PHOTOS.index(place.sha256)] for place in newest.faces}
        others = {part[PHOTOS.index(place.sha256)] for place in newest.others}
        assert not first & others
        assert newest.kind is Kind.DIFFERENT or len(first) == 1
