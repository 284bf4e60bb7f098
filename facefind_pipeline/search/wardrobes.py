"""What people wear on one event day, by faces that are theirs for certain; and how alike other clothes are to it.

Descriptors are unsigned bytes, whose cosine is their similarity. They are rounded to a grid, on which sums and products
in float32 are exact, as those of vectors are in float64 (`distances`).
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from facefind_pipeline.search.clothes import DayEvidence, learn_clothes
from facefind_pipeline.search.distances import Floats, Numbers

# Steps of the grid: products are multiples of 2^-22, those of a face and a mean sum to 1, and float32 has 24 bits.
GRID = 2.0**11
PAIRS_AT_ONCE = 4096  # of faces that are compared
Bytes = npt.NDArray[np.uint8]
Singles = npt.NDArray[np.float32]
Contents = npt.NDArray[np.void]


def on_grid(descriptors: Bytes) -> Singles:
    """Descriptors (n, bins) as they are compared: of unit length."""
    made = descriptors.astype(np.float32)
    norms = np.sqrt(np.einsum("ij,ij->i", made, made))
    made /= np.maximum(norms, 1)[:, None]
    return _round(made)


class Wardrobe:
    """What people wear on one event day.

    Attributes:
        people: (p,) numbers of the people of whom it is known, sorted.
        photos: (p,) in how many photos.
    """

    def __init__(self, people: Numbers, photos: Contents, face_keys: Contents, moments: Numbers, clothes: Singles):
        """Of faces that are people's, one per person and photo.

        Args:
            people: (k,) numbers of people.
            photos: (k,) SHA-256 of the photos.
            face_keys: (k,)
            moments: (k,) numbers of what was taken at nearly the same time, and is nearly the same picture.
            clothes: (k, bins) on the grid.
        """
        self.people, self._columns = np.unique(people, return_inverse=True)
        self.photos = np.bincount(self._columns).astype(np.int16)
        self._face_keys, self._moments, self._clothes = face_keys, moments, clothes
        self._of_photo = _by_photo(photos)
        self._photo_numbers = {photo: number for number, photo in enumerate(self._of_photo)}
        places = self._places(self.numbers(photos), self._columns)
        self._own = np.argsort(places)
        self._own_places = places[self._own]
        self._sums = np.zeros((len(self.people), clothes.shape[1]), np.float32)
        np.add.at(self._sums, self._columns, clothes)
        self._means = _round(self._sums / self.photos.astype(np.float32)[:, None])

    def numbers(self, photos: Contents) -> Numbers:
        """Of photos by SHA-256, as `compare` takes them; -1 of those in which nobody's clothes are known."""
        return np.array([self._photo_numbers.get(photo, -1) for photo in photos.tolist()], np.int64)

    def compare(self, photos: Numbers, clothes: Singles, people: Numbers) -> tuple[Floats, Numbers]:
        """How alike each one's clothes are to a person's in other photos, on average.

        Args:
            photos: (n,) of `numbers`, of the photos that they are in.
            clothes: (n, bins) on the grid.
            people: (n,) numbers of the people.

        Returns:
            (n,) similarities, and in how many other photos the person's clothes are known: 0 where in none.
        """
        if not len(self.people):
            return np.zeros(len(people)), np.zeros(len(people), np.int64)
        columns = np.minimum(np.searchsorted(self.people, people), len(self.people) - 1)
        means, others = self._means[columns], self.photos[columns].astype(np.int64)
        places = self._places(photos, columns)
        found = np.minimum(np.searchsorted(self._own_places, places), len(self._own) - 1)
        here = np.flatnonzero(self._own_places[found] == places)
        others[here] -= 1
        rest = self._sums[columns[here]] - self._clothes[self._own[found[here]]]
        means[here] = _round(rest / np.maximum(1, others[here]).astype(np.float32)[:, None])
        others[self.people[columns] != people] = 0
        return np.einsum("ij,ij->i", clothes, means).astype(np.float64), others

    def _places(self, photos: Numbers, columns: Numbers) -> Numbers:
        """A number for each photo and person; negative where nothing is known of the photo."""
        return photos * len(self.people) + columns

    def learn(self, photos: Contents, face_keys: Contents, clothes: Singles) -> DayEvidence:
        """What the day tells, from all faces in photos that this was made of, or in some of them.

        What was taken at nearly the same time is not compared: such pictures are more alike than others of one person.

        Args:
            photos: (n,) SHA-256 of the photos that they are in.
            face_keys: (n,)
            clothes: (n, bins) on the grid.
        """
        moments = np.unique(np.stack([self._columns, self._moments]), axis=1, return_inverse=True)[1].ravel()
        at_moment = np.zeros((moments.max(initial=-1) + 1, clothes.shape[1]), np.float32)
        np.add.at(at_moment, moments, self._clothes)
        elsewhere = self.photos[self._columns] - np.bincount(moments)[moments]

        pairs = [
            (number, face)
            for photo, here in _by_photo(photos).items()
            for face in self._of_photo.get(photo, ())
            if elsewhere[face]
            for number in here
        ]
        same: list[Floats] = []
        other: list[Floats] = []
        seen: set[int] = set()
        strangers: set[int] = set()
        for numbers, faces in _parts(pairs):
            sums = self._sums[self._columns[faces]] - at_moment[moments[faces]]
            # Sums need more bits than means.
            alike = np.einsum("ij,ij->i", clothes[numbers], sums, dtype=np.float64) / elsewhere[faces]
            own = face_keys[numbers] == self._face_keys[faces]
            same.append(alike[own])
            other.append(alike[~own])
            seen.update(moments[faces].tolist())
            strangers.update(numbers[~own].tolist())
        people = set(self._columns[np.isin(moments, list(seen))].tolist())
        independent = len(seen) - len(people), len(strangers)
        return learn_clothes(_joined(same), _joined(other), independent)


def _by_photo(photos: Contents) -> dict[bytes, list[int]]:
    """The numbers of the faces of each photo."""
    faces = defaultdict(list)
    for face, photo in enumerate(photos.tolist()):
        faces[photo].append(face)
    return faces


def _parts(pairs: list[tuple[int, int]]) -> Iterator[tuple[Numbers, Numbers]]:
    """Both sides of pairs, so many at a time that what is computed of them stays small."""
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        numbers, faces = np.array(pairs[start : start + PAIRS_AT_ONCE]).T
        yield numbers, faces


def _joined(parts: list[Floats]) -> Floats:
    return np.concatenate([np.empty(0), *parts])


def _round(clothes: Singles) -> Singles:
    """To the grid, in place: what many faces wear is as large as a cache, and each copy of it would be new memory."""
    clothes *= np.float32(GRID)
    np.rint(clothes, out=clothes)
    clothes /= np.float32(GRID)
    return clothes
