"""The last minutes of each expert's result, for whoever has only just begun to look: sparklines begin with them."""

from collections import deque
from collections.abc import Container
from typing import Final

from fleetwire.fleet.state import Fleet
from fleetwire.wire.moment import Moment, utc_text
from fleetwire.wire.rows import SparklinesRow

STEP_S: Final = 5.0
POINTS_MAX: Final = 36


class Sparklines:
    """Notes what each expert has earned, closed and open together, once in `STEP_S`; keeps the last three minutes."""

    def __init__(self) -> None:
        self._due = 0.0
        self._utc_ms = 0
        self._points: dict[int, deque[float | None]] = {}

    def next_deadline(self, fleet: Fleet) -> float | None:
        """Tell when to look next, on the monotonic clock; never, while there is nobody to look at."""
        return self._due if fleet.experts else None

    def due(self, fleet: Fleet, at: Moment) -> None:
        """Look, if it is time."""
        if at.now < self._due or not fleet.experts:
            return
        self._due, self._utc_ms = at.now + STEP_S, at.utc_ms
        for ea_id in self._points.keys() - fleet.experts.keys():
            del self._points[ea_id]
        for ea_id, expert in fleet.experts.items():
            points = self._points.setdefault(ea_id, deque(maxlen=POINTS_MAX))
            # What a silent expert said last is no news of it.
            silent = expert.pulse.link.is_silent
            points.append(None if silent else round(expert.net_profit + expert.current_profit, 8))

    def row(self, seen: Container[int]) -> SparklinesRow:
        """Give what is known, of those who may be seen."""
        known = {str(ea_id): list(points) for ea_id, points in self._points.items() if ea_id in seen}
        return SparklinesRow(as_of=utc_text(self._utc_ms), step_ms=round(STEP_S * 1000), experts=known)
