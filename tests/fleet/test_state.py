"""The fleet's state: identities, deals that count once and in any order, whose a deal is, and what is in the way."""

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fleetwire.fleet.account import AccountMemory
from fleetwire.fleet.changes import (
    AccountChanged,
    Announced,
    Attributed,
    ClaimRefused,
    CommandMoved,
    ExpertChanged,
    PriceChanged,
    TerminalChanged,
    Traded,
)
from fleetwire.fleet.events import (
    Account,
    AccountPositions,
    CommandReport,
    Deal,
    DealReport,
    ExpertId,
    NewsEvent,
    PriceReport,
    Session,
)
from fleetwire.fleet.expert import ExpertMemory
from fleetwire.fleet.liveness import Link
from fleetwire.fleet.rows import expert_row
from fleetwire.fleet.state import Fleet, FleetSettings
from fleetwire.wire.errors import DataError
from tests.fleet.support import (
    DAY_MS,
    GRID,
    LONDON,
    NOW_MS,
    TODAY,
    UTC,
    account,
    at,
    deal,
    experts_in,
    fleet_of,
    position,
    report,
    tell,
    terminal,
    traded,
)

# ---------------------------------------------------------------------------------------------------------- identities


def test_an_expert_keeps_the_id_that_it_was_given() -> None:
    fleet = fleet_of(report(), report(GRID), report(status="paused"))
    assert [(ea_id, expert.report.status) for ea_id, expert in fleet.experts.items()] == [
        (1001, "paused"),
        (1002, "active"),
    ]


def test_a_claimed_id_is_granted_once_and_a_second_claimant_gets_another() -> None:
    """The same magic on two accounts: a command to 12345 must never reach the wrong expert."""
    fleet = Fleet()
    tell(fleet, report(ea_id=12345))
    refused = fleet.apply(report(GRID, ea_id=12345), at())[0]
    assert isinstance(refused, ClaimRefused)
    assert (refused.claimant.ea_id, refused.owner.ea_id) == (1001, 12345)
    assert fleet.experts[12345].expert == LONDON
    assert not any(isinstance(change, ClaimRefused) for change in fleet.apply(report(GRID, ea_id=12345), at())), "once"


def test_a_number_that_somebody_claimed_is_given_to_nobody_else() -> None:
    assert list(fleet_of(report(ea_id=1001), report(GRID)).experts) == [1001, 1002]


def test_a_fleet_takes_only_so_many_experts_accounts_and_deals() -> None:
    fleet = Fleet(FleetSettings(experts_max=2, accounts_max=2, deals_max=1))
    tell(fleet, account(5), account(6), report(), report(GRID), traded(1))
    with pytest.raises(DataError, match="2 accounts already"):
        fleet.apply(account(7), at())
    with pytest.raises(DataError, match="2 experts already"):
        fleet.apply(report(ExpertId("Broker-Demo", 5, 1, "EURUSD", "Third")), at())
    with pytest.raises(DataError, match="1 deals already"):
        fleet.apply(traded(2), at())
    assert (len(fleet.accounts), len(fleet.experts)) == (2, 2)


def test_an_account_that_is_not_listed_is_refused_where_there_is_a_list() -> None:
    fleet = Fleet(FleetSettings(accounts=frozenset({"Broker-Demo/5"})))
    tell(fleet, account(5))
    with pytest.raises(DataError, match="account Broker-Demo/6 is unknown here"):
        fleet.apply(report(GRID), at())
    assert list(fleet.accounts) == [("Broker-Demo", 5)]


def test_each_fact_says_what_changed() -> None:
    fleet = Fleet()
    assert {type(change) for change in fleet.apply(account(), at())} == {AccountChanged, TerminalChanged}
    assert [type(change) for change in fleet.apply(report(), at())] == [ExpertChanged]
    assert [type(change) for change in fleet.apply(traded(1), at())] == [Traded, ExpertChanged]
    (announced,) = fleet.apply(NewsEvent(id=1, time_utc=UTC, currency="USD", importance="high", name="NFP"), at())
    assert isinstance(announced, Announced)
    command = CommandReport(command_id=1, ea_id=1001, command="pause", status="queued")
    assert isinstance(fleet.apply(command, at())[0], CommandMoved)
    price = PriceReport(server="Broker-Demo", symbol="EURUSD", bid=1.08, ask=1.0801)
    assert [type(change) for change in fleet.apply(price, at())] == [PriceChanged, ExpertChanged]
    assert [type(change) for change in fleet.apply(price, at())] == [PriceChanged], "a price alone changes no row"


# --------------------------------------------------------------------------------------------------------------- deals


def test_a_deal_that_is_told_twice_counts_once() -> None:
    fleet = fleet_of(account(), traded(7, 10.0))
    assert fleet.apply(traded(7, 10.0), at()) == []
    assert fleet.experts[1001].net_profit == 10.0


def test_the_same_ticket_on_another_account_is_another_deal() -> None:
    fleet = fleet_of(account(5), account(6), traded(7, 10.0), traded(7, 5.0, GRID))
    assert [expert.net_profit for expert in fleet.experts.values()] == [10.0, 5.0]


def test_a_deal_that_is_told_twice_counts_once_before_the_account_is_known_as_well() -> None:
    fleet = fleet_of(traded(7, 10.0), account())
    assert fleet.apply(traded(7, 10.0), at()) == []
    assert fleet.experts[1001].net_profit == 10.0


def test_a_deal_from_the_future_is_refused() -> None:
    fleet = fleet_of(account(terminal=terminal(offset_s=7200)))
    tell(fleet, traded(1, time_msc=NOW_MS + 7_200_000))
    with pytest.raises(DataError, match="deal 2 of Broker-Demo/5 is from the future"):
        fleet.apply(traded(2, time_msc=NOW_MS + 7_200_000 + 2 * 3_600_000), at())
    unclocked = fleet_of(account())
    tell(unclocked, traded(1, time_msc=NOW_MS + 14 * 3_600_000))  # somewhere it is so late
    with pytest.raises(DataError, match="from the future"):
        unclocked.apply(traded(2, time_msc=NOW_MS + 2 * DAY_MS), at())


@pytest.mark.parametrize("wrong", [{"entry": ""}, {"symbol": ""}, {"volume": 0.0}])
def test_a_trade_without_what_makes_it_one_is_refused(wrong: dict[str, object]) -> None:
    fleet = fleet_of(account())
    with pytest.raises(DataError, match="deal 1 is a trade"):
        fleet.apply(traded(1, **wrong), at())
    assert not fleet.experts


def test_a_deal_that_names_nobody_is_refused() -> None:
    with pytest.raises(DataError, match="names neither an expert nor an account"):
        Fleet().apply(DealReport(deal=deal(1)), at())


def history() -> list[Deal]:
    """Positions that open and close, in parts too, a deposit and a withdrawal."""
    made = [deal(1, 10_000.0, type="balance", entry="", volume=0.0, symbol="", time_msc=NOW_MS - 9_000_000)]
    for trade in range(40):
        opened = NOW_MS - 8_000_000 + trade * 100_000
        pid = 100 + trade
        made.append(deal(10 + 3 * trade, type="buy", entry="in", position_id=pid, volume=0.2, time_msc=opened))
        for part in (1, 2):
            profit = float((trade * 37 + part * 11) % 101 - 48)
            ticket = 10 + 3 * trade + part
            made.append(deal(ticket, profit, position_id=pid, time_msc=opened + part * 60_000, commission=-0.35))
    made.append(deal(1000, -500.0, type="balance", entry="", volume=0.0, symbol="", time_msc=NOW_MS - 1000))
    return made


@given(st.randoms(use_true_random=False), st.integers(0, 3))
def test_the_same_deals_give_the_same_figures_in_whatever_order_and_however_often(random: Random, again: int) -> None:
    in_order = history()
    disorder = in_order * (1 + again)
    random.shuffle(disorder)
    rows = []
    for deals in (in_order, disorder):
        fleet = fleet_of(account(), *(DealReport(expert=LONDON, deal=one) for one in deals))
        tell(fleet, account(equity=9000.0))
        tell(fleet, account(equity=9000.0))
        rows.append(expert_row(fleet, fleet.experts[1001], at()))
    assert rows[0] == rows[1]


def test_a_close_by_hand_is_of_the_expert_that_opened_the_position() -> None:
    opened = traded(1, type="buy", entry="in", position_id=77)
    closed = DealReport(server="Broker-Demo", login=5, deal=deal(2, 25.0, position_id=77, reason="client"))
    fleet = fleet_of(account(), opened, closed)
    assert fleet.experts[1001].net_profit == 25.0
    other = ExpertId("Broker-Demo", 5, 9, "EURUSD", "Other")
    tell(fleet, report(other), traded(3, type="buy", entry="in", position_id=78), traded(4, 5.0, other, position_id=78))
    assert fleet.experts[1001].net_profit == 30.0, "whoever reports it"


def test_a_deal_that_comes_before_what_tells_whose_it_is_is_given_to_its_expert_later() -> None:
    """A history that is told in any order, and of experts that report only afterwards."""
    closed = DealReport(server="Broker-Demo", login=5, deal=deal(2, 25.0, position_id=77))
    opened = DealReport(
        server="Broker-Demo", login=5, deal=deal(1, type="buy", entry="in", position_id=77, magic=12345)
    )
    fleet = fleet_of(account(), closed, opened)
    assert not fleet.experts
    assert set(fleet.accounts["Broker-Demo", 5].unowned) == {1, 2}
    changes = fleet.apply(report(), at())
    assert [(c.deal.ticket, c.ea_id) for c in changes if isinstance(c, Attributed)] == [(1, 1001), (2, 1001)]
    assert fleet.experts[1001].net_profit == 25.0
    assert not fleet.accounts["Broker-Demo", 5].unowned


def test_a_position_opened_by_hand_is_nobodys_and_its_deals_count_for_the_account_alone() -> None:
    fleet = fleet_of(account(), report())
    by_hand = DealReport(server="Broker-Demo", login=5, deal=deal(1, 3.0, position_id=5))
    (traded_, changed) = fleet.apply(by_hand, at())
    assert isinstance(traded_, Traded)
    assert traded_.expert is None
    assert isinstance(changed, AccountChanged)
    assert fleet.experts[1001].net_profit == 0.0
    assert fleet.accounts["Broker-Demo", 5].series.statistics.net_profit == 3.0


def test_the_accounts_own_list_tells_what_is_open_and_whose_it_is() -> None:
    fleet = fleet_of(account(), report(LONDON, position(1)), traded(9, type="buy", entry="in", position_id=3))
    listed = (position(2, 5.0, magic=12345), position(3, 7.0), position(4, 9.0))
    tell(fleet, AccountPositions(server="Broker-Demo", login=5, positions=listed))
    assert list(fleet.experts[1001].positions) == [2, 3], "by its magic; by the deal that opened it; 1 is gone"
    assert list(fleet.accounts["Broker-Demo", 5].manual) == [4]
    tell(fleet, AccountPositions(server="Broker-Demo", login=5, positions=()))
    assert not fleet.experts[1001].positions
    assert not fleet.accounts["Broker-Demo", 5].manual


def test_what_a_deal_closes_is_not_open_any_more_though_the_next_report_is_still_to_come() -> None:
    """Else it would count twice, and the peak would never be reached again."""
    fleet = fleet_of(
        account(equity=1000.0),
        report(LONDON, position(1, 100.0, volume=0.2)),
        traded(1, type="buy", entry="in", position_id=1, volume=0.2),
        traded(2, 50.0, position_id=1),
    )
    expert = fleet.experts[1001]
    assert (expert.positions[1].volume, expert.current_profit, expert.peak_result) == (0.1, 50.0, 100.0)
    tell(fleet, traded(3, 50.0, position_id=1))
    assert (expert.positions, expert.current_profit, expert.peak_result, expert.drawdown_pct) == ({}, 0.0, 100.0, 0.0)


def test_a_reversal_ends_the_old_side_of_a_position() -> None:
    fleet = fleet_of(account(), report(LONDON, position(1, 100.0)), traded(2, 90.0, entry="in/out", position_id=1))
    assert fleet.experts[1001].positions == {}


def test_the_days_result_begins_anew_at_the_brokers_midnight_and_an_old_deal_does_not_change_it() -> None:
    """Midnight is where the trade server is: two hours ahead of UTC, the deals of 23:00 UTC are tomorrow's."""
    fleet = fleet_of(account(terminal=terminal(offset_s=7200)))
    expert_of = LONDON
    today = TODAY * DAY_MS
    tell(fleet, traded(1, 10.0, expert_of, time_msc=today + 1000), traded(2, 5.0, expert_of, time_msc=today + 2000))
    tell(fleet, traded(3, 100.0, expert_of, time_msc=today - 1000))
    state, expert = fleet.accounts["Broker-Demo", 5], fleet.experts[1001]
    assert (state.book.profit_today, expert.profit_today(state.server_day(at()))) == (15.0, 15.0)
    later = at(9 * 3600)  # 22:30 UTC, 0:30 at the broker's
    changes = fleet.due(later)
    assert set(experts_in(changes)) == {1001}, "silent, and a new day"
    assert (state.book.profit_today, expert.profit_today(state.server_day(later))) == (0.0, 0.0)


def test_a_deposit_is_no_profit() -> None:
    fleet = fleet_of(account(), traded(1, 500.0, type="balance", entry="", volume=0.0, symbol=""))
    book = fleet.accounts["Broker-Demo", 5].book
    assert (book.paid, book.profit_today) == (500.0, 0.0)
    assert fleet.experts[1001].net_profit == 0.0


def test_an_account_does_not_change_its_currency() -> None:
    fleet = fleet_of(account())
    with pytest.raises(DataError, match="is in USD: a report in EUR can't be of it"):
        fleet.apply(account(currency="EUR"), at())


def test_an_expert_that_is_known_before_its_account_learns_the_currency_later() -> None:
    fleet = fleet_of(report(), Account(server="Broker-Demo", login=5, currency="JPY", balance=100_000.0))
    expert = fleet.experts[1001]
    figures = expert.series.statistics
    assert (expert.account.currency, figures.digits, figures.initial_deposit) == ("JPY", 0, 100_000.0)


def test_figures_begin_with_what_was_there_before_the_first_known_deal() -> None:
    """A history that is told after the account: its balance is the end of it, not its beginning."""
    fleet = fleet_of(account(equity=1010.0, terminal=terminal()))
    tell(fleet, traded(1, 10.0))
    tell(fleet, account(equity=1010.0))
    tell(fleet, account(equity=1010.0))
    assert fleet.accounts["Broker-Demo", 5].book.opening == 1000.0
    assert fleet.experts[1001].series.statistics.initial_deposit == 1000.0


def test_the_deals_of_all_accounts_of_a_currency_have_figures_of_their_own() -> None:
    fleet = fleet_of(
        account(5),
        account(6),
        account(7, "JPY"),
        traded(7, 10.0, position_id=1),
        traded(7, 5.0, GRID, position_id=1),
        traded(7, 500.0, ExpertId("Broker-Demo", 7, 1, "USDJPY", "Yen")),
    )
    assert {c: s.statistics.net_profit for c, s in fleet.currencies.items()} == {"USD": 15.0, "JPY": 500.0}


# -------------------------------------------------------------------------------------------------------------- reports


def test_the_current_profit_is_that_of_the_open_positions_swap_included() -> None:
    fleet = fleet_of(report(LONDON, position(1, 10.0, swap=-1.5), position(2, 2.0)))
    assert fleet.experts[1001].current_profit == 10.5
    tell(fleet, report())
    assert fleet.experts[1001].current_profit == 0.0


def test_the_drawdown_is_the_fall_from_the_peak_in_percent_of_what_the_account_would_hold_without_it() -> None:
    fleet = fleet_of(account(equity=1000.0), report(LONDON, position(1, 100.0)))
    assert fleet.experts[1001].drawdown_pct == 0.0
    tell(fleet, account(equity=900.0), report(LONDON, position(1)))
    assert fleet.experts[1001].drawdown_pct == 10.0


def test_a_report_of_an_older_run_is_refused() -> None:
    fleet = fleet_of(report(boot_id="a"), report(boot_id="b", status="paused"))
    with pytest.raises(DataError, match="has been started again since"):
        fleet.apply(report(boot_id="a"), at())
    assert fleet.experts[1001].report.status == "paused"


def test_a_report_that_was_overtaken_is_refused_and_a_clock_that_was_set_back_is_not() -> None:
    fleet = fleet_of(report(terminal=terminal(10), status="paused"))
    with pytest.raises(DataError, match="said something newer since: this report is 4000 ms behind"):
        fleet.apply(report(terminal=terminal(6)), at())
    tell(fleet, report(terminal=terminal(10 - 3600)))
    assert fleet.experts[1001].report.status == "active"


def test_an_event_on_a_trade_servers_clock_is_converted_or_refused() -> None:
    event = NewsEvent(
        id=1, time_msc=NOW_MS + 7_200_000, server="Broker-Demo", currency="USD", importance="high", name="NFP"
    )
    with pytest.raises(DataError, match="the clock of Broker-Demo is not known"):
        Fleet().apply(event, at())
    fleet = fleet_of(account(terminal=terminal(offset_s=7200)))
    (announced,) = fleet.apply(event, at())
    assert isinstance(announced, Announced)
    assert announced.utc_ms == NOW_MS


# -------------------------------------------------------------------------------------------------- silence, and why


def why(fleet: Fleet, seconds: float = 0.0) -> tuple[str, str | None]:
    expert = fleet.experts[1001]
    return expert.pulse.link.value, fleet.why(expert, at(seconds))


def test_an_expert_that_is_silent_while_its_terminal_reports_was_stopped() -> None:
    fleet = fleet_of(account(), report())
    for second in range(1, 16):
        tell(fleet, account(), when=at(second))
        changed = experts_in(fleet.due(at(second)))
        assert changed == ([1001] if second in (5, 15) else [])
    assert why(fleet, 15) == ("stale", "expert_stopped")
    assert fleet.experts[1001].status == "stale"
    tell(fleet, report(), when=at(16))
    assert why(fleet, 16) == ("fresh", None)


def test_a_terminal_that_says_nothing_is_down() -> None:
    fleet = fleet_of(account(), report())
    changes = fleet.due(at(15))
    assert any(isinstance(change, TerminalChanged) for change in changes)
    assert why(fleet, 15) == ("stale", "terminal_down")
    fleet.due(at(120))
    assert why(fleet, 120) == ("lost", "terminal_down")


def test_what_a_terminal_says_of_itself_is_why_its_experts_do_not_trade() -> None:
    fleet = fleet_of(account(), report())
    changes = tell(fleet, account(terminal=terminal(connected=False)))
    assert experts_in(changes) == [1001], "told at once"
    assert why(fleet) == ("fresh", "broker_connection_lost")
    tell(fleet, account(terminal=terminal(trade_allowed=False)))
    assert why(fleet) == ("fresh", "algo_trading_off")
    tell(fleet, account(terminal=terminal()))
    assert why(fleet) == ("fresh", None)
    assert experts_in(tell(fleet, account(trade_expert=False))) == [1001]
    assert why(fleet) == ("fresh", "algo_trading_off")
    tell(fleet, account(), report(trade_allowed=False))
    assert why(fleet) == ("fresh", "algo_trading_off")


def test_an_expert_whose_symbol_does_not_trade_now_says_so_when_that_begins_and_when_it_ends() -> None:
    """Monday 13:30 UTC is 15:30 at the broker's; the symbol trades until 16:00."""
    sessions = (Session(1, 8 * 3600, 16 * 3600),)
    price = PriceReport(server="Broker-Demo", symbol="EURUSD", bid=1.0, ask=1.0, sessions=sessions)
    fleet = fleet_of(account(terminal=terminal(offset_s=7200)), report(), price)
    fleet.due(at())
    assert why(fleet)[1] is None
    changed = []
    for second in range(0, 1830, 2):
        tell(fleet, account(), report(), when=at(second))
        if experts_in(fleet.due(at(second))):
            changed.append(second)
    (moment_,) = changed
    assert 1800 <= moment_ <= 1820
    assert why(fleet, 1830)[1] == "market_closed"


def test_the_next_deadline_is_the_next_thing_to_do() -> None:
    fleet = Fleet()
    assert fleet.next_deadline() is None
    tell(fleet, account())
    fleet.due(at())
    assert fleet.next_deadline() == at(1).now
    fleet.due(at(4.5))
    assert fleet.next_deadline() == at(5).now


def test_an_experts_falls_are_percent_of_what_was_paid_into_its_account_whoever_told_of_it() -> None:
    """A deposit is seldom told as an expert's: without it, every fall would be more than all."""
    paid = deal(1, 1000.0, type="balance", entry="", volume=0.0, symbol="")
    fleet = fleet_of(DealReport(server="Broker-Demo", login=5, deal=paid), traded(2, 100.0), traded(3, -50.0))
    tell(fleet, account(equity=1050.0))
    metrics = fleet.experts[1001].metrics
    assert (metrics["balance_drawdown_maximal"], metrics["balance_drawdown_maximal_pct"]) == (50.0, 4.55)


def test_what_a_file_tells_is_no_sign_of_life_and_never_goes_before_what_a_terminal_said() -> None:
    past = (structs.replace(account(equity=500.0), is_history=True), structs.replace(report(), is_history=True))
    fleet = fleet_of(past[1], traded(1, 5.0), *past)
    expert, state = fleet.experts[1001], fleet.accounts["Broker-Demo", 5]
    assert (expert.status, state.account, fleet.next_deadline()) == ("history", past[0], float("-inf"))
    assert not [c for c in fleet.due(at(1000)) if isinstance(c, TerminalChanged)], "nobody is missed"
    tell(fleet, account(equity=900.0), report(LONDON, position(1)))
    tell(fleet, *past)
    assert (expert.status, len(expert.positions), state.account) == ("active", 1, account(equity=900.0))
    anew = restarted(fleet_of(past[1], *past), 10)
    assert anew.experts[1001].status == "history"
    assert not [c for c in anew.due(at(1000)) if isinstance(c, ExpertChanged | TerminalChanged)]


# -------------------------------------------------------------------------------------------------------------- restart


def restarted(fleet: Fleet, seconds: float, *more: Deal) -> Fleet:
    """What a restart makes of a fleet: through bytes, as a store keeps them; `more` deals were kept before the end."""
    anew = Fleet()
    when = at(seconds)
    for (server, login), state in fleet.accounts.items():
        memory = msgspec.msgpack.decode(msgspec.msgpack.encode(state.memory()), type=AccountMemory)
        anew.restore_account(server, login, memory, when)
    for ea_id, expert in fleet.experts.items():
        kept = msgspec.msgpack.decode(msgspec.msgpack.encode(expert.memory()), type=ExpertMemory)
        anew.restore_expert(ea_id, expert.expert, kept, when)
    for (server, login), state in fleet.accounts.items():
        for one in state.series.deals:
            anew.restore_deal(server, login, state.owners[one.ticket], one)
    for one in more:
        anew.restore_deal("Broker-Demo", 5, 1001, one)
    anew.restored()
    return anew


def test_a_restart_loses_nothing_and_makes_nothing_fresh() -> None:
    fleet = fleet_of(account(terminal=terminal(offset_s=7200)), report(LONDON, position(1, 7.0), ea_id=12345))
    tell(fleet, *(DealReport(expert=LONDON, deal=one) for one in history()))
    tell(fleet, account(equity=9000.0))
    tell(fleet, account(equity=9000.0))
    by_hand = DealReport(server="Broker-Demo", login=5, deal=deal(5000, 3.0, position_id=5))
    tell(fleet, by_hand, AccountPositions(server="Broker-Demo", login=5, positions=(position(9),)))
    fleet.due(at(2))
    anew = restarted(fleet, 2)
    assert expert_row(anew, anew.experts[12345], at(2)) == expert_row(fleet, fleet.experts[12345], at(2))
    old, new = (each.accounts["Broker-Demo", 5] for each in (fleet, anew))
    assert (new.manual, new.owners, new.book.memory()) == (old.manual, old.owners, old.book.memory())
    assert new.series.statistics.metrics() == old.series.statistics.metrics()
    assert anew.apply(by_hand, at(2)) == [], "a deal of before is known"


def test_an_account_that_did_not_add_up_when_the_run_ended_is_put_right_after_it() -> None:
    fleet = fleet_of(account(balance=1000.0, equity=1000.0))
    tell(fleet, account(balance=1000.0, equity=1000.0))
    tell(fleet, DealReport(expert=LONDON, deal=deal(1, 250.0)), account(balance=1400.0, equity=1400.0))
    anew = restarted(fleet, 3)
    book = anew.accounts["Broker-Demo", 5].book
    assert book.opening == 1000.0
    for seconds in range(4, 17):
        anew.due(at(seconds))
        anew.settle(at(seconds))
    assert book.opening == 1150.0
    assert anew.accounts["Broker-Demo", 5].series.opening_balance == 1150.0


def test_after_a_long_restart_everybody_is_silent_until_heard_again() -> None:
    anew = restarted(fleet_of(account(), report()), 300)
    assert anew.experts[1001].pulse.link is Link.lost
    assert anew.experts[1001].status == "lost"
    tell(anew, report(), when=at(301))
    assert anew.experts[1001].status == "active"


# ------------------------------------------------------------------------------------------- terminals and their pulse


def test_a_terminal_and_an_account_that_are_told_once_a_minute_are_not_missed_in_between() -> None:
    fleet = fleet_of(account(terminal=terminal(id="T1")), report(interval_s=60.0, terminal=terminal(id="T1")))
    tell(fleet, account(terminal=terminal(60, id="T1")), report(interval_s=60.0, terminal=terminal(60, id="T1")))
    state = fleet.accounts["Broker-Demo", 5]
    for second in range(1, 150):
        fleet.due(at(second))
        assert (state.pulse.link, state.terminals["T1"].pulse.link) == (Link.fresh, Link.fresh), second
    fleet.due(at(150))
    assert state.terminals["T1"].pulse.link is Link.late


def test_a_terminal_is_missed_as_soon_as_the_expert_that_speaks_most_often_would_be() -> None:
    other = ExpertId("Broker-Demo", 5, 9, "GBPUSD", "Other")
    fleet = fleet_of(account(), report(interval_s=1.0), report(other, interval_s=60.0))
    tell(fleet, report(interval_s=1.0), report(other, interval_s=60.0))
    fleet.due(at(15))
    assert fleet.accounts["Broker-Demo", 5].terminals[""].pulse.link is Link.stale
    assert why(fleet, 15) == ("stale", "terminal_down")


def test_a_terminal_that_says_its_name_later_is_not_two() -> None:
    fleet = fleet_of(report(), account(terminal=terminal(id="T1")), report(terminal=terminal(id="T1")))
    assert list(fleet.accounts["Broker-Demo", 5].terminals) == ["T1"]
    fleet.due(at(1))
    tell(fleet, account(terminal=terminal(20, id="T1")), report(terminal=terminal(20, id="T1")), when=at(20))
    assert not any(isinstance(change, TerminalChanged) for change in fleet.due(at(20)))


def test_two_terminals_of_an_account_that_say_their_names_are_two() -> None:
    fleet = fleet_of(account(terminal=terminal(id="T1")), report(terminal=terminal(id="T2")))
    assert list(fleet.accounts["Broker-Demo", 5].terminals) == ["T1", "T2"]


# ------------------------------------------------------------------------------------------------------------- midnight


@pytest.mark.parametrize("account_first", [True, False])
def test_an_idle_expert_is_told_at_midnight_that_it_has_earned_nothing_today(account_first: bool) -> None:
    """Whether an account's report or the tick is the first after it."""
    fleet = fleet_of(account(terminal=terminal()), traded(1, 10.0))
    midnight = (DAY_MS - NOW_MS % DAY_MS) / 1000
    tell(fleet, account(terminal=terminal(midnight - 1)), when=at(midnight - 1))
    fleet.due(at(midnight - 0.5))
    report_ = account(terminal=terminal(midnight + 0.1))
    changes = tell(fleet, report_, when=at(midnight + 0.1)) if account_first else []
    changes += fleet.due(at(midnight + 0.6))
    assert 1001 in experts_in(changes)
    row = expert_row(fleet, fleet.experts[1001], at(midnight + 0.6))
    assert (row.profit_today, fleet.accounts["Broker-Demo", 5].book.profit_today) == (0.0, 0.0)


def test_what_was_earned_on_friday_is_not_of_today_though_nobody_tells_the_brokers_clock() -> None:
    fleet = fleet_of(account(), traded(1, 10.0, time_msc=NOW_MS - 3 * DAY_MS))
    state = fleet.accounts["Broker-Demo", 5]
    assert state.book.profit_today == 0.0
    assert fleet.experts[1001].profit_today(state.server_day(at())) == 0.0
    tell(fleet, traded(2, 5.0, time_msc=NOW_MS - 1000))
    assert state.book.profit_today == 5.0


def test_the_day_is_the_brokers_own_as_soon_as_its_clock_is_known() -> None:
    """UTC is in the new day already, a broker in New York is not."""
    late = at((DAY_MS - NOW_MS % DAY_MS) / 1000 + 3600)  # 1:00 UTC, 20:00 in New York
    fleet = Fleet()
    tell(fleet, account(), traded(1, 10.0, time_msc=late.utc_ms - 6 * 3_600_000), when=late)
    state = fleet.accounts["Broker-Demo", 5]
    assert state.book.profit_today == 0.0
    seconds = (late.utc_ms - NOW_MS) / 1000
    tell(fleet, account(terminal=terminal(seconds, offset_s=-5 * 3600)), when=late)
    assert (state.book.day, state.book.profit_today) == (TODAY, 10.0)


def test_the_deals_of_a_currency_are_in_order_whenever_a_clock_becomes_known() -> None:
    """Else a restart, which knows the clock from the start, would count another drawdown than the run before."""
    early, late = traded(1, -50.0, time_msc=NOW_MS - 1000), traded(2, 100.0, GRID, time_msc=NOW_MS - 2000)
    told = account(5, terminal=terminal(offset_s=-3600))
    figures = []
    for facts in ((account(5), account(6), early, late, told), (told, account(6), early, late)):
        fleet = Fleet()
        for fact in facts:
            tell(fleet, fact)
        tell(fleet, account(5), account(6))
        figures.append([one.ticket for one in fleet.currencies["USD"].deals])
    assert figures == [[2, 1], [2, 1]]


# ------------------------------------------------------------------------------------- each position once, and as it is


def lots(fleet: Fleet) -> dict[int | str, list[tuple[int, str, float]]]:
    """Who holds which positions: ticket, side and volume."""
    held: dict[int | str, list[tuple[int, str, float]]] = {
        ea_id: [(p.ticket, p.type, p.volume) for p in expert.positions.values()]
        for ea_id, expert in fleet.experts.items()
    }
    held["manual"] = [(p.ticket, p.type, p.volume) for state in fleet.accounts.values() for p in state.manual.values()]
    return held


def test_a_position_that_was_reversed_is_closed_in_parts_like_any_other() -> None:
    """On a netting account: bought 1.0, reversed by 1.5 into sold 0.5; its identifier stays."""
    fleet = fleet_of(
        account(),
        traded(1, type="buy", entry="in", position_id=7, volume=1.0),
        traded(2, 90.0, type="sell", entry="in/out", position_id=7, volume=1.5),
        report(LONDON, position(8, type="sell", volume=0.5, identifier=7)),
    )
    tell(fleet, traded(3, 5.0, type="buy", position_id=7, volume=0.2))
    assert lots(fleet)[1001] == [(8, "sell", 0.3)]
    tell(fleet, traded(4, 5.0, type="buy", position_id=7, volume=0.3))
    assert lots(fleet)[1001] == []


@pytest.mark.parametrize("entry_is_known", [True, False])
def test_a_reversal_that_is_told_after_the_report_that_shows_it_takes_nothing_away(entry_is_known: bool) -> None:
    fleet = fleet_of(account(), report(LONDON, position(7, volume=1.0)))
    if entry_is_known:
        tell(fleet, traded(1, type="buy", entry="in", position_id=7, volume=1.0))
    tell(fleet, report(LONDON, position(8, type="sell", volume=0.5, identifier=7)))
    tell(fleet, traded(2, 90.0, type="sell", entry="in/out", position_id=7, volume=1.5))
    assert lots(fleet)[1001] == [(8, "sell", 0.5)]


def test_a_pair_that_is_closed_by_each_other_leaves_what_is_left_of_the_greater() -> None:
    fleet = fleet_of(
        account(),
        traded(1, type="buy", entry="in", position_id=1, volume=1.0),
        traded(2, type="sell", entry="in", position_id=2, volume=0.4),
        report(LONDON, position(1, volume=1.0), position(2, type="sell", volume=0.4)),
    )
    tell(fleet, traded(3, 5.0, type="sell", entry="out by", position_id=1, volume=0.4))
    tell(fleet, traded(4, 0.0, type="buy", entry="out by", position_id=2, volume=0.4))
    assert lots(fleet)[1001] == [(1, "buy", 0.6)]


def test_a_report_from_before_a_close_does_not_open_the_position_again() -> None:
    """It was on its way when the deal came: else its profit would count twice, and leave a peak that never was."""
    opened = traded(1, type="buy", entry="in", position_id=1, volume=0.2, time_msc=NOW_MS - 9000)
    shown = report(LONDON, position(1, 100.0, volume=0.2), terminal=terminal())
    fleet = fleet_of(account(), opened, shown)
    tell(fleet, traded(2, 100.0, position_id=1, volume=0.2, time_msc=NOW_MS + 500), when=at(1))
    tell(fleet, shown, when=at(1.1))
    expert = fleet.experts[1001]
    assert (expert.current_profit, expert.net_profit, expert.peak_result) == (0.0, 100.0, 100.0)
    tell(fleet, report(LONDON, position(2, 7.0), terminal=terminal(2)), when=at(2))
    assert expert.current_profit == 7.0


def test_a_position_that_two_experts_of_one_magic_list_is_of_one_of_them() -> None:
    twin = ExpertId("Broker-Demo", 5, 12345, "EURUSD", "Twin")
    fleet = fleet_of(account(), report(LONDON, position(1, 5.0)), report(twin, position(1, 5.0), position(2, 3.0)))
    for _ in range(2):
        assert lots(fleet) == {1001: [(1, "buy", 0.1)], 1002: [(2, "buy", 0.1)], "manual": []}
        tell(fleet, report(twin, position(1, 5.0), position(2, 3.0)), report(LONDON, position(1, 5.0)))
    tell(fleet, traded(1, expert=twin, type="buy", entry="in", position_id=1))
    changes = tell(fleet, report(twin, position(1, 5.0), position(2, 3.0)), report(LONDON, position(1, 5.0)))
    assert set(experts_in(changes)) == {1001, 1002}
    assert lots(fleet) == {1001: [], 1002: [(1, "buy", 0.1), (2, "buy", 0.1)], "manual": []}


def test_a_position_of_an_expert_that_is_gone_is_of_the_one_that_lists_it_now() -> None:
    renamed = ExpertId("Broker-Demo", 5, 12345, "EURUSD", "London Breakout v2")
    fleet = fleet_of(account(), report(LONDON, position(1, 5.0)))
    fleet.due(at(30))
    tell(fleet, report(renamed, position(1, 6.0)), when=at(30))
    assert lots(fleet) == {1001: [], 1002: [(1, "buy", 0.1)], "manual": []}


def test_a_position_that_was_opened_by_hand_and_adopted_is_there_once() -> None:
    listed = AccountPositions(server="Broker-Demo", login=5, positions=(position(9, 7.0, magic=0),))
    fleet = fleet_of(account(), listed)
    assert lots(fleet) == {"manual": [(9, "buy", 0.1)]}
    for _ in range(2):
        tell(fleet, report(LONDON, position(9, 7.0, magic=0)))
        assert lots(fleet) == {1001: [(9, "buy", 0.1)], "manual": []}
        tell(fleet, listed)
        assert lots(fleet) == {1001: [(9, "buy", 0.1)], "manual": []}
    tell(fleet, report(), listed)
    assert lots(fleet) == {1001: [], "manual": [(9, "buy", 0.1)]}


def test_the_first_report_of_an_expert_finds_its_positions_in_the_list_that_came_before() -> None:
    """One HTTP body: positions stand before experts in it."""
    listed = AccountPositions(
        server="Broker-Demo", login=5, positions=(position(1, 5.0, magic=12345), position(2, 3.0, magic=0))
    )
    fleet = fleet_of(account(), listed, structs.replace(report(), positions=None))
    assert lots(fleet) == {1001: [(1, "buy", 0.1)], "manual": [(2, "buy", 0.1)]}


def test_after_a_kill_a_position_that_a_kept_deal_has_closed_is_not_open() -> None:
    """Deals are kept at once, the last state of an expert a moment later."""
    fleet = fleet_of(
        account(terminal=terminal()),
        traded(1, type="buy", entry="in", position_id=1, volume=0.2),
        report(LONDON, position(1, 100.0, volume=0.2)),
    )
    closing = traded(2, 60.0, position_id=1, volume=0.1, time_msc=NOW_MS + 500)
    anew = restarted(fleet, 1, closing.deal)
    expert = anew.experts[1001]
    assert (expert.positions[1].volume, expert.current_profit, expert.net_profit) == (0.1, 50.0, 60.0)


def test_an_account_whose_terminal_does_not_tell_its_clock_has_that_of_its_server() -> None:
    """Monday 13:30 UTC is 15:30 at the broker's; the symbol trades until 15:00."""
    closed = PriceReport(
        server="Broker-Demo", symbol="EURUSD", bid=1.0, ask=1.0, sessions=(Session(1, 8 * 3600, 15 * 3600),)
    )
    fleet = fleet_of(account(), report(), closed)
    assert why(fleet) == ("fresh", None)
    tell(fleet, account(6, terminal=terminal(offset_s=7200)))
    assert why(fleet) == ("fresh", "market_closed")


# ------------------------------------------------------------------------------------------- peaks, whatever comes late


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
def test_a_drawdown_is_the_same_whether_a_history_is_told_at_once_or_in_parts_forwards_or_backwards(
    order: tuple[int, ...],
) -> None:
    """Lost 3,000, won 5,000, lost 500: the fall is 500 from a best of 2,000."""
    history = [traded(n, profit, time_msc=NOW_MS - DAY_MS + n) for n, profit in enumerate((-3000, 5000, -500), 1)]
    for batches in ([history], [[history[index]] for index in order]):
        fleet = fleet_of(account(equity=10_000.0))
        for batch in batches:
            tell(fleet, *batch)
        expert = fleet.experts[1001]
        assert (expert.peak_result, expert.fall) == (2000.0, 500.0)


def test_deals_that_were_kept_come_back_whatever_accounts_are_taken_by_now() -> None:
    """A setting that names accounts is about reports: it must not keep a server from starting."""
    fleet = Fleet(FleetSettings(accounts=frozenset({"Broker-Demo/6"}), accounts_max=1))
    for login in (5, 7):
        fleet.restore_deal("Broker-Demo", login, None, deal(login))
    fleet.restored()
    assert [list(state.owners) for state in fleet.accounts.values()] == [[5], [7]]
    with pytest.raises(DataError, match="unknown here"):
        fleet.apply(account(8), at())


def test_a_closing_that_somebody_else_tells_first_goes_to_who_opened_the_position() -> None:
    other = ExpertId("Broker-Demo", 5, 9, "EURUSD", "Other")
    fleet = fleet_of(account(), report(), report(other), traded(2, 25.0, other, position_id=77))
    changes = tell(fleet, traded(1, type="buy", entry="in", position_id=77))
    assert [(c.deal.ticket, c.ea_id) for c in changes if isinstance(c, Attributed)] == [(2, 1001)]
    assert [expert.net_profit for expert in fleet.experts.values()] == [25.0, 0.0]


def test_one_magic_on_two_symbols_is_told_apart_though_the_second_expert_is_known_later() -> None:
    gold = ExpertId("Broker-Demo", 5, 12345, "XAUUSD", "London Breakout")
    of_gold = [
        deal(1, type="buy", entry="in", position_id=7, magic=12345, symbol="XAUUSD"),
        deal(2, 30.0, position_id=7, symbol="XAUUSD"),
    ]
    fleet = fleet_of(account(), report(), *(DealReport(server="Broker-Demo", login=5, deal=one) for one in of_gold))
    assert fleet.experts[1001].net_profit == 30.0, "one expert may trade several symbols"
    tell(fleet, report(gold))
    assert [expert.net_profit for expert in fleet.experts.values()] == [0.0, 30.0]
    assert fleet.experts[1001].fall == 0.0


def test_a_closing_of_before_a_restart_finds_its_entry_after_it() -> None:
    closing = DealReport(server="Broker-Demo", login=5, deal=deal(2, 25.0, position_id=77))
    anew = restarted(fleet_of(account(), report(), closing), 1)
    tell(anew, traded(1, type="buy", entry="in", position_id=77))
    assert anew.experts[1001].net_profit == 25.0
