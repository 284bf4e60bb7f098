"""What is made in a folder that was delivered to before, what stays there, and what leaves it."""

from dataclasses import replace
from pathlib import Path

from PIL import Image

from facefind_pipeline.publish.album import Options
from facefind_pipeline.publish.delivering import Due
from facefind_pipeline.publish.making import make_folder
from facefind_pipeline_tests.conftest import Silence
from facefind_pipeline_tests.publish.albums import ADA, album_of, match


def test_what_was_delivered_stays_unless_it_was_rejected(tmp_path: Path, models: Path) -> None:
    root, folder = tmp_path / "party", tmp_path / "album"
    root.mkdir()
    files = {name: root / f"{name}.jpg" for name in ("still", "likely", "rejected", "taken", "new")}
    for number, file in enumerate(files.values()):
        Image.effect_noise((120, 90), 60 + number).convert("RGB").save(file, quality=90)
    matches = {name: match(file, root) for name, file in files.items()}
    before = [file for name, file in files.items() if name != "new"]
    make_folder(album_of(root, before, Options()), folder, models, Silence())
    (folder / "taken.jpg").unlink()
    times = {name: (folder / f"{name}.jpg").stat().st_mtime_ns for name in ("still", "likely")}

    sure = [matches["still"], matches["taken"], matches["new"]]  # not `likely`: so it is by now, or its disk is away
    due = Due(ADA, sure, frozenset({matches["new"].sha256}), frozenset({matches["rejected"].sha256}))
    selection, kept = due.for_folder(folder)
    assert [one.photo for one in selection.matches] == ["still.jpg", "new.jpg"]
    assert [item.file for item in kept] == ["likely.jpg"]
    album = album_of(root, [files["still"], files["new"]], Options(sidecars=True))
    made = make_folder(replace(album, kept=kept), folder, models, Silence())
    assert {file.name for file in folder.glob("*.jpg")} == {"still.jpg", "likely.jpg", "new.jpg"}
    assert times == {name: (folder / f"{name}.jpg").stat().st_mtime_ns for name in times}
    assert [item.file for item in made.items] == ["still.jpg", "new.jpg", "likely.jpg"]
    assert due.delivered_by(made) == [matches["new"].sha256]
