"""Times that a workbook keeps as numbers (ECMA-376, 18.17.4): days since 1900 or 1904, shown by a number format."""

import re
from datetime import datetime, timedelta
from typing import Final

DAYS_MAX: Final = 2_958_466  # 10000-01-01
STYLES_MAX: Final = 65_536  # ECMA-376 allows 65,490
FORMATS_MAX: Final = 4096
FORMAT_CHARS_MAX: Final = 1024

_begin = datetime(1899, 12, 30)  # right from March 1900 on: 1900 was no leap year
_begin_1904 = datetime(1904, 1, 1)
_built_in = frozenset({*map(str, (*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))})
_not_a_field = re.compile(r"\"[^\"]*\"|\\.|_.|\*.|\[[^\]]*\]")  # quoted, escaped, a space, filled, a colour or locale
_serial = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9])?")
_iso = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9:]{8}(?:\.[0-9]{3})?)Z?")


class NumberFormats:
    """Which styles show a number as a time."""

    def __init__(self) -> None:
        self._dates = set(_built_in)
        self._styles: list[bool] = []
        self._defined = 0

    def define(self, number: str, code: str) -> None:
        """Take a format of the workbook's own; those past any workbook's number are passed over."""
        self._defined += 1
        if self._defined > FORMATS_MAX:
            return
        if has_time(code):
            self._dates.add(number)
        else:
            self._dates.discard(number)

    def add_style(self, number: str) -> None:
        """Take the next style: the number of its format. Formats are defined before."""
        if len(self._styles) < STYLES_MAX:
            self._styles.append(number in self._dates)

    def show_time(self, style: str) -> bool:
        """Tell whether cells of a style (its place as text) show times."""
        return style.isdecimal() and len(style) < 6 and int(style) < len(self._styles) and self._styles[int(style)]


def has_time(code: str) -> bool:
    """Tell whether a format code shows a day, a year or an hour: `yyyy.mm.dd hh:mm`, but not `0.00` or `[Red]0`."""
    if len(code) > FORMAT_CHARS_MAX:
        return False
    fields = _not_a_field.sub("", code.partition(";")[0]).lower()
    return "general" not in fields and not {"d", "y", "h"}.isdisjoint(fields)


def shown_time(text: str, from_1904: bool) -> str | None:
    """Write a number of days (or an ISO 8601 time) as reports write times; None if it is no such time.

    A thousandth of a second is kept; what a float adds below is not.
    """
    if found := _iso.fullmatch(text):
        return f"{found[1]}.{found[2]}.{found[3]} {found[4]}"
    if not _serial.fullmatch(text) or not 1 <= (days := float(text)) < DAYS_MAX - 1500:
        return None
    moment = (_begin_1904 if from_1904 else _begin) + timedelta(milliseconds=round(days * 86_400_000))
    thousandths = moment.microsecond // 1000
    return f"{moment:%Y.%m.%d %H:%M:%S}" + (f".{thousandths:03}" if thousandths else "")
