"""Dates as cameras, editors and file names spell them, as far as they are clear; nonsense is None."""

import re
from datetime import datetime, timedelta
from email.utils import parsedate

FIRST_YEAR = 1826  # of the oldest photograph that is kept
# Clocks that were never set: the zeros of Unix and of QuickTime.
_ZEROS = {datetime(1970, 1, 1), datetime(1904, 1, 1)}
_WRITTEN = datetime(2026, 11, 26)  # of this module: a machine whose clock says less does not know what is to come

_TIME = r"(\d{1,2})[:.h-]?(\d{2})(?:[:.m-]?(\d{2}))?(?:[.,]?\d+)?\s*([ap]m)?"
_FLAGS = re.ASCII | re.IGNORECASE
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:[T\s_-]?(\d\d)(\d\d)(\d\d)?)?(?!\d)", _FLAGS)
_YEAR_FIRST = re.compile(rf"(\d{{4}})([:/.-])\s?(\d{{1,2}})\2\s?(\d{{1,2}})(?:[T\s_,:-]*{_TIME})?", _FLAGS)
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([:/.-])(\d{{1,2}})\2(\d{{4}})(?:[T\s,]+{_TIME})?", _FLAGS)
# IMG-20240615-WA0001, PXL_20240615_101112345, Screenshot 2024-06-15 at 1.11.12 PM, 2024-06-15 10.11.12
_IN_NAME = re.compile(
    r"""
    (?<!\d) ((?:19|20)\d\d) ([-_. ]?) (0[1-9]|1[0-2]) \2 (0[1-9]|[12]\d|3[01])
    (?:
        (?: [-_T. ] | ,?\ [a-z]{1,3}\  )?                       # "at", "um", "a las" is too long
        ([01]\d | 2[0-3] | (?<=\D)\d(?=[.:])) ([-_.:h ]?) ([0-5]\d) \6 ([0-5]\d)
        (?: [.,]?\d{3} )? (?!\d)
        (?: \W? ([ap]m) \b )?
    )?
    (?!\d)
    """,
    _FLAGS | re.VERBOSE,
)


def parse_date(text: str) -> datetime | None:
    """The moment that a text names, by its own clock; a zone is passed over, and a time that is missing is midnight.

    Day and month may come in either order where only one reading is a date: 06/15/2024 is clear, 06/07/2024 is not.
    """
    text = text.strip()
    if found := _COMPACT.match(text):
        return _moment(*found.groups())
    if found := _YEAR_FIRST.match(text):
        year, _, month, day, *time = found.groups()
        return _moment(year, month, day, *time)
    if found := _YEAR_LAST.match(text):
        first, separator, second, year, *time = found.groups()
        day_first, month_first = _moment(year, second, first, *time), _moment(year, first, second, *time)
        if separator == "." or day_first == month_first:  # nobody writes the month first with dots
            return day_first
        return None if day_first and month_first else day_first or month_first
    spelled = parsedate(text)  # Sat, 15 Jun 2024 12:30:00 +0200, as PNG's specification recommends
    return _moment(*map(str, spelled[:6])) if spelled else None


def date_in_name(name: str) -> datetime | None:
    """The moment that a file's name holds; none that is still to come, since serial numbers look like dates, too."""
    for found in _IN_NAME.finditer(name):
        year, separator, month, day, hour, _, minute, second, half = found.groups()
        moment = _moment(year, month, day, hour, minute, second, half)
        before_digital = not separator and year < "1990"
        if moment is not None and not before_digital and moment < max(datetime.now(), _WRITTEN) + timedelta(days=1):
            return moment
    return None


def _moment(
    year: str,
    month: str,
    day: str,
    hour: str | None = None,
    minute: str | None = None,
    second: str | None = None,
    half: str | None = None,
) -> datetime | None:
    try:
        midnight = datetime(int(year), int(month), int(day))
    except (ValueError, OverflowError):
        return None
    hours = int(hour or 0)
    if half and 1 <= hours <= 12:
        hours = hours % 12 + (12 if half.lower() == "pm" else 0)
    try:
        moment = midnight.replace(hour=hours, minute=int(minute or 0), second=min(int(second or 0), 59))
    except (ValueError, OverflowError):  # the day is clear, the time is not
        moment = midnight
    return None if moment.year < FIRST_YEAR or moment in _ZEROS else moment
