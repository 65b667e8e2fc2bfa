"""The fleet's state: identities, deals that count once, what a deposit is not, and how far an expert has fallen."""

import pytest

from fleetwire.fleet.events import Account, CommandReport, Deal, DealReport, ExpertId, ExpertReport, NewsEvent, Position
from fleetwire.fleet.state import AccountChanged, Announced, ClaimRefused, CommandMoved, ExpertChanged, Fleet, Traded
from fleetwire.wire.errors import DataError

UTC = "2026-11-22T17:31:00.123Z"
DAY_MSC = 86_400_000
LONDON = ExpertId("Broker-Demo", 5, 12345, "EURUSD", "London Breakout")
GRID = ExpertId("Broker-Demo", 6, 12345, "EURUSD", "Grid")


def account(login: int = 5, **fields: float) -> Account:
    return Account(server="Broker-Demo", login=login, currency="USD", **fields)  # type: ignore[arg-type]


def deal(ticket: int, profit: float = 0.0, entry: str = "out", kind: str = "sell", day: int = 20_000) -> DealReport:
    made = Deal(
        ticket=ticket, time_msc=day * DAY_MSC, type=kind, entry=entry, volume=0.1, profit=profit, symbol="EURUSD"
    )
    return DealReport(expert=LONDON, deal=made)


def floating(profit: float, swap: float = 0.0) -> Position:
    return Position(
        ticket=1, time_msc=0, type="buy", volume=0.1, price_open=1.0, symbol="EURUSD", profit=profit, swap=swap
    )


def test_an_expert_keeps_the_id_that_it_was_given() -> None:
    fleet = Fleet()
    fleet.apply(ExpertReport(expert=LONDON), UTC)
    fleet.apply(ExpertReport(expert=GRID), UTC)
    fleet.apply(ExpertReport(expert=LONDON, status="paused"), UTC)
    assert [(ea_id, expert.report.status) for ea_id, expert in fleet.experts.items()] == [
        (1001, "paused"),
        (1002, "active"),
    ]


def test_a_claimed_id_is_granted_once_and_a_second_claimant_gets_another() -> None:
    """The same magic on two accounts: a command to 12345 must never reach the wrong expert."""
    fleet = Fleet()
    fleet.apply(ExpertReport(expert=LONDON, ea_id=12345), UTC)
    fleet.apply(ExpertReport(expert=GRID, ea_id=12345), UTC)
    assert fleet.experts[12345].expert == LONDON
    assert [ea_id for ea_id, expert in fleet.experts.items() if expert.expert == GRID] == [1001]


def test_a_number_that_somebody_claimed_is_given_to_nobody_else() -> None:
    fleet = Fleet()
    fleet.apply(ExpertReport(expert=LONDON, ea_id=1001), UTC)
    fleet.apply(ExpertReport(expert=GRID), UTC)
    assert list(fleet.experts) == [1001, 1002]


def test_each_fact_says_what_changed() -> None:
    fleet = Fleet()
    assert isinstance(fleet.apply(account(), UTC)[0], AccountChanged)
    assert isinstance(fleet.apply(ExpertReport(expert=LONDON), UTC)[0], ExpertChanged)
    assert [type(change) for change in fleet.apply(deal(1), UTC)] == [Traded, ExpertChanged]
    news = NewsEvent(id=1, time_utc=UTC, currency="USD", importance="high", name="NFP")
    assert isinstance(fleet.apply(news, UTC)[0], Announced)
    command = CommandReport(command_id=1, ea_id=1001, command="pause", status="queued")
    assert isinstance(fleet.apply(command, UTC)[0], CommandMoved)


def test_a_deal_that_is_told_twice_counts_once() -> None:
    fleet = Fleet()
    fleet.apply(account(), UTC)
    fleet.apply(deal(7, 10.0), UTC)
    assert fleet.apply(deal(7, 10.0), UTC) == []
    assert fleet.experts[1001].statistics.net_profit == 10.0


def test_the_same_ticket_on_another_account_is_another_deal() -> None:
    fleet = Fleet()
    fleet.apply(account(5), UTC)
    fleet.apply(account(6), UTC)
    fleet.apply(deal(7, 10.0), UTC)
    other = DealReport(expert=GRID, deal=deal(7, 5.0).deal)
    assert fleet.apply(other, UTC)
    assert fleet.experts[1002].statistics.net_profit == 5.0


def test_the_days_result_begins_anew_at_the_brokers_midnight_and_an_old_deal_does_not_change_it() -> None:
    fleet = Fleet()
    fleet.apply(account(), UTC)
    state = fleet.accounts["Broker-Demo", 5]
    for report, expected in ((deal(1, 10.0), 10.0), (deal(2, 5.0), 15.0), (deal(3, -2.0, day=20_001), -2.0)):
        fleet.apply(report, UTC)
        assert state.profit_today == expected
    fleet.apply(deal(4, 100.0, day=19_999), UTC)
    assert state.profit_today == -2.0


def test_a_deposit_is_no_profit() -> None:
    fleet = Fleet()
    fleet.apply(account(), UTC)
    fleet.apply(deal(1, 500.0, entry="", kind="balance"), UTC)
    state = fleet.accounts["Broker-Demo", 5]
    assert (state.deposits, state.profit_today) == (500.0, 0.0)
    assert fleet.experts[1001].statistics.net_profit == 0.0


def test_the_current_profit_is_that_of_the_open_positions_swap_included() -> None:
    fleet = Fleet()
    fleet.apply(ExpertReport(expert=LONDON, positions=(floating(10.0, -1.5), floating(2.0))), UTC)
    assert fleet.experts[1001].current_profit == 10.5
    fleet.apply(ExpertReport(expert=LONDON), UTC)
    assert fleet.experts[1001].current_profit == 0.0


def test_the_drawdown_is_the_fall_from_the_peak_in_percent_of_what_the_account_would_hold_without_it() -> None:
    fleet = Fleet()
    fleet.apply(account(equity=1000.0), UTC)
    fleet.apply(ExpertReport(expert=LONDON, positions=(floating(100.0),)), UTC)
    assert fleet.drawdown_pct(fleet.experts[1001]) == 0.0
    fleet.apply(account(equity=900.0), UTC)
    fleet.apply(ExpertReport(expert=LONDON, positions=(floating(0.0),)), UTC)
    assert fleet.drawdown_pct(fleet.experts[1001]) == 10.0


def test_only_so_many_tickets_are_kept() -> None:
    fleet = Fleet()
    fleet.apply(account(), UTC)
    state = fleet.accounts["Broker-Demo", 5]
    for ticket in range(100_001):
        state.count(deal(ticket).deal)
    assert state.count(deal(0).deal), "the oldest is forgotten"
    assert not state.count(deal(100_000).deal), "the newest is not"


def test_a_second_claimant_is_told_of() -> None:
    fleet = Fleet()
    fleet.apply(ExpertReport(expert=LONDON, ea_id=12345), UTC)
    refused, _ = fleet.apply(ExpertReport(expert=GRID, ea_id=12345), UTC)
    assert isinstance(refused, ClaimRefused)
    assert (refused.claimant.ea_id, refused.owner.ea_id) == (1001, 12345)
    assert len(fleet.apply(ExpertReport(expert=GRID, ea_id=12345), UTC)) == 1, "once"


def test_an_expert_that_is_known_before_its_account_learns_the_currency_later() -> None:
    fleet = Fleet()
    fleet.apply(ExpertReport(expert=LONDON), UTC)
    fleet.apply(Account(server="Broker-Demo", login=5, currency="JPY", balance=100_000.0), UTC)
    expert = fleet.experts[1001]
    assert (expert.currency, expert.statistics.digits, expert.statistics.initial_deposit) == ("JPY", 0, 100_000.0)


def test_a_deal_that_is_told_twice_counts_once_before_the_account_is_known_as_well() -> None:
    fleet = Fleet()
    fleet.apply(deal(7, 10.0), UTC)
    assert fleet.apply(deal(7, 10.0), UTC) == []
    fleet.apply(account(), UTC)
    assert fleet.apply(deal(7, 10.0), UTC) == []
    assert fleet.experts[1001].statistics.net_profit == 10.0


def test_a_fleet_takes_only_so_many_experts_and_accounts() -> None:
    fleet = Fleet()
    for login in range(1000):
        fleet.apply(account(login), UTC)
    with pytest.raises(DataError, match="1,000 accounts"):
        fleet.apply(account(1000), UTC)
    for magic in range(10_000):
        fleet.apply(ExpertReport(expert=ExpertId("Broker-Demo", 5, magic, "EURUSD", "Grid")), UTC)
    with pytest.raises(DataError, match="10,000 experts"):
        fleet.apply(ExpertReport(expert=LONDON), UTC)
    assert (len(fleet.accounts), len(fleet.experts)) == (1000, 10_000)
