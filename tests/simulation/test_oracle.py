"""The oracle is proven on figures that the terminal printed itself, and it agrees with what is used in the house."""

import json
from itertools import islice
from pathlib import Path

import pytest

from fleetwire.fleet.events import Deal, DealReport, Position
from fleetwire.fleet.statistics import Statistics
from fleetwire.sources.report import read_report
from fleetwire.sources.simulator import Pace, Simulator
from tests.simulation import oracle

DATA = Path(__file__).parents[3] / "shared" / "data" / "mt5"
REPORT = DATA / "ReportTester-DailyBreakout-XAUUSD.xlsx"
PACE = Pace(step_ms=60_000, report_ms=60_000, positions_ms=600_000, price_ms=600_000, activity=1.0)
START_MSC = 1_741_564_800_000


@pytest.mark.skipif(not REPORT.exists(), reason="the genuine report is not here")
def test_the_oracle_has_every_figure_that_the_terminal_printed() -> None:
    expected = json.loads((DATA / "ReportTester-DailyBreakout-XAUUSD.expected.json").read_text("utf-8"))
    deals = list(read_report(REPORT).deals)
    worked_out = oracle.figures(deals)
    assert oracle.differences(expected["from_deals"], worked_out) == []
    assert oracle.differences({"initial_deposit": expected["initial_deposit"]}, worked_out) == []
    assert oracle.balance_of(deals, 0.0) == oracle.exact(expected["final_balance"])


@pytest.mark.skipif(not REPORT.exists(), reason="the genuine report is not here")
def test_the_oracle_is_able_to_disagree() -> None:
    deals = list(read_report(REPORT).deals)
    printed = Statistics()
    for deal in deals[:-1]:
        printed.add(deal)
    assert len(oracle.differences(printed.metrics(), oracle.figures(deals))) > 10


@pytest.fixture(scope="module")
def lived() -> tuple[Simulator, list[DealReport]]:
    """A fleet, and all deals of more than a day of it."""
    fleet = Simulator(11, 24, start_msc=START_MSC, accounts=6, pace=PACE)
    facts = [*fleet.before(), *(fact for facts in islice(fleet.steps(), 1500) for fact in facts)]
    return fleet, [fact for fact in facts if isinstance(fact, DealReport)]


@pytest.mark.parametrize("opening", [0.0, 250.0])
def test_streaming_statistics_are_those_of_the_oracle_for_each_expert_and_each_account(lived, opening: float) -> None:
    """Partial closes, reversals, close-by, scaling in, deposits, bonuses: as the simulated fleet has them."""
    fleet, reports = lived
    compared = 0
    for account in fleet.accounts:
        mine = [fact for fact in reports if fact.account == (account.server.name, account.login)]
        whose = {fact.deal.position_id: fact.expert for fact in mine if fact.deal.entry == "in"}
        groups = [[fact.deal for fact in mine]]
        groups += [
            [fact.deal for fact in mine if fact.deal.entry and whose[fact.deal.position_id] == expert.expert]
            for expert in fleet.experts
            if expert.account is account
        ]
        for deals in groups:
            streaming = Statistics(account.digits, opening)
            for deal in deals:
                streaming.add(deal)
            assert oracle.differences(streaming.metrics(), oracle.figures(deals, opening), account.digits) == []
            compared += 1
    assert compared == 30


def deal(ticket: int, kind: str, entry: str, volume: float, profit: float = 0.0, **more: float) -> Deal:
    return Deal(
        ticket=ticket, time_msc=ticket, type=kind, entry=entry, volume=volume, profit=profit, position_id=5, **more
    )


def test_a_reversed_position_is_one_trade_row_and_two_trades() -> None:
    deals = [
        deal(1, "buy", "in", 0.2, commission=-1),
        deal(2, "sell", "in/out", 0.5, 10),
        deal(3, "buy", "out", 0.3, -4),
    ]
    assert [float(result.money) for result in oracle.results_of(deals)] == [9, -4]
    trade = oracle.trades_of(deals)[5]
    assert (float(trade.volume_in), float(trade.volume_out), trade.money, trade.is_closed) == (0.5, 0.5, 5, True)


def test_days_begin_at_the_brokers_midnight_and_deposits_are_no_profit() -> None:
    first = Deal(ticket=1, time_msc=oracle.DAY_MS - 1, type="sell", entry="out", volume=0.1, profit=5.0, position_id=1)
    second = Deal(ticket=2, time_msc=oracle.DAY_MS, type="sell", entry="out", volume=0.1, profit=7.0, position_id=2)
    paid = Deal(ticket=3, time_msc=oracle.DAY_MS, type="balance", profit=100.0)
    credit = Deal(ticket=4, time_msc=oracle.DAY_MS, type="credit", profit=50.0)
    deals = [first, second, paid, credit]
    assert oracle.days_of(deals) == {0: 5, 1: 7}
    assert (oracle.paid_of(deals), oracle.balance_of(deals, 10.0)) == (150, 122)


def test_exposure_is_bought_lots_less_sold_ones() -> None:
    positions = [
        Position(ticket=1, time_msc=0, type="buy", volume=0.3, price_open=1.0, symbol="EURUSD", profit=1.5, swap=-0.2),
        Position(ticket=2, time_msc=0, type="sell", volume=0.1, price_open=1.0, symbol="EURUSD", profit=-0.1),
        Position(ticket=3, time_msc=0, type="sell", volume=0.1, price_open=1.0, symbol="XAUUSD"),
    ]
    exposure = {symbol: float(lots) for symbol, lots in oracle.exposure_of(positions).items()}
    assert exposure == {"EURUSD": 0.2, "XAUUSD": -0.1}
    assert float(oracle.open_profit(positions)) == 1.2
