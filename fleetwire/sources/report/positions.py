"""Which position a deal belongs to: reports don't say it, so it is worked out.

A position bears the number of the order that opened it (MQL5: POSITION_IDENTIFIER). On a hedging account the positions
and open positions sections say what was closed of each (see `attribution`); in a report without them, a closing deal
belongs to the oldest open position of its symbol and other side. On a netting account a symbol has one position, which
every entry joins and a reversal turns.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from fleetwire.fleet.events import Deal
from fleetwire.sources.report.attribution import OTHER_SIDE, Side, attribute
from fleetwire.sources.report.sections import ClosedPosition, StillOpen, entered_by_order

LOT_DUST: Final = 1e-8


class _Open(Struct):
    volume: float = 0.0


def number_positions(
    deals: list[Deal],
    closed: Sequence[ClosedPosition],
    netting: bool,
    remaining: Sequence[StillOpen] = (),
    money_unit: float = 0.01,
) -> None:
    """Give each trade deal the number of its position; 0 where the position was opened before the report begins.

    Args:
        deals: in the order in which the terminal booked them; changed in place, as there can be very many.
        closed: the positions section; empty where a report has none.
        netting: whether a symbol has one position only.
        remaining: the open positions section; empty where a report has none.
        money_unit: the smallest of the account's currency.
    """
    if not netting and (closed or remaining):
        _number_by_sections(deals, closed, remaining, money_unit)
        return
    ledger = _Ledger(closed, netting)
    for at, deal in enumerate(deals):
        if deal.entry:
            deals[at] = replace(deal, position_id=ledger.book(deal))


def _number_by_sections(
    deals: list[Deal], closed: Sequence[ClosedPosition], remaining: Sequence[StillOpen], money_unit: float
) -> None:
    found = attribute(deals, entered_by_order(deals), closed, remaining, money_unit)
    for at, deal in enumerate(deals):
        if deal.entry:
            deals[at] = replace(deal, position_id=deal.order if deal.entry == "in" else found.get(at, 0))


class _Ledger:
    """Open positions by symbol and side, the oldest first."""

    def __init__(self, closed: Sequence[ClosedPosition], netting: bool) -> None:
        self._closed = {position.ticket for position in closed}
        self._netting = netting
        self._open: defaultdict[Side, OrderedDict[int, _Open]] = defaultdict(OrderedDict)

    def book(self, deal: Deal) -> int:
        """Book one trade deal; return its position's number."""
        if deal.entry == "in":
            return self._enter(deal)
        if deal.entry == "in/out":
            return self._reverse(deal)
        return self._leave(deal)

    def _enter(self, deal: Deal) -> int:
        positions = self._open[deal.symbol, deal.type]
        joins = self._netting and positions and deal.order not in self._closed
        position_id = next(iter(positions)) if joins else deal.order
        # an order that is filled in parts opens one position
        positions.setdefault(position_id, _Open()).volume += deal.volume
        return position_id

    def _reverse(self, deal: Deal) -> int:
        old = self._open[deal.symbol, OTHER_SIDE[deal.type]]
        position_id = next(iter(old), deal.order)
        rest = deal.volume - sum(position.volume for position in old.values())
        old.clear()
        if rest > LOT_DUST:
            self._open[deal.symbol, deal.type][position_id] = _Open(rest)
        return position_id

    def _leave(self, deal: Deal) -> int:
        """Take a deal's volume from the oldest position, and what it hasn't got from the next."""
        positions = self._open[deal.symbol, OTHER_SIDE[deal.type]]
        first = next(iter(positions), 0)
        left = deal.volume
        while positions and left > LOT_DUST:
            position_id, position = next(iter(positions.items()))
            taken = min(left, position.volume)
            position.volume -= taken
            left -= taken
            if position.volume <= LOT_DUST:
                del positions[position_id]
        return first
