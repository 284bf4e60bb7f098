"""A real server for each test worker, a database of its own for each test, and photos of real faces to work on."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import hypothesis
import numpy as np
import psutil
import psycopg2
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline_tests.dev_server import Dev, serve
from facefind_pipeline_tests.vision.clip_model import make_clip_model, make_hub_cache

# Set before any test imports huggingface_hub, which reads it once.
_hub = tempfile.TemporaryDirectory(prefix="facefind_hub_")
os.environ.update(make_hub_cache(Path(_hub.name)))

hypothesis.settings.register_profile("facefind", deadline=None)  # no test asserts times
hypothesis.settings.load_profile("facefind")

# Records of homes: the user's own are left alone.
_state = tempfile.TemporaryDirectory(prefix="facefind_state_")
os.environ["XDG_STATE_HOME"] = _state.name

# Tests press Ctrl-C, which what a script starts with `&` ignores.
signal.signal(signal.SIGINT, signal.default_int_handler)

Facefind = Callable[..., Result]
ROOM = 8 << 30  # bytes in memory, for the servers of several workers
SMALL_SET = "hog-up0-px640@dlib"  # 0.05 s per photo


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests first: they mostly wait for a daemon, and another worker does the others meanwhile."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def shells_umask() -> Iterator[None]:
    """Each test begins with the umask of most shells, for loading the definitions changes that of the process."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """An embedded server, as users without a server of their own run; only that its databases survive no outage."""
    with _memory_or(tmp_path_factory.mktemp("server")) as folder:
        server = EmbeddedServer(folder)
        server.start()
        with (server.data.parent / "server.conf").open("a") as configuration:
            configuration.write("fsync = off\nfull_page_writes = off\nmax_wal_size = 128MB\n")
        administer(server, "SELECT pg_reload_conf()")
        yield server
        server.stop()
        shutil.rmtree(server.data.parent)  # root's may lie elsewhere


@contextmanager
def _memory_or(folder: Path) -> Iterator[Path]:
    """A folder in memory where there is room for one, else this one.

    Tests make and drop some thousand databases of 300 files each, and ext4, which passes over what was deleted within
    minutes, takes .4 s for each.
    """
    memory = Path("/dev/shm")
    if not memory.is_dir() or min(shutil.disk_usage(memory).free, psutil.virtual_memory().available) < ROOM:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="facefind_tests_", dir=memory) as made:
        Path(made).chmod(0o711)  # for the account that root's server runs as
        yield Path(made)


@pytest.fixture(scope="session")
def templates(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Suffix -> name of a database with all tables: copying one takes a tenth of making it."""
    from facefind_pipeline.orchestration.instance import open_instance

    home = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEFIND_HOME", str(home))
        patch.setenv("FACEFIND_DATABASE_URL", server.url("template"))
        settings = read_settings()
        open_instance(settings, open_database(settings)).dispose()
        _clear_environment(patch)
    made = {"": "template", "_dagster": "template_dagster"}
    _close_connections(server, made)
    return made


@pytest.fixture
def settings(
    server: EmbeddedServer, models: Path, derived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """A home and the address of a database of one test's own, in the environment as a user sets them."""
    name = f"test_{os.getpid()}_{abs(hash(tmp_path)) % 10**9}"
    _clear_environment(monkeypatch)
    monkeypatch.setenv("FACEFIND_HOME", str(_make_home(tmp_path / "home", derived)))
    monkeypatch.setenv("FACEFIND_MODELS", str(models))
    monkeypatch.setenv("FACEFIND_DATABASE_URL", server.url(name))
    monkeypatch.chdir(tmp_path)
    yield read_settings()
    _clear_environment(monkeypatch)
    administer(server, *(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)" for database in (name, f"{name}_dagster")))


def _make_home(home: Path, derived: Path) -> Path:
    home.mkdir(mode=0o700)
    (home / "derived").symlink_to(derived)
    return home


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder that all tests share."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def derived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all homes of tests derive from models: the dlib network is built there once."""
    return tmp_path_factory.mktemp("derived")


@pytest.fixture
def database(
    server: EmbeddedServer, templates: dict[str, str], settings: Settings, request: pytest.FixtureRequest
) -> Database:
    """The test's database with its tables, and Dagster's beside it; for `filled` with what a run left in them."""
    if "searched" in request.fixturenames:
        templates = request.getfixturevalue("searched").templates
    name = urlsplit(settings.database_url or "").path.strip("/")
    administer(server, *(f"CREATE DATABASE {name}{suffix} TEMPLATE {made}" for suffix, made in templates.items()))
    return open_database(settings)


def administer(server: EmbeddedServer, *statements: str) -> None:
    """Executes statements on the server, each by itself."""
    connection = psycopg2.connect(server.url("postgres"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


def _close_connections(server: EmbeddedServer, made: dict[str, str]) -> None:
    """A database that connections are open to, of objects that await the garbage collector, is no template."""
    for database in made.values():
        administer(server, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")


def _clear_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [v for v in os.environ if v.startswith(("FACEFIND_", "DAGSTER_"))]:
        monkeypatch.delenv(variable)


@pytest.fixture
def somebody(settings: Settings, reference: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture of Ada in the references folder: without anybody to look for `facefind run` ends before it begins."""
    settings.references.mkdir()
    shutil.copy(reference, settings.references / "Ada.jpg")
    monkeypatch.setenv("FACEFIND_REFERENCES", str(settings.references))  # for another home too


def turned_portrait(portrait: Image.Image, degrees: float) -> Image.Image:
    """A portrait on a plain ground, all of it turned counterclockwise."""
    ground = (90, 110, 130)
    small = portrait.resize((340, round(340 * portrait.height / portrait.width)))
    photo = Image.new("RGB", (900, 900), ground)
    photo.paste(small, (280, 250))
    return photo.rotate(degrees, resample=Image.Resampling.BICUBIC, fillcolor=ground)


@dataclass(frozen=True)
class Portraits:
    """Two people's public-domain portraits, RGB: Grace Hopper (600, 512) and Eileen Collins (512, 512)."""

    hopper: Image.Image
    collins: Image.Image

    def hopper_again(self) -> Image.Image:
        """Another picture of the first: mirrored, darker and smaller."""
        mirrored = self.hopper.transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((410, 480))
        return Image.fromarray((np.asarray(mirrored) * 0.8).astype(np.uint8))

    def together(self) -> Image.Image:
        """Both side by side."""
        both = Image.new("RGB", (1024, 600), "grey")
        both.paste(self.hopper, (0, 0))
        both.paste(self.collins, (512, 0))
        return both


@pytest.fixture(scope="session")
def portraits() -> Portraits:
    """The portraits that matplotlib and scikit-image ship."""
    import matplotlib
    import skimage

    hopper = Image.open(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg").convert("RGB")
    return Portraits(hopper, Image.fromarray(skimage.data.astronaut()))


@pytest.fixture
def event(tmp_path: Path, portraits: Portraits) -> Path:
    """A folder with two event days: six photos of which one is a copy, and a broken file."""
    return _write_event(tmp_path / "photos", portraits)


def _write_event(root: Path, portraits: Portraits) -> Path:
    first, second = root / "Day 1", root / "Day 2"
    first.mkdir(parents=True)
    second.mkdir()
    portraits.hopper.save(first / "hopper.jpg", quality=92)
    portraits.together().save(first / "both.jpg", quality=92)
    Image.new("RGB", (320, 240), "steelblue").save(first / "nobody.jpg")
    (first / "broken.jpg").write_text("not a photo")
    portraits.hopper_again().save(second / "again.jpg", quality=92)
    portraits.collins.save(second / "collins.png")
    (second / "copy of hopper.jpg").write_bytes((first / "hopper.jpg").read_bytes())
    return root


@pytest.fixture
def reference(tmp_path: Path, portraits: Portraits) -> Path:
    """A picture of Grace Hopper that is in no event photo as such."""
    return _write_reference(tmp_path / "reference.jpg", portraits)


def _write_reference(file: Path, portraits: Portraits) -> Path:
    portraits.hopper.crop((60, 40, 470, 520)).resize((380, 445)).save(file, quality=90)
    return file


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos are worked on by this process's threads, as where no other process can be had: tests replace parts."""
    from facefind_pipeline.vision import apart, watched_process

    def refused() -> None:
        raise watched_process.NotStartedError("a test has none")

    monkeypatch.setattr(apart, "WatchedProcess", refused)
    monkeypatch.setitem(apart._pools, os.getpid(), apart._Pool(apart.cores()))


@dataclass(frozen=True, slots=True)
class Searched:
    """What a run left: its home, its photos, and its databases by suffix."""

    home: Path
    photos: Path
    templates: dict[str, str]


@pytest.fixture(scope="session")
def searched(
    server: EmbeddedServer,
    templates: dict[str, str],
    derived: Path,
    portraits: Portraits,
    tmp_path_factory: pytest.TempPathFactory,
) -> Searched:
    """`event` searched for Ada under `SMALL_SET`: copying that takes a tenth of running it."""
    folder = tmp_path_factory.mktemp("searched")
    photos = _write_event(folder / "photos", portraits)
    reference = _write_reference(folder / "reference.jpg", portraits)
    made = {suffix: f"searched{suffix}" for suffix in templates}
    administer(server, *(f"CREATE DATABASE {made[suffix]} TEMPLATE {empty}" for suffix, empty in templates.items()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEFIND_DATABASE_URL", server.url(made[""]))
        patch.setenv("FACEFIND_HOME", str(_make_home(folder / "home", derived)))
        run = call_facefind("run", photos, "--params", SMALL_SET, "--reference", f"Ada={reference}")
        assert run.exit_code == 0, run.stderr
        _clear_environment(patch)
    _close_connections(server, made)
    return Searched(folder / "home", photos, made)


@pytest.fixture
def filled(searched: Searched, settings: Settings, database: Database, tmp_path: Path) -> Path:
    """An event that was run for Ada under `SMALL_SET`."""
    photos = shutil.copytree(searched.photos, tmp_path / "photos")
    settings.home.joinpath("derived").unlink()
    shutil.copytree(searched.home, settings.home, symlinks=True, dirs_exist_ok=True)
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE photo_roots SET path = %s", [str(photos)])
        for file in photos.rglob("*.*"):
            before = searched.photos / file.relative_to(photos)
            cursor.execute("UPDATE photos SET inode = %s WHERE inode = %s", [file.stat().st_ino, before.stat().st_ino])
    return photos


@pytest.fixture
def clip_model(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small local model for the imgbeddings embedder, named in the environment."""
    model = make_clip_model(tmp_path / "clip.onnx")
    monkeypatch.setenv("FACEFIND_CLIP_MODEL", str(model))
    return model


@pytest.fixture
def facefind(database: Database) -> Facefind:
    """Calls the command on the test's database, as `facefind("find", "Ada")`."""
    return call_facefind


def call_facefind(*arguments: object) -> Result:
    """Calls the command in this process; errors end as they do for users."""
    from facefind_pipeline.cli import facefind as command
    from facefind_pipeline.errors import FacefindError

    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if isinstance(result.exception, FacefindError):
        result.exit_code = 1
        result.stderr_bytes = (result.stderr_bytes or b"") + f"facefind: {result.exception}\n".encode()
    elif result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def dev(settings: Settings, database: Database, tmp_path: Path) -> Iterator[Callable[[], Dev]]:
    """Starts `facefind dev` when called; it ends with the test."""
    with ExitStack() as ended:
        yield lambda: ended.enter_context(serve(tmp_path / "dev.txt"))


class Silence:
    """Tells nobody."""

    def begin(self, stage: str, total: int, unit: str) -> None:
        pass

    def advance(self, units: int = 1, detection_seconds: float = 0.0) -> None:
        pass

    def end(self) -> None:
        pass
