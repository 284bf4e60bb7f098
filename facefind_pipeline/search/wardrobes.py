"""What people wear on one event day, by faces that are theirs for certain; and how alike other clothes are to it.

Descriptors are unsigned bytes, whose cosine is their similarity. They are rounded to a grid, on which sums and products
in float32 are exact, as those of vectors are in float64 (`distances`).
"""

from collections import defaultdict

import numpy as np
import numpy.typing as npt

from facefind_pipeline.search.clothes import DayEvidence, learn_clothes
from facefind_pipeline.search.distances import Numbers

# Steps of the grid: products are multiples of 2^-22, those of a face and a mean sum to 1, and float32 has 24 bits.
GRID = 2.0**11
Bytes = npt.NDArray[np.uint8]
Singles = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int16]
Contents = npt.NDArray[np.void]


def on_grid(descriptors: Bytes) -> Singles:
    """Descriptors (n, bins) as they are compared: of unit length."""
    made = descriptors.astype(np.float32)
    norms = np.sqrt(np.einsum("ij,ij->i", made, made))
    made /= np.maximum(norms, 1)[:, None]
    return _rounded(made)


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
        self._of_photo = defaultdict(list)
        for face, photo in enumerate(photos.tolist()):
            self._of_photo[photo].append(face)
        self._sums = np.zeros((len(self.people), clothes.shape[1]), np.float32)
        np.add.at(self._sums, self._columns, clothes)
        self._means = _rounded(self._sums / self.photos.astype(np.float32)[:, None])

    def compare(self, photos: Contents, clothes: Singles) -> tuple[Singles, Counts]:
        """How alike clothes are to everyone's in other photos, on average.

        Args:
            photos: (n,) SHA-256 of the photos that they are in.
            clothes: (n, bins) on the grid.

        Returns:
            (n, p) similarities, and in how many other photos each person's clothes are known.
        """
        similarities = clothes @ self._means.T
        compared = np.tile(self.photos, (len(clothes), 1))
        for number, photo in enumerate(photos.tolist()):
            for face in self._of_photo.get(photo, ()):
                person = self._columns[face]
                others = self.photos[person] - 1
                mean = _rounded((self._sums[person] - self._clothes[face]) / np.float32(max(1, others)))
                similarities[number, person], compared[number, person] = clothes[number] @ mean, others
        return similarities, compared

    def learn(self, photos: Contents, face_keys: Contents, clothes: Singles) -> DayEvidence:
        """What the day tells, from all faces in photos that this was made of, or in some of them.

        What was taken at nearly the same time is not compared: such pictures are more alike than others of one person.

        Args:
            photos: (n,) SHA-256 of the photos that they are in.
            face_keys: (n,)
            clothes: (n, bins) on the grid.
        """
        faces_in = defaultdict(list)
        for number, photo in enumerate(photos.tolist()):
            faces_in[photo].append(number)
        alike: dict[bool, list[np.float32]] = {True: [], False: []}
        moments, strangers = defaultdict(set), set()
        for photo, here in faces_in.items():
            for face in self._of_photo.get(photo, ()):
                person = self._columns[face]
                elsewhere = (self._columns == person) & (self._moments != self._moments[face])
                if not elsewhere.any():
                    continue
                moments[person].add(self._moments[face])
                similarities = (clothes[here] @ self._clothes[elsewhere].T).mean(axis=1)
                for number, similarity in zip(here, similarities, strict=True):
                    own = bool(face_keys[number] == self._face_keys[face])
                    alike[own].append(similarity)
                    strangers.update([] if own else [number])
        independent = sum(len(those) - 1 for those in moments.values()), len(strangers)
        return learn_clothes(np.array(alike[True], float), np.array(alike[False], float), independent)


def _rounded(clothes: Singles) -> Singles:
    made: Singles = np.rint(clothes * np.float32(GRID)) / np.float32(GRID)
    return made
