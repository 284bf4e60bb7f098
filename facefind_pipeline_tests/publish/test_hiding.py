"""Whose faces stay, whose are covered, and whether detector and embedder still know them."""

import io
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.publish.album import Album, AlbumPhoto, Options, plan_album
from facefind_pipeline.publish.covering import Head, cover_heads, on_one_face
from facefind_pipeline.publish.exports import Picture, picture
from facefind_pipeline.publish.hiding import Hiding, LowLook, heads_to_cover
from facefind_pipeline.publish.making import collage_of
from facefind_pipeline.publish.selection import selected
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import parameter_sets, people, people_changes
from facefind_pipeline.store.consents import Consent, consents_of, people_who_agreed, record_consent
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.people import Person
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.decode import DecodedPhoto
from facefind_pipeline.vision.detectors import load_detector
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits
from facefind_pipeline_tests.publish.albums import album_of

HIDDEN = Options(hide_others=True)
TODAY = date(2026, 11, 26)
GRACE, EILEEN = Person("grace", "Grace"), Person("eileen", "Eileen")


@pytest.fixture
def connection(
    facefind: Facefind, event: Path, reference: Path, portraits: Portraits, tmp_path: Path, database: Database
) -> Iterator[Connection]:
    """To an event that was run for Grace and Eileen, who are together in one photo."""
    portraits.collins.crop((60, 0, 420, 420)).save(tmp_path / "eileen.png")
    run = ("run", event, "--params", SMALL_SET, "--reference", f"Grace={reference}")
    assert facefind(*run, "--reference", f"Eileen={tmp_path / 'eileen.png'}").exit_code == 0
    with database.connect() as connection:
        yield connection


def album_of_grace(connection: Connection, on: date = TODAY) -> Album:
    chosen = parameter_sets.find(connection, SMALL_SET)
    (selection,) = selected(connection, chosen, [people.find_person(connection, "grace")], all_bands=False)
    return plan_album(connection, chosen, selection, HIDDEN, on)


def both(album: Album) -> Hiding:
    """What is hidden in the photo of both."""
    (hiding,) = (photo.export.hiding for photo in album.photos if photo.match.photo == "Day 1/both.jpg")
    assert hiding is not None
    return hiding


def shown(photo: AlbumPhoto, settings: Settings) -> Picture:
    return picture(photo.export.source.read(), photo.export.hiding, settings.models)


def faces(pixels: Image, settings: Settings) -> list[Head]:
    detector = load_detector(ParameterSet.parse("recommended").detector, settings.models)
    return [Head(*face.box) for face in detector.detect(DecodedPhoto(pixels, None))]


@pytest.fixture
def look(settings: Settings) -> LowLook:
    return LowLook(settings.models)


@pytest.mark.slow
def test_everybody_but_the_person_is_covered_and_who_agreed_stays(connection: Connection, settings: Settings) -> None:
    photo = next(one for one in album_of_grace(connection).photos if one.match.photo == "Day 1/both.jpg")
    grace = Head(*photo.match.box)
    assert len(both(album_of_grace(connection)).found) == 2

    made = shown(photo, settings)
    (left,) = faces(made.pixels, settings)
    assert on_one_face(left, grace)
    assert made.covered >= 1

    record_consent(connection, EILEEN, Consent(agreed=True, until=TODAY, source="form"))
    assert len(both(album_of_grace(connection)).shown) == 2
    assert len(both(album_of_grace(connection, TODAY + timedelta(days=1))).shown) == 1  # it ended
    agreed = next(one for one in album_of_grace(connection).photos if one.match.photo == "Day 1/both.jpg")
    assert len(faces(shown(agreed, settings).pixels, settings)) == 2

    record_consent(connection, EILEEN, Consent(agreed=False, until=None, source="command"))
    assert len(both(album_of_grace(connection)).shown) == 1

    # What no set found is found by the look at a low threshold.
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM detected_faces WHERE x > 500")
    missed = next(one for one in album_of_grace(connection).photos if one.match.photo == "Day 1/both.jpg")
    assert missed.export.hiding is not None
    assert len(missed.export.hiding.found) == 1
    (left,) = faces(shown(missed, settings).pixels, settings)
    assert on_one_face(left, grace)

    # A photo that no set searched for faces can't be judged.
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE detections SET problem = 'out of memory' WHERE sha256 = decode(%s, 'hex')", [photo.export.sha256]
        )
    assert set(album_of_grace(connection).left_out) == {"Day 1/both.jpg"}


def test_the_newest_statement_holds_and_all_are_kept(database: Database) -> None:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO people (person, display_name) VALUES ('grace', 'Grace'), ('eileen', 'Eileen')")
        record_consent(connection, GRACE, Consent(agreed=True, until=None, source="form"))
        record_consent(connection, EILEEN, Consent(agreed=True, until=TODAY, source="form"))
        assert people_who_agreed(connection, TODAY) == ["eileen", "grace"]
        assert people_who_agreed(connection, TODAY + timedelta(days=1)) == ["grace"]
        record_consent(connection, GRACE, Consent(agreed=False, until=None, source="letter"))
        assert people_who_agreed(connection, TODAY) == ["eileen"]
        stated = consents_of(connection, GRACE)
        assert [(one.agreed, one.source) for one in stated] == [(False, "letter"), (True, "form")]
        assert all(one.stated_at is not None for one in stated)


def test_of_two_people_who_are_one_the_newest_statement_holds(database: Database) -> None:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO people (person, display_name) VALUES ('grace', 'Grace'), ('eileen', 'Eileen')")
        record_consent(connection, GRACE, Consent(agreed=True, until=None, source="form"))
        record_consent(connection, EILEEN, Consent(agreed=False, until=None, source="letter"))
        people_changes.merge(connection, GRACE, EILEEN, ())
        assert [one.source for one in consents_of(connection, GRACE)] == ["letter", "form"]
        assert people_who_agreed(connection, TODAY) == []


def test_boxes_of_one_head_are_joined_and_those_of_who_is_shown_left_out() -> None:
    shown = Head(100, 100, 40, 50)
    found = (Head(102, 98, 40, 52), Head(300, 100, 40, 50), Head(304, 106, 44, 50, sure=False))
    (head,) = heads_to_cover(Hiding((shown,), (shown, *found)), [Head(298, 100, 40, 50, sure=False)])
    assert head == Head(298, 100, 50, 56, sure=True)


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_people_on_their_side_are_looked_for_where_a_face_is_turned(
    portraits: Portraits, look: LowLook, turn: int
) -> None:
    upright = np.asarray(portraits.together())
    turned = np.ascontiguousarray(np.rot90(upright, turn))
    before = turned.copy()
    cover_heads(turned, look.heads(turned, turned=True), [])
    covered = np.rot90((turned != before).any(axis=2), -turn)
    for head in look.heads(upright, turned=False):
        if head.sure:
            face = covered[int(head.y) : int(head.y + head.h), int(head.x) : int(head.x + head.w)]
            assert face.mean() > 0.9


def test_a_covered_face_is_not_recognised(portraits: Portraits, settings: Settings, look: LowLook) -> None:
    pixels = np.array(portraits.hopper)
    heads = look.heads(pixels, turned=False)
    assert [head for head in heads if head.sure]
    cover_heads(pixels, heads, [])
    assert not faces(pixels, settings)


def test_a_collage_shows_nobody_else(tmp_path: Path, portraits: Portraits, settings: Settings) -> None:
    portraits.together().save(tmp_path / "both.jpg", quality=95)
    grace, _ = faces(np.array(portraits.together()), settings)
    for options, left in ((HIDDEN, 1), (Options(), 2)):
        hiding = {tmp_path / "both.jpg": Hiding((grace,), (grace,))}
        made = collage_of(album_of(tmp_path, [tmp_path / "both.jpg"], options, hiding=hiding), settings.models)
        assert made is not None
        with PILImage.open(io.BytesIO(made)) as picture:
            assert len(faces(np.array(picture), settings)) == left
