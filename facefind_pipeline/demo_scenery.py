"""What the demo's photos are taken before: skies, hills, houses, a palace, boats, a stone rail; all of it drawn."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

Colour = tuple[int, int, int]
Palette = tuple[Colour, Colour, Colour, Colour, Colour]  # sky above, sky below, three layers of land from far to near
# Draws what is special to a place, given width, height and horizon.
Scenery = Callable[["ImageDraw", np.random.Generator, int, int, int], None]


def houses(draw: "ImageDraw", rng: np.random.Generator, width: int, height: int, horizon: int) -> None:
    """A hillside of pastel houses with tiled roofs."""
    walls = ((238, 226, 200), (240, 200, 150), (226, 180, 160), (190, 208, 214), (244, 238, 224), (232, 208, 120))
    for row in range(8):
        x = -int(rng.integers(40))
        while x < width:
            w = int(rng.integers(50, 110))
            y = horizon + row * height // 14 - int(rng.integers(20, 50))
            wall = walls[rng.integers(len(walls))]
            draw.rectangle((x, y, x + w, height), fill=wall)
            draw.polygon([(x - 4, y), (x + 8, y - 18), (x + w - 8, y - 18), (x + w + 4, y)], fill=(196, 98, 62))
            for window in range(x + 12, x + w - 16, 24):
                draw.rectangle((window, y + 14, window + 9, y + 30), fill=(110, 122, 132))
            x += w


def palace(draw: "ImageDraw", rng: np.random.Generator, width: int, height: int, horizon: int) -> None:
    """A coloured palace on its hill, above woods."""
    left, foot = int(rng.uniform(0.05, 0.6) * width), horizon + height // 12
    for offset, w, h, colour in (
        (0, 60, 120, (206, 84, 66)),
        (60, 130, 70, (236, 190, 70)),
        (190, 44, 150, (230, 178, 60)),
    ):
        x, y = left + offset, foot - h
        draw.rectangle((x, y, x + w, foot + 30), fill=colour)
        draw.pieslice((x, y - w // 3, x + w, y + w // 3), 180, 360, fill=(246, 226, 180))
    for row in range(7):
        for x in range(int(rng.integers(-40, 0)), width + 20, 36):
            y, r = foot + row * height // 14 + int(rng.integers(0, 30)), int(rng.integers(24, 44)) + 4 * row
            draw.ellipse(
                (x - r, y - r, x + r, y + 3 * r), fill=(44 - 3 * row, 84 + int(rng.integers(30)) - 5 * row, 52)
            )


def boats(draw: "ImageDraw", rng: np.random.Generator, width: int, height: int, horizon: int) -> None:
    """A bay with sailing boats."""
    draw.rectangle((0, horizon + height // 24, width, height), fill=(58, 122, 150))
    for _ in range(90):
        x, y = int(rng.integers(width)), int(rng.integers(horizon + height // 20, height))
        draw.line((x, y, x + int(rng.integers(20, 80)), y), fill=(92, 152, 176), width=2)
    for _ in range(int(rng.integers(3, 7))):
        x, y, s = int(rng.integers(width)), horizon + int(rng.integers(30, 120)), int(rng.integers(24, 56))
        draw.polygon([(x, y - 2 * s), (x, y - s // 4), (x + s, y - s // 4)], fill=(248, 246, 238))
        draw.polygon([(x - 4, y - 2 * s + 10), (x - 4, y - s // 4), (x - s * 2 // 3, y - s // 4)], fill=(226, 90, 70))
        draw.polygon(
            [(x - s, y - s // 6), (x + s, y - s // 6), (x + s * 2 // 3, y + s // 5), (x - s * 2 // 3, y + s // 5)],
            fill=(66, 60, 66),
        )


def draw_scene(palette: Palette, scenery: Scenery, rng: np.random.Generator, width: int, height: int) -> "Image":
    """Sky, three layers of land and what is special to the place; a little out of focus."""
    from PIL import Image, ImageDraw, ImageFilter

    # Drawn small: the background is soft, and large photos cost no more.
    w, h = round(900 * width / max(width, height)), round(900 * height / max(width, height))
    horizon = int(h * rng.uniform(0.34, 0.44))
    top, bottom = np.array(palette[:2], np.float32)
    sky = top + (bottom - top) * np.clip(np.arange(h) / horizon, 0, 1)[:, None, None]
    clouds = Image.fromarray(rng.integers(96, 160, (5, 9), np.uint8)).resize((w, h), Image.Resampling.BICUBIC)
    sky = sky + (np.asarray(clouds, np.float32)[..., None] - 128) * 0.4
    scene = Image.fromarray(np.clip(sky, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(scene)
    x, y, r = int(rng.integers(w)), int(horizon * rng.uniform(0.2, 0.6)), int(rng.integers(18, 34))
    draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 248, 224))
    for layer, colour in enumerate(palette[2:]):
        waves = rng.uniform(0, 2 * math.pi, 3)
        ridge = [
            (x, horizon + layer * h // 16 - 14 * sum(math.sin(x / (150 / k) + waves[k - 1]) / k for k in (1, 2, 3)))
            for x in range(0, w + 10, 10)
        ]
        draw.polygon([(0, h), *ridge, (w, h)], fill=colour)
    scenery(draw, rng, w, h, horizon)
    return scene.filter(ImageFilter.BoxBlur(1)).resize((width, height), Image.Resampling.BILINEAR)


def noise(rng: np.random.Generator, width: int, height: int) -> "Image":
    """Grey grain around 128: one tile repeated, since 6 million normal numbers take as long as all the rest."""
    from PIL import Image

    tile = np.clip(rng.normal(128, rng.uniform(1.5, 5), (256, 256)), 0, 255).astype(np.uint8)
    grain = Image.fromarray(np.tile(tile, (height // 256 + 1, width // 256 + 1))[:height, :width])
    return Image.merge("RGB", (grain, grain, grain))


def draw_rail(photo: "Image", rng: np.random.Generator, top: int, thickness: int) -> None:
    """A stone rail across the photo, and the pavement before it."""
    from PIL import ImageDraw

    draw, (width, height) = ImageDraw.Draw(photo), photo.size
    light = int(rng.integers(-20, 12))
    pavement, stone, edge, joint = ((red + light, red + light - 6, red + light - 18) for red in (152, 206, 228, 176))
    draw.rectangle((0, top, width, height), fill=pavement)
    draw.rectangle((0, top, width, top + thickness), fill=stone)
    for x in range(int(rng.integers(thickness)), width, int(thickness * 1.4)):
        draw.line((x, top, x, top + thickness), fill=joint, width=thickness // 60 + 1)
    draw.rectangle((0, top, width, top + thickness // 6), fill=edge)
    draw.line((0, top + thickness // 6, width, top + thickness // 6), fill=joint, width=thickness // 60 + 1)
