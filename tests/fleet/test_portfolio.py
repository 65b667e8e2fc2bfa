"""The portfolio is the sum of the rows, and never across currencies."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.changes import ExpertChanged
from fleetwire.fleet.events import AccountPositions, DealReport, ExpertId, ExpertReport, PriceReport
from fleetwire.fleet.portfolio import Portfolio, exposure_of
from fleetwire.fleet.rows import expert_row
from fleetwire.fleet.state import Fleet
from tests.fleet.support import (
    DAY_MS,
    LONDON,
    NOW_MS,
    account,
    at,
    deal,
    fleet_of,
    portfolio_of,
    position,
    report,
    tell,
    traded,
)


def expert(number: int, login: int, *profits: float, symbol: str = "EURUSD", side: str = "buy") -> ExpertReport:
    held = (position(100 * number + t, profit, symbol=symbol, type=side) for t, profit in enumerate(profits, 1))
    return report(ExpertId("Broker-Demo", login, number, symbol, "Grid"), *held, ea_id=number)


def listed(portfolio: Portfolio) -> dict[str, Any]:
    """The row as a reader has it."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(portfolio.row()))
    return found


money = st.integers(-10_000_000, 10_000_000).map(lambda cents: cents / 100)


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.lists(money, max_size=4)), max_size=12))
def test_the_total_is_the_sum_of_the_rows(experts: list[tuple[int, list[float]]]) -> None:
    fleet = fleet_of(account(1), account(2), *(expert(n, login, *p) for n, (login, p) in enumerate(experts, 1)))
    rows = [expert_row(fleet, each, at()) for each in fleet.experts.values()]
    total = portfolio_of(fleet).row()
    assert total.total_profit is not None
    assert math.isclose(total.total_profit, math.fsum(row.current_profit for row in rows), abs_tol=0.005)
    assert total.total_positions == sum(row.open_positions for row in rows)
    assert total.active_eas == total.total_eas == len(rows)
    assert total.links["fresh"] == len(rows)


def test_the_first_fields_are_those_that_everybody_looks_for() -> None:
    assert list(listed(portfolio_of(fleet_of(account(1)))))[:3] == ["total_profit", "active_eas", "drawdown_pct"]


def test_two_currencies_are_never_added() -> None:
    fleet = fleet_of(account(1, "USD"), account(2, "JPY", 100_000), expert(1, 1, 10.0), expert(2, 2, 500.0))
    row = listed(portfolio_of(fleet))
    assert not {"total_profit", "equity", "converted"} & set(row)
    assert {name: sums["total_profit"] for name, sums in row["by_currency"].items()} == {"USD": 10.0, "JPY": 500.0}
    assert row["breakdown"]["symbol"]["EURUSD"]["profit"] == {"USD": 10.0, "JPY": 500.0}


def test_all_money_is_given_in_one_currency_where_the_rates_are_known() -> None:
    fleet = fleet_of(account(1, "USD", 1000), account(2, "EUR", 800), expert(1, 1, 25.0), expert(2, 2, 10.0))
    assert portfolio_of(fleet, "USD").row().converted is None, "no rate, no sum"
    rate = PriceReport(
        server="Broker-Demo", symbol="EURUSD", bid=1.25, ask=1.25, currency_base="EUR", currency_profit="USD"
    )
    tell(fleet, rate)
    converted = portfolio_of(fleet, "USD").row().converted
    assert converted is not None
    assert (converted.currency, converted.equity, converted.total_profit) == ("USD", 2000.0, 37.5)


def test_the_drawdown_is_measured_from_the_peak_of_the_equity() -> None:
    fleet = fleet_of(account(1))
    portfolio = portfolio_of(fleet)
    seen = []
    for equity in (1000.0, 1250.0, 1000.0):
        tell(fleet, account(1, equity=equity, balance=1000.0))
        row = portfolio.row()
        seen.append((row.peak_equity, row.drawdown_pct))
    assert seen == [(1000.0, 0.0), (1250.0, 0.0), (1250.0, 20.0)]


def test_the_margin_level_is_left_out_while_no_margin_is_used() -> None:
    fleet = fleet_of(account(1))
    portfolio = portfolio_of(fleet)
    assert "margin_level" not in listed(portfolio)
    tell(fleet, account(1, margin=500.0))
    assert listed(portfolio)["margin_level"] == 200.0


def test_exposure_is_what_was_bought_less_what_was_sold_in_lots_and_in_money() -> None:
    fleet = fleet_of(account(1), expert(1, 1, 1.0, 1.0, 1.0), expert(2, 1, 1.0, side="sell"))
    assert portfolio_of(fleet).row().exposure_by_symbol == {"EURUSD": 0.2}
    assert portfolio_of(fleet).row().exposure_by_currency == {}, "nobody has said what a lot is"
    symbol = {"contract_size": 100_000.0, "currency_base": "EUR", "currency_profit": "USD"}
    tell(fleet, PriceReport(server="Broker-Demo", symbol="EURUSD", bid=1.08, ask=1.08, **symbol))
    assert portfolio_of(fleet).row().exposure_by_currency == {"EUR": 20_000.0, "USD": -21_600.0}


def test_what_the_positions_add_to_each_currency_is_what_the_portfolio_holds() -> None:
    fleet = fleet_of(account(1), expert(1, 1, 1.0, 1.0, 1.0), expert(2, 1, 1.0, side="sell"))
    positions = [position for one in fleet.experts.values() for position in one.positions.values()]
    assert exposure_of("Broker-Demo", positions[0], fleet.market) is None, "nobody has said what a lot is"
    symbol = {"contract_size": 100_000.0, "currency_base": "EUR", "currency_profit": "USD"}
    tell(fleet, PriceReport(server="Broker-Demo", symbol="EURUSD", bid=1.08, ask=1.08, **symbol))
    each = [exposure_of("Broker-Demo", position, fleet.market) or {} for position in positions]
    assert each[-1] == {"EUR": -10_000.0, "USD": 10_800.0}
    total = {currency: sum(one[currency] for one in each) for currency in ("EUR", "USD")}
    assert total == portfolio_of(fleet).row().exposure_by_currency


def test_positions_that_no_expert_owns_are_exposure_too_and_told_apart() -> None:
    fleet = fleet_of(account(1), expert(1, 1, 5.0))
    held = (*fleet.experts[1].positions.values(), position(9, 7.0, symbol="XAUUSD", magic=0))
    kept = portfolio_of(fleet)
    kept.row()
    own = tuple(each for each in held if each.ticket == 101)
    tell(fleet, traded(1, expert=fleet.experts[1].expert, type="buy", entry="in", position_id=101))
    tell(fleet, AccountPositions(server="Broker-Demo", login=1, positions=(*own, held[-1])))
    row = listed(kept)
    assert row["exposure_by_symbol"] == {"EURUSD": 0.1, "XAUUSD": 0.1}
    assert (row["total_profit"], row["total_positions"]) == (5.0, 1)
    assert row["manual"] == {"positions": 1, "profit": {"USD": 7.0}}
    tell(fleet, AccountPositions(server="Broker-Demo", login=1, positions=own))
    assert listed(kept)["exposure_by_symbol"] == {"EURUSD": 0.1}
    assert "manual" not in listed(kept)


def test_an_empty_fleet_has_a_portfolio_too() -> None:
    row = Portfolio(Fleet()).row()
    assert (row.active_eas, row.total_eas, row.by_currency) == (0, 0, {})


@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.sampled_from([1, 2]), st.lists(money, max_size=3), st.sampled_from("ab")),
        max_size=20,
    )
)
def test_sums_that_are_kept_are_those_that_are_worked_out_anew(
    reports: list[tuple[int, int, list[float], str]],
) -> None:
    """Whatever the experts did in between: positions opened and closed, strategies renamed, on two accounts."""
    fleet = fleet_of(account(1), account(2, "JPY"))
    kept = Portfolio(fleet)
    for number, login, profits, tag in reports:
        told = msgspec.structs.replace(expert(number, login, *profits), strategy_tag=tag)
        for change in fleet.apply(told, at()):
            if isinstance(change, ExpertChanged):
                kept.changed(change.expert)
    kept_row, anew = listed(kept), listed(portfolio_of(fleet))
    for row in (kept_row, anew):
        row["breakdown"] = {name: sorted(groups.items()) for name, groups in row["breakdown"].items()}
    assert kept_row == anew


# ----------------------------------------------------------------------------------------- who joins is no gain or loss


def paid(ticket: int, amount: float, login: int = 1, **fields: Any) -> DealReport:
    known = {"type": "balance", "entry": "", "volume": 0.0, "symbol": "", **fields}
    return DealReport(server="Broker-Demo", login=login, deal=deal(ticket, amount, **known))


def by_hand(ticket: int, profit: float, login: int = 1, **fields: Any) -> DealReport:
    return DealReport(server="Broker-Demo", login=login, deal=deal(ticket, profit, **fields))


@pytest.mark.parametrize("earned", [10_000.0, -10_000.0])
@pytest.mark.parametrize("history_first", [True, False])
def test_an_account_that_joins_later_with_a_history_is_no_gain_and_no_loss(earned: float, history_first: bool) -> None:
    fleet = fleet_of(account(1))
    portfolio = portfolio_of(fleet)
    assert portfolio.row().peak_equity == 1000.0
    joins, history = account(2, equity=20_000.0), by_hand(1, earned, 2, time_msc=NOW_MS - 5 * DAY_MS)
    for fact in (history, joins) if history_first else (joins, history):
        tell(fleet, fact, when=at(1))
        portfolio.row()
    tell(fleet, account(2, equity=20_000.0), when=at(2))
    row = portfolio.row()
    assert (row.equity, row.peak_equity, row.drawdown_pct) == (21_000.0, 21_000.0, 0.0)
    tell(fleet, account(2, equity=18_950.0, balance=20_000.0), when=at(3))
    row = portfolio.row()
    assert (row.peak_equity, row.drawdown_pct) == (21_000.0, 5.0)


def test_a_deposit_on_its_way_is_no_fall_in_any_currency() -> None:
    fleet = fleet_of(account(1, balance=1000.0), account(1, balance=1000.0))
    portfolio = portfolio_of(fleet, "USD")
    portfolio.row()
    tell(fleet, paid(1, 1000.0), when=at(1))
    row = portfolio.row()
    assert row.converted is not None
    assert (row.equity, row.peak_equity, row.drawdown_pct) == (1000.0, 1000.0, 0.0)
    assert (row.converted.drawdown_pct, row.converted.daily_result) == (0.0, 0.0)


def test_where_the_currency_of_some_experts_is_not_known_no_sum_pretends_to_be_of_all() -> None:
    fleet = fleet_of(account(1), expert(1, 1, 10.0), expert(2, 2, 500.0))
    row = listed(portfolio_of(fleet))
    assert "total_profit" not in row
    assert row["by_currency"]["USD"]["total_profit"] == 10.0
    portfolio = portfolio_of(fleet)
    for change in tell(fleet, account(2)):
        if isinstance(change, ExpertChanged):
            portfolio.changed(change.expert)
    assert listed(portfolio)["total_profit"] == 510.0


def test_volumes_of_crypto_are_not_rounded_away() -> None:
    fleet = fleet_of(account(1), report(LONDON, position(1, symbol="BTCUSD", volume=0.00003)))
    assert portfolio_of(fleet).row().exposure_by_symbol == {"BTCUSD": 0.00003}


@pytest.mark.parametrize(
    ("symbol", "size", "base", "profit", "price", "exposure"),
    [
        ("USDJPY", 100_000.0, "USD", "JPY", 150.0, {"USD": 10_000.0, "JPY": -1_500_000.0}),
        ("XAUUSD", 100.0, "XAU", "USD", 2000.0, {"XAU": 10.0, "USD": -20_000.0}),
        ("US500", 10.0, "USD", "USD", 5000.0, {"USD": 5000.0}),
        ("GER40", 1.0, "EUR", "EUR", 20_000.0, {"EUR": 2000.0}),
        ("BTCUSD", 1.0, "BTC", "USD", 90_000.0, {"BTC": 0.1, "USD": -9000.0}),
        ("US500", 10.0, "", "USD", 5000.0, {}),
    ],
)
def test_exposure_by_currency_is_what_one_holds_and_what_one_owes(
    symbol: str, size: float, base: str, profit: str, price: float, exposure: dict[str, float]
) -> None:
    held = position(1, symbol=symbol, price_current=price)
    nature = {"contract_size": size, "currency_base": base, "currency_profit": profit}
    told = PriceReport(server="Broker-Demo", symbol=symbol, bid=price, ask=price, **nature)
    fleet = fleet_of(account(1), told, report(ExpertId("Broker-Demo", 1, 1, symbol, "Grid"), held))
    assert portfolio_of(fleet).row().exposure_by_currency == exposure


def test_what_a_lot_is_counts_for_positions_of_nobody_as_soon_as_it_is_known() -> None:
    fleet = fleet_of(account(1), AccountPositions(server="Broker-Demo", login=1, positions=(position(9),)))
    portfolio = portfolio_of(fleet)
    assert portfolio.row().exposure_by_currency == {}
    nature = {"contract_size": 100_000.0, "currency_base": "EUR", "currency_profit": "USD"}
    fleet.apply(PriceReport(server="Broker-Demo", symbol="EURUSD", bid=1.08, ask=1.08, **nature), at())
    assert portfolio.row().exposure_by_currency == {"EUR": 10_000.0, "USD": -10_800.0}
