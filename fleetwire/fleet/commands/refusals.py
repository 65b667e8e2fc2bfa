"""What was refused is in the audit, too; but nobody can fill it by being refused."""

from collections import OrderedDict
from typing import Final

from fleetwire.fleet.commands.bounds import Rates

ROWS_PER_MINUTE: Final = 30.0
ROWS_AT_ONCE: Final = 30
"""Rows that one operator can bring about by being refused."""
_NAMES_MAX: Final = 10_000


class Refusals:
    """Counts the audit's rows of what was refused."""

    def __init__(self) -> None:
        self._rates = Rates(ROWS_PER_MINUTE, ROWS_AT_ONCE)
        self._left_out: OrderedDict[str, int] = OrderedDict()

    def left_out(self, who: str, now: float) -> int | None:
        """Count a refusal.

        Args:
            who: was refused something: a token's id.
            now: monotonic seconds.

        Returns:
            How many of the same operator were left out since its last row, for the row that is to be made; None where
            there are too many, and this one is left out as well.
        """
        if not self._rates.take(who, now):
            return self._left_out.pop(who, 0)
        self._left_out[who] = self._left_out.pop(who, 0) + 1
        if len(self._left_out) > _NAMES_MAX:
            self._left_out.popitem(last=False)
        return None
