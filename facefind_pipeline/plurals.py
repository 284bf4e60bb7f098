"""Numbers with their nouns, as people write them."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 event day`, `3 event days`, `1,200 photos`; `plural` where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
