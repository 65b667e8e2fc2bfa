"""The simulated trade servers: what their clocks show, what they trade, and when."""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Final

from msgspec import Struct

from fleetwire.fleet.events import Session

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
_DAY_S: Final = 86_400
_WEEK_S: Final = 7 * _DAY_S
_THURSDAY: Final = 4  # 1970-01-01 was one; Sunday is 0


class Broker(Struct, frozen=True):
    """A trade server's rules of time.

    Args:
        name: of the trade server.
        company: behind it.
        standard_h: hours that its clock is ahead of UTC in winter.
        summer: whose dates its daylight-saving time follows: `US`, `EU`, or none.
        close_h: its own hour at which the week's trading ends on Friday and begins on Sunday.
    """

    name: str
    company: str
    standard_h: int
    summer: str
    close_h: int

    def offset_ms(self, utc_ms: int) -> int:
        """How far the server's clock is ahead of UTC."""
        if not self.summer:
            return self.standard_h * HOUR_MS
        begins, ends = _summer_time(self.summer, utc_ms // DAY_MS)
        return (self.standard_h + (begins <= utc_ms < ends)) * HOUR_MS

    def clock(self, utc_ms: int) -> int:
        """What its clock shows, in milliseconds since 1970 as if it were UTC."""
        return utc_ms + self.offset_ms(utc_ms)


BROKERS: Final = (
    Broker("Simulated-Live", "Simulated Markets", 2, "US", 24),
    Broker("Simulated-Prop", "Simulated Prop", 0, "", 22),
    Broker("Simulated-London", "Simulated Exchange", 0, "EU", 22),
    Broker("Simulated-Athens", "Simulated Brokers", 2, "EU", 24),
)


@cache
def _summer_time(dates: str, day: int) -> tuple[int, int]:
    """Give the UTC milliseconds at which the summer time of a day's year begins and ends."""
    year = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).year
    if dates == "US":  # second Sunday of March and first of November, at two o'clock in New York
        return _sunday(year, 3, 8, 7), _sunday(year, 11, 1, 6)
    return _sunday(year, 3, 25, 1), _sunday(year, 10, 25, 1)  # last Sundays of March and October, 01:00 UTC


def _sunday(year: int, month: int, first: int, hour: int) -> int:
    """Give the first Sunday from a day of a month on, at an hour of UTC, in milliseconds."""
    day = datetime(year, month, first, hour, tzinfo=UTC)
    return round((day + timedelta(days=6 - day.weekday())).timestamp() * 1000)


# ----------------------------------------------------------------------------------------------------- when they trade


class Hours(Struct, frozen=True):
    """When a symbol trades, in seconds of the server's week, which begins on Sunday at midnight."""

    spans: tuple[tuple[int, int], ...]

    def are_open(self, server_msc: int) -> bool:
        """Tell whether it trades at a time of the server's clock."""
        second = _week_second(server_msc)
        return any(begin <= second < end for begin, end in self.spans)

    def until_change_ms(self, server_msc: int) -> int:
        """How long, at least, what `are_open` says will stay so."""
        second = _week_second(server_msc)
        edges = [edge for span in self.spans for edge in span if edge > second]
        return (min([*edges, _WEEK_S]) - second) * 1000 - server_msc % 1000

    def sessions(self) -> tuple[Session, ...]:
        """Write them as MetaTrader does: day by day."""
        found = []
        for begin, end in self.spans:
            midnights = [at for at in range(0, _WEEK_S, _DAY_S) if begin < at < end]
            for first, last in pairwise([begin, *midnights, end]):
                day = first // _DAY_S
                found.append(Session(day, first - day * _DAY_S, last - day * _DAY_S))
        return tuple(found)


def _week_second(server_msc: int) -> int:
    return (server_msc // 1000 + _THURSDAY * _DAY_S) % _WEEK_S


ALWAYS: Final = Hours(((0, _WEEK_S),))


def week_hours(close_h: int) -> Hours:
    """Give the hours of currencies: from Sunday's close to Friday's."""
    return Hours(((close_h * 3600, 5 * _DAY_S + close_h * 3600),))


def daily_hours(close_h: int) -> Hours:
    """Give the hours of what rests for an hour after each day's close."""
    return Hours(tuple((day * _DAY_S + (close_h + 1) * 3600, (day + 1) * _DAY_S + close_h * 3600) for day in range(5)))
