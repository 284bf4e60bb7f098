"""Pictures that look alike: the detector `whole`, and `find --like`."""

import json
from pathlib import Path

from PIL import Image

from facefind_pipeline_tests.conftest import Facefind, Portraits


def test_find_like_finds_the_picture_itself_in_another_size(
    facefind: Facefind, clip_model: Path, tmp_path: Path, portraits: Portraits, reference: Path
) -> None:
    album = tmp_path / "album"
    album.mkdir()
    portraits.hopper.save(album / "hopper.jpg")
    portraits.collins.save(album / "collins.jpg")
    Image.radial_gradient("L").convert("RGB").save(album / "muffin.jpg")  # no face in it
    asked = tmp_path / "asked.jpg"
    Image.radial_gradient("L").convert("RGB").resize((200, 200)).save(asked)

    missing = facefind("find", "--like", asked)
    assert missing.exit_code == 1
    run = facefind("run", album, "--params", "whole@imgbeddings", "--reference", f"Grace={reference}")
    assert run.exit_code == 0, run.stderr
    found = json.loads(facefind("find", "--like", asked, "--json").stdout)
    assert found[0]["photo"] == "muffin.jpg"
    assert len(found) == 3
    assert found[0]["box"] == [0, 0, 256, 256]
    assert found[0]["distance"] < found[1]["distance"] / 2


def test_like_asks_only_sets_that_embed_photos_whole(facefind: Facefind, tmp_path: Path, portraits: Portraits) -> None:
    portraits.hopper.save(tmp_path / "asked.jpg")
    assert facefind("params", "add", "hog-up0-px640@dlib").exit_code == 0
    for arguments in ([], ["--params", "hog-up0-px640@dlib"]):
        result = facefind("find", "--like", "asked.jpg", *arguments)
        assert result.exit_code == 1
        assert "facefind sweep whole@imgbeddings" in result.stderr
    assert facefind("find", "Ada", "--like", "asked.jpg").exit_code == 2
