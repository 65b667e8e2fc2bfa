"""Random histories of hedging accounts, made by keeping positions as an account does: the truth about each is known."""

import random
from collections import Counter
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from fleetwire.fleet.events import Deal
from fleetwire.sources.report.sections import ClosedPosition, StillOpen

BEGIN_MSC = 1_750_000_000_000


class Held(Struct):
    """An open position, in hundredths of a lot."""

    ticket: int
    kind: str
    open_msc: int
    price: float
    volume: int
    left: int
    profit: float = 0.0
    swap: float = 0.0


class History(Struct):
    """Deals that bear the true position, and what a report's sections say."""

    deals: list[Deal]
    closed: list[ClosedPosition]
    remaining: list[StillOpen]
    held: list[Held]

    def without_positions(self):
        return [replace(deal, position_id=0) for deal in self.deals]


def history(seed, steps=40, open_max=6, money=True, worth=100_000.0, symbols=("EURUSD",), gap_s=3):
    """An account that opens, closes, and closes parts at random; some positions are open at the end.

    Args:
        open_max: positions open at a time.
        money: whether deals earn what prices make; else every deal earns nothing, and money determines nothing.
        worth: what a lot earns when the price moves by one; a function of the step makes it vary.
        gap_s: at most so many seconds lie between two deals; 0 is possible too.
    """
    rng = random.Random(seed)
    made = History([], [], [], [])
    now, ticket, price = BEGIN_MSC, 1, 1.1
    held = {symbol: [] for symbol in symbols}
    for step in range(steps):
        now += 1000 * rng.randint(0, gap_s)
        price = round(price + rng.randint(-30, 30) * 1e-5, 5)
        symbol = rng.choice(symbols)
        ticket += 1
        lot = worth(step) if callable(worth) else worth
        if not held[symbol] or (len(held[symbol]) < open_max and rng.random() < 0.45):
            volume = rng.randint(1, 9)
            position = Held(ticket, rng.choice(["buy", "sell"]), now, price, volume, volume)
            held[symbol].append(position)
            made.deals.append(
                _deal(position, ticket, now, price, volume, symbol, "in", commission=-rng.randint(1, 99) / 100)
            )
            continue
        position = rng.choice(held[symbol])
        volume = position.left if rng.random() < 0.5 else rng.randint(1, position.left)
        moved = (price - position.price) * (1 if position.kind == "buy" else -1)
        deal = _deal(position, ticket, now, price, volume, symbol, "out", commission=-0.07)
        deal = replace(deal, profit=round(moved * volume / 100 * lot, 2) if money else 0.0)
        made.deals.append(deal)
        position.left -= volume
        position.profit += deal.profit
        if not position.left:
            held[symbol].remove(position)
            made.closed.append(_closed(position, now, symbol))
    for positions in held.values():
        made.held.extend(positions)
        made.remaining.extend(StillOpen(one.ticket, one.left / 100) for one in positions)
    made.closed.sort(key=lambda one: one.open_msc)
    return made


def _deal(position, ticket, now, price, volume, symbol, entry, commission):
    kind = position.kind if entry == "in" else {"buy": "sell", "sell": "buy"}[position.kind]
    return Deal(
        ticket=ticket,
        order=ticket,
        time_msc=now,
        type=kind,
        entry=entry,
        volume=volume / 100,
        price=price,
        commission=commission,
        symbol=symbol,
        position_id=position.ticket,
    )


def _closed(position, now, symbol):
    return ClosedPosition(
        ticket=position.ticket,
        close_msc=now,
        open_msc=position.open_msc,
        symbol=symbol,
        type=position.kind,
        volume=position.volume / 100,
        profit=round(position.profit, 2),
        swap=0.0,
    )


def consistent_assignments(made):
    """All assignments of closing deals that volumes and times allow; every way is tried, so keep histories small."""
    entries = {deal.order: deal for deal in made.deals if deal.entry == "in"}
    closings = [deal for deal in made.deals if deal.entry == "out"]
    ends = {one.ticket: one.close_msc for one in made.closed}
    rooms = Counter({ticket: round(deal.volume * 100) for ticket, deal in entries.items()})
    for one in made.remaining:
        rooms[one.ticket] -= round(one.volume * 100)
    yield from _assignments(entries, closings, ends, rooms)


def _assignments(entries, closings, ends, rooms):
    if not closings:
        if not any(rooms.values()):
            yield {}
        return
    deal, volume = closings[0], round(closings[0].volume * 100)
    for ticket, entry in entries.items():
        ends_it = rooms[ticket] == volume and ticket in ends
        fits = entry.symbol == deal.symbol and entry.type != deal.type and entry.ticket < deal.ticket
        in_time = deal.time_msc <= ends.get(ticket, deal.time_msc) and (not ends_it or deal.time_msc == ends[ticket])
        if fits and in_time and rooms[ticket] >= volume:
            rest = rooms.copy()
            rest[ticket] -= volume
            for others in _assignments(entries, closings[1:], ends, rest):
                yield {deal.ticket: ticket, **others}


def history_page(made, deposit=10_000.0, comment=True):
    """A trade history report of it, as a page.

    Args:
        deposit: the first deal's.
        comment: the open positions have time, position, symbol, type and a hidden comment (that looks like a volume)
            before the volume; else symbol, position, time and type.
    """
    rows = [["Trade History Report"], ["Name:", "Somebody"], ["Account:", "7 (USD, Broker-Server, demo, Hedge)"]]
    rows += [["Company:", "Broker"], ["Date:", "2025.08.01 09:30"], ["Positions"], ["Heading"] * 14]
    rows += [_closed_row(one) for one in made.closed]
    rows += [["Deals"], ["Heading"] * 15]
    balance = 0.0
    first = Deal(ticket=1, order=0, time_msc=BEGIN_MSC, type="balance", entry="", profit=deposit)
    for deal in (first, *made.deals):
        balance = round(balance + deal.profit + deal.commission, 2)
        rows.append(_deal_row(deal, balance))
    rows += [[*[""] * 9, "0", "0", "0", "0", f"{balance}", ""], ["Open positions"], ["Heading"] * 14]
    for one in made.held:
        symbol = next(deal.symbol for deal in made.deals if deal.order == one.ticket)
        volume, when = f"{one.left / 100}", _shown(one.open_msc)
        known = (
            [when, str(one.ticket), symbol, one.kind, "0.01"] if comment else [symbol, str(one.ticket), when, one.kind]
        )
        rows.append([*known, volume, f"{one.price:.5f}", "", "", "1.10000", "0.00", "0.00", ""])
    lines = ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows]
    return ("<html><table>" + "\r\n".join(lines) + "</table></html>").encode()


def _shown(msc):
    return datetime.fromtimestamp(msc / 1000, UTC).strftime("%Y.%m.%d %H:%M:%S")


def _closed_row(one):
    times = _shown(one.open_msc), _shown(one.close_msc)
    money = ["0.00", f"{one.swap:.2f}", f"{one.profit:.2f}"]
    return [times[0], str(one.ticket), one.symbol, one.type, "", f"{one.volume}", "1", "", "", times[1], "1", *money]


def _deal_row(deal, balance):
    trade = [f"{deal.volume}", f"{deal.price:.5f}", str(deal.order)] if deal.entry else ["", "", ""]
    money = ["0.00", f"{deal.commission:.2f}", "0.00", "0.00", f"{deal.profit:.2f}", f"{balance:.2f}", ""]
    return [_shown(deal.time_msc), str(deal.ticket), deal.symbol, deal.type, deal.entry, *trade, *money]
