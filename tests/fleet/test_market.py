"""The market: what is known of symbols, when they trade, and the rates that follow."""

from typing import Any

import pytest

from fleetwire.fleet.broker_time import BrokerClock, ServerTime
from fleetwire.fleet.events import PriceReport, Session
from fleetwire.fleet.market import Market
from fleetwire.wire.errors import DataError
from tests.fleet.support import NOW_MS, UTC, at


def price(symbol: str, bid: float, ask: float | None = None, **fields: Any) -> PriceReport:
    return PriceReport(server="Demo", symbol=symbol, bid=bid, ask=bid if ask is None else ask, **fields)


def pair(symbol: str, mid: float) -> PriceReport:
    return price(symbol, mid, currency_base=symbol[:3], currency_profit=symbol[3:6], contract_size=100_000.0)


def test_what_a_price_leaves_out_of_the_symbol_stays() -> None:
    market = Market()
    week = (Session(1, 0, 86_400),)
    first = price(
        "EURUSD", 1.08, digits=5, contract_size=100_000.0, currency_base="EUR", currency_profit="USD", sessions=week
    )
    assert market.take(first, at())
    assert not market.take(price("EURUSD", 1.09), at(1))
    known = market.symbol("Demo", "EURUSD")
    assert known is not None
    assert (known.bid, known.digits, known.contract_size, known.sessions) == (1.09, 5, 100_000.0, week)
    assert market.take(price("EURUSD", 1.09, contract_size=10_000.0), at(2)), "it became another symbol"


def test_a_bid_above_the_ask_is_refused() -> None:
    with pytest.raises(DataError, match=r"bid 1.1 is above ask 1.0"):
        Market().take(price("EURUSD", 1.1, 1.05), at())


def test_rates_follow_from_pairs_their_inverses_and_the_dollar() -> None:
    market = Market()
    for report in (pair("EURUSD", 1.25), pair("USDJPY", 150.0), pair("GBPUSD.r", 1.5)):
        market.take(report, at())
    assert market.rate("EUR", "USD") == 1.25
    assert market.rate("USD", "EUR") == 0.8
    assert market.rate("EUR", "JPY") == pytest.approx(187.5)
    assert market.rate("JPY", "GBP") == pytest.approx(1 / 225)
    assert market.rate("CHF", "USD") is None
    assert market.rate("CHF", "CHF") == 1.0


def test_a_price_that_is_no_rate_makes_none() -> None:
    market = Market()
    market.take(price("EURUSD", 0.0, currency_base="EUR", currency_profit="USD"), at())
    market.take(price("XEURUSD", 1.0, currency_base="EUR", currency_profit="USD"), at())
    assert market.rate("EUR", "USD") is None


def test_a_symbol_trades_in_its_sessions_on_the_servers_clock() -> None:
    market = Market()
    market.take(price("US500", 5000.0, sessions=(Session(1, 3600, 7200), Session(0, 0, 60))), at())
    monday_msc = 1_795_392_000_000  # 2026-11-23 0:00 on the server's clock
    for second, is_open in ((3599, False), (3600, True), (7199, True), (7200, False), (-86_400, True), (86_400, False)):
        assert market.is_open("Demo", "US500", monday_msc + second * 1000) is is_open
    assert market.is_open("Demo", "US500", None) is None
    market.take(price("EURUSD", 1.0), at())
    assert market.is_open("Demo", "EURUSD", monday_msc) is None


def test_prices_are_listed_with_whether_they_trade() -> None:
    market = Market()
    market.take(price("US500", 5000.0, sessions=()), at())
    market.take(price("EURUSD", 1.0), at())
    rows = list(market.rows({"Demo": BrokerClock(ServerTime(7200))}, None, NOW_MS))
    assert [(row.symbol, row.market, row.as_of) for row in rows] == [("US500", "closed", UTC), ("EURUSD", None, UTC)]
    assert [row.symbol for row in market.rows({}, "EURUSD", NOW_MS)] == ["EURUSD"]


def test_a_restart_knows_the_symbols() -> None:
    market = Market()
    market.take(pair("EURUSD", 1.25), at())
    anew = Market()
    anew.restore(market.memory(), at(100))
    assert anew.quotes == market.quotes
    assert anew.rate("EUR", "USD") == 1.25


def test_a_session_may_go_on_past_midnight_and_one_that_ends_at_it_goes_on_in_the_next() -> None:
    market = Market()
    sunday_msc = 1_795_392_000_000 - 86_400_000
    past = tuple(Session(day, 79_200, 3600) for day in (0, 6))
    around = (Session(1, 3600, 86_400), Session(2, 0, 86_400), Session(6, 0, 0))
    market.take(price("PAST", 1.0, sessions=past), at())
    market.take(price("AROUND", 1.0, sessions=around), at())

    def open_at(symbol: str, day: int, second: int) -> bool | None:
        return market.is_open("Demo", symbol, sunday_msc + (day * 86_400 + second) * 1000)

    assert [open_at("PAST", 0, second) for second in (0, 3599, 3600, 79_199, 79_200, 86_399)] == [
        True,  # of Saturday's
        True,
        False,
        False,
        True,
        True,
    ]
    assert (open_at("PAST", 1, 3599), open_at("PAST", 1, 3600), open_at("PAST", 6, 3599)) == (True, False, False)
    assert [open_at("AROUND", 1, second) for second in (3599, 3600, 86_399)] == [False, True, True]
    assert [open_at("AROUND", day, second) for day, second in ((2, 0), (2, 86_399), (3, 0), (6, 0))] == [
        True,
        True,
        False,
        False,
    ]
