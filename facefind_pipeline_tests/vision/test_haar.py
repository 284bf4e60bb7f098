"""The cascade search: OpenCV's own result below the bound, the same above it, and a bounded memory."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from facefind_pipeline.vision import haar
from facefind_pipeline.vision.haar import Cascade
from facefind_pipeline_tests.conftest import Portraits

FILE = Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"

# In a process of its own, since what is tested may kill it.
SEARCH = """
import sys
import cv2, numpy as np
from pathlib import Path
from facefind_pipeline.vision.haar import Cascade

def held(name):  # KiB, of this program alone; getrusage begins with what started it
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(name)))

cv2.setNumThreads(1)
cascade = Cascade(Path(sys.argv[1]))
libraries = held("VmRSS")
for size in sys.argv[2:]:
    width, height = map(int, size.split("x"))
    grey = np.full((height, width), 128, np.uint8)
    assert cascade.search(grey, scale_factor=1.05, min_neighbours=2, smallest=20, largest=0) == []
print(held("VmHWM") - libraries)
"""


@pytest.fixture(scope="module")
def crowd(portraits: Portraits) -> np.ndarray:
    """Faces of many sizes."""
    grey = np.full((500, 800), 90, np.uint8)
    x = 0
    for side in (40, 60, 90, 130, 240):
        for portrait, y in ((portraits.hopper, 0), (portraits.collins, 250)):
            small = np.asarray(portrait.convert("L").resize((side, side)))
            grey[y : y + side, x : x + side] = small
        x += side
    return grey


def _plain(grey: np.ndarray, **wanted: int) -> list[tuple[tuple[int, ...], int]]:
    boxes, counts = cv2.CascadeClassifier(str(FILE)).detectMultiScale2(
        grey,
        scaleFactor=1.05,
        minNeighbors=wanted["min_neighbours"],
        minSize=(wanted["smallest"],) * 2,
        maxSize=(wanted["largest"],) * 2,
    )
    return sorted((tuple(box), count) for box, count in zip(boxes, counts, strict=True))


@pytest.mark.parametrize("bound", [haar.BUFFER_BYTES, 5_000_000, 1])
@pytest.mark.parametrize(
    "wanted",
    [
        {"min_neighbours": 2, "smallest": 0, "largest": 0},
        {"min_neighbours": 0, "smallest": 30, "largest": 200},
        {"min_neighbours": 3, "smallest": 50, "largest": 51},
        {"min_neighbours": 3, "smallest": 2000, "largest": 0},
    ],
)
def test_what_is_found_does_not_depend_on_the_bound(
    crowd: np.ndarray, wanted: dict[str, int], bound: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cv2.setNumThreads(1)
    monkeypatch.setattr(haar, "BUFFER_BYTES", bound)
    found = Cascade(FILE).search(crowd, scale_factor=1.05, **wanted)
    assert sorted((tuple(box), count) for box, count in found) == _plain(crowd, **wanted)


def _peak_gigabytes(*sizes: str) -> float:
    done = subprocess.run([sys.executable, "-c", SEARCH, FILE, *sizes], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout) * 1024 / 1e9


def test_small_faces_on_fifty_megapixels() -> None:
    assert _peak_gigabytes("8160x6120") < 1.5  # else 4.8


@pytest.mark.proof
def test_small_faces_on_two_hundred_megapixels() -> None:
    assert _peak_gigabytes("16320x12240") < 3  # else the process dies


def test_panoramas_of_either_direction_do_not_add_up() -> None:
    assert _peak_gigabytes("48000x200", "200x48000") < 1.2  # else the process dies
