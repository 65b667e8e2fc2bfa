"""The simulated accounts: positions and money, to the cent, as a trade server keeps them."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from fleetwire.fleet.events import (
    Account,
    AccountPositions,
    Deal,
    DealReport,
    ExpertId,
    Position,
    Terminal,
)
from fleetwire.sources.simulator.brokers import DAY_MS
from fleetwire.sources.simulator.market import Quote, TradeServer

LOT_STEP: Final = 0.01
_MARGIN_CALL: Final = 100.0  # percent
_STOP_OUT: Final = 50.0
_FULLEST: Final = 0.85  # of the free margin is given away at most
_BUILD: Final = 5836
_NO_DECIMALS: Final = frozenset({"JPY"})
_SIDES: Final = {1: "buy", -1: "sell"}
_THURSDAY: Final = 4  # 1970-01-01 was one; Sunday is 0
_NIGHTS: Final = (0, 1, 1, 3, 1, 1, 0)  # paid for when a day ends, from Sunday on: Wednesday's night pays for three
_NIGHT: Final = 1 / 100 / 360  # of a year's percent


class Owner(Struct, frozen=True):
    """Whose a position is: an expert, and how its deals are stamped.

    Args:
        expert: who it is.
        ea_id: by which it wants to be known.
        comment: on its orders.
    """

    expert: ExpertId
    ea_id: int
    comment: str


class Held(Struct, eq=False):
    """An open position. `direction` is 1 where it was bought, -1 where it was sold; without an owner it is by hand."""

    ticket: int
    identifier: int
    time_msc: int
    direction: int
    volume: float
    price_open: float
    sl: float
    tp: float
    quote: Quote
    owner: Owner | None
    reason: str
    swap: float = 0.0


class SimulatedAccount:
    """One account at a trade server.

    Args:
        server: where it is.
        login: its number.
        currency: its money.
        leverage: 100 for 1:100.
        netting: one position for each symbol; else (hedging) as many as one wants.
        balance: at the beginning.
        first_ticket: of its deals and of its orders.
    """

    def __init__(
        self,
        server: TradeServer,
        login: int,
        currency: str,
        leverage: int,
        netting: bool,
        balance: float,
        first_ticket: int = 1,
    ) -> None:
        self.server = server
        self.login = login
        self.currency = currency
        self.leverage = leverage
        self.netting = netting
        self.balance = self.opening_balance = balance
        self.credit = 0.0
        self.digits = 0 if currency in _NO_DECIMALS else 2
        self.held: list[Held] = []
        self.connected = True
        self.trade_allowed = True
        self.down = False
        self._deals = self._orders = first_ticket - 1
        self._untold: list[DealReport] = []
        self._seen: tuple[Account, AccountPositions] | None = None  # while there is no connection
        self._day = -1

    # ------------------------------------------------------------------------------------------------------ trading

    def enter(self, owner: Owner | None, symbol: str, direction: int, volume: float, reason: str) -> Held | None:
        """Buy (1) or sell (-1) at the market; on a netting account, add to what is there. None for lack of money."""
        quote = self.server.quotes[symbol]
        price = quote.ask if direction > 0 else quote.bid
        if self._margin(quote, volume, price) > self.margin_free() * _FULLEST:
            return None
        return self.enter_at(owner, symbol, direction, volume, price, reason)

    def enter_at(
        self, owner: Owner | None, symbol: str, direction: int, volume: float, price: float, reason: str
    ) -> Held:
        """Do the same at a price, whether there is money for it or not."""
        quote, ticket = self.server.quotes[symbol], self._order()
        held = self.position(symbol) if self.netting else None
        if held is None:
            held = Held(ticket, ticket, self.server.now_msc, direction, volume, price, 0.0, 0.0, quote, owner, reason)
            self.held.append(held)
        else:
            paid = held.price_open * held.volume + price * volume
            held.volume = round(held.volume + volume, 2)
            held.price_open = round(paid / held.volume, 8)
        self._book(held, "in", direction, volume, price, 0.0, reason, order=ticket)
        return held

    def leave(self, held: Held, volume: float, reason: str) -> None:
        """Close a position, or a part of it, at the market."""
        self.leave_at(held, volume, held.quote.at(held.direction), reason)

    def leave_at(self, held: Held, volume: float, price: float, reason: str) -> None:
        """Do the same at a price."""
        self._close(held, volume, price, "out", reason)

    def reverse(self, held: Held, volume: float) -> bool:
        """Turn a position round (netting): what was held is closed, `volume` is opened the other way, by one deal."""
        price = held.quote.at(held.direction)
        if self._margin(held.quote, volume, price) > self.margin_free() * _FULLEST:
            return False
        profit, order, swap = self.profit(held, price), self._order(), held.swap
        closed, held.swap = held.volume, 0.0
        held.direction = -held.direction
        held.ticket, held.time_msc, held.volume, held.price_open = order, self.server.now_msc, volume, price
        held.sl = held.tp = 0.0
        whole = round(closed + volume, 2)
        self._book(held, "in/out", held.direction, whole, price, profit, "expert", order=order, swap=swap)
        return True

    def close_by(self, first: Held, second: Held) -> None:
        """Close two opposite positions of a symbol by each other (hedging): two deals, without any spread."""
        volume = min(first.volume, second.volume)
        self._close(first, volume, second.price_open, "out by", "expert")
        self._close(second, volume, second.price_open, "out by", "expert")

    def _close(self, held: Held, volume: float, price: float, entry: str, reason: str) -> None:
        profit = self.profit(held, price, volume)
        swap = held.swap
        if volume < held.volume:
            swap = round(held.swap * volume / held.volume, self.digits)
            held.volume = round(held.volume - volume, 2)
            held.swap = round(held.swap - swap, self.digits)
        else:
            self.held.remove(held)
        self._book(held, entry, -held.direction, volume, price, profit, reason, order=self._order(), swap=swap)

    def watch_stops(self, owner: Owner | None) -> None:
        """Close whatever of an owner's has reached its stop loss or its take profit."""
        for held in [held for held in self.held if held.owner is owner]:
            reached = self._reached(held)
            if reached:
                self.leave(held, held.volume, reached)

    @staticmethod
    def _reached(held: Held) -> str:
        if not held.quote.is_open:
            return ""
        price, way = held.quote.at(held.direction), held.direction
        if held.sl and (price - held.sl) * way <= 0:
            return "sl"
        return "tp" if held.tp and (price - held.tp) * way >= 0 else ""

    def stop_out(self) -> None:
        """Close what has lost the most, until there is margin enough again."""
        while True:
            margin = self.margin()
            trading = [held for held in self.held if held.quote.is_open]
            if not trading or not margin or 100 * self.equity() / margin >= _STOP_OUT:
                return
            worst = min(trading, key=self.profit)
            self.leave(worst, worst.volume, "so")

    def roll_over(self) -> None:
        """Pay swap if the server's midnight has passed: three times in the night from Wednesday to Thursday."""
        day = self.server.now_msc // DAY_MS
        began, self._day = self._day, day
        for ended in range(began, day) if began >= 0 else ():
            for held in self.held:
                nights = 1 if held.quote.symbol.hours == "always" else _NIGHTS[(ended + _THURSDAY) % 7]
                held.swap = round(held.swap + nights * self._night(held), self.digits) + 0.0

    def _night(self, held: Held) -> float:
        symbol = held.quote.symbol
        percent = symbol.swap_long if held.direction > 0 else symbol.swap_short
        worth = held.volume * symbol.contract_size * held.price_open * self.server.rate(symbol.quote, self.currency)
        return worth * percent * _NIGHT

    def pay(self, kind: str, amount: float, comment: str) -> None:
        """Pay money in, or out (below zero): `balance`, or `credit` that the broker lends."""
        self._deals += 1
        if kind == "credit":
            self.credit = round(self.credit + amount, self.digits)
        else:
            self.balance = round(self.balance + amount, self.digits)
        deal = Deal(ticket=self._deals, time_msc=self.server.now_msc, type=kind, profit=amount, comment=comment)
        self._untold.append(DealReport(server=self.server.name, login=self.login, deal=deal))

    def _order(self) -> int:
        self._orders += 1
        return self._orders

    def _book(
        self,
        held: Held,
        entry: str,
        direction: int,
        volume: float,
        price: float,
        profit: float,
        reason: str,
        *,
        order: int,
        swap: float = 0.0,
    ) -> None:
        """Book a deal. One that the expert did not make, and no stop of its, bears no magic and is nobody's."""
        owner = held.owner if reason in ("expert", "sl", "tp") else None
        commission = 0.0
        if entry != "out by":
            in_usd = -held.quote.symbol.commission * volume
            commission = round(in_usd * self.server.rate("USD", self.currency), self.digits) + 0.0
        self._deals += 1
        deal = Deal(
            ticket=self._deals,
            order=order,
            time_msc=self.server.now_msc,
            type=_SIDES[direction],
            entry=entry,
            magic=owner.expert.magic if owner else 0,
            position_id=held.identifier,
            reason=reason,
            volume=volume,
            price=price,
            commission=commission,
            swap=swap,
            profit=profit,
            symbol=held.quote.symbol.name,
            comment=owner.comment if owner and reason == "expert" else "",
        )
        self.balance = round(self.balance + profit + commission + swap, self.digits)
        if owner is None:
            self._untold.append(DealReport(server=self.server.name, login=self.login, deal=deal))
        else:
            self._untold.append(DealReport(expert=owner.expert, ea_id=owner.ea_id, deal=deal))

    # ------------------------------------------------------------------------------------------------------- figures

    def position(self, symbol: str) -> Held | None:
        """Give the position of a symbol, on a netting account."""
        return next((held for held in self.held if held.quote.symbol.name == symbol), None)

    def profit(self, held: Held, price: float | None = None, volume: float | None = None) -> float:
        """Give the result of a position: move of the price x contract size x lots, in the account's currency."""
        symbol = held.quote.symbol
        move = ((held.quote.at(held.direction) if price is None else price) - held.price_open) * held.direction
        lots = held.volume if volume is None else volume
        rate = self.server.rate(symbol.quote, self.currency)
        return round(move * symbol.contract_size * lots * rate, self.digits) + 0.0

    def _margin(self, quote: Quote, volume: float, price: float) -> float:
        """Give the margin of a volume: in the base currency for forex, else by the price at which it was opened."""
        symbol = quote.symbol
        if symbol.is_forex:
            worth = volume * symbol.contract_size * self.server.rate(symbol.base, self.currency)
        else:
            worth = volume * symbol.contract_size * price * self.server.rate(symbol.quote, self.currency)
        return worth / self.leverage

    def margin(self) -> float:
        """Sum the margin of all positions; hedged ones pay in full."""
        return round(sum(self._margin(held.quote, held.volume, held.price_open) for held in self.held), self.digits)

    def floating(self) -> float:
        """Sum the open results, swap included."""
        return round(sum(self.profit(held) + held.swap for held in self.held), self.digits) + 0.0

    def equity(self) -> float:
        """Give balance and credit with the open results."""
        return round(self.balance + self.credit + self.floating(), self.digits)

    def margin_free(self) -> float:
        """Give what is left for new positions."""
        return round(self.equity() - self.margin(), self.digits)

    def lots(self, symbol: str, times: float) -> float:
        """Give the volume of a symbol whose value is so many times the balance."""
        quote = self.server.quotes[symbol]
        one = quote.symbol.contract_size * quote.bid * self.server.rate(quote.symbol.quote, self.currency)
        return max(LOT_STEP, round(self.balance * times / one, 2))

    # ------------------------------------------------------------------------------------------ what its terminal says

    def tell_deals(self) -> Iterator[DealReport]:
        """Give the deals that its terminal has not told yet: it knows of them only while it is connected."""
        if self.connected and not self.down:
            told, self._untold = self._untold, []
            yield from told

    def lose_connection(self) -> None:
        """Let the terminal go on with what it saw last."""
        self._seen = (self.report(), self.positions_report())
        self.connected = False

    def connect(self) -> None:
        """Let the terminal see everything again."""
        self.connected, self._seen = True, None

    def terminal(self) -> Terminal:
        """Say how the terminal is."""
        return Terminal(
            id=f"{self.login}-1",
            name=f"{self.server.broker.company} MetaTrader 5",
            build=_BUILD,
            connected=self.connected,
            trade_allowed=self.trade_allowed,
            ping_ms=18.0 + self.login % 40 if self.connected else None,
            time_msc=self.server.now_msc,
            time_gmt_msc=self.server.utc_ms,
        )

    def report(self) -> Account:
        """Say what its terminal would of the account."""
        floating, margin = self.floating(), self.margin()
        balance, credit = self.balance, self.credit
        if self._seen is not None:
            last = self._seen[0]
            balance, credit, floating, margin = last.balance, last.credit, last.profit, last.margin
        equity = round(balance + credit + floating, self.digits)
        return Account(
            server=self.server.name,
            login=self.login,
            name=f"Demo {self.login % 1000}",
            company=self.server.broker.company,
            currency=self.currency,
            leverage=self.leverage,
            balance=balance,
            credit=credit,
            profit=floating,
            equity=equity,
            margin=margin,
            margin_free=round(equity - margin, self.digits),
            margin_level=round(100 * equity / margin, 2) if margin else None,
            margin_so_call=_MARGIN_CALL,
            margin_so_so=_STOP_OUT,
            terminal=self.terminal(),
        )

    def positions_report(self) -> AccountPositions:
        """Say everything that is open."""
        if self._seen is not None:
            return self._seen[1]
        return AccountPositions(
            server=self.server.name, login=self.login, positions=tuple(self.say(held) for held in self.held)
        )

    def positions_of(self, owner: Owner) -> tuple[Position, ...]:
        """Say what an owner has open, as far as the terminal knows."""
        if self._seen is None:
            return tuple(self.say(held) for held in self.held if held.owner is owner)
        magic = owner.expert.magic
        return tuple(position for position in self._seen[1].positions if position.magic == magic)

    def say(self, held: Held) -> Position:
        """Say one position."""
        return Position(
            ticket=held.ticket,
            time_msc=held.time_msc,
            type=_SIDES[held.direction],
            magic=held.owner.expert.magic if held.owner else 0,
            identifier=held.identifier,
            reason=held.reason,
            volume=held.volume,
            price_open=held.price_open,
            price_current=held.quote.at(held.direction),
            sl=held.sl,
            tp=held.tp,
            swap=held.swap,
            profit=self.profit(held),
            symbol=held.quote.symbol.name,
            comment=held.owner.comment if held.owner else "",
        )
