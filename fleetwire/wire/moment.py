"""When something happened: on the monotonic clock, which nobody can set, and on the wall clock, in UTC."""

from datetime import UTC, datetime
from typing import NamedTuple


class Moment(NamedTuple):
    """One moment on both clocks, taken once, at the edge of the house.

    Args:
        now: monotonic seconds; deadlines and silences are measured by it.
        utc_ms: milliseconds since 1970, UTC; what people and records are told.
        utc: the same as text, like "2026-11-22T17:31:00.123Z".
    """

    now: float
    utc_ms: int
    utc: str


def moment(now: float, utc_ms: int) -> Moment:
    """Put a moment together from both clocks."""
    return Moment(now, utc_ms, utc_text(utc_ms))


def utc_text(utc_ms: int) -> str:
    """Write milliseconds since 1970 as "2026-11-22T17:31:00.123Z"."""
    second, millisecond = divmod(utc_ms, 1000)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{millisecond:03d}Z"


def read_utc(text: str) -> int:
    """Read an ISO 8601 time as milliseconds since 1970; a time without a zone is UTC.

    Raises:
        ValueError: it is no time.
    """
    found = datetime.fromisoformat(text)
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
