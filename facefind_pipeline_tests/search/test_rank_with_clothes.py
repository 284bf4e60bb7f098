"""The ranking with clothes against brute force: random people who are dressed at random, on two days."""

from dataclasses import dataclass
from math import log

import numpy as np
import pytest

from facefind_pipeline.search import worn
from facefind_pipeline.search.asked import Asked, KnownFaces
from facefind_pipeline.search.calibrate import Learnt
from facefind_pipeline.search.calibration import Calibration, Line
from facefind_pipeline.search.clothes import DayEvidence, log_odds
from facefind_pipeline.search.distances import Faces, Numbers
from facefind_pipeline.search.placed import Placed, place
from facefind_pipeline.search.priors import DLIB
from facefind_pipeline.search.rank import NOBODY, rank
from facefind_pipeline.search.shift import Shift
from facefind_pipeline.search.templates import make_templates
from facefind_pipeline.search.two_groups import TwoGroups
from facefind_pipeline.search.wardrobes import Bytes, Contents, Wardrobe, on_grid
from facefind_pipeline.search.worn import Worn, WornDay
from facefind_pipeline_tests.search.brute_force import Dressed, Result, World, brute_force
from facefind_pipeline_tests.search.worlds import METRICS, asked_of, blocks_of, check, random_world

BINS = 24
TELLS = DayEvidence(9, 9, location=log(0.5), spread=0.5, separation=2.0)
LEARNT = Learnt(TwoGroups(Line(0.3, 0.2), Line(0.3, 0.25), DLIB.genuine), 0, 1.0, 0.0)
CALIBRATION = Calibration(0, Line(0.3, 0.25), Line(0.3, 0.22), Line(-0.6, 0.3), 0.05, 100)
SHIFT = Shift(CALIBRATION)
MEANWHILE = Shift(Calibration(0, Line(0.3, 0.25), Line(0.3, 0.25), DLIB.genuine, DLIB.prevalence, 1))


@dataclass(frozen=True)
class Outfits:
    """Of a world: the day, 1 or 2, of each photo that is in one; the descriptor of each face that has one."""

    days: dict[bytes, int]
    clothes: dict[bytes, np.ndarray]


def _outfits(world: World, seed: int) -> Outfits:
    random = np.random.default_rng([seed, 1])
    worn = random.integers(0, 255, (4, BINS))  # few, so that several people wear the same
    days = {
        photo: int(random.integers(1, 3))
        for photo in sorted({face.photo for face in world.faces})
        if random.random() < 0.8
    }
    clothes = {
        face.key: np.clip(worn[random.integers(4)] + random.integers(-60, 60, BINS), 0, 255).astype(np.uint8)
        for face in world.faces
        if random.random() < 0.8
    }
    return Outfits(days, clothes)


def _worn(asked: Asked, sure: KnownFaces, outfits: Outfits, evidence: DayEvidence) -> Worn:
    known = KnownFaces.joined([asked.confirmed, sure])
    photos, keys = known.photos.tolist(), known.face_keys.tolist()
    days = {}
    for day in (1, 2):
        mine = [n for n, photo in enumerate(photos) if outfits.days.get(photo) == day and keys[n] in outfits.clothes]
        clothes = np.array([outfits.clothes[keys[n]] for n in mine], np.uint8).reshape(-1, BINS)
        wardrobe = Wardrobe(
            *(known.people[mine], known.photos[mine], known.face_keys[mine], np.array(mine)), on_grid(clothes)
        )
        days[str(day)] = WornDay(wardrobe, evidence)

    def read(of_photos: Contents, face_keys: Contents) -> tuple[Numbers, Numbers, Bytes]:
        photos, keys = of_photos.tolist(), face_keys.tolist()
        assert photos == sorted(photos)
        known = [n for n in range(len(photos)) if photos[n] in outfits.days and keys[n] in outfits.clothes]
        known.reverse()  # as rows come in any order
        of_day = np.array([outfits.days[photos[n]] for n in known], np.int64)
        descriptors = np.array([outfits.clothes[keys[n]] for n in known], np.uint8).reshape(-1, BINS)
        return np.array(known, np.int64), of_day, descriptors

    return Worn(days, read, LEARNT)


def _placed(world: World, outfits: Outfits, evidence: DayEvidence = TELLS, photos_a_block: int = 4) -> Placed:
    asked, blocks = asked_of(world), Faces(blocks_of(world, photos_a_block), world.metric)
    sure: list[KnownFaces] = []
    templates = make_templates(asked, blocks, world.sure, sure.append)
    clothes = _worn(asked, KnownFaces.joined(sure), outfits, evidence)
    return place(clothes.dress(rank(asked, blocks, templates.probes, clothes.reach)), CALIBRATION)


def _results(world: World, placed: Placed) -> dict[str, list[Result]]:
    names = sorted(world.references)
    made: dict[str, list[Result]] = {name: [] for name in names}
    for row, alone in zip(*placed.rows(slice(None)), strict=True):
        numbers = {
            name: None if np.isnan(row[name]) else float(row[name])
            for name in ("score", "distance", "plain_distance", "rival_distance")
        }
        made[names[row["person"]]].append(
            Result(
                photo=row["sha256"].item(),
                face=None if row["by_hand"] else row["face_key"].item(),
                confirmed=bool(row["confirmed"]),
                rival=None if row["rival"] == NOBODY else names[row["rival"]],
                clothes_photos=int(row["clothes_photos"]) or None,
                face_score=None if np.isnan(alone["score"]) else float(alone["score"]),
                **numbers,
            )
        )
    return made


def _dressed(outfits: Outfits) -> Dressed:
    def one(number: float) -> np.ndarray:
        return np.array([number])

    def moved(score: float, odds: float) -> float:
        number = SHIFT.moved(one(score), one(odds)).item()
        return number if CALIBRATION.probability(score) >= 0.5 else max(number, CALIBRATION.sure_cut + 1e-9)

    return Dressed(
        outfits.days,
        {key: its.astype(float) for key, its in outfits.clothes.items()},
        lambda alike: log_odds(one(alike), TELLS).item(),
        lambda score, odds: MEANWHILE.moved(one(score), one(odds)).item(),
        moved,
        LEARNT.groups.far.at(0.25),
    )


@pytest.mark.parametrize("metric", METRICS)
def test_results_with_clothes_are_those_of_brute_force(monkeypatch: pytest.MonkeyPatch, metric: str) -> None:
    compared = others = 0
    for seed in range(30):
        monkeypatch.setattr(worn, "FACES_AT_ONCE", 1 + seed % 4)
        monkeypatch.setattr(worn, "PAIRS_AT_ONCE", 1 + seed % 3)
        world = random_world(seed, metric)
        outfits = _outfits(world, seed)
        expected = brute_force(world, 1_000, _dressed(outfits))
        placed = _placed(world, outfits, photos_a_block=1 + seed % 9)
        check(_results(world, placed), expected)
        compared += sum(one.clothes_photos is not None for theirs in expected.results.values() for one in theirs)
        others += int(placed.by_other.sum())
    assert compared > 50
    assert others > 5


@pytest.mark.parametrize("metric", METRICS)
def test_where_clothes_tell_nothing_results_are_those_of_the_face_alone(metric: str) -> None:
    for seed in range(20):
        world = random_world(seed, metric)
        asked, blocks = asked_of(world), Faces(blocks_of(world, 4), world.metric)
        alone = rank(asked, blocks, make_templates(asked, blocks, world.sure).probes)
        placed = _placed(world, _outfits(world, seed), DayEvidence())
        rows, _ = placed.rows(slice(None))
        assert rows.tobytes() == alone.rows.tobytes()


@pytest.mark.parametrize("metric", METRICS)
def test_the_order_by_the_face_alone_is_kept_beside_it(metric: str) -> None:
    for seed in range(20):
        world = random_world(seed, metric)
        asked, blocks = asked_of(world), Faces(blocks_of(world, 4), world.metric)
        alone = rank(asked, blocks, make_templates(asked, blocks, world.sure).probes).rows
        placed = _placed(world, _outfits(world, seed))
        by_face = placed.rows(slice(None))[1][np.argsort(placed.order)]
        for name in set(alone.dtype.names or ()) - {"clothes", "clothes_photos", "other"}:
            assert by_face[name].tobytes() == alone[name].tobytes(), name


@pytest.mark.parametrize("metric", METRICS)
def test_nobody_is_sure_whom_the_face_speaks_against(metric: str) -> None:
    moved = 0
    for seed in range(60):
        world = random_world(seed, metric)
        rows, alone = _placed(world, _outfits(world, seed), DayEvidence(9, 9, log(0.9), 0.1, 6.0)).rows(slice(None))
        sure = (rows["score"] <= CALIBRATION.sure_cut) & (rows["clothes_photos"] > 0)
        of_face = alone["score"][sure & (rows["face_key"] == alone["face_key"])]
        assert all(CALIBRATION.probability(score) >= 0.5 for score in of_face)
        moved += int((alone["score"][sure] > CALIBRATION.sure_cut).sum())
    assert moved > 5


def test_days_are_kept_apart() -> None:
    """What is worn on one day says nothing of another, however alike."""
    for seed in range(20):
        world = random_world(seed, "l2")
        outfits = _outfits(world, seed)
        photos = {face.photo for face in world.faces}
        apart = Outfits(
            {photo: 1 if number == 0 else 2 for number, photo in enumerate(sorted(photos))}, outfits.clothes
        )
        rows, _ = _placed(world, apart).rows(slice(None))
        first = rows["sha256"] == np.array(min(photos, default=b""), "V32")
        assert not rows["clothes_photos"][first].any()
