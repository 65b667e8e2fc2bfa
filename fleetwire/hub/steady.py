"""The time by which tokens expire: the wall clock, but for its jumps."""

from typing import Final

from fleetwire.wire.moment import Moment

JUMP_MS: Final = 2000
"""By how much the wall clock must disagree with the monotonic one for that to be a jump."""
BELIEVED_AFTER_S: Final = 600.0
"""How long a jump must have stood to be believed: a clock that was set wrongly is put right before."""


class SteadyTime:
    """Goes on as the monotonic clock does, from what the wall clock said; follows small corrections at once."""

    def __init__(self) -> None:
        self._offset_ms: float | None = None  # of the wall clock to the monotonic one
        self._odd_since = float("inf")  # monotonic; since when the wall clock says something else

    def utc_ms(self, at: Moment) -> int:
        """Tell the time in UTC milliseconds."""
        said_ms = at.utc_ms - at.now * 1000
        if self._offset_ms is None or abs(said_ms - self._offset_ms) <= JUMP_MS:
            self._offset_ms, self._odd_since = said_ms, float("inf")
        elif self._odd_since == float("inf"):
            self._odd_since = at.now
        elif at.now - self._odd_since >= BELIEVED_AFTER_S:
            self._offset_ms, self._odd_since = said_ms, float("inf")
        return round(at.now * 1000 + self._offset_ms)
