"""One timer for everybody who waits for something: an unfinished request head, a ping that is due, a silent peer."""

import heapq
import logging
import math
from typing import Protocol

from fleetwire.ports import Clock, Timer

logger = logging.getLogger("fleetwire.server")


class Waiting(Protocol):
    """Who waits. `due` belongs to `Deadlines`: when it will look next."""

    due: float

    def check(self, now: float) -> float | None:
        """Do what is due; tell when to look again, or None for never."""


class Deadlines:
    """Looks after everybody at their time. Nobody has a timer of their own: 20,000 cost one.

    Args:
        clock: the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Waiting]] = []
        self._count = 0  # breaks ties, so that two who wait are never compared
        self._forgotten = 0  # how many of those in the heap nobody waits for any more
        self._timer: Timer | None = None
        self._timer_at = float("inf")

    def watch(self, waiting: Waiting, when: float) -> None:
        """Look after somebody at `when` (monotonic seconds), if not earlier anyway."""
        if when >= waiting.due:
            return
        waiting.due = when
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, waiting))
        self._set_timer()

    def forget(self, waiting: Waiting) -> None:
        """Look after somebody never again. What is forgotten is let go before it outnumbers what is not."""
        in_heap, waiting.due = math.isfinite(waiting.due), float("-inf")
        self._forgotten += in_heap
        if self._forgotten > len(self._heap) // 2:
            self._heap = [place for place in self._heap if place[0] == place[2].due]
            heapq.heapify(self._heap)
            self._forgotten = 0

    def close(self) -> None:
        """Look after nobody any more."""
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._timer_at = None, float("inf")

    def _set_timer(self) -> None:
        if self._heap and self._heap[0][0] < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = self._heap[0][0]
            self._timer = self._clock.call_at(self._timer_at, self._look)

    def _look(self) -> None:
        self._timer, self._timer_at = None, float("inf")
        now = self._clock.monotonic()
        while self._heap and self._heap[0][0] <= now:
            when, _, waiting = heapq.heappop(self._heap)
            if when != waiting.due:
                self._forgotten -= waiting.due == float("-inf")
                continue  # was forgotten, or watched again, earlier
            waiting.due = float("inf")
            try:
                again = waiting.check(now)
            except Exception:  # the others wait for their deadlines, too
                logger.exception("a deadline could not be kept")
                continue
            if again is not None:
                self.watch(waiting, max(again, now + 0.001))  # a deadline in the past must not spin
        self._set_timer()
