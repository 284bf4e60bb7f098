"""An event that is served to guests, by real models on real photos."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from facefind_pipeline.cli.serve import make_host, make_site
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.web.limits import Limits
from facefind_pipeline.web.serving import guests_app, host_app
from facefind_pipeline_tests.conftest import SMALL_SET, Portraits
from facefind_pipeline_tests.web.doors import GUESTS, NAMES, TOKEN, Door, HostsDoor, jpeg, opened

PATIENT = Limits(selfies=1_000, selfies_at_once=4, wrong_links=1_000)


@pytest.fixture
def make_door(filled: Path, settings: Settings, database: Database) -> Iterator[Callable[..., Door]]:
    """Opens the guests' door of the event, as `make_door(others_hidden=True, limits=Limits())`."""
    with ExitStack() as open_until_the_end:

        def make(*, others_hidden: bool = False, limits: Limits = PATIENT) -> Door:
            site, _ = make_site(settings, database, SMALL_SET, hide_others=others_hidden)
            limited = replace(site, limits=limits)
            return open_until_the_end.enter_context(opened(lambda port: guests_app(limited, NAMES, port)))

        yield make


@pytest.fixture
def door(make_door: Callable[..., Door]) -> Door:
    """The guests' door of the event, other people not hidden."""
    return make_door()


@pytest.fixture
def selfie(portraits: Portraits) -> bytes:
    """A picture of Grace Hopper that is in no event photo as such."""
    return jpeg(portraits.hopper.crop((60, 40, 470, 520)).resize((760, 890)))


@pytest.fixture
def working_host(filled: Path, settings: Settings, database: Database) -> Iterator[HostsDoor]:
    """The host's door with all that is behind it, where guests' pages are served in the network too."""
    site, pictures = make_site(settings, database, SMALL_SET, hide_others=False)
    pages = make_host(database, site, pictures, GUESTS)
    with opened(lambda port: host_app(site, pages, TOKEN, NAMES, port)) as door:
        yield HostsDoor(door.port)
        pages.actions.end()
