"""What tests of several rooms share: a clock that is moved by hand, and waiting for something to become true."""

import asyncio
import heapq
from collections.abc import Callable
from datetime import UTC, datetime

from fleetwire.wire.moment import Moment


class ManualTimer:
    """A call that a `ManualClock` will make."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """`fleetwire.ports.Clock`, moved by hand: timers fire inside `advance`, each at its own time."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self._timers: list[tuple[float, int, ManualTimer]] = []
        self._count = 0

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> str:
        return datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + "000Z"

    def moment(self) -> Moment:
        return Moment(self.now, round(self.now * 1000), self.utc())

    def call_at(self, when: float, callback: Callable[[], None]) -> ManualTimer:
        self._count += 1
        timer = ManualTimer(callback)
        heapq.heappush(self._timers, (when, self._count, timer))
        return timer

    @property
    def waiting(self) -> int:
        """How many timers would still fire."""
        return sum(timer.callback is not None for _, _, timer in self._timers)

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            when, _, timer = heapq.heappop(self._timers)
            callback, timer.callback = timer.callback, None
            if callback is not None:
                self.now = max(self.now, when)
                callback()
        self.now = end


async def until(is_so: Callable[[], object], within_s: float = 5.0) -> None:
    """Let the loop turn until something is so; bytes on their way through a socket need a moment."""
    async with asyncio.timeout(within_s):
        while not is_so():
            await asyncio.sleep(0.001)
