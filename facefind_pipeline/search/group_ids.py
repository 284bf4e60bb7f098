"""The ids of groups: made of their faces, and kept when groups are made again.

The id of a named person's group stays theirs, any other is kept by the group that has most of its faces.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

DIGITS = 6


def group_ids(groups: Sequence[Sequence[bytes]], before: Mapping[bytes, str], named: Mapping[str, int]) -> list[str]:
    """An id for each group.

    Args:
        groups: the keys of the faces of each, no face in two.
        before: the ids by face, as they were.
        named: by ids of named groups the number of the group that is the same person's now.
    """
    shared = [(count, id_, number) for number, faces in enumerate(groups) for id_, count in _held(faces, before)]
    theirs = {id_ for _, id_, number in shared if named.get(id_) == number}
    shared = [one for one in shared if one[1] not in theirs or named[one[1]] == one[2]]
    ids: dict[int, str] = {}
    taken: set[str] = set()
    for _, id_, number in sorted(shared, key=lambda one: (-one[0], one[1], min(groups[one[2]]))):
        if number not in ids and id_ not in taken:
            ids[number] = id_
            taken.add(id_)
    taken.update(before.values())  # an id that was somebody's is nobody else's
    new = [number for number in range(len(groups)) if number not in ids]
    for number in sorted(new, key=lambda one: min(groups[one])):
        ids[number] = _new_id(min(groups[number]), taken)
        taken.add(ids[number])
    return [ids[number] for number in range(len(groups))]


def _held(faces: Sequence[bytes], before: Mapping[bytes, str]) -> list[tuple[str, int]]:
    return list(Counter(before[face] for face in faces if face in before).items())


def _new_id(face: bytes, taken: set[str]) -> str:
    """Of the first face, as short as is free; with a letter, so that it is no number."""
    digest = hashlib.sha256(face).hexdigest()
    length = DIGITS
    while f"g{digest[:length]}" in taken:
        length += 1
    return f"g{digest[:length]}"
