"""What an album says of itself: `album.json` for programs and for the next time, `album.csv` for people."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.marks import ALBUM_CONTENTS, ALBUM_KIND

CONTENTS, TABLE, COLLAGE = ALBUM_CONTENTS, "album.csv", "collage.jpg"


@dataclass(frozen=True, slots=True)
class Item:
    """One photo of an album.

    Attributes:
        file: its name in the album.
        photo: path of the photo below its root.
        event_day: the day's key.
        taken_at: local time, as ISO 8601.
        match: `confirmed`, `sure` or `likely`.
        confidence: probability that the face is the person's.
        box: of the person's face, x y w h in upright pixels of the photo.
        covered: heads of other people; None where none were to be.
        sha256: of the photo's content, in hex.
        made_from: hash of all that the file depends on.
        made: the file was written whole.
    """

    file: str
    photo: str
    event_day: str
    taken_at: str | None
    country: str | None
    place: str | None
    match: str
    confidence: float | None
    box: tuple[int, int, int, int]
    covered: int | None
    sha256: str
    made_from: str
    made: bool = False


_COLUMNS = tuple(one.name for one in fields(Item) if one.name not in {"box", "made_from", "made"})


@dataclass(frozen=True, slots=True)
class Contents:
    """All photos of an album, best first.

    Attributes:
        person: the key of whom it is of.
        name: theirs.
        parameter_set: the key of the set that found the photos.
        size: `web`, `full` or `original`.
        others_hidden: whether the heads of other people were covered.
        items: what it holds.
        left_out: why photos of the person are not in it, by path below their root.
        notes: what is to be said of single files, by name.
        collage: whether the album has one.
        sidecars: whether each photo has one.
    """

    person: str
    name: str
    parameter_set: str
    size: str
    others_hidden: bool
    items: Sequence[Item] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    collage: bool = False
    sidecars: bool = False

    @property
    def covered(self) -> int:
        """Heads of other people that were covered."""
        return sum(item.covered or 0 for item in self.items)

    def for_programs(self) -> dict[str, object]:
        """Plain values."""
        return asdict(self)

    def to_json(self) -> bytes:
        """For `album.json`."""
        return json.dumps({"kind": ALBUM_KIND, **asdict(self)}, ensure_ascii=False, indent=1).encode()

    def to_csv(self) -> bytes:
        """For `album.csv`: the photos that were made."""
        out = io.StringIO()
        writer = csv.DictWriter(out, _COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(asdict(item) for item in self.items if item.made)
        return out.getvalue().encode()


def read_contents(data: bytes) -> Contents:
    """What an `album.json` says.

    Raises:
        FacefindError: it is none of ours.
    """
    try:
        held = json.loads(data)
        if held.pop("kind") != ALBUM_KIND:
            raise FacefindError("is of another kind")
        items = [Item(**{**item, "box": tuple(item["box"])}) for item in held.pop("items")]
        return Contents(**held, items=items)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FacefindError("is no album's of facefind") from error
