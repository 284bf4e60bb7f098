"""How right cuts are at events of many kinds: dense and sparse ones, portraits, posters, one person alone.

    python -m bench.cuts LFW [EVENT ...]

LFW has a folder of portraits for each person, as Labeled Faces in the Wild. Events are drawn from it again and again: a
person's first portrait is the reference, each other one a photo. An EVENT has photos, `references/NAME.jpg`, which are
portraits of LFW's kind, and `truth.csv` with the columns `person` and `filename`; it is searched under the recommended
set and under the talk's detector, of whose boxes 44 % are not faces. All of them are measured together, as draws of one
kind, and each alone: at a rate of 1e-3 one pair of guests who look alike is a whole event's share of fifty people.

Each is searched twice: by dlib's network and what is known of it; and by its vectors' cosine as if nothing were known,
which stands for an embedder that somebody brings. Printed are false-match rates, measured over stated, each with its
standard error if other people had been asked for (a bootstrap), and what is sure or likely.
"""

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np

from bench.in_memory import Event, Figures, figures, search
from bench.portraits import FoundFaces, central, faces_in
from bench.results import markdown
from bench.setting import KEPT
from facefind_pipeline.search.distances import COSINE, Floats, Numbers
from facefind_pipeline.search.priors import DLIB
from facefind_pipeline.set_names import ALIASES

RATES = (1e-2, 1e-3)
TALKS_DETECTOR = "haar-sf1.05-mn2-ms100@dlib"
DRAWS = 100
RESAMPLED = 1_000
MOST_PORTRAITS, LEAST_PORTRAITS = 10, 6
POSTERS = 100
UNSURE_BOXES = 0.3  # share of faces that calibration takes no pairs of, as in `co_occurring.sql`


@dataclass(frozen=True, slots=True)
class Portraits:
    """Vectors of LFW's faces by person: of whom there are several, and of whom there is one."""

    several: Mapping[str, Floats]
    single: Floats
    posters: Floats


def main() -> None:
    """Draws, searches and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("portraits", type=Path, metavar="LFW")
    parser.add_argument("events", type=Path, nargs="*", metavar="EVENT")
    chosen = parser.parse_args()
    portraits = _read_portraits(chosen.portraits)
    rows = []
    for name, events in _kinds(portraits, chosen.events):
        rows += [_row(name, "dlib", [_measured(event, known=True) for event in events])]
        rows += [_row(name, "unknown, cosine", [_measured(event, known=False) for event in events])]
    print(markdown(rows))


def _kinds(portraits: Portraits, folders: Sequence[Path]) -> Iterator[tuple[str, Sequence[Event]]]:
    for name, key in (("recommended set", ALIASES["recommended"]), ("the talk's detector", TALKS_DETECTOR)):
        events = [_composed(folder, key) for folder in folders]
        if len(events) > 1:
            yield f"{len(events)} events together, {name}", events
        for folder, event in zip(folders, events, strict=True):
            yield f"{folder.name}, {name}", [event]
    seeds = range(DRAWS)
    for people in (5, 8, 20):
        yield f"portraits of {people} people", [_drawn(portraits, seed, people) for seed in seeds]
    yield "50 people alone, 100 strangers", [_drawn(portraits, seed, 50, strangers=100) for seed in seeds[:10]]
    for people in (5, 8):
        with_posters = [_drawn(portraits, seed, people, posters=True) for seed in seeds]
        yield f"portraits of {people}, 100 posters of one", with_posters
    yield "one person's portraits", [_drawn(portraits, seed, 1) for seed in seeds]
    yield "one person, 12 strangers", [_drawn(portraits, seed, 1, strangers=12) for seed in seeds]


def _drawn(portraits: Portraits, seed: int, people: int, *, strangers: int = 0, posters: bool = False) -> Event:
    """An event of portraits, a face in a photo; posters of the first person of all hang behind the others in turn."""
    random = np.random.default_rng([seed, people, strangers])
    names = sorted(portraits.several)
    poster = names[0]
    asked = [str(name) for name in random.choice(names[1:] if posters else names, people - posters, replace=False)]
    asked += [poster] * posters
    faces: list[tuple[int, Floats]] = []
    references, shown = {}, defaultdict(set)
    for name in asked:
        first, *others = random.permutation(portraits.several[name])
        references[name] = first
        for vector in others:
            shown[name].add(len(faces))
            faces.append((len(faces), vector))
    faces += list(enumerate(random.permutation(portraits.single)[:strangers], len(faces)))
    if posters:
        photos = len(faces)
        faces += [(number % photos, vector) for number, vector in enumerate(portraits.posters)]
        shown[poster] |= {number % photos for number in range(len(portraits.posters))}
    faces.sort(key=lambda face: face[0])
    return Event(np.array([vector for _, vector in faces]), np.array([p for p, _ in faces]), references, dict(shown))


def _composed(folder: Path, key: str) -> Event:
    """An event of photos with truth."""
    found = faces_in(folder, key)
    of_references = np.array([photo.startswith("references/") for photo in found.photos])
    portraits = faces_in(folder / "references", ALIASES["recommended"])
    references = {Path(portraits.photos[face]).stem: portraits.vectors[face] for face in central(portraits)}
    names, photos = np.unique(found.photos[~of_references], return_inverse=True)
    numbers = {name: number for number, name in enumerate(names.tolist())}
    shown: dict[str, set[int]] = defaultdict(set)
    with (folder / "truth.csv").open(newline="", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            shown[row["person"]].add(numbers.setdefault(row["filename"], len(numbers)))
    order = np.argsort(photos, kind="stable")
    rest = FoundFaces(
        *(part[~of_references][order] for part in (found.photos, found.boxes, found.scores, found.vectors))
    )
    return Event(rest.vectors, photos[order], references, dict(shown), _pairs(photos[order], rest))


def _pairs(photos: Numbers, faces: FoundFaces) -> Numbers:
    """Faces of one photo that are no face found twice and no unsure box."""
    ranks = np.searchsorted(np.sort(faces.scores), faces.scores) / (len(photos) - 1)
    sure = ranks >= UNSURE_BOXES
    one, other = np.nonzero(np.triu((photos[:, None] == photos) & sure[:, None] & sure, 1))
    low, high = faces.boxes[:, :2], faces.boxes[:, :2] + faces.boxes[:, 2:]
    apart = ((low[one] > high[other]) | (low[other] > high[one])).any(axis=1)
    return np.stack([one[apart], other[apart]], axis=1)


def _read_portraits(folder: Path) -> Portraits:
    found = faces_in(folder, ALIASES["recommended"])
    by_person: dict[str, list[int]] = defaultdict(list)
    for face in central(found):
        by_person[Path(found.photos[face]).parts[0]].append(face)
    several = {
        name: found.vectors[theirs[:MOST_PORTRAITS]]
        for name, theirs in by_person.items()
        if len(theirs) >= LEAST_PORTRAITS
    }
    single = found.vectors[[theirs[0] for theirs in by_person.values() if len(theirs) == 1]]
    picture = folder / str(found.photos[by_person[min(several)][0]])
    prints = faces_in(_print_posters(picture), ALIASES["recommended"])
    return Portraits(several, single, prints.vectors[central(prints)])


def _print_posters(picture: Path) -> Path:
    """A folder of the picture in many sizes and lights, as posters of it look in photos."""
    from PIL import Image, ImageEnhance

    folder = KEPT / "posters"
    folder.mkdir(parents=True, exist_ok=True)
    original = Image.open(picture).convert("RGB")
    for number in range(POSTERS):
        random = np.random.default_rng(number)
        side = int(random.integers(90, 220))
        poster = ImageEnhance.Brightness(original.resize((side, side))).enhance(float(random.uniform(0.6, 1.3)))
        written = BytesIO()
        poster.resize(original.size).save(written, "JPEG", quality=int(random.integers(60, 95)))
        (folder / f"{number:03}.jpg").write_bytes(written.getvalue())
    return folder


def _measured(event: Event, *, known: bool) -> Figures | None:
    """None where nothing is called likely, since nothing is known."""
    asked = event if known else replace(event, metric=COSINE)
    found = search(asked, DLIB if known else None)
    return figures(asked, found, RATES) if found.calibrations else None


def _row(name: str, embedder: str, measured: Sequence[Figures | None]) -> dict[str, object]:
    known = [one for one in measured if one is not None]
    row: dict[str, object] = {"event": name, "embedder": embedder, "drawn": len(measured), "calibrated": len(known)}
    if not known:
        return row
    people, strangers = sum(one.people for one in known), np.concatenate([one.strangers for one in known])
    row["comparisons with strangers"] = int(strangers.sum())
    for rate in RATES:
        nearer = np.concatenate([one.nearer[rate] for one in known])
        row[f"measured over stated {rate:g}"] = _ratio(nearer / rate, strangers) if strangers.any() else "-"
    row["recall of likely"] = sum(one.likely for one in known) / sum(one.relevant for one in known)
    row["of those above the first stranger"] = sum(o.likely_above for o in known) / max(1, sum(o.above for o in known))
    row["false per person"] = sum(one.false for one in known) / people
    row["most"] = max(one.most_false for one in known)
    return row


def _ratio(nearer: Floats, strangers: Floats) -> str:
    """The ratio of both sums, and its standard error, from counts by person."""
    drawn = np.random.default_rng(0).integers(len(nearer), size=(RESAMPLED, len(nearer)))
    drawn = drawn[strangers[drawn].any(axis=1)]
    error = (nearer[drawn].sum(axis=1) / strangers[drawn].sum(axis=1)).std()
    return f"{nearer.sum() / strangers.sum():.2f} ± {error:.2f}"


if __name__ == "__main__":
    main()
