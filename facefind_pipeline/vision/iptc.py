"""The date of creation in an IPTC block, as agencies and older editors write it."""

import re
from datetime import datetime

from facefind_pipeline.vision.dates import parse_date

_DATE, _TIME = 55, 60  # of creation, in the application record, 2


def read_iptc(block: bytes) -> datetime | None:
    """When the photo was taken; midnight where only the day is given."""
    date, time = (_dataset(block, number) for number in (_DATE, _TIME))
    return parse_date(f"{date} {time[:6]}" if re.match(r"\d{6}", time) else date)


def _dataset(block: bytes, number: int) -> str:
    """The content of a data set: marker, record, number, two bytes of length."""
    start = block.find(bytes((0x1C, 2, number)))
    if start < 0:
        return ""
    length = int.from_bytes(block[start + 3 : start + 5], "big")
    return block[start + 5 : start + 5 + length].decode("latin-1").strip()
