"""What is known of symbols: prices, contract sizes, sessions; and the rates between currencies that follow."""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct, structs

from fleetwire.fleet.broker_time import BrokerClock
from fleetwire.fleet.events import PriceReport, Session
from fleetwire.wire.errors import DataError
from fleetwire.wire.moment import Moment, read_utc
from fleetwire.wire.rows import PriceRow

_SYMBOLS_MAX: Final = 20_000
_SECONDS_A_DAY: Final = 86_400
_EPOCHS_DAY: Final = 4  # the first of January 1970 was a Thursday; Sunday is 0
_PIVOT: Final = "USD"
_CURRENCY_LETTERS: Final = 3


class Quote(Struct):
    """The last price of a symbol and what it is; `as_of` is when it was received, in UTC."""

    report: PriceReport
    as_of: str


class Market:
    """All symbols of all trade servers."""

    def __init__(self) -> None:
        self.quotes: dict[tuple[str, str], Quote] = {}
        self._rates: dict[tuple[str, str], float] = {}  # from the first to the second currency, by a mid price

    def take(self, report: PriceReport, at: Moment) -> bool:
        """Put a price in the place of the last one; what it leaves out of the symbol stays.

        Returns:
            Whether the symbol became another one: its size, its currencies, or when it trades.

        Raises:
            DataError: the price is none, or there are too many symbols already.
        """
        place = (report.server, report.symbol)
        if report.ask and report.bid > report.ask:
            raise DataError(f"price of {report.symbol}: bid {report.bid:g} is above ask {report.ask:g}")
        before = self.quotes.get(place)
        if before is None:
            if len(self.quotes) >= _SYMBOLS_MAX:
                raise DataError(f"there are {_SYMBOLS_MAX:,} symbols already: no more are taken")
            self.quotes[place] = Quote(report, at.utc)
        else:
            known = before.report
            kept: dict[str, Any] = {}
            if report.digits is None:
                kept["digits"] = known.digits
            if report.sessions is None:
                kept["sessions"] = known.sessions
            for name in ("contract_size", "currency_base", "currency_profit"):
                kept[name] = getattr(report, name) or getattr(known, name)
            report = structs.replace(report, **kept)
            before.report, before.as_of = report, at.utc
        self._note_rate(report)
        return before is None or _nature(known) != _nature(report)

    def _note_rate(self, report: PriceReport) -> None:
        base, profit = report.currency_base, report.currency_profit
        is_pair = base != profit and report.symbol.upper().startswith(base + profit)
        if is_pair and len(base) == len(profit) == _CURRENCY_LETTERS and report.bid > 0 and report.ask > 0:
            self._rates[base, profit] = (report.bid + report.ask) / 2

    def symbol(self, server: str, name: str) -> PriceReport | None:
        """Give what is known of a symbol."""
        quote = self.quotes.get((server, name))
        return quote.report if quote is not None else None

    def rate(self, source: str, target: str) -> float | None:
        """Give what one unit of a currency is in another, by a price or over the dollar; None if unknown."""
        if source == target:
            return 1.0
        direct = self._pair(source, target)
        if direct is not None:
            return direct
        first, second = self._pair(source, _PIVOT), self._pair(_PIVOT, target)
        return first * second if first is not None and second is not None else None

    def _pair(self, source: str, target: str) -> float | None:
        rate = self._rates.get((source, target))
        if rate is not None:
            return rate
        inverse = self._rates.get((target, source))
        return 1 / inverse if inverse else None

    def is_open(self, server: str, name: str, server_msc: int | None) -> bool | None:
        """Tell whether a symbol trades at a time of its server; None where its sessions or the time are not known."""
        report = self.symbol(server, name)
        if report is None or report.sessions is None or server_msc is None:
            return None
        days, second = divmod(server_msc // 1000, _SECONDS_A_DAY)
        day = (days + _EPOCHS_DAY) % 7
        return any(_holds(session, day, second) for session in report.sessions)

    def rows(self, clocks: dict[str, BrokerClock], symbol: str | None, utc_ms: int) -> Iterator[PriceRow]:
        """List the prices.

        Args:
            clocks: by server, as far as known.
            symbol: of all servers; None for all.
            utc_ms: now.
        """
        for server, name in self.quotes:
            if symbol is None or symbol == name:
                yield self.row(server, name, clocks.get(server), utc_ms)

    def row(self, server: str, name: str, clock: BrokerClock | None, utc_ms: int) -> PriceRow:
        """Write the price of a symbol that is known.

        Args:
            server: whose symbol it is.
            name: of the symbol.
            clock: the server's, if known.
            utc_ms: now.
        """
        quote = self.quotes[server, name]
        is_open = self.is_open(server, name, clock.server_msc(utc_ms) if clock is not None else None)
        return PriceRow(
            server=server,
            symbol=name,
            bid=quote.report.bid,
            ask=quote.report.ask,
            market=None if is_open is None else "open" if is_open else "closed",
            time_msc=quote.report.time_msc,
            as_of=quote.as_of,
        )

    # ------------------------------------------------------------------------------------------------------- memory

    def memory(self) -> list[Quote]:
        """Give what a restart needs."""
        return list(self.quotes.values())

    def restore(self, quotes: list[Quote], at: Moment) -> None:
        """Take what was known before a restart."""
        for quote in quotes:
            self.take(quote.report, Moment(at.now, read_utc(quote.as_of), quote.as_of))


def _holds(session: Session, day: int, second: int) -> bool:
    """Tell whether a time of the week is inside a session; one that ends before it begins goes on past midnight."""
    if session.from_s <= session.to_s:
        return session.day == day and session.from_s <= second < session.to_s
    is_next = (session.day + 1) % 7 == day
    return (session.day == day and second >= session.from_s) or (is_next and second < session.to_s)


def _nature(report: PriceReport) -> tuple[object, ...]:
    return report.contract_size, report.currency_base, report.currency_profit, report.sessions
