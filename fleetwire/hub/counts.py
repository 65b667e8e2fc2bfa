"""What a hub has done so far, counted: plain numbers that cost next to nothing to keep."""

from bisect import bisect_left

from msgspec import Struct, field

BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Histogram:
    """How often something took how long.

    Args:
        bounds_s: upper bounds of the buckets, in seconds; one more is for everything above.
    """

    __slots__ = ("bounds_s", "counts", "sum_s")

    def __init__(self, bounds_s: tuple[float, ...] = BOUNDS_S) -> None:
        self.bounds_s = bounds_s
        self.counts = [0] * (len(bounds_s) + 1)
        self.sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds_s, seconds)] += 1
        self.sum_s += seconds


class Counts(Struct):
    """The counters of one hub, from its beginning on.

    Args:
        published: messages.
        flushes: of the hub.
        joined: messages in the buffers for cohorts, each buffer counted once.
        written_bytes: handed to transports.
        writes: to transports.
        gaps: told.
        stalls: transports that took no more.
        aggregates_failed: sums that could not be published.
        told_unkept: events that were told before it was known that they are kept.
        flush_s: how long flushes took, writing included.
        age_s: how old messages were when they were written: from when their source said them.
    """

    published: int = 0
    flushes: int = 0
    joined: int = 0
    written_bytes: int = 0
    writes: int = 0
    gaps: int = 0
    stalls: int = 0
    aggregates_failed: int = 0
    told_unkept: int = 0
    flush_s: Histogram = field(default_factory=Histogram)
    age_s: Histogram = field(default_factory=Histogram)
