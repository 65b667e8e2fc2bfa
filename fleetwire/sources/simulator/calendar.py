"""The simulated economic calendar: events are announced before they happen, and told again with what came of them."""

from collections import deque
from random import Random
from typing import Final

from msgspec import structs

from fleetwire.fleet.events import NewsEvent
from fleetwire.sources.simulator.account import SimulatedAccount
from fleetwire.wire.moment import utc_text

_MINUTE_MS: Final = 60_000
_AHEAD_MS: Final = (10 * _MINUTE_MS, 20 * _MINUTE_MS)
_HIGH_EVERY: Final = 30
_WAITING_MAX: Final = 100

_NAMES: Final = (
    ("EUR", "moderate", "German ZEW Economic Sentiment"),
    ("GBP", "moderate", "Retail Sales m/m"),
    ("USD", "low", "Crude Oil Inventories"),
    ("JPY", "low", "Household Spending y/y"),
    ("USD", "moderate", "ISM Services PMI"),
    ("EUR", "none", "Bank Holiday"),
)
_HIGH: Final = (("USD", "Nonfarm Payrolls"), ("EUR", "ECB Interest Rate Decision"), ("GBP", "BoE Bank Rate"))


class Calendar:
    """What the calendar says.

    Args:
        accounts: whose terminals tell some of it, in their servers' time.
        random: decides.
    """

    def __init__(self, accounts: list[SimulatedAccount], random: Random) -> None:
        self._accounts = accounts
        self._random = random
        self._count = 0
        self._waiting: deque[tuple[int, NewsEvent]] = deque(maxlen=_WAITING_MAX)

    def announce(self, utc_ms: int) -> NewsEvent:
        """Tell of an event to come; every now and then it is one that moves markets."""
        count, random = self._count, self._random
        self._count += 1
        if count % _HIGH_EVERY == 1:
            currency, name = _HIGH[count // _HIGH_EVERY % len(_HIGH)]
            importance = "high"
        else:
            currency, importance, name = _NAMES[count % len(_NAMES)]
        when = (utc_ms + random.randrange(*_AHEAD_MS)) // _MINUTE_MS * _MINUTE_MS
        forecast = round(random.uniform(0.1, 3.0), 1)
        told = random.choice(self._accounts) if count % 2 else None
        event = NewsEvent(
            id=self._count,
            time_utc="" if told else utc_text(when),
            time_msc=told.server.broker.clock(when) if told else None,
            server=told.server.name if told else "",
            login=told.login if told else 0,
            currency=currency,
            importance=importance,
            name=name,
            forecast=forecast,
            previous=round(forecast + random.uniform(-0.5, 0.5), 1),
            source="simulator",
        )
        self._waiting.append((when, event))
        return event

    def outcomes(self, utc_ms: int) -> list[NewsEvent]:
        """Tell what came of the events whose time has come."""
        if not any(when <= utc_ms for when, _ in self._waiting):
            return []
        due = [event for when, event in self._waiting if when <= utc_ms]
        self._waiting = deque((one for one in self._waiting if one[0] > utc_ms), maxlen=_WAITING_MAX)
        return [structs.replace(event, actual=round(self._random.uniform(0.1, 3.0), 1)) for event in due]
