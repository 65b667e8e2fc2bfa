"""The portfolio is the sum of the rows, and never across currencies."""

import math

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fleetwire.fleet.channels import expert_row
from fleetwire.fleet.events import Account, ExpertId, ExpertReport, Position
from fleetwire.fleet.portfolio import Portfolio
from fleetwire.fleet.state import ExpertChanged, Fleet

UTC = "2026-11-22T17:31:00.123Z"


def expert(number: int, login: int, *profits: float, symbol: str = "EURUSD", side: str = "buy") -> ExpertReport:
    positions = tuple(
        Position(ticket=t, time_msc=0, type=side, volume=0.1, price_open=1.0, symbol=symbol, profit=profit)
        for t, profit in enumerate(profits)
    )
    return ExpertReport(expert=ExpertId("Demo", login, number, symbol, "Grid"), positions=positions, ea_id=number)


def account(login: int, currency: str, equity: float, margin: float = 0.0) -> Account:
    return Account(server="Demo", login=login, currency=currency, balance=equity, equity=equity, margin=margin)


def portfolio_of(fleet: Fleet) -> Portfolio:
    portfolio = Portfolio(fleet)
    for each in fleet.experts.values():
        portfolio.changed(each)
    return portfolio


money = st.integers(-10_000_000, 10_000_000).map(lambda cents: cents / 100)


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.lists(money, max_size=4)), max_size=12))
def test_the_total_is_the_sum_of_the_rows(experts: list[tuple[int, list[float]]]) -> None:
    fleet = Fleet()
    fleet.apply(account(1, "USD", 1000), UTC)
    fleet.apply(account(2, "USD", 1000), UTC)
    for number, (login, profits) in enumerate(experts):
        fleet.apply(expert(number, login, *profits), UTC)
    rows = [expert_row(fleet, each) for each in fleet.experts.values()]
    total = portfolio_of(fleet).row()
    assert math.isclose(total["total_profit"], math.fsum(row["current_profit"] for row in rows), abs_tol=0.005)
    assert total["total_positions"] == sum(row["open_positions"] for row in rows)
    assert total["active_eas"] == total["total_eas"] == len(rows)


def test_the_first_fields_are_those_that_everybody_looks_for() -> None:
    fleet = Fleet()
    fleet.apply(account(1, "USD", 1000), UTC)
    assert list(portfolio_of(fleet).row())[:3] == ["total_profit", "active_eas", "drawdown_pct"]


def test_two_currencies_are_never_added() -> None:
    fleet = Fleet()
    fleet.apply(account(1, "USD", 1000), UTC)
    fleet.apply(account(2, "JPY", 100_000), UTC)
    fleet.apply(expert(1, 1, 10.0), UTC)
    fleet.apply(expert(2, 2, 500.0), UTC)
    row = portfolio_of(fleet).row()
    assert "total_profit" not in row
    assert "equity" not in row
    assert {name: sums["total_profit"] for name, sums in row["by_currency"].items()} == {"USD": 10.0, "JPY": 500.0}
    assert row["breakdown"]["symbol"]["EURUSD"]["profit"] == {"USD": 10.0, "JPY": 500.0}


def test_the_drawdown_is_measured_from_the_peak_of_the_equity() -> None:
    fleet, equity = Fleet(), 1000.0
    fleet.apply(account(1, "USD", equity), UTC)
    portfolio = portfolio_of(fleet)
    seen = []
    for equity in (1000.0, 1250.0, 1000.0):
        fleet.apply(account(1, "USD", equity), UTC)
        row = portfolio.row()
        seen.append((row["peak_equity"], row["drawdown_pct"]))
    assert seen == [(1000.0, 0.0), (1250.0, 0.0), (1250.0, 20.0)]


def test_the_margin_level_is_left_out_while_no_margin_is_used() -> None:
    fleet = Fleet()
    fleet.apply(account(1, "USD", 1000), UTC)
    portfolio = portfolio_of(fleet)
    assert "margin_level" not in portfolio.row()
    fleet.apply(account(1, "USD", 1000, margin=500), UTC)
    assert portfolio.row()["margin_level"] == 200.0


def test_exposure_is_what_was_bought_less_what_was_sold() -> None:
    fleet = Fleet()
    fleet.apply(account(1, "USD", 1000), UTC)
    fleet.apply(expert(1, 1, 1.0, 1.0, 1.0), UTC)
    fleet.apply(expert(2, 1, 1.0, side="sell"), UTC)
    assert portfolio_of(fleet).row()["exposure_by_symbol"] == {"EURUSD": 0.2}


def test_an_empty_fleet_has_a_portfolio_too() -> None:
    row = Portfolio(Fleet()).row()
    assert (row["active_eas"], row["total_eas"], row["by_currency"]) == (0, 0, {})


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
    fleet = Fleet()
    fleet.apply(account(1, "USD", 1000), UTC)
    fleet.apply(account(2, "JPY", 1000), UTC)
    kept = Portfolio(fleet)
    for number, login, profits, tag in reports:
        report = structs.replace(expert(number, login, *profits), strategy_tag=tag)
        for change in fleet.apply(report, UTC):
            if isinstance(change, ExpertChanged):
                kept.changed(change.expert)
    kept_row, anew = kept.row(), portfolio_of(fleet).row()
    for row in (kept_row, anew):
        row["breakdown"] = {name: sorted(groups.items()) for name, groups in row["breakdown"].items()}
    assert kept_row == anew
