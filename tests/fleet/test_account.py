"""An account: whose its deals are, how much of a position is open, and its terminals."""

from fleetwire.fleet.account import AccountState, account_name
from fleetwire.fleet.events import Terminal
from tests.fleet.support import TODAY, account, at, deal


def fresh() -> AccountState:
    return AccountState("Broker-Demo", 5, 0, None)


def test_a_position_is_known_by_the_deals_that_opened_and_closed_it() -> None:
    state = fresh()
    state.take(deal(1, type="buy", entry="in", position_id=7, volume=0.3), 1001)
    state.take(deal(2, position_id=7, volume=0.1), None)
    assert (state.owner_of(7), state.left_of(7)) == (1001, 0.2)
    assert (state.owner_of(8), state.left_of(8)) == (None, None)
    assert (list(state.unowned), state.knows(deal(2)), state.knows(deal(3))) == ([2], True, False)


def test_money_that_was_paid_in_is_nobodys_trade() -> None:
    state = fresh()
    state.take(deal(1, 100.0, type="balance", entry="", volume=0.0, symbol=""), None)
    assert (state.unowned, state.trades) == ({}, {})


def test_a_report_that_names_no_terminal_comes_from_the_one_that_is_known() -> None:
    state = fresh()
    first = state.terminal(Terminal(id="vps-1", name="MetaTrader 5"))
    assert state.terminal(None) is first
    assert first.name == "Broker-Demo/5/vps-1"
    assert state.terminal(Terminal(id="vps-2")) is not first
    assert fresh().terminal(None).name == "Broker-Demo/5"
    for number in range(40):
        state.terminal(Terminal(id=f"t{number}"))
    assert len(state.terminals) == 16


def test_until_the_clock_is_known_its_time_passes_for_utc_and_a_deal_of_tomorrow_begins_tomorrow() -> None:
    state = fresh()
    assert (state.currency, state.digits, state.server_day(at())) == ("", 2, TODAY)
    state.take(deal(1, time_msc=86_400_000 * 20_000 + 5), None)
    assert (state.server_day(at()), state.utc_ms(1234)) == (TODAY, 1234)
    state.take(deal(2, time_msc=86_400_000 * (TODAY + 1) + 5), None)
    assert state.server_day(at()) == TODAY + 1
    state.account = account(currency="JPY")
    assert (state.currency, state.digits, account_name(state.id)) == ("JPY", 0, "Broker-Demo/5")
