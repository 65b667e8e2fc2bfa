"""Which position a deal belongs to: reports don't say it, so it is worked out.

A position bears the number of the order that opened it (MQL5: POSITION_IDENTIFIER). A closing deal belongs to the open
position of its symbol and other side that the positions section says was closed at that moment; failing that, it closed
a part, and belongs to the oldest one that it leaves enough for the deal that ended it. On a netting account a symbol
has one position, which every entry joins and a reversal turns.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from fleetwire.fleet.events import CLOSING, Deal

OTHER_SIDE: Final = {"buy": "sell", "sell": "buy"}
LOT_DUST: Final = 1e-8
LOOKED_THROUGH_MAX: Final = 1000  # open positions of one symbol and side that are compared for one closing deal


class ClosedPosition(Struct, frozen=True):
    """One row of a history report's positions section; times in milliseconds of the server's clock."""

    ticket: int
    close_msc: int


class _Open(Struct):
    position_id: int
    volume: float
    last_volume: float = LOT_DUST  # that the deal will close which ends it


def number_positions(deals: list[Deal], closed: Sequence[ClosedPosition], netting: bool) -> None:
    """Give each trade deal the number of its position; 0 where the position was opened before the report begins.

    Args:
        deals: in the order in which the terminal booked them; changed in place, as there can be very many.
        closed: the positions section; empty where a report has none.
        netting: whether a symbol has one position only.
    """
    ledger = _Ledger(deals, closed, netting)
    for at, deal in enumerate(deals):
        if deal.entry:
            deals[at] = replace(deal, position_id=ledger.book(deal))


class _Ledger:
    """Open positions by symbol and side, the oldest first."""

    def __init__(self, deals: Sequence[Deal], closed: Sequence[ClosedPosition], netting: bool) -> None:
        self._close_msc = {position.ticket: position.close_msc for position in closed}
        self._closing: defaultdict[tuple[str, str, int], list[float]] = defaultdict(list)  # volumes, by moment
        for deal in deals if closed else ():
            if deal.entry in CLOSING:
                self._closing[deal.symbol, OTHER_SIDE[deal.type], deal.time_msc].append(deal.volume)
        self._netting = netting
        self._open: defaultdict[tuple[str, str], deque[_Open]] = defaultdict(deque)

    def book(self, deal: Deal) -> int:
        """Book one trade deal; return its position's number."""
        if deal.entry == "in":
            return self._enter(deal)
        if deal.entry == "in/out":
            return self._reverse(deal)
        return self._leave(deal)

    def _enter(self, deal: Deal) -> int:
        positions = self._open[deal.symbol, deal.type]
        if self._netting and positions and deal.order not in self._close_msc:
            positions[0].volume += deal.volume
            return positions[0].position_id
        # an order that is filled in parts opens one position
        for position in positions if len(positions) < LOOKED_THROUGH_MAX else ():
            if position.position_id == deal.order:
                position.volume += deal.volume
                return deal.order
        positions.append(_Open(deal.order, deal.volume, self._last_volume(deal)))
        return deal.order

    def _reverse(self, deal: Deal) -> int:
        old = self._open[deal.symbol, OTHER_SIDE[deal.type]]
        position_id = old[0].position_id if old else deal.order
        rest = deal.volume - sum(position.volume for position in old)
        old.clear()
        if rest > LOT_DUST:
            self._open[deal.symbol, deal.type].append(_Open(position_id, rest))
        return position_id

    def _leave(self, deal: Deal) -> int:
        positions = self._open[deal.symbol, OTHER_SIDE[deal.type]]
        if not positions:
            return 0
        closed = self._closed_by(deal, positions)
        left = deal.volume
        position: _Open | None = closed
        while position is not None:
            taken = min(left, position.volume)
            position.volume -= taken
            left -= taken
            if position.volume <= LOT_DUST:
                positions.remove(position)
            # a deal that closes more than its position has goes on with the oldest
            position = positions[0] if positions and left > LOT_DUST else None
        return closed.position_id

    def _closed_by(self, deal: Deal, positions: deque[_Open]) -> _Open:
        """The position that ended when the deal was made, best one of the deal's volume; else one closed in part."""
        if len(positions) == 1 or not self._close_msc:
            return positions[0]
        looked_through = list(islice(positions, LOOKED_THROUGH_MAX))
        ended = [position for position in looked_through if self._close_msc.get(position.position_id) == deal.time_msc]
        if ended:
            same_volume = (position for position in ended if abs(position.volume - deal.volume) <= LOT_DUST)
            return next(same_volume, ended[0])
        in_part = (one for one in looked_through if one.volume - deal.volume >= one.last_volume)
        return next(in_part, positions[0])

    def _last_volume(self, deal: Deal) -> float:
        """What the deal closes that ends the position of this entry, dust left out; dust where that is not known."""
        close_msc = self._close_msc.get(deal.order)
        volumes = self._closing.get((deal.symbol, deal.type, close_msc), []) if close_msc is not None else []
        return volumes[0] - LOT_DUST if len(volumes) == 1 else LOT_DUST
