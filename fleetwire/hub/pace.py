"""How often sessions are told: a pace, the cohorts that share it, and those who are behind in it."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from fleetwire.hub.cohort import Cohorts, Hearing, Topics
from fleetwire.wire.channels import Topic
from fleetwire.wire.messages import GapData

if TYPE_CHECKING:
    from fleetwire.hub.session import Session

Cursor = dict[Topic, int]
"""For each topic, the position until which everything was heard; 0 is nothing, -1 nothing but rows of old."""


_HZ_MIN = 0.01


def rounded_down(hz: float) -> float:
    """Round a rate down to two digits: however many wishes there are, there are only a few hundred paces."""
    hz = max(hz, _HZ_MIN)
    step = 10.0 ** (math.floor(math.log10(hz)) - 1)
    return round(math.floor(hz / step + 1e-9) * step, 6)


class Pace:
    """Everybody who is told equally often. Its cohorts stand at one position.

    Args:
        hz_max: flushes a second; None for as often as there is something new.
        position: where it begins.
        after: where its sessions hear the rows that they hear sums of here; those go first, so that no sum is newer.
    """

    __slots__ = ("_next_at", "after", "cohorts", "hz_max", "news", "position", "stragglers", "waiting")

    def __init__(self, hz_max: float | None, position: int, after: "Pace | None" = None) -> None:
        self.hz_max = hz_max
        self.position = position
        self.after = after
        self.cohorts = Cohorts(self)
        self.news: set[str] = set()  # channels with something newer than its position
        self.stragglers = 0  # how many there are
        self.waiting: dict[Straggler, None] = {}  # who have heard the newest already, and wait for its cohorts
        self._next_at = float("-inf")

    @property
    def next_at(self) -> float | None:
        """When it has to be flushed next, in monotonic seconds; None while there is nothing new."""
        if not self.news:
            return None
        rows_at = self.after.next_at if self.after is not None else None
        return self._next_at if rows_at is None else max(self._next_at, rows_at)

    @property
    def is_empty(self) -> bool:
        """Whether nobody is in it."""
        return not self.cohorts and not self.stragglers

    def is_due(self, now: float) -> bool:
        """Tell whether its time has come; sums wait until all that is new of their rows has been told."""
        return now >= self._next_at and (self.after is None or not self.after.news)

    def flushed(self, position: int, now: float) -> None:
        """Note that its cohorts have been told everything until a position."""
        self.position = position
        self.news.clear()
        if self.hz_max is not None:
            self._next_at = now + 1 / self.hz_max


class Straggler:
    """A session that is behind in one pace: where it stands, and what it has to be told before it has caught up.

    Args:
        session: whose.
        pace: in which.
        cursor: where it stands.
        hearing: of the cohort that it was in, if it hears the same.
    """

    __slots__ = ("begun", "cursor", "gaps", "hearing", "pace", "session", "snapshots")

    def __init__(self, session: "Session", pace: Pace, cursor: Cursor, hearing: Hearing | None = None) -> None:
        self.session = session
        self.pace = pace
        self.cursor = cursor
        self.hearing = hearing or Hearing(frozenset(cursor), session.form, session.scope)
        self.begun: dict[Topic, int] = {}  # topics whose rows are given anew -> the position whose rows it had before
        self.gaps: list[GapData] = []  # to be told of
        self.snapshots: dict[Topic, None] = {}  # whose end is to be told
        pace.stragglers += 1

    @property
    def topics(self) -> Topics:
        """What it hears."""
        return self.hearing.topics

    def advance(self, position: int) -> None:
        """Note that it was given everything until a position."""
        self.cursor = {topic: max(at, position) for topic, at in self.cursor.items()}


NOBODY: Mapping[Pace, Straggler] = MappingProxyType({})
"""Where a session is behind that is not behind anywhere: one object for all of them."""
