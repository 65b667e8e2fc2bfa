"""Deals in the order in which terminals booked them, whatever the order in which they are told, and their figures."""

from bisect import bisect
from copy import deepcopy
from typing import Final

from fleetwire.fleet.events import Deal
from fleetwire.fleet.statistics import Statistics

_STRIDE: Final = 512  # deals between two places from which the figures can be worked out anew
_PLACES: Final = 4

Order = tuple[int, int, int]
"""Where a deal stands in a series: its time, whose it is, its ticket."""


class Series:
    """Some deals, and their statistics, brought up to date when somebody asks.

    A deal that comes late is put where it belongs, and the figures are worked out anew from the last kept place before
    it. So the same deals give the same figures in whatever order they came.

    Args:
        digits: decimals of the currency.
    """

    def __init__(self, digits: int = 2) -> None:
        self._order: list[Order] = []
        self.deals: list[Deal] = []
        self.version = 0  # changes with every change of the figures
        self._places: list[Statistics] = []
        self._counted: list[int] = []  # deals in each of `_places`
        self._done = 0  # deals in `_statistics`
        self._begin(digits, 0.0)

    def _begin(self, digits: int, opening_balance: float) -> None:
        self.digits, self.opening_balance = digits, opening_balance
        self._statistics = Statistics(digits, opening_balance)
        self._places, self._counted, self._done = [], [], 0
        self.version += 1

    def open_with(self, digits: int, opening_balance: float) -> None:
        """Say what was there before the first deal; all figures follow anew if that is another amount."""
        if (digits, opening_balance) != (self.digits, self.opening_balance):
            self._begin(digits, opening_balance)

    def add(self, deal: Deal, time: int, of: int = 0) -> None:
        """Take a deal in.

        Args:
            deal: one that was not taken before.
            time: when it was, on a clock that all deals of the series share.
            of: whose it is, where deals of several accounts have the same time.
        """
        place = (time, of, deal.ticket)
        self.version += 1
        if not self._order or place > self._order[-1]:
            self._order.append(place)
            self.deals.append(deal)
            return
        index = bisect(self._order, place)
        self._order.insert(index, place)
        self.deals.insert(index, deal)
        if index < self._done:
            self._go_back(index)

    def _go_back(self, index: int) -> None:
        """Forget the figures of what stands at `index` and after it."""
        while self._counted and self._counted[-1] > index:
            self._counted.pop()
            self._places.pop()
        if self._counted:
            self._statistics, self._done = deepcopy(self._places[-1]), self._counted[-1]
        else:
            self._statistics, self._done = Statistics(self.digits, self.opening_balance), 0

    @property
    def statistics(self) -> Statistics:
        """The figures of all deals."""
        while self._done < len(self.deals):
            self._statistics.add(self.deals[self._done], self._order[self._done][1])
            self._done += 1
            if self._done % _STRIDE == 0 and (not self._counted or self._counted[-1] < self._done):
                self._places.append(deepcopy(self._statistics))
                self._counted.append(self._done)
                del self._places[:-_PLACES], self._counted[:-_PLACES]
        return self._statistics
