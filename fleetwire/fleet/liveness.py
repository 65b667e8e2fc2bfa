"""Silence: fresh, late, stale, lost. Each subject has a pulse; one heap knows who has to be looked at next."""

import heapq
from enum import Enum
from typing import Final

from msgspec import Struct

from fleetwire.wire.errors import ConfigError
from fleetwire.wire.moment import Moment

_LATE, _STALE, _LOST = 2.5, 5.0, 20.0  # how many of its own intervals a subject may be silent, if these are long


class Link(Enum):
    """How long ago a subject was heard."""

    fresh = "fresh"
    late = "late"
    stale = "stale"
    lost = "lost"

    @property
    def is_silent(self) -> bool:
        """Whether its numbers must not be taken for live."""
        return self in (Link.stale, Link.lost)


_FOLLOWING: Final = {Link.fresh: Link.late, Link.late: Link.stale, Link.stale: Link.lost}


class Silences(Struct, frozen=True, forbid_unknown_fields=True):
    """After how many seconds of silence a subject is late, stale, lost; longer for who reports less often than that."""

    late_after_s: float = 5.0
    stale_after_s: float = 15.0
    lost_after_s: float = 120.0

    def __post_init__(self) -> None:
        """Refuse an order that makes no sense."""
        if not 0 < self.late_after_s <= self.stale_after_s <= self.lost_after_s <= 86_400:
            raise ConfigError(
                "late_after_s, stale_after_s and lost_after_s must be above 0, and each at least the last"
            )


class Pulse:
    """The signs of life of one subject.

    Args:
        subject: whose they are.
    """

    __slots__ = ("due", "heard_at", "interval_s", "link", "subject")

    def __init__(self, subject: object) -> None:
        self.subject = subject
        self.heard_at: float | None = None
        self.interval_s = 0.0
        self.link = Link.lost
        self.due: float | None = None  # when `Liveness` looks at it next; whatever else is in its heap is void


class Liveness:
    """Watches every pulse. A sign of life costs nothing: the heap is corrected when a pulse comes up in it.

    Args:
        silences: how long is too long.
    """

    def __init__(self, silences: Silences) -> None:
        self._silences = silences
        self._heap: list[tuple[float, int, Pulse]] = []
        self._count = 0  # breaks ties

    def heard(self, pulse: Pulse, at: float, interval_s: float | None = None) -> bool:
        """Note a sign of life.

        Args:
            pulse: whose.
            at: when, in monotonic seconds.
            interval_s: how often it means to speak, if it says so.

        Returns:
            Whether it was not fresh before.
        """
        pulse.heard_at = at
        if interval_s is not None:
            pulse.interval_s = interval_s
        late_at = self._bound(pulse, Link.late)
        if pulse.link is Link.fresh and pulse.due is not None and pulse.due <= late_at:
            return False
        self._watch(pulse, late_at)
        was_fresh, pulse.link = pulse.link is Link.fresh, Link.fresh
        return not was_fresh

    def link_at(self, pulse: Pulse, now: float) -> Link:
        """Tell how a pulse stands at a moment, whether or not anybody has looked."""
        if pulse.heard_at is None:
            return Link.lost
        for link in (Link.lost, Link.stale, Link.late):
            if now >= self._bound(pulse, link):
                return link
        return Link.fresh

    def due(self, at: Moment) -> list[Pulse]:
        """Give those whose link has become another one."""
        changed = []
        while self._heap and self._heap[0][0] <= at.now:
            due, _, pulse = heapq.heappop(self._heap)
            if due != pulse.due:
                continue
            pulse.due = None
            link = self.link_at(pulse, at.now)
            if link is not Link.lost:
                self._watch(pulse, self._bound(pulse, _FOLLOWING[link]))
            if link is not pulse.link:
                pulse.link = link
                changed.append(pulse)
        return changed

    def next_deadline(self) -> float | None:
        """When the next becomes silent if nothing is heard of it, in monotonic seconds; None while nobody is watched.

        Those who were heard since are moved on here: a fleet that reports wakes nobody.
        """
        while self._heap:
            due, _, pulse = self._heap[0]
            if due == pulse.due:
                following = _FOLLOWING.get(pulse.link)
                until = self._bound(pulse, following) if following is not None else None
                if until is not None and until <= due:
                    return due
                heapq.heappop(self._heap)
                pulse.due = None
                if until is not None:
                    self._watch(pulse, until)
            else:
                heapq.heappop(self._heap)
        return None

    def _watch(self, pulse: Pulse, until: float) -> None:
        self._count += 1
        pulse.due = until
        heapq.heappush(self._heap, (until, self._count, pulse))

    def _bound(self, pulse: Pulse, link: Link) -> float:
        """When a pulse becomes late, stale or lost."""
        after_s, intervals = {
            Link.late: (self._silences.late_after_s, _LATE),
            Link.stale: (self._silences.stale_after_s, _STALE),
            Link.lost: (self._silences.lost_after_s, _LOST),
        }[link]
        return (pulse.heard_at or 0.0) + max(after_s, intervals * pulse.interval_s)


WHY: Final = {
    "expert_stopped": "the terminal reports, the expert does not",
    "algo_trading_off": "algorithmic trading is off",
    "terminal_down": "the terminal is down, or cut off",
    "broker_connection_lost": "the terminal has lost its broker",
    "market_closed": "the market is closed",
}
"""Why an expert does not report, or does not trade, and how alerts say it to people."""
