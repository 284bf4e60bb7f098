"""Dates as they are spelled in the world, and nonsense."""

from datetime import datetime

import pytest

from facefind_pipeline.vision.dates import date_in_name, parse_date

NOON = datetime(2024, 6, 15, 12, 30)
MIDNIGHT = datetime(2024, 6, 15)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024:06:15 12:30:00", NOON),
        ("2024-06-15T12:30:00+02:00", NOON),
        ("2024-06-15T12:30:00.123Z", NOON),
        ("2024:06:15 12:30", NOON),
        ("2024:06:15T12:30:00", NOON),
        ("2024:06:15:12:30:00", NOON),
        ("2024/06/15 12.30.00", NOON),
        ("2024:6:15 12:30:00", NOON),
        ("2024: 6:15 12:30:00", NOON),
        ("2024:06:15 12:30:00 PM", NOON),
        ("20240615123000", NOON),
        ("20240615 123000", NOON),
        ("15.06.2024 12:30:00", NOON),
        ("06/15/2024 12:30:00", NOON),
        ("15/06/2024 12:30", NOON),
        ("Sat, 15 Jun 2024 12:30:00 +0200", NOON),
        ("Sat Jun 15 12:30:00 2024", NOON),
        ("2024:06:15", MIDNIGHT),
        ("2024:06:15 99:99:99", MIDNIGHT),
        ("2024:06:15 24:00:00", MIDNIGHT),
        ("2024:06:15   :  :  ", MIDNIGHT),
        ("2024:06:15 12:30:60", NOON.replace(second=59)),
        ("03.04.2024", datetime(2024, 4, 3)),
        ("1843-05-01", datetime(1843, 5, 1)),
    ],
)
def test_a_date_is_read_as_far_as_it_is_clear(text: str, expected: datetime) -> None:
    assert parse_date(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "2024", "2024-06", "    :  :     :  :  ", "2024:02:30 01:00:00", "2024:13:01 00:00:00"),
        *("0000:00:00 00:00:00", "0001:01:01 00:00:00", "0024:06:15 12:30:00", "1970:01:01 00:00:00"),
        *("1904:01:01 00:00:00", "06/07/2024 12:30:00", "15/06/24", "12345678901234"),
    ],
)
def test_what_is_unclear_or_nonsense_is_no_date(text: str) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IMG-20240615-WA0001.jpg", MIDNIGHT),
        ("PXL_20240615_123000123.jpg", NOON),
        ("PXL_20240615_123000123.PORTRAIT.jpg", NOON),
        ("Screenshot 2024-06-15 at 12.30.00.png", NOON),
        ("Screenshot 2024-06-15 at 1.30.00\u202fPM.png", datetime(2024, 6, 15, 13, 30)),
        ("Screenshot_20240615-123000.png", NOON),
        ("Screenshot_2024-06-15-12-30-00-123_com.app.jpg", NOON),
        ("Bildschirmfoto 2024-06-15 um 12.30.00.png", NOON),
        ("WhatsApp Image 2024-06-15 at 12.30.00.jpeg", NOON),
        ("signal-2024-06-15-123000.jpg", NOON),
        ("2024-06-15 12.30.00.jpg", NOON),
        ("20240615_123000(1).jpg", NOON),
        ("20240615123000.jpg", NOON),
        ("IMG_20240615_00001.jpg", MIDNIGHT),
        ("1987-06-15 birthday.jpg", datetime(1987, 6, 15)),
        ("Łódź 2024-06-15.jpg", MIDNIGHT),
    ],
)
def test_a_date_in_a_name(name: str, expected: datetime) -> None:
    assert date_in_name(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "DSC_0042.jpg",
        "P1020304.JPG",
        "IMG_20981231.jpg",
        "120240615.jpg",
        "202406159.jpg",
        "IMG_20241315.jpg",
        "19560203.jpg",
        "2024-06.jpg",
        "",
    ],
)
def test_a_number_in_a_name_is_no_date(name: str) -> None:
    assert date_in_name(name) is None
