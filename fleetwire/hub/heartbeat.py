"""Is the other side still there? Deadlines and the verdict; time is an argument, in monotonic seconds."""

from enum import Enum


class Verdict(Enum):
    """What is due."""

    nothing = "nothing"
    ping = "ping"
    lost = "lost"


class Heartbeat:
    """The heartbeat of one peer. Any inbound frame renews it (`seen_at`), a pong included.

    A ping goes out at least twice within the timeout, so that a peer that only answers pings is never called lost.

    Args:
        interval_s: seconds between two pings.
        timeout_s: seconds of silence after which the peer is lost.
        now: monotonic seconds.
    """

    __slots__ = ("_asked_at", "_interval_s", "_pinged_at", "_timeout_s", "round_trip_s", "seen_at")

    def __init__(self, interval_s: float, timeout_s: float, now: float) -> None:
        self._interval_s = min(interval_s, timeout_s / 2)
        self._timeout_s = timeout_s
        self._pinged_at = now
        self.seen_at = now
        self._asked_at: float | None = None  # when the ping went out that is still to be answered
        self.round_trip_s: float | None = None  # what the last answered ping took

    def answered(self, now: float) -> None:
        """Note a pong; one that nobody asked for says nothing."""
        if self._asked_at is not None:
            self.round_trip_s, self._asked_at = now - self._asked_at, None

    def check(self, now: float) -> Verdict:
        """Tell what is due; a ping that is said to be due counts as sent."""
        if now >= self.seen_at + self._timeout_s:
            return Verdict.lost
        if now >= self._pinged_at + self._interval_s:
            self._pinged_at = self._asked_at = now
            return Verdict.ping
        return Verdict.nothing

    def next_deadline(self) -> float:
        """When to check again."""
        return min(self.seen_at + self._timeout_s, self._pinged_at + self._interval_s)
