"""The trade server's clock: what it is ahead of UTC, learned from its terminals or told by a rule."""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from typing import Final

from msgspec import Struct

from fleetwire.fleet.events import Terminal
from fleetwire.wire.moment import Moment

DAY_MS: Final = 86_400_000
_STEP_S: Final = 900  # offsets are whole quarters of an hour
_OFFSETS_S: Final = (-12 * 3600, 14 * 3600)
_OFFSETS_KEPT: Final = 64
_SUNDAY: Final = 6
_FUTURE_MS: Final = 65 * 60_000  # a deal may be an hour ahead: the offset may be that of before a change of the clocks


class ServerTime(Struct, frozen=True, forbid_unknown_fields=True):
    """The rule of a broker's clock: seconds ahead of UTC in winter, and whose summer time it keeps.

    `dst` is `none`, `us` (second Sunday of March to first Sunday of November, at 2:00 New York time), or `eu` (last
    Sunday of March to last Sunday of October, at 1:00 UTC).
    """

    utc_offset_s: int
    dst: str = "none"

    def __post_init__(self) -> None:
        """Refuse what no broker has.

        Raises:
            ValueError: says what is meant.
        """
        if not _OFFSETS_S[0] <= self.utc_offset_s <= _OFFSETS_S[1] or self.utc_offset_s % _STEP_S:
            raise ValueError("utc_offset_s must be whole quarters of an hour, from -43200 to 50400 seconds")
        if self.dst not in _SUMMERS:
            raise ValueError(f"dst must be one of {', '.join(_SUMMERS)}")

    def offset_s(self, utc_ms: int) -> int:
        """Tell how many seconds the server is ahead of UTC at a moment."""
        summer = _SUMMERS[self.dst]
        return self.utc_offset_s + (3600 if summer is not None and _is_summer(summer, utc_ms) else 0)


_Sunday = tuple[int, int, int]
"""A month, which of its Sundays (-1 is the last), and the hour of the change in UTC."""
_SUMMERS: Final[dict[str, tuple[_Sunday, _Sunday] | None]] = {
    "none": None,
    "us": ((3, 2, 7), (11, 1, 6)),
    "eu": ((3, -1, 1), (10, -1, 1)),
}


def _is_summer(summer: tuple[_Sunday, _Sunday], utc_ms: int) -> bool:
    year = datetime.fromtimestamp(utc_ms // 1000, UTC).year
    begins, ends = (_sunday_ms(year, *of_year) for of_year in summer)
    return begins <= utc_ms < ends


def _sunday_ms(year: int, month: int, which: int, hour: int) -> int:
    first = date(year, month, 1)
    sunday = first + timedelta((_SUNDAY - first.weekday()) % 7)
    if which > 0:
        sunday += timedelta(7 * (which - 1))
    else:
        while (sunday + timedelta(7)).month == month:
            sunday += timedelta(7)
    return int(datetime(year, month, sunday.day, hour, tzinfo=UTC).timestamp() * 1000)


class BrokerClock:
    """The clock of one account's trade server.

    What terminals say is believed in steps of a quarter of an hour, so a slow report does not move it; a terminal that
    tells its own UTC as well is believed even if its clock is wrong, since the difference of the two is right.

    Args:
        rule: goes before everything that is learned.
    """

    def __init__(self, rule: ServerTime | None = None) -> None:
        self._rule = rule
        self.learned: list[tuple[int, int]] = []  # (UTC ms from when on, seconds ahead of UTC), in order of time
        self.skew_s: float | None = None  # how far the terminal's clock is ahead of ours

    def learn(self, terminal: Terminal, at: Moment) -> bool:
        """Take what a terminal says of its clocks; tell whether the offset became another one."""
        if terminal.time_msc is None:
            return False
        own_utc_ms = at.utc_ms if terminal.time_gmt_msc is None else terminal.time_gmt_msc
        ahead_s = (terminal.time_msc - own_utc_ms) / 1000
        offset_s = round(ahead_s / _STEP_S) * _STEP_S
        if terminal.time_gmt_msc is not None:
            self.skew_s = round((terminal.time_gmt_msc - at.utc_ms) / 1000, 1)
        else:
            self.skew_s = round(ahead_s - offset_s, 1)
        if not _OFFSETS_S[0] <= offset_s <= _OFFSETS_S[1]:
            self.skew_s = round(ahead_s, 1)
            return False
        if self.learned and (self.learned[-1][1] == offset_s or self.learned[-1][0] > at.utc_ms):
            return False
        self.learned.append((at.utc_ms, offset_s))
        del self.learned[:-_OFFSETS_KEPT]
        return self._rule is None

    def offset_s(self, utc_ms: int) -> int | None:
        """Tell how many seconds the server is (or was) ahead of UTC; None while nobody has said."""
        if self._rule is not None:
            return self._rule.offset_s(utc_ms)
        if not self.learned:
            return None
        at = bisect_right(self.learned, (utc_ms, _OFFSETS_S[1])) - 1
        return self.learned[max(0, at)][1]

    def utc_ms(self, time_msc: int) -> int | None:
        """Convert a time of the server to UTC; None while the offset is not known."""
        offset_s = self.offset_s(time_msc)
        if offset_s is None:
            return None
        offset_s = self.offset_s(time_msc - offset_s * 1000)
        return None if offset_s is None else time_msc - offset_s * 1000

    def server_msc(self, utc_ms: int) -> int | None:
        """Convert UTC to the server's time; None while the offset is not known."""
        offset_s = self.offset_s(utc_ms)
        return None if offset_s is None else utc_ms + offset_s * 1000

    def is_future(self, time_msc: int, at: Moment) -> bool:
        """Tell whether a time of the server can't have been yet, by our clock and whatever its offset may be."""
        offset_s = self.offset_s(at.utc_ms)
        return time_msc > at.utc_ms + 1000 * (_OFFSETS_S[1] if offset_s is None else offset_s) + _FUTURE_MS

    def ms_to_midnight(self, utc_ms: int) -> int | None:
        """Tell how long it is to the server's next midnight; None while the offset is not known."""
        server_msc = self.server_msc(utc_ms)
        return None if server_msc is None else DAY_MS - server_msc % DAY_MS


def server_text(time_msc: int) -> str:
    """Write a time of the server as MetaTrader does: "2026.11.23 15:30:00"."""
    return f"{datetime.fromtimestamp(time_msc // 1000, UTC):%Y.%m.%d %H:%M:%S}"
