"""What the data map says of a place: which classes of data it has, how long they are kept, and what erases them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """Classes of data, as the record of processing names them."""

    NAME = "names of people"
    PICTURE = "pictures of faces"
    VECTOR = "vectors of faces (biometric)"
    FACE = "places of faces in photos"
    SHOWN = "who is in which photo"
    PHOTO = "facts of photos: content's hash, path, time, position, camera"
    STATED = "what people said"
    AUTHOR = "who said or did it"
    ACCESS = "guests' access, as hashes"
    TEXT = "messages and tables for people, which may name people and photos"
    STATISTIC = "figures of many faces together"
    TECHNICAL = "nothing of people"


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        name: in its database.
        columns: by class, names separated by spaces.
        kept: for how long a row is kept.
        erased: which rows go with what is forgotten, as a condition over `people`, `photos`, `faces`, `sets`,
            `detectors` and the boxes; empty where no row as such goes.
    """

    name: str
    columns: Mapping[Kind, str]
    kept: str
    erased: str = ""

    def of_kind(self, *kinds: Kind) -> list[str]:
        """The columns of these classes."""
        return [column for kind in kinds for column in self.columns.get(kind, "").split()]

    @property
    def all_columns(self) -> set[str]:
        """Whatever their class."""
        return {column for names in self.columns.values() for column in names.split()}


@dataclass(frozen=True, slots=True)
class Files:
    """Files of a home.

    Attributes:
        pattern: of the path below the home, as of a shell; `*` matches folders' names, too.
        kinds: what they hold.
        kept: for how long.
        erased: what erases them.
    """

    pattern: str
    kinds: tuple[Kind, ...]
    kept: str
    erased: str = field(default="")
