"""The sections beside the deals of a history report: positions that were closed, and positions that are still open.

Their titles and headings are in any language, so their rows are known by what stands in them.
"""

from collections.abc import Mapping

from msgspec import Struct

from fleetwire.fleet.events import TRADE_TYPES, Deal
from fleetwire.sources.report.rows import Row
from fleetwire.sources.report.values import number, time_msc, whole_number

_PRICE_TOLERANCE = 1e-3  # of the price: an order that was filled in parts shows their mean, rounded
_DUST = 1e-8  # of a lot


class ClosedPosition(Struct, frozen=True):
    """One row of the positions section; times in milliseconds of the server's clock.

    `symbol` is empty, `volume` 0 and the money None where the row doesn't tell.
    """

    ticket: int
    close_msc: int
    open_msc: int = 0
    symbol: str = ""
    type: str = ""
    volume: float = 0.0
    profit: float | None = None
    swap: float | None = None


class StillOpen(Struct, frozen=True):
    """One row of the open positions section: what is left of a position."""

    ticket: int
    volume: float


class Entered(Struct):
    """What the deals say of the position that an order opened."""

    symbol: str
    type: str
    volume: float = 0.0
    price: float = 0.0  # mean of its deals, by volume

    def add(self, deal: Deal) -> None:
        """Take one more deal of the order into account."""
        self.price = (self.price * self.volume + deal.price * deal.volume) / (self.volume + deal.volume)
        self.volume += deal.volume


def entered_by_order(deals: list[Deal]) -> dict[int, Entered]:
    """The positions that the deals opened, by the order that opened each."""
    entered: dict[int, Entered] = {}
    for deal in deals:
        if deal.entry == "in" and deal.order:
            entered.setdefault(deal.order, Entered(deal.symbol, deal.type)).add(deal)
    return entered


def closed_position(row: Row) -> ClosedPosition | None:
    """Make sense of a row of the positions section; None if it is of another.

    It has open time, position, symbol, type, a hidden comment (or not), volume, three prices, close time, price,
    commission, swap and profit. An order has its volume as `0.01 / 0.01`.
    """
    cells = row.cells
    ticket = whole_number(cells[1]) if len(cells) >= 13 else None
    if ticket is None or cells[3] not in TRADE_TYPES:
        return None
    for at in (8, 9):
        close_msc = time_msc(cells[at])
        volume = number(cells[at - 4])
        if close_msc is not None and volume is not None:
            whole = len(cells) > at + 4
            return ClosedPosition(
                ticket=ticket,
                close_msc=close_msc,
                open_msc=time_msc(cells[0]) or 0,
                symbol=cells[2],
                type=cells[3],
                volume=max(0.0, volume),
                swap=number(cells[at + 3]) if whole else None,
                profit=number(cells[at + 4]) if whole else None,
            )
    return None


def still_open(row: Row, entered: Mapping[int, Entered]) -> StillOpen | None:
    """Make sense of a row of the open positions section; None if it is of another.

    It has symbol, position and time in any order, then the type, a hidden comment (or not), what is left of the volume,
    and the price. Position, symbol, type and price must be those of a position that the deals opened.
    """
    cells = row.cells
    at = next((at for at, text in enumerate(cells[:6]) if text in TRADE_TYPES), 0)
    if at < 3 or len(cells) < at + 3 or all(time_msc(text) is None for text in cells[:at]):
        return None
    for text in cells[:at]:
        ticket = whole_number(text)
        opened = entered.get(ticket) if ticket is not None else None
        if ticket is None or opened is None or opened.type != cells[at] or opened.symbol not in cells[:at]:
            continue
        for volume, price in (
            (number(cells[i]), number(cells[i + 1])) for i in range(at + 1, min(at + 3, len(cells) - 1))
        ):
            if volume is not None and price is not None and _is_left(volume, price, opened):
                return StillOpen(ticket, volume)
    return None


def _is_left(volume: float, price: float, opened: Entered) -> bool:
    return 0 < volume <= opened.volume + _DUST and abs(price - opened.price) <= _PRICE_TOLERANCE * abs(opened.price)
