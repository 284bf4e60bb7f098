"""The demo's event: three days of photos, composed from two public-domain portraits that installed packages ship.

Everything is drawn here except the two people, so the demo needs no download and no one's consent.
"""

import functools
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facefind_pipeline.demo_scenery import Palette, Scenery, boats, draw_rail, draw_scene, houses, noise, palace

if TYPE_CHECKING:
    from PIL.Image import Exif, Image


@dataclass(frozen=True)
class DemoEvent:
    """What `compose` wrote.

    Attributes:
        photos: the folder of the event, one folder in it for each day.
        reference: a photo of the person to look for, which is none of the event's photos.
        person: her name.
        truth: the photos that show her, as POSIX paths below `photos`.
    """

    photos: Path
    reference: Path
    person: str
    truth: frozenset[str]


@dataclass(frozen=True)
class _Portrait:
    """A portrait and how to cut the person out of it; pixels of the portrait.

    Attributes:
        distribution: that ships it.
        file: in the distribution.
        outline: polygon around head and shoulders.
        face: width of the face, and x of its middle.
        rail: y below which a rail hides the body.
    """

    distribution: str
    file: str
    outline: tuple[tuple[int, int], ...]
    face: tuple[int, int]
    rail: int


# fmt: off
_HOPPER = _Portrait(
    "matplotlib", "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
    ((150, 140), (152, 118), (168, 100), (176, 70), (205, 42), (235, 26), (262, 22), (292, 32), (325, 50), (350, 74),
     (356, 90), (370, 96), (371, 150), (376, 190), (368, 232), (362, 262), (356, 292), (338, 307), (332, 320),
     (360, 342), (430, 362), (488, 392), (502, 430), (511, 500), (511, 599), (12, 599), (18, 520), (30, 440), (52, 392),
     (100, 364), (165, 345), (200, 320), (194, 300), (172, 286), (163, 262), (163, 238), (154, 212), (152, 190)),
    face=(186, 262), rail=500,
)
_COLLINS = _Portrait(
    "scikit-image", "skimage/data/astronaut.png",
    ((154, 92), (156, 66), (168, 46), (188, 26), (222, 14), (258, 18), (284, 34), (298, 62), (300, 94), (292, 118),
     (276, 130), (264, 144), (260, 162), (264, 178), (292, 196), (304, 226), (303, 248), (330, 256), (352, 282),
     (361, 330), (362, 511), (20, 511), (22, 440), (32, 350), (46, 285), (62, 250), (100, 222), (112, 200), (120, 172),
     (140, 154), (170, 148), (186, 150), (184, 136), (172, 122), (160, 112)),
    face=(108, 224), rail=360,
)
# fmt: on


@dataclass(frozen=True)
class _Day:
    """One folder of the event.

    Attributes:
        folder: its name.
        start: local time of its first photo.
        position: degrees north and east.
        camera: make and model.
        shots: a letter a photo: H shows Grace Hopper, C Eileen Collins, B both, a dot nobody; small letters: far away.
        scenery: draws what is special to the place.
        palette: sky above, sky below, then three layers of land from far to near.
    """

    folder: str
    start: datetime
    position: tuple[float, float]
    camera: tuple[str, str]
    shots: str
    scenery: Scenery
    palette: Palette


_DAYS = (
    _Day(
        "2024-06-14 Lisbon arrival", datetime(2024, 6, 14, 16, 5), (38.7115, -9.1330), ("Canon", "Canon EOS R6"),
        "BH.ChB.HCBH.", houses,
        ((92, 150, 214), (236, 226, 206), (196, 178, 176), (206, 172, 146), (214, 186, 150)),
    ),
    _Day(
        "2024-06-15 Sintra", datetime(2024, 6, 15, 10, 20), (38.7979, -9.3903), ("SONY", "ILCE-7M4"),
        "HC.bBHC.BHh.", palace,
        ((132, 176, 214), (232, 236, 226), (150, 178, 160), (104, 146, 104), (62, 104, 62)),
    ),
    _Day(
        "2024-06-16 Vigo", datetime(2024, 6, 16, 18, 40), (42.2378, -8.7247), ("Apple", "iPhone 14 Pro"),
        "CB.HbHC.BHC.", boats,
        ((108, 132, 190), (252, 206, 150), (134, 130, 158), (104, 112, 136), (76, 118, 132)),
    ),
)  # fmt: skip
_SIZES = (
    (1600, 1200), (640, 480), (2048, 1365), (1024, 768), (3000, 2000),
    (960, 1280), (1920, 1280), (800, 600), (1280, 853),
)  # fmt: skip
_ROTATIONS = (3, 6, 8)


@dataclass(frozen=True)
class _Shot:
    """One photo to take: its size before it is turned, and the EXIF flag it is stored with."""

    number: int
    day: _Day
    taken_at: datetime
    letter: str
    size: tuple[int, int]
    orientation: int

    @property
    def path(self) -> str:
        return f"{self.day.folder}/IMG_{self.number:04d}.jpg"

    @property
    def people(self) -> tuple[_Portrait, ...]:
        return {"h": (_HOPPER,), "c": (_COLLINS,), "b": (_HOPPER, _COLLINS), ".": ()}[self.letter.lower()]


def compose(folder: Path, *, seed: int = 7) -> DemoEvent:
    """Write the event's photos below `folder`, as far as they are missing.

    The same seed gives the same bytes on the same machine, so a second call changes no file.
    """
    photos, reference = folder / "photos", folder / "references" / "Grace Hopper.jpg"
    shots = list(_plan())
    for shot in shots:
        _write_missing(photos / shot.path, functools.partial(_take, shot, seed))
    shown = [shot.path for shot in shots if _HOPPER in shot.people]
    first, last = photos / shown[0], photos / shots[-1].path
    copy = first.with_name(f"Copy of {first.name}")
    _write_missing(copy, first.read_bytes)
    _write_missing(last.with_name(f"IMG_{len(shots) + 1:04d}.jpg"), lambda: last.read_bytes()[:20_000])
    _write_missing(last.with_name("packing list.jpg"), lambda: b"A text file that someone named .jpg\n")
    _write_missing(reference, _reference)
    return DemoEvent(photos, reference, "Grace Hopper", frozenset([*shown, copy.relative_to(photos).as_posix()]))


def take_group_photo(people: int, size: tuple[int, int] = (3000, 2000), *, seed: int) -> bytes:
    """The bytes of one JPEG of many: the two portraits in turn, in two rows where they are more than five.

    Args:
        people: 1 to 12; the more, the smaller their faces.
        size: width and height in pixels.
        seed: the same gives the same bytes on the same machine.
    """
    from PIL import ImageChops

    rng = np.random.default_rng([seed, people])
    width, height = size
    day = _DAYS[seed % len(_DAYS)]
    photo = draw_scene(day.palette, day.scenery, rng, width, height)
    behind = people // 2 if people > 5 else 0
    seats = np.arange(people)
    for row, rail in ((seats[:behind], int(0.5 * height)), (seats[behind:], int(0.86 * height))):
        spacing = width / max(1, len(row))
        largest = min(0.42 * spacing, 0.15 * width)
        face = 0.0
        for place, seat in enumerate(row):
            face = float(rng.uniform(0.6, 1) * largest)
            middle = (place + 0.5 + rng.uniform(-0.08, 0.08)) * spacing
            _place(photo, (_HOPPER, _COLLINS)[(seat + seed) % 2], rng, face, (int(middle), rail))
        if len(row):
            draw_rail(photo, rng, rail, int(face * 1.5))
    out = io.BytesIO()
    ImageChops.add(photo, noise(rng, width, height), offset=-128).save(out, "JPEG", quality=int(rng.integers(85, 93)))
    return out.getvalue()


def _plan() -> Iterator[_Shot]:
    shots = [
        (day, day.start + timedelta(minutes=11 * place), letter)
        for day in _DAYS
        for place, letter in enumerate(day.shots)
    ]
    for number, (day, taken_at, letter) in enumerate(shots, 1):
        size = (1600, 1200) if letter.islower() else _SIZES[number % len(_SIZES)]
        yield _Shot(number, day, taken_at, letter, size, _ROTATIONS[number // 6 % 3] if number % 6 == 0 else 1)


def _write_missing(path: Path, content: Callable[[], bytes]) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when whole: an interrupted demo leaves no half photo that the next run would keep.
    part = path.with_suffix(".part")
    part.write_bytes(content())
    part.replace(path)


def _take(shot: _Shot, seed: int) -> bytes:
    """The bytes of one photo."""
    from PIL import Image, ImageChops

    rng = np.random.default_rng([seed, shot.number])
    width, height = shot.size
    photo = draw_scene(shot.day.palette, shot.day.scenery, rng, width, height)
    face = _face_width(shot, rng)
    rail = int(height * rng.uniform(0.74, 0.86))
    for seat, portrait in enumerate(shot.people):
        middle = (seat + 0.5) / len(shot.people) + rng.uniform(-0.06, 0.06)
        _place(photo, portrait, rng, face * rng.uniform(0.94, 1.06), (int(middle * width), rail))
    draw_rail(photo, rng, rail, int(face * 1.5))
    gain = rng.uniform(0.82, 1.1)
    photo = ImageChops.add(photo.point(lambda value: value * gain), noise(rng, width, height), offset=-128)
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    if shot.orientation in turn:
        photo = photo.transpose(turn[shot.orientation])
    out = io.BytesIO()
    photo.save(out, "JPEG", quality=int(rng.integers(78, 94)), exif=_exif(shot, rng))
    return out.getvalue()


def _face_width(shot: _Shot, rng: np.random.Generator) -> float:
    """Pixels. A face under 60 pixels is the detectors' limit, over 400 the portraits'."""
    if shot.letter.islower():
        return float(rng.uniform(62, 68))
    share = rng.uniform(0.09, 0.13) if len(shot.people) == 2 else rng.uniform(0.08, 0.16)
    return max(72.0, share * shot.size[0])


@functools.cache
def _cut_out(portrait: _Portrait) -> "Image":
    """The person, with the middle of the face in the middle of the width, and all around transparent."""
    from PIL import Image, ImageDraw, ImageFilter

    image = _portrait(portrait)
    mask = Image.new("L", image.size, 0)
    ImageDraw.Draw(mask).polygon(portrait.outline, fill=255)
    image.putalpha(mask.filter(ImageFilter.MinFilter(3)).filter(ImageFilter.GaussianBlur(2)))
    middle = portrait.face[1]
    reach = max(middle, image.width - middle)
    return image.crop((middle - reach, 0, middle + reach, image.height))


def _portrait(portrait: _Portrait) -> "Image":
    from PIL import Image

    # Found without importing either package, which takes up to a second.
    with Image.open(str(distribution(portrait.distribution).locate_file(portrait.file))) as image:
        return image.convert("RGB")


def _place(photo: "Image", portrait: _Portrait, rng: np.random.Generator, face: float, at: tuple[int, int]) -> None:
    """Paste the person, `face` pixels wide, so that the body crosses the rail at `at`."""
    from PIL import Image, ImageEnhance, ImageFilter, ImageOps

    person = _cut_out(portrait)
    person = person.rotate(rng.uniform(-8, 8), Image.Resampling.BILINEAR, center=(person.width / 2, portrait.rail))
    if rng.random() < 0.5:
        person = ImageOps.mirror(person)
    scale = face / portrait.face[0]
    if rng.random() < 0.3:
        person = person.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 1.2) / scale))
    person = person.resize((round(person.width * scale), round(person.height * scale)), Image.Resampling.BICUBIC)
    lit = ImageEnhance.Brightness(person.convert("RGB")).enhance(rng.uniform(0.85, 1.15))
    photo.paste(lit, (at[0] - person.width // 2, at[1] - round(portrait.rail * scale)), person.getchannel("A"))


def _exif(shot: _Shot, rng: np.random.Generator) -> "Exif":
    from PIL import ExifTags, Image

    base, gps = ExifTags.Base, ExifTags.GPS
    taken = shot.taken_at.strftime("%Y:%m:%d %H:%M:%S")
    north, east = shot.day.position + rng.normal(0, 0.002, 2)
    exif = Image.Exif()
    exif[base.Make], exif[base.Model] = shot.day.camera
    exif[base.Orientation] = shot.orientation
    exif[base.DateTime] = taken
    exif.get_ifd(ExifTags.IFD.Exif)[base.DateTimeOriginal] = taken
    position = exif.get_ifd(ExifTags.IFD.GPSInfo)
    position[gps.GPSLatitudeRef], position[gps.GPSLatitude] = "N", _sexagesimal(north)
    position[gps.GPSLongitudeRef], position[gps.GPSLongitude] = "W", _sexagesimal(-east)
    return exif


def _sexagesimal(degrees: float) -> tuple[float, float, float]:
    """Degrees, minutes and seconds of an angle that is not negative."""
    minutes, seconds = divmod(round(degrees * 3600, 2), 60)
    return (*divmod(minutes, 60), round(seconds, 2))


def _reference() -> bytes:
    """Another crop of her portrait, with its own background, mirrored and brighter."""
    from PIL import ImageEnhance, ImageOps

    crop = ImageOps.mirror(_portrait(_HOPPER).crop((70, 0, 470, 500)))
    out = io.BytesIO()
    ImageEnhance.Brightness(crop).enhance(1.1).resize((480, 600)).save(out, "JPEG", quality=92)
    return out.getvalue()
