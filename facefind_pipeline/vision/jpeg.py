"""JPEG files as bytes: whether the end is there."""

_END = b"\xff\xd9"
_START_OF_SCAN = 0xDA


def is_complete(data: bytes) -> bool:
    """Whether the pixels of the first image have an end; bytes after it, as phones append them, do no harm."""
    # Looked for from the back: an end of the thumbnail in the header comes before the first scan.
    return data.endswith(_END) or data.rfind(_END, _first_scan(data)) >= 0


def with_end(data: bytes) -> bytes:
    """The file with an end marker: decoders then give all rows that are there, and grey below."""
    return data + _END


def _first_scan(data: bytes) -> int:
    """Where the segments of the header end and the first scan begins; the end of the data where it has none."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == _START_OF_SCAN:
            return position
        # Fill bytes stand for nothing; all other segments of a header have a length.
        position += 1 if marker == 0xFF else 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return len(data)
