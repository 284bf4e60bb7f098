"""People's templates: half of their references and confirmed faces, half of the event's faces that are surely theirs.

That is average query expansion (Chum et al., ICCV 2007). A face is as far from a template as the root of the mean
square of its distances to what the template was made of: the distance to the mean, and the spread around it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facefind_pipeline.search.asked import Asked, KnownFaces
from facefind_pipeline.search.distances import GRID, Floats, Numbers, Probes, nearest_squares
from facefind_pipeline.store.vectors import Block

ROUNDS = 2  # of expansion; a third changes mean average precision by less than .0002


@dataclass(frozen=True, slots=True)
class Templates:
    """A template for each person and embedder of what it is made of.

    Attributes:
        probes: means and spreads.
        sure: (k,) faces in each that nobody confirmed.
    """

    probes: Probes
    sure: Numbers


@dataclass(frozen=True, slots=True)
class _Sums:
    """Of vectors, for each of k templates.

    Attributes:
        counts: (k,)
        vectors: (k, dimension)
        squares: (k,) of squared norms.
    """

    counts: Numbers
    vectors: Floats
    squares: Floats

    @classmethod
    def none(cls, templates: int, dimension: int) -> "_Sums":
        return cls(np.zeros(templates, np.int64), np.zeros((templates, dimension)), np.zeros(templates))

    def add(self, templates: Numbers, vectors: Floats) -> None:
        """Adds (n, dimension) vectors, each to its template; exact on the grid, in whatever order they come."""
        np.add.at(self.counts, templates, 1)
        np.add.at(self.vectors, templates, vectors)
        np.add.at(self.squares, templates, np.einsum("ij,ij->i", vectors, vectors))


def make_templates(
    asked: Asked, blocks: Iterable[Block], sure: float | None, tell: Callable[[KnownFaces], None] = lambda _: None
) -> Templates:
    """Everyone's templates.

    Args:
        asked: for whom.
        blocks: the set's faces, with vectors on the grid; gone through once in each round of expansion.
        sure: Euclidean distance that two people hardly ever have; None where that is not known, and then nothing is
            expanded.
        tell: told of the sure faces that the templates are made of, block by block: all of them are never held.
    """
    people, embedders = asked.members.people, asked.members.embedders
    codes, owner = np.unique(_codes(people, embedders, asked), return_inverse=True)
    members = _Sums.none(len(codes), asked.members.vectors.shape[1])
    members.add(owner, asked.members.vectors)
    made = _templates(asked, codes, members, _Sums.none(*members.vectors.shape))
    for number in range(ROUNDS if sure is not None else 0):
        found = _Sums.none(*members.vectors.shape)
        for block in blocks:
            faces, of_people = _sure_faces(asked, block, made.probes, sure or 0.0)
            templates = np.searchsorted(codes, _codes(of_people, block.embedders[faces], asked))
            found.add(templates, block.vectors[faces])
            if number == ROUNDS - 1:
                tell(KnownFaces(of_people, block.photos[block.photo_of(faces)], block.face_keys[faces]))
        made = _templates(asked, codes, members, found)
    return made


def sure_faces(asked: Asked, templates: Templates) -> dict[str, int]:
    """How many sure faces each person's template is made of, by key; of several embedders the most."""
    most = dict.fromkeys(asked.people, 0)
    for number, sure in zip(templates.probes.people.tolist(), templates.sure.tolist(), strict=True):
        most[asked.people[number]] = max(most[asked.people[number]], sure)
    return most


def _codes(people: Numbers, embedders: Numbers, asked: Asked) -> Numbers:
    """A number for each person and embedder, in the order of probes."""
    return embedders * len(asked.people) + people


def _templates(asked: Asked, codes: Numbers, members: _Sums, sure: _Sums) -> Templates:
    """Of the members and the sure faces, which weigh half at most: however many, they can't carry a template away."""
    share = np.minimum(0.5, sure.counts / (members.counts + sure.counts))
    weights = (1 - share) / members.counts, share / np.maximum(1, sure.counts)
    means = weights[0][:, None] * members.vectors + weights[1][:, None] * sure.vectors
    squares = weights[0] * members.squares + weights[1] * sure.squares
    spreads = np.maximum(0.0, squares - np.einsum("ij,ij->i", means, means))
    embedders, people = np.divmod(codes, len(asked.people))
    return Templates(Probes(np.rint(means * GRID) / GRID, spreads, people, embedders), sure.counts)


def _sure_faces(asked: Asked, block: Block, probes: Probes, sure: float) -> tuple[Numbers, Numbers]:
    """Faces that are surely somebody's, and whose.

    They are nearer to the template than `sure`, the nearest of their photo, and nearer to nobody else. Photos of which
    something was said of a person are left out for that person.
    """
    people = len(asked.people)
    squares = nearest_squares(block.vectors, block.embedders, probes, people)
    near = squares <= sure**2
    for photo, feedback in asked.feedback_on(block):
        near[block.faces_of(photo), [one.person for one in feedback]] = False
    faces, whose = np.nonzero(near)
    distances = np.sqrt(squares[faces, whose])
    taken = _are_nearest(whose * len(block.photos) + block.photo_of(faces), distances) & _are_nearest(faces, distances)
    return faces[taken], whose[taken]


def _are_nearest(groups: Numbers, distances: Floats) -> npt.NDArray[np.bool_]:
    """(n,) whether each is the nearest of its group, the first of equally near ones."""
    order = np.lexsort((distances, groups))
    sorted_groups = groups[order]
    nearest = np.ones(len(order), np.bool_)
    nearest[order[1:]] = sorted_groups[1:] != sorted_groups[:-1]
    return nearest
