"""An album: which photos of a person go into it, under which names, with what hidden, and what it is made from."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path, PurePosixPath

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.publish.contents import COLLAGE, CONTENTS, TABLE, Contents, Item
from facefind_pipeline.publish.exports import Size, ToExport
from facefind_pipeline.publish.hiding_plan import plan_hiding
from facefind_pipeline.publish.selection import Selection
from facefind_pipeline.publish.xmp import Region, region
from facefind_pipeline.search.matches import Match
from facefind_pipeline.store import versions
from facefind_pipeline.store.parameter_sets import RegisteredSet

LINK = "link"
_JPEG = frozenset({".jpg", ".jpeg"})


@dataclass(frozen=True, slots=True)
class Options:
    """How an album is made.

    Attributes:
        size: of the photos.
        hide_others: cover the heads of other people.
        links: to the photos where they lie, in place of copies.
        sidecars: with the person's region beside each photo.
        collage: one picture of the best photos.
    """

    size: Size = Size.FULL
    hide_others: bool = False
    links: bool = False
    sidecars: bool = False
    collage: bool = False


@dataclass(frozen=True, slots=True)
class AlbumPhoto:
    """A photo of an album to be.

    Attributes:
        match: why it is in.
        export: how it is given away.
        name: of its file, if no other photo has it.
        size: width and height of the upright photo, pixels.
        orientation: the EXIF flag of its file.
        made_from: hash of all that the album's file depends on.
    """

    match: Match
    export: ToExport
    name: str
    size: tuple[int, int]
    orientation: int
    made_from: str

    def region_of(self, person: str, *, as_stored: bool) -> tuple[Region, tuple[int, int]]:
        """The person's region and the size of the picture it is of: as the photo's file stores it, or as given away."""
        if as_stored:
            size = self.size if self.orientation < 5 else (self.size[1], self.size[0])
            return region(person, self.match.box, self.size, self.orientation), size
        return region(person, self.match.box, self.size, 1), self.export.size.of(self.size)


@dataclass(frozen=True, slots=True)
class Album:
    """An album to be made: the photos best first, and what is known to be left out.

    Attributes:
        selection: whose photos.
        parameter_set: the key of the set that found them.
        options: how it is made.
        photos: to make, as far as they are not there already.
        left_out: why others are not in it, by path below their root.
        kept: photos of the album that was there before, which stay as they are.
    """

    selection: Selection
    parameter_set: str
    options: Options
    photos: Sequence[AlbumPhoto]
    left_out: Mapping[str, str]
    kept: Sequence[Item] = ()

    @property
    def as_stored(self) -> bool:
        """Whether its files are the photos' own, byte by byte."""
        return self.options.links or (self.options.size is Size.ORIGINAL and not self.options.hide_others)

    def contents(self, names: Mapping[str, str]) -> Contents:
        """What the album will hold, by the names of its files; nothing of it is made."""
        return Contents(
            person=self.selection.person.key,
            name=self.selection.person.name,
            parameter_set=self.parameter_set,
            size=self.options.size.value,
            others_hidden=self.options.hide_others,
            items=[*(_item(photo, names[photo.match.sha256]) for photo in self.photos), *self.kept],
            left_out=dict(self.left_out),
            collage=self.options.collage,
            sidecars=self.options.sidecars,
        )


def plan_album(
    connection: Connection, chosen: RegisteredSet, selection: Selection, options: Options, on: date
) -> Album:
    """What an album holds; nothing is read or written yet.

    Args:
        connection: any.
        chosen: the set that found the photos.
        selection: the photos.
        options: how it is made.
        on: the day for which consents must hold.
    """
    matches = selection.matches
    hiding = {}
    if options.hide_others:
        hiding = plan_hiding(connection, chosen, {match.sha256: [match.box] for match in matches}, on)
    stored = _stored_sizes(connection, [match.sha256 for match in matches])
    photos, left_out = [], {}
    for match in matches:
        if options.hide_others and match.sha256 not in hiding:
            left_out[match.photo] = "nobody looked for faces in it"
            continue
        files = (match.file, *(copy.file for copy in match.copies))
        export = ToExport(match.sha256, files, options.size, hiding.get(match.sha256))
        size, orientation = stored[match.sha256]
        photos.append(
            AlbumPhoto(match, export, _file_name(match, export, options), size, orientation, _version(export, options))
        )
    return Album(selection, chosen.key, options, photos, left_out)


def name_files(photos: Iterable[AlbumPhoto], held: Mapping[str, str], taken: Collection[str]) -> dict[str, str]:
    """The file of each photo, by SHA-256 in hex: its own name, or with a number where another has that already.

    Names that differ in case alone are one on many systems.

    Args:
        photos: of the album.
        held: names that photos have there already.
        taken: names of all other files there.
    """
    used = {name.casefold() for name in (*taken, *held.values(), CONTENTS, TABLE, COLLAGE)}
    names: dict[str, str] = {}
    # By path: so the names don't depend on who ranks first today.
    for photo in sorted(photos, key=lambda one: (one.match.event_day, one.match.photo)):
        name, number = photo.name, 1
        before = held.get(photo.match.sha256)
        if before is not None and PurePosixPath(before).suffix == PurePosixPath(name).suffix:
            names[photo.match.sha256] = before
            continue
        while name.casefold() in used:
            number += 1
            stem, suffix = os.path.splitext(photo.name)  # noqa: PTH122 - a name is no path
            name = f"{stem}-{number}{suffix}"
        used.add(name.casefold())
        names[photo.match.sha256] = name
    return names


def require_outside(destination: Path, roots: Iterable[Path]) -> None:
    """Refuses a destination among the photos, by whatever name or link it is reached.

    Raises:
        FacefindError: it lies in one of the folders `roots`, or is one.
    """
    resolved = destination.resolve()
    there = [folder for folder in (resolved, *resolved.parents) if folder.exists()]
    for root in roots:
        # By its file as well: some systems know one folder by several spellings, or mount it twice.
        same = root.exists() and any(folder.samefile(root) for folder in there)
        if same or resolved.is_relative_to(root.resolve()):
            raise FacefindError(f"--to {destination} lies among the photos of {root}: give a place outside of them")


def resumed(contents: Contents, before: Contents | None, names_there: Collection[str]) -> Contents:
    """The contents with the photos that are there already, made from the same, counted as made."""
    if before is None:
        return contents
    made = {item.file: item for item in before.items if item.made and item.file in names_there}
    items = [
        replace(item, made=True, covered=made[item.file].covered)
        if item.file in made and made[item.file].made_from == item.made_from
        else item
        for item in contents.items
    ]
    return replace(contents, items=items)


def _file_name(match: Match, export: ToExport, options: Options) -> str:
    name = match.file.name
    if options.links or export.as_it_is or match.file.suffix.lower() in _JPEG:
        return name
    return f"{match.file.stem}.jpg"


def _version(export: ToExport, options: Options) -> str:
    hidden = export.hiding.version if export.hiding else None
    return versions.hash_rows([(export.sha256, LINK if options.links else export.size.value, hidden)])


def _item(photo: AlbumPhoto, name: str) -> Item:
    match = photo.match
    return Item(
        file=name,
        photo=match.photo,
        event_day=match.event_day,
        taken_at=match.taken_at.isoformat() if match.taken_at else None,
        country=match.country,
        place=match.place,
        match=match.band,
        confidence=None if match.probability is None else round(match.probability, 4),
        box=match.box,
        covered=None,
        sha256=match.sha256,
        made_from=photo.made_from,
    )


def _stored_sizes(connection: Connection, photos: Sequence[str]) -> dict[str, tuple[tuple[int, int], int]]:
    """Upright width and height, and the EXIF flag, by SHA-256 in hex."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT ON (sha256) encode(sha256, 'hex'), width, height, coalesce(orientation, 1) FROM photos
            WHERE sha256 = ANY (%s) AND problem IS NULL ORDER BY sha256, event_day, path
            """,
            [[bytes.fromhex(sha256) for sha256 in photos]],
        )
        return {sha256: ((width, height), flag) for sha256, width, height, flag in cursor.fetchall()}
