"""Makes the docs' pictures of a gallery, of hidden people and of the selfie page, from the demo's event.

python -m facefind_pipeline_tests.browser.published_pictures FOLDER
"""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
from PIL import Image
from playwright.sync_api import expect

from facefind_pipeline.publish.gallery import INDEX
from facefind_pipeline_tests.browser.chromium import open_page
from facefind_pipeline_tests.browser.screenshots import IMAGES

FACEFIND = Path(sys.executable).with_name("facefind")
WIDTH, HEIGHT, SCALE = 390, 760, 1.5  # a phone's, without the browser's own bars
GAP = 24
WIDE = 900  # pixels of the photo with other people hidden


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, resolve_path=True))
def published_pictures(folder: Path) -> None:
    """Runs the demo in FOLDER and writes `gallery.png`, `hidden.png` and `selfie.png` into `docs/images`."""
    subprocess.run([FACEFIND, "demo", folder], check=True)
    _gallery(folder)
    _hidden(folder)
    _selfie(folder)


def _gallery(folder: Path) -> None:
    """Its gallery on a phone, and a photo with the face marked."""
    with open_page(WIDTH, HEIGHT, device_scale_factor=SCALE, is_mobile=True, has_touch=True) as page:
        page.goto((folder / "gallery" / INDEX).as_uri())
        page.wait_for_load_state("networkidle")
        grid = page.screenshot(animations="disabled")
        page.locator("#photos a").nth(1).click()
        page.get_by_role("button", name="Mark the face").click()
        expect(page.locator(".pswp__item[aria-hidden=false] .marks span")).to_be_visible()
        photo = page.screenshot(animations="disabled")
    _side_by_side([grid, photo], "gallery.png")


def _selfie(folder: Path) -> None:
    """The selfie page on a phone with a picture that was chosen, and what it finds."""
    home = {"FACEFIND_HOME": str(folder / ".facefind")}
    command = [FACEFIND, "serve", "--port", "8094", "--hide-others"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | home, text=True) as served:
        assert served.stdout is not None
        address = served.stdout.readline().split()[-1]
        with open_page(WIDTH, HEIGHT, device_scale_factor=SCALE, is_mobile=True, has_touch=True) as page:
            page.goto(address)
            page.goto(f"{address.partition('?')[0]}selfie")
            asking = page.screenshot(animations="disabled")
            page.get_by_label("Take a selfie").set_input_files(folder / "references" / "Grace Hopper.jpg")
            page.wait_for_url("**/found/")
            page.wait_for_load_state("networkidle")
            found = page.screenshot(animations="disabled")
        served.send_signal(signal.SIGINT)
    _side_by_side([asking, found], "selfie.png")


def _side_by_side(shots: list[bytes], name: str) -> None:
    screens = [Image.open(io.BytesIO(screen)).convert("RGB") for screen in shots]
    width, height = screens[0].size
    both = Image.new("RGB", (2 * width + GAP, height), "white")
    for number, screen in enumerate(screens):
        both.paste(screen, (number * (width + GAP), 0))
    _save(both, name)


def _hidden(folder: Path) -> None:
    """The largest picture of the person beside somebody who is covered."""
    album = folder / "album"
    command = [FACEFIND, "album", "Grace Hopper", "--to", album, "--hide-others"]
    subprocess.run(command, check=True, env=os.environ | {"FACEFIND_HOME": str(folder / ".facefind")})
    items = json.loads((album / "album.json").read_text())["items"]
    best = max((item for item in items if item["covered"]), key=lambda item: item["box"][2])
    with Image.open(album / best["file"]) as photo:
        photo.thumbnail((WIDE, WIDE))
        _save(photo, "hidden.png")


def _save(picture: Image.Image, name: str) -> None:
    picture.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    published_pictures()
