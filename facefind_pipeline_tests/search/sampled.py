"""Events of people whose vectors are sampled: synthetic, with distances as measured for dlib's network."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bench.in_memory import Event

Vectors = npt.NDArray[np.float64]
DIMENSION = 128


def _spread(variance: float, offset: float, power: float) -> Vectors:
    """Standard deviations along the axes: variances that fall with a power, of that sum (see `bench/faces.py`)."""
    falling = (np.arange(1, DIMENSION + 1) + offset) ** -power
    made: Vectors = np.sqrt(variance * falling / falling.sum())
    return made


BETWEEN, WITHIN = _spread(0.24, 2, 1.2), _spread(0.085, 3, 1.0)
# People are of so many kinds, who look alike: as with dlib's network, one pair in a thousand is nearer than about .5.
KINDS, SHARED = 40, 0.6
ON_A_POSTER = WITHIN / 5  # prints of one picture, in another size and light


class People:
    """People who look as they do, and pictures of them."""

    def __init__(self, seed: int, shared: float = SHARED) -> None:
        """Of a seed; people of one kind share so much of what they look like."""
        self._random = np.random.default_rng(seed)
        self._shared = shared
        self._kinds = self._random.normal(0, 1, (KINDS, DIMENSION))

    def person(self) -> Vectors:
        """Somebody new."""
        kind = self._kinds[self._random.integers(KINDS)]
        own = self._random.normal(0, 1, DIMENSION)
        made: Vectors = (np.sqrt(self._shared) * kind + np.sqrt(1 - self._shared) * own) * BETWEEN
        return made

    def picture(self, person: Vectors) -> Vectors:
        """A face of hers, as one vector of 32 bits has it."""
        return np.float32(person + self._random.normal(0, 1, DIMENSION) * WITHIN).astype(np.float64)

    def prints(self, picture: Vectors, count: int) -> list[Vectors]:
        """Faces on posters of one picture."""
        return [picture + self._random.normal(0, 1, DIMENSION) * ON_A_POSTER for _ in range(count)]

    def portraits(self, people: int, pictures: int, *, strangers: int = 0, posters: int = 0) -> Event:
        """Everyone alone in so many photos; strangers in one; posters of the first person behind the others in turn."""
        references, shown = {}, {}
        photos: list[list[Vectors]] = []
        for number in range(people):
            person, name = self.person(), f"person-{number:03}"
            references[name] = self.picture(person)
            shown[name] = set(range(len(photos), len(photos) + pictures))
            photos += [[self.picture(person)] for _ in range(pictures)]
            if number == 0 and posters:
                hung = self.prints(self.picture(person), posters)
        photos += [[self.picture(self.person())] for _ in range(strangers)]
        for number in range(posters):
            photos[number % len(photos)].append(hung[number])
            shown["person-000"].add(number % len(photos))
        return event_of(photos, references, shown)

    def crowd(self, people: int, photos: int, faces: int, strangers: int) -> Event:
        """Photos with so many faces, of which some are strangers', each in one photo alone."""
        everyone = [self.person() for _ in range(people)]
        shown: dict[str, set[int]] = {f"person-{number:03}": set() for number in range(people)}
        made = []
        for photo in range(photos):
            here = self._random.choice(people, faces - strangers, replace=False)
            for number in here:
                shown[f"person-{number:03}"].add(photo)
            made.append([self.picture(everyone[number]) for number in here])
            made[-1] += [self.picture(self.person()) for _ in range(strangers)]
        references = {f"person-{number:03}": self.picture(person) for number, person in enumerate(everyone)}
        return event_of(made, references, shown)


def event_of(
    photos: Sequence[Sequence[Vectors]], references: dict[str, Vectors], shown: dict[str, set[int]], metric: str = "l2"
) -> Event:
    """An event of photos with these faces."""
    numbers = np.repeat(np.arange(len(photos)), [len(faces) for faces in photos])
    return Event(np.array([vector for faces in photos for vector in faces]), numbers, references, shown, metric=metric)
