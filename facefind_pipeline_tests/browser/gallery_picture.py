"""Makes the docs' picture of a gallery: `python -m facefind_pipeline_tests.browser.gallery_picture FOLDER`."""

import io
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


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, resolve_path=True))
def gallery_picture(folder: Path) -> None:
    """Runs the demo in FOLDER and writes `docs/images/gallery.png`: its gallery, and a photo with the face marked."""
    subprocess.run([FACEFIND, "demo", folder], check=True)
    with open_page(WIDTH, HEIGHT, device_scale_factor=SCALE, is_mobile=True, has_touch=True) as page:
        page.goto((folder / "gallery" / INDEX).as_uri())
        page.wait_for_load_state("networkidle")
        grid = page.screenshot(animations="disabled")
        page.locator("#photos a").nth(1).click()
        page.get_by_role("button", name="Mark the face").click()
        expect(page.locator(".pswp__item[aria-hidden=false] .marks span")).to_be_visible()
        photo = page.screenshot(animations="disabled")
    screens = [Image.open(io.BytesIO(screen)).convert("RGB") for screen in (grid, photo)]
    width, height = screens[0].size
    both = Image.new("RGB", (2 * width + GAP, height), "white")
    for number, screen in enumerate(screens):
        both.paste(screen, (number * (width + GAP), 0))
    both.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(IMAGES / "gallery.png", optimize=True)


if __name__ == "__main__":
    gallery_picture()
