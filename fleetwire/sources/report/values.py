"""Values as reports print them: never translated, so the only thing that can be relied on."""

import re
from datetime import date
from functools import lru_cache
from typing import Final

ENTRIES: Final = frozenset({"in", "out", "in/out", "out by"})
OTHER_TYPES: Final = frozenset(
    {
        "balance",
        "credit",
        "charge",
        "correction",
        "bonus",
        "commission",
        "daily commission",
        "monthly commission",
        "agent",
        "daily agent",
        "monthly agent",
        "agent daily",
        "agent monthly",
        "interest",
        "buy canceled",
        "sell canceled",
        "canceled buy",
        "canceled sell",
        "dividend",
        "dividend franked",
        "franked dividend",
        "tax",
    }
)
NUMBER_CHARS_MAX: Final = 32

_time = re.compile(r"([0-9]{4}\.[0-9]{2}\.[0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))?")
_plain_number = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?")
_grouped_number = re.compile(r"[+-]? ?[0-9]{1,3}(?: [0-9]{3})*(?:\.[0-9]+)?")
_days_to_1970 = date(1970, 1, 1).toordinal()


def number(text: str) -> float | None:
    """The number that a cell shows, with or without spaces between thousands; None if it shows none."""
    text = text.replace("\N{MINUS SIGN}", "-")
    if len(text) > NUMBER_CHARS_MAX or not (_plain_number.fullmatch(text) or _grouped_number.fullmatch(text)):
        return None
    return float(text.replace(" ", ""))


def whole_number(text: str) -> int | None:
    """The ticket, order or login that a cell shows; None if it is none that MetaTrader could give (1 to 2^63 - 1)."""
    value = number(text)
    if value is None or not value.is_integer():
        return None
    digits = text.replace(" ", "")
    exact = int(digits) if digits.isdecimal() else int(value)  # past 2^53 a float would round it
    return exact if 0 < exact < 2**63 else None


def time_msc(text: str) -> int | None:
    """`2025.07.25 11:10:58` as milliseconds since 1970 on the same clock; None if it is no such time."""
    found = _time.fullmatch(text)
    if found is None:
        return None
    days = _days_since_1970(found[1])
    hours, minutes, seconds = int(found[2]), int(found[3]), int(found[4])
    if days is None or hours > 23 or minutes > 59 or seconds > 59:
        return None
    return ((days * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1000 + int(found[5] or 0)


@lru_cache(maxsize=4096)
def _days_since_1970(text: str) -> int | None:
    try:
        return date(int(text[:4]), int(text[5:7]), int(text[8:])).toordinal() - _days_to_1970
    except ValueError:
        return None


def decimals(text: str) -> int:
    """How many digits a printed number has after its point."""
    return len(text.partition(".")[2]) if "e" not in text.lower() else 0
