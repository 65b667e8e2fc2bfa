"""A store as plainly as it can be written: dictionaries, and lists that are walked whole. Slow, and easy to believe."""

from collections.abc import Iterable
from decimal import Decimal

from fleetwire.ports import (
    KeptAccount,
    KeptAlert,
    KeptDeal,
    KeptEvent,
    KeptExpert,
    KeptNews,
    KeptNote,
    Record,
    Sample,
    TradeQuery,
)
from fleetwire.wire.moment import utc_text
from fleetwire.wire.rows import TradeRow


class Oracle:
    """What a store should hold after units."""

    def __init__(self, units: Iterable[Iterable[Record]] = ()) -> None:
        self.accounts: dict[tuple[str, int], KeptAccount] = {}
        self.experts: dict[int, KeptExpert] = {}
        self.deals_by_ticket: dict[tuple[str, int, int], KeptDeal] = {}
        self.samples: list[Sample] = []
        self.events: dict[tuple[str, int], KeptEvent] = {}
        self.alerts: dict[int, KeptAlert] = {}
        self.news: dict[str, KeptNews] = {}
        self.notes: dict[str, bytes] = {}
        for unit in units:
            self.keep(unit)

    def keep(self, unit: Iterable[Record]) -> None:
        for record in unit:
            match record:
                case KeptAccount():
                    self.accounts[record.server, record.login] = record
                case KeptExpert():
                    moved = [ea_id for ea_id, known in self.experts.items() if known.expert == record.expert]
                    for ea_id in moved:
                        del self.experts[ea_id]
                    self.experts[record.ea_id] = record
                case KeptDeal():
                    self.deals_by_ticket[record.server, record.login, record.deal.ticket] = record
                case Sample():
                    self.samples.append(record)
                case KeptEvent():
                    self.events[record.channel, record.position] = record
                case KeptAlert():
                    self.alerts[record.row.alert_id] = record
                case KeptNews():
                    self.news[record.id] = record
                case KeptNote():
                    self.notes[record.name] = record.value

    def deals_in_order(self) -> list[KeptDeal]:
        return sorted(self.deals_by_ticket.values(), key=lambda d: (d.time_utc_ms, d.server, d.login, d.deal.ticket))

    def deals(self, query: TradeQuery) -> list[KeptDeal]:
        return [
            kept
            for kept in self.deals_by_ticket.values()
            if (query.ea_id is None or kept.ea_id == query.ea_id)
            and (query.account is None or (kept.server, kept.login) == query.account)
            and (query.symbol is None or kept.deal.symbol == query.symbol)
            and (query.position_id is None or kept.deal.position_id == query.position_id)
            and (query.from_ms is None or kept.time_utc_ms >= query.from_ms)
            and (query.until_ms is None or kept.time_utc_ms < query.until_ms)
        ]

    def all_trades(self) -> dict[tuple[str, int, int], tuple[TradeRow, int]]:
        """Every trade, and when its last deal was."""
        positions: dict[tuple[str, int, int], list[KeptDeal]] = {}
        for kept in self.deals_by_ticket.values():
            if kept.deal.position_id:
                positions.setdefault((kept.server, kept.login, kept.deal.position_id), []).append(kept)
        found = {}
        for key, deals in positions.items():
            row = slow_trade(deals)
            if row is not None:
                found[key] = (row, max(kept.time_utc_ms for kept in deals))
        return found

    def trades(self, query: TradeQuery) -> list[TradeRow]:
        return [
            row
            for (server, login, position_id), (row, last_ms) in self.all_trades().items()
            if (query.ea_id is None or row.ea_id == query.ea_id)
            and (query.account is None or (server, login) == query.account)
            and (query.symbol is None or row.symbol == query.symbol)
            and (query.position_id is None or position_id == query.position_id)
            and (query.status is None or row.status == query.status)
            and (query.from_ms is None or last_ms >= query.from_ms)
            and (query.until_ms is None or last_ms < query.until_ms)
        ]


def slow_trade(kept: list[KeptDeal]) -> TradeRow | None:
    """The trade of a position, computed with decimals, one deal after the other."""
    kept = sorted(kept, key=lambda each: (each.deal.time_msc, each.deal.ticket))
    trading = [each for each in kept if each.deal.type in ("buy", "sell")]
    if not trading:
        return None
    entered = closed = paid_open = paid_close = Decimal(0)
    closes = []
    for each in trading:
        volume, price = Decimal(str(each.deal.volume)), Decimal(str(each.deal.price))
        if each.deal.entry in ("in", ""):
            part = Decimal(0)
        elif each.deal.entry == "in/out" and entered > closed:
            part = min(volume, entered - closed)
        else:
            part = volume
        closed, entered = closed + part, entered + volume - part
        paid_close, paid_open = paid_close + part * price, paid_open + (volume - part) * price
        if each.deal.entry not in ("in", ""):
            closes.append(each)
    first, is_closed = trading[0], closed >= entered
    turned = {"buy": "sell", "sell": "buy"}[first.deal.type]
    last = closes[-1] if is_closed and closed else None
    sums = {
        name: float(sum(Decimal(str(getattr(each.deal, name))) for each in kept))
        for name in ("profit", "commission", "swap", "fee")
    }
    magics = [each.deal.magic for each in trading if each.deal.magic]
    has_entry = any(each.deal.entry == "in" for each in trading)
    return TradeRow(
        account=f"{first.server}/{first.login}",
        ea_id=next((each.ea_id for each in kept if each.ea_id is not None), None),
        position_id=first.deal.position_id,
        symbol=first.deal.symbol,
        type=turned if first.deal.entry not in ("in", "") else first.deal.type,
        status="closed" if is_closed else "open",
        volume=float(entered),
        volume_closed=float(closed),
        price_open=round(float(paid_open / entered), 12) if entered and has_entry else None,
        price_close=round(float(paid_close / closed), 12) if closed else None,
        **sums,
        result=float(sum(Decimal(str(value)) for value in sums.values())),
        deals=len(kept),
        magic=first.deal.magic if first.deal.entry == "in" else (magics[0] if magics else 0),
        time_open_msc=first.deal.time_msc,
        time_open_utc=utc_text(first.time_utc_ms),
        time_close_msc=last.deal.time_msc if last else None,
        time_close_utc=utc_text(last.time_utc_ms) if last else None,
        time_last_utc=utc_text(max(each.time_utc_ms for each in kept)),
    )
