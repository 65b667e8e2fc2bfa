"""A trade is all deals of one position: computed from them anew, so that neither order nor repetition matters."""

from collections.abc import Iterable, Sequence
from math import fsum
from typing import Final

from msgspec import Struct

from fleetwire.fleet.events import CLOSING, TRADE_TYPES, Deal
from fleetwire.wire.moment import utc_text
from fleetwire.wire.rows import TradeRow

LOT_UNITS: Final = 10**8  # lots are counted in whole hundred-millionths: 0.1 + 0.2 is 0.3
_MONEY_DIGITS: Final = 8
_PRICE_DIGITS: Final = 12


class Trade(Struct, frozen=True):
    """A trade as it is kept; times in UTC milliseconds. `last_utc_ms` is the time of its last deal."""

    ea_id: int | None
    symbol: str
    type: str
    status: str
    volume: float
    volume_closed: float
    price_open: float | None
    price_close: float | None
    profit: float
    commission: float
    swap: float
    fee: float
    result: float
    deals: int
    magic: int
    time_open_msc: int
    time_open_utc_ms: int
    time_close_msc: int | None
    time_close_utc_ms: int | None
    last_utc_ms: int


class PositionDeal(Struct, frozen=True):
    """A deal of a position, whose it is, and when it was in UTC."""

    ea_id: int | None
    time_utc_ms: int
    deal: Deal


class _Volumes:
    """What a position's deals entered and closed, in units of a lot, and at which prices.

    A reversal (`in/out`) closes what is open and enters the rest. Where nothing is known to be open, the entry is
    missing: then it is counted as a close alone, for how it divides can't be known.
    """

    def __init__(self, deals: Iterable[Deal]) -> None:
        self.entered = self.closed = 0
        self._paid_open: list[float] = []
        self._paid_close: list[float] = []
        for deal in deals:
            volume = round(deal.volume * LOT_UNITS)
            closes = volume if deal.entry in CLOSING else 0
            if deal.entry == "in/out" and self.entered > self.closed:
                closes = min(volume, self.entered - self.closed)
            self.closed += closes
            self.entered += volume - closes
            self._paid_close.append(deal.price * closes)
            self._paid_open.append(deal.price * (volume - closes))

    @property
    def price_open(self) -> float | None:
        return round(fsum(self._paid_open) / self.entered, _PRICE_DIGITS) if self.entered else None

    @property
    def price_close(self) -> float | None:
        return round(fsum(self._paid_close) / self.closed, _PRICE_DIGITS) if self.closed else None


def trade_of(found: Iterable[PositionDeal]) -> Trade | None:
    """Compute a trade.

    Args:
        found: all known deals of one position, in any order.

    Returns:
        The trade; None where no deal of them bought or sold.
    """
    deals = sorted(found, key=lambda each: (each.deal.time_msc, each.deal.ticket))
    trading = [each for each in deals if each.deal.type in TRADE_TYPES]
    if not trading:
        return None
    first = trading[0]
    volumes = _Volumes(each.deal for each in trading)
    is_closed = volumes.closed >= volumes.entered
    last_close = [each for each in trading if each.deal.entry in CLOSING][-1] if is_closed and volumes.closed else None
    knows_entry = any(each.deal.entry == "in" for each in trading)
    return Trade(
        ea_id=next((each.ea_id for each in deals if each.ea_id is not None), None),
        symbol=first.deal.symbol,
        type=_side(first.deal),
        status="closed" if is_closed else "open",
        volume=volumes.entered / LOT_UNITS,
        volume_closed=volumes.closed / LOT_UNITS,
        price_open=volumes.price_open if knows_entry else None,
        price_close=volumes.price_close,
        profit=_money(each.deal.profit for each in deals),
        commission=_money(each.deal.commission for each in deals),
        swap=_money(each.deal.swap for each in deals),
        fee=_money(each.deal.fee for each in deals),
        result=_money(amount for each in deals for amount in _amounts(each.deal)),
        deals=len(deals),
        magic=_magic([each.deal for each in trading]),
        time_open_msc=first.deal.time_msc,
        time_open_utc_ms=first.time_utc_ms,
        time_close_msc=last_close.deal.time_msc if last_close else None,
        time_close_utc_ms=last_close.time_utc_ms if last_close else None,
        last_utc_ms=max(each.time_utc_ms for each in deals),
    )


def _money(amounts: Iterable[float]) -> float:
    """Add without drift: the sum does not depend on the order."""
    return round(fsum(amounts), _MONEY_DIGITS) + 0.0  # no minus zero


def _amounts(deal: Deal) -> tuple[float, ...]:
    return deal.profit, deal.commission, deal.swap, deal.fee


def _side(first: Deal) -> str:
    """Give the side of a position from its first deal; where that one closes, the entry was the other way round."""
    if first.entry not in CLOSING:
        return first.type
    return "sell" if first.type == "buy" else "buy"


def _magic(trading: Sequence[Deal]) -> int:
    """Give the magic of the entry; a close by hand or by stop may lack it."""
    if trading[0].entry == "in":
        return trading[0].magic
    return next((deal.magic for deal in trading if deal.magic), 0)


def trade_row(server: str, login: int, position_id: int, trade: Trade) -> TradeRow:
    """Write a trade as it is told."""
    return TradeRow(
        account=f"{server}/{login}",
        ea_id=trade.ea_id,
        position_id=position_id,
        symbol=trade.symbol,
        type=trade.type,
        status=trade.status,
        volume=trade.volume,
        volume_closed=trade.volume_closed,
        price_open=trade.price_open,
        price_close=trade.price_close,
        profit=trade.profit,
        commission=trade.commission,
        swap=trade.swap,
        fee=trade.fee,
        result=trade.result,
        deals=trade.deals,
        magic=trade.magic,
        time_open_msc=trade.time_open_msc,
        time_open_utc=utc_text(trade.time_open_utc_ms),
        time_close_msc=trade.time_close_msc,
        time_close_utc=None if trade.time_close_utc_ms is None else utc_text(trade.time_close_utc_ms),
        time_last_utc=utc_text(trade.last_utc_ms),
    )
