"""The simulated market: prices walk at random while somebody trades them; each trade server shows its own quotes."""

from math import exp, pi, sin, sqrt
from random import Random
from typing import Final

from msgspec import Struct

from fleetwire.fleet.events import PriceReport, Session
from fleetwire.sources.simulator.brokers import ALWAYS, Broker, Hours, daily_hours, week_hours

_TREND_S: Final = 1200.0  # how long a trend lasts on average
_TREND_PART: Final = 0.03  # what a trend adds in a second, in standard deviations of a second
_WAVE_S: Final = 7200.0
_WAVE_HEIGHT: Final = 0.05
_SESSIONS_TOLD_EVERY: Final = 60  # prices: what does not change is told again from time to time


class Symbol(Struct, frozen=True):
    """What a symbol is.

    Args:
        name: MetaTrader's.
        start: its first price.
        digits: of a price.
        contract_size: units in one lot.
        base: what is bought.
        quote: the currency of prices and profits.
        unrest: the standard deviation of the price's relative change in one second.
        spread: as a part of the price.
        hours: `week`, `daily` or `always`.
        commission: in USD for one lot and one deal.
        swap_long: a year's interest on what was bought, in percent.
        swap_short: the same for what was sold.
    """

    name: str
    start: float
    digits: int
    contract_size: float
    base: str
    quote: str
    unrest: float
    spread: float
    hours: str
    commission: float
    swap_long: float
    swap_short: float

    @property
    def is_forex(self) -> bool:
        """Whether its margin is counted in the base currency."""
        return self.hours == "week"


SYMBOLS: Final = (
    Symbol("EURUSD", 1.08542, 5, 100_000, "EUR", "USD", 1.4e-5, 2e-5, "week", 2.0, -2.4, 1.1),
    Symbol("XAUUSD", 2648.30, 2, 100, "XAU", "USD", 2.4e-5, 6e-5, "daily", 3.5, -4.6, 2.2),
    Symbol("GBPUSD", 1.27118, 5, 100_000, "GBP", "USD", 1.5e-5, 3e-5, "week", 2.0, -1.1, -0.9),
    Symbol("US500", 5921.5, 1, 10, "USD", "USD", 2.2e-5, 7e-5, "daily", 0.0, -6.1, -1.5),
    Symbol("USDJPY", 155.214, 3, 100_000, "USD", "JPY", 1.6e-5, 3e-5, "week", 2.0, 3.2, -6.4),
    Symbol("GER40", 19_262.0, 1, 5, "EUR", "EUR", 2.4e-5, 5e-5, "daily", 0.0, -5.0, -1.2),
    Symbol("EURJPY", 168.474, 3, 100_000, "EUR", "JPY", 0.0, 4e-5, "week", 2.0, 2.1, -5.0),
    Symbol("BTCUSD", 94_380.0, 1, 1, "BTC", "USD", 6.0e-5, 9e-5, "always", 0.0, -20.0, -5.0),
)
"""What the experts trade. The price of EURJPY follows from those of EURUSD and USDJPY."""
WAVE: Final = Symbol("WAVE100", 10_000.0, 1, 1, "USD", "USD", 0.0, 5e-5, "always", 0.0, -3.0, -3.0)
"""A synthetic index that swings to and fro, so that whoever bets too much on it is seen to fall, and to recover."""


class Market:
    """The prices behind all quotes.

    Args:
        random: decides.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._walking = [symbol for symbol in SYMBOLS if symbol.unrest]
        self.prices = {symbol.name: symbol.start for symbol in (*SYMBOLS, WAVE)}
        self.trends = {symbol.name: 0 for symbol in (*SYMBOLS, WAVE)}  # 1 up, -1 down
        self._age_s = 0.0
        self.tick = 0

    def walk(self, seconds: float, trading: set[str]) -> None:
        """Let the prices of what trades somewhere go on for some seconds of their lives."""
        self.tick += 1
        self._age_s += seconds
        root, turn = sqrt(seconds), min(1.0, seconds / _TREND_S)
        random, prices, trends = self._random, self.prices, self.trends
        for symbol in self._walking:
            if symbol.name in trading:
                if random.random() < turn:
                    trends[symbol.name] = random.choice((-1, 1))
                drift = trends[symbol.name] * _TREND_PART * seconds
                prices[symbol.name] *= 1 + symbol.unrest * (drift + random.gauss(0.0, root))
        prices["EURJPY"] = prices["EURUSD"] * prices["USDJPY"]
        trends["EURJPY"] = trends["EURUSD"] or trends["USDJPY"]
        phase = 2 * pi * (self._age_s / _WAVE_S)
        prices[WAVE.name] = WAVE.start * exp(_WAVE_HEIGHT * sin(phase) + random.gauss(0.0, _WAVE_HEIGHT / 100))


class Quote(Struct):
    """What one trade server shows of one symbol.

    Args:
        symbol: what it is.
        hours: when it trades there.
        sessions: the same, as MetaTrader tells it.
    """

    symbol: Symbol
    hours: Hours
    sessions: tuple[Session, ...]
    bid: float = 0.0
    ask: float = 0.0
    time_msc: int = 0
    is_open: bool = False
    settled_until_msc: int = -1  # `is_open` holds until then

    def at(self, direction: int) -> float:
        """Give the price at which a position of a direction (1 bought, -1 sold) would be closed."""
        return self.bid if direction > 0 else self.ask


class TradeServer:
    """A trade server: its clock, its quotes, and what one currency is worth in another by them.

    Args:
        broker: its rules of time.
        market: behind its quotes.
        never_closes: everything trades all week.
    """

    def __init__(self, broker: Broker, market: Market, never_closes: bool) -> None:
        self.broker = broker
        self.name = broker.name
        self._market = market
        hours = {"week": week_hours(broker.close_h), "daily": daily_hours(broker.close_h), "always": ALWAYS}
        self.quotes: dict[str, Quote] = {}
        for symbol in (*SYMBOLS, WAVE):
            of_symbol = ALWAYS if never_closes else hours[symbol.hours]
            self.quotes[symbol.name] = Quote(symbol, of_symbol, of_symbol.sessions())
        self.utc_ms = self.now_msc = 0
        self._usd: dict[str, float] = {}  # what one of a currency is worth in USD
        self._told = 0

    def move_to(self, utc_ms: int) -> None:
        """Set the clock."""
        before, self.utc_ms, self.now_msc = self.now_msc, utc_ms, self.broker.clock(utc_ms)
        for quote in self.quotes.values():
            if not before <= self.now_msc < quote.settled_until_msc:
                quote.is_open = quote.hours.are_open(self.now_msc)
                quote.settled_until_msc = self.now_msc + quote.hours.until_change_ms(self.now_msc)

    def was_open(self, symbol: str, server_msc: int) -> bool:
        """Tell whether a symbol trades at another time."""
        return self.quotes[symbol].hours.are_open(server_msc)

    def refresh(self) -> None:
        """Take the market's prices over for what trades now."""
        prices = self._market.prices
        for name, quote in self.quotes.items():
            if quote.is_open or not quote.bid:
                symbol, price = quote.symbol, prices[name]
                half = price * symbol.spread / 2
                quote.bid, quote.ask = round(price - half, symbol.digits), round(price + half, symbol.digits)
                quote.time_msc = self.now_msc
        bid = {name: self.quotes[name].bid for name in ("EURUSD", "GBPUSD", "USDJPY")}
        self._usd = {
            "USD": 1.0,
            "EUR": bid["EURUSD"],
            "GBP": bid["GBPUSD"],
            "JPY": 1 / bid["USDJPY"],
        }

    def rate(self, currency: str, into: str) -> float:
        """What one of a currency is worth in another, over USD, by the bids shown here."""
        return 1.0 if currency == into else self._usd[currency] / self._usd[into]

    def reports(self) -> list[PriceReport]:
        """Say what the quotes are: of what trades; and of everything, with its sessions, from time to time."""
        everything = self._told % _SESSIONS_TOLD_EVERY == 0
        self._told += 1
        return [
            PriceReport(
                server=self.name,
                symbol=name,
                bid=quote.bid,
                ask=quote.ask,
                time_msc=quote.time_msc,
                digits=quote.symbol.digits,
                contract_size=quote.symbol.contract_size,
                currency_base=quote.symbol.base,
                currency_profit=quote.symbol.quote,
                sessions=quote.sessions if everything else None,
            )
            for name, quote in self.quotes.items()
            if everything or quote.is_open
        ]
