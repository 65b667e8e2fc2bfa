"""The rows of the fleet: what everybody looks for first, both clocks side by side, nothing that does not exist."""

from typing import Any

import msgspec

from fleetwire.fleet.rows import account_row, deal_row, expert_row, position_row, terminal_row, without_nothing
from fleetwire.fleet.state import Fleet
from fleetwire.wire.moment import utc_text
from tests.fleet.support import (
    LONDON,
    NOW_MS,
    UTC,
    account,
    at,
    deal,
    fleet_of,
    position,
    report,
    tell,
    terminal,
    traded,
)


def shown(row: object) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(row))
    return found


def trading_fleet() -> Fleet:
    held = position(1, 150.75, sl=1.07, tp=1.1)
    clock = terminal(offset_s=7200, id="vps", name="MetaTrader 5", build=5000, ping_ms=12.5)
    return fleet_of(account(terminal=clock), report(LONDON, held, ea_id=12345))


def test_an_experts_row_begins_with_what_everybody_looks_for() -> None:
    fleet = trading_fleet()
    row = shown(expert_row(fleet, fleet.experts[12345], at()))
    assert list(row.items())[:4] == [
        ("ea_id", 12345),
        ("symbol", "EURUSD"),
        ("status", "active"),
        ("current_profit", 150.75),
    ]
    assert (row["open_positions"], row["volume"], row["sl_value"], row["tp_value"]) == (1, 0.1, 1.07, 1.1)
    assert (row["link"], row["trading_blocked"], row["terminal"]) == ("fresh", False, "Broker-Demo/5/vps")
    assert "why" not in row
    assert "blocked_until_utc" not in row


def test_the_brokers_time_stands_beside_utc() -> None:
    fleet = trading_fleet()
    row = expert_row(fleet, fleet.experts[12345], at(1))
    assert (row.last_report_utc, row.last_report_server) == (UTC, "2026.11.23 15:30:00")
    tell(fleet, traded(2, 9.0, time_msc=NOW_MS + 7_200_000))
    (trade,) = expert_row(fleet, fleet.experts[12345], at()).last_trades
    assert (trade.time_server, trade.time_utc, trade.time_msc) == ("2026.11.23 15:30:00", UTC, NOW_MS + 7_200_000)
    (held,) = fleet.experts[12345].positions.values()
    opened = position_row(fleet.accounts["Broker-Demo", 5], fleet.experts[12345], held)
    assert (opened.time_server, opened.time_utc) == ("2026.11.23 13:30:00", utc_text(NOW_MS - 7_200_000))


def test_a_blackout_says_until_when() -> None:
    fleet = trading_fleet()
    row = expert_row(fleet, fleet.experts[12345], at(), NOW_MS)
    assert (row.trading_blocked, row.blocked_until_utc) == (True, UTC)


def test_a_figure_that_does_not_exist_is_left_out() -> None:
    fleet = fleet_of(account(), report(), traded(1, 5.0))
    row = shown(expert_row(fleet, fleet.experts[1001], at()))
    assert row["performance_metrics"]["total_trades"] == 1
    assert "profit_factor" not in row["performance_metrics"]
    assert not {"sl_value", "last_report_server", "boot_id"} & set(row)
    assert "time_utc" not in row["last_trades"][0], "the broker's clock is not known"


def test_a_deal_of_nobodys_names_its_account() -> None:
    fleet = fleet_of(account())
    row = shown(deal_row(fleet.accounts["Broker-Demo", 5], None, deal(2, 9.0)))
    assert (row["ticket"], row["profit"], row["server"], row["login"]) == (2, 9.0, "Broker-Demo", 5)
    assert not {"ea_id", "name"} & set(row)


def test_an_accounts_row_tells_its_day_its_clock_and_its_limits() -> None:
    fleet = trading_fleet()
    tell(fleet, account(equity=950.0, balance=1000.0, terminal=terminal(offset_s=7200, id="vps")))
    row = account_row(fleet, fleet.accounts["Broker-Demo", 5], {"daily_loss_used_pct": 50.0})
    assert row is not None
    assert (row.account, row.utc_offset_s, row.clock_skew_s, row.link) == ("Broker-Demo/5", 7200, 0.0, "fresh")
    assert (row.day_open_balance, row.daily_result, row.daily_result_pct) == (1000.0, -50.0, -5.0)
    assert (row.experts, row.open_positions, row.limits) == (1, 1, {"daily_loss_used_pct": 50.0})
    assert account_row(Fleet(), fleet_of(report()).accounts["Broker-Demo", 5], {}) is None, "nobody has said anything"


def test_a_terminals_row_says_what_is_in_the_way() -> None:
    fleet = trading_fleet()
    (state,) = fleet.accounts["Broker-Demo", 5].terminals.values()
    row = terminal_row(state)
    assert (row.terminal, row.build, row.ping_ms, row.link, row.why) == ("Broker-Demo/5/vps", 5000, 12.5, "fresh", None)
    for flags, why in (
        ({"connected": False}, "broker_connection_lost"),
        ({"trade_allowed": False}, "algo_trading_off"),
    ):
        tell(fleet, account(terminal=terminal(id="vps", **flags)))
        assert terminal_row(state).why == why
    fleet.due(at(20))
    assert (terminal_row(state).link, terminal_row(state).why) == ("stale", "terminal_down")


def test_what_does_not_exist_is_left_out_and_nothing_else() -> None:
    assert without_nothing({"a": None, "b": 0, "c": "", "d": False}) == {"b": 0, "c": "", "d": False}
