"""The system's Chromium, driven by Playwright, whose own browsers are not downloaded."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 120_000  # for a page, on a machine that does other work beside
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")


def find_chromium() -> str | None:
    """The path of an installed Chromium or Chrome."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def open_page(width: int = 1400, height: int = 900, **context: Any) -> Iterator[Page]:
    """An empty page of so many pixels, and as Playwright's `new_context` takes it; the browser ends with it."""
    as_root = ("--no-sandbox",) if os.geteuid() == 0 else ()  # root's Chromium refuses to start with one
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=[*QUIET, "--disable-gpu", *as_root], timeout=PATIENCE_MS
        )
        page = browser.new_page(viewport={"width": width, "height": height}, **context)
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield page
        browser.close()
