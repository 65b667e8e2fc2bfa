"""Cursors: where a page of a list ended, as a text that nobody has to understand."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from fleetwire.wire.errors import DataError

_NUMBERS: Final = 3
_NUMBER_MAX: Final = 2**63

Place = tuple[int, int, int]
"""Where a page ended: UTC milliseconds, the number of the account, and the ticket or position_id."""


def write_cursor(kind: str, place: Place) -> str:
    """Write a place in the list of a kind."""
    return urlsafe_b64encode(f"{kind}.{'.'.join(map(str, place))}".encode()).decode().rstrip("=")


def read_cursor(kind: str, cursor: str) -> Place:
    """Read a place in the list of a kind.

    Raises:
        DataError: it is no cursor of such a list.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found, *numbers = urlsafe_b64decode(padded.encode("ascii")).decode("ascii").split(".")
        time, account, number = map(int, numbers)
    except ValueError:
        found = ""
    if found != kind or max(abs(time), abs(account), abs(number)) >= _NUMBER_MAX:
        raise DataError(f"before: {cursor[:40]!r} is no cursor of this list: give the `next` of an earlier page")
    return time, account, number
