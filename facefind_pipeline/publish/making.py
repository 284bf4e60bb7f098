"""An album made: photos given away, sidecars, the collage and the list of all, to a folder or a zip."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.sidecars import sidecar_content
from facefind_pipeline.progress import Progress
from facefind_pipeline.publish.album import Album, AlbumPhoto, name_files, resumed
from facefind_pipeline.publish.collage import MOST, collage
from facefind_pipeline.publish.contents import COLLAGE, CONTENTS, TABLE, Contents, Item
from facefind_pipeline.publish.destinations import Destination, Folder, contents_of_zip, open_folder, open_zip
from facefind_pipeline.publish.exports import QUALITY, Exported, Size, encode, export, picture
from facefind_pipeline.publish.xmp import with_region
from facefind_pipeline.vision.failures import UnreadablePhotoError

WRITTEN_EVERY = 50  # photos: as many are made again at most, should this process be killed
COLLAGE_SIDE = 1024  # pixels of a photo's longer side, before it takes its place in a collage


def make_folder(album: Album, path: Path, models: Path, progress: Progress) -> Contents:
    """Makes what is missing of an album in a folder, and removes what an earlier one had beyond it.

    Raises:
        FacefindError: the folder holds another person's album, or a file where the album's own would go.
        OutageError: the disk is full.
    """
    folder = open_folder(path, album.selection.person.key)
    before, there = folder.before, folder.names()
    held = {item.sha256: item.file for item in before.items} if before else {}
    names = name_files(album.photos, held, there.difference(held.values()))
    contents = resumed(album.contents(names), before, there)
    for name in set(held.values()) - {item.file for item in contents.items}:
        folder.remove(name)
    if before and before.collage and not contents.collage:
        folder.remove(COLLAGE)
    folder.write_contents(contents)
    return _make(album, contents, folder, models, progress)


def make_zip(album: Album, file: Path, models: Path, progress: Progress) -> Contents:
    """Makes an album as a zip, unless the one that is there was made from the same.

    Raises:
        FacefindError: the file is there and no album of this person, or can't be written.
        OutageError: the disk is full.
    """
    before = contents_of_zip(file, album.selection.person.key)
    contents = album.contents(name_files(album.photos, {}, ()))
    if before is not None and _is_same(before, contents):
        return before
    with open_zip(file) as archive:
        made = _make(album, contents, archive, models, progress)
        archive.write(CONTENTS, made.to_json())
        archive.write(TABLE, made.to_csv())
    return made


def collage_of(album: Album, models: Path) -> bytes | None:
    """The JPEG of an album's first photos; None where none of them can be shown."""
    pictures = []
    for photo in album.photos:
        with suppress(UnreadablePhotoError):
            pictures.append(photo.export.source.make(picture, photo.export.hiding, models, COLLAGE_SIDE).pixels)
        if len(pictures) == MOST:
            break
    return encode(collage(pictures), QUALITY[Size.FULL]) if pictures else None


def _make(album: Album, contents: Contents, destination: Destination, models: Path, progress: Progress) -> Contents:
    """Writes what is not made yet; what was done is remembered, however this ends."""
    items = {item.sha256: item for item in contents.items}
    left_out, notes = dict(contents.left_out), dict(contents.notes)

    def so_far() -> Contents:
        return replace(contents, items=list(items.values()), left_out=left_out, notes=notes)

    missing = [photo for photo in album.photos if not items[photo.match.sha256].made]
    progress.begin(f"album of {contents.name}", len(missing), "photo")
    try:
        for number, (photo, given) in enumerate(_given(album, missing, models), start=1):
            item = items[photo.match.sha256]
            if given.problem is None:
                _write(destination, item, photo, given)
                covered = given.covered if album.options.hide_others else None
                items[photo.match.sha256] = replace(item, made=True, covered=covered)
            else:
                left_out[photo.match.photo] = given.problem
                del items[photo.match.sha256]
                destination.remove(item.file)  # what an earlier album made of it
            if number % WRITTEN_EVERY == 0:
                destination.write_contents(so_far())
            progress.advance()
        progress.end()
        for photo in album.photos if contents.sidecars else ():
            if (written := items.get(photo.match.sha256)) is not None:
                note = _write_sidecar(album, photo, written, destination)
                notes |= {written.file: note} if note else {}
        made = collage_of(album, models) if contents.collage else None
        if made is not None:
            destination.write(COLLAGE, made)
    finally:
        destination.write_contents(so_far())
    return so_far()


def _given(album: Album, photos: list[AlbumPhoto], models: Path) -> Iterator[tuple[AlbumPhoto, Exported]]:
    if not album.options.links:
        yield from zip(photos, export((photo.export for photo in photos), models), strict=True)
        return
    for photo in photos:
        there = any(file.is_file() for file in photo.export.files)
        yield photo, Exported(photo.export, problem=None if there else "its file is gone")


def _write(destination: Destination, item: Item, photo: AlbumPhoto, given: Exported) -> None:
    if given.data is not None:
        destination.write(item.file, given.data, photo.match.taken_at)
        return
    assert isinstance(destination, Folder)  # the command refuses links in a zip
    destination.link(item.file, next(file for file in photo.export.files if file.is_file()))


def _write_sidecar(album: Album, photo: AlbumPhoto, item: Item, destination: Destination) -> str | None:
    """Adds the person's region to the sidecar that is there, else to a copy of the photo's own, else to a new one.

    Where the picture was turned upright its own sidecar is not taken over: it is of the picture as it was stored, and
    may name others.

    Returns:
        What is wrong with a sidecar that is there, the album's or the photo's own; nothing is written then.
    """
    stem = f"{Path(item.file).stem}.xmp"
    name, packet = f"{item.file}.xmp", destination.read(f"{item.file}.xmp")
    if packet is None and (packet := destination.read(stem)) is not None:
        name = stem
    if packet is None and album.as_stored:
        beside = next((one for file in photo.export.files for one in _sidecars_of(file) if one.is_file()), None)
        if beside is not None and (packet := sidecar_content(beside)) is None:
            return f"its sidecar {beside.name} can't be read or is too large; none was written"
    added, size = photo.region_of(album.selection.person.name, as_stored=album.as_stored)
    try:
        merged = with_region(packet, added, size)
    except FacefindError as error:
        return f"its sidecar is {error}; left as it is"
    if merged != packet:
        destination.write(name, merged)
    return None


def _sidecars_of(photo: Path) -> Iterator[Path]:
    return chain.from_iterable(
        (photo.with_name(f"{photo.name}{suffix}"), photo.with_suffix(suffix)) for suffix in (".xmp", ".XMP")
    )


def _is_same(before: Contents, planned: Contents) -> bool:
    """Whether an album that was made holds what is planned, all of it."""

    def content(contents: Contents) -> tuple[object, ...]:
        files = {(item.file, item.made_from) for item in contents.items}
        return files, contents.left_out, contents.collage, contents.sidecars

    return all(item.made for item in before.items) and content(before) == content(planned)
