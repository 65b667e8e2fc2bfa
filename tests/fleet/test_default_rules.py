"""Each default rule raises and clears where the page about alerts says, and says so in words."""

import re
from pathlib import Path
from typing import Any

import pytest

from fleetwire.fleet.alerts import Alerts
from fleetwire.fleet.rules import Rule, default_rules
from fleetwire.wire.rows import AlertRow
from tests.fleet.rows import account_row, at, expert_row, terminal_row

BROKEN_DAY = {
    "daily_loss_max": 5_000.0,
    "daily_loss_used_pct": 104.0,
    "daily_loss_headroom": -200.0,
    "daily_loss_floor": 95_000.0,
}
NEAR_LOSS = {"max_loss_max": 10_000.0, "max_loss_used_pct": 81.0, "max_loss_headroom": 1_900.0}
ROWS = {
    "expert": lambda **changed: expert_row(**changed),
    "account": lambda **changed: account_row(**changed),
    "terminal": lambda **changed: terminal_row(**changed),
}
IDS = {"expert": 12345, "account": "Broker-Demo/5", "terminal": "T1", "portfolio": "USD"}


def look(alerts: Alerts, kind: str, fields: dict[str, Any], seconds: float) -> list[AlertRow]:
    row = ROWS[kind](**fields) if kind in ROWS else fields
    said = alerts.observe(kind, IDS.get(kind, fields.get("id", fields.get("command_id", ""))), row, at(seconds))
    return said + alerts.due(at(seconds))


@pytest.mark.parametrize(
    ("kind", "ill", "well", "rule", "level", "message"),
    [
        (
            "expert", {"drawdown_pct": 10.4}, {"drawdown_pct": 7.9},
            "ea_drawdown", "warning", "EA 12345 drawdown exceeds 10% (10.4%)",
        ),
        (
            "expert", {"link": "stale", "why": "terminal_down"}, {"link": "fresh"},
            "expert_silent", "warning",
            "EA 12345 (EURUSD) has been silent since 2026-11-22 08:00:00 UTC: the terminal is down, or cut off",
        ),
        (
            "expert", {"link": "lost"}, {"link": "lost", "why": "market_closed"},
            "expert_silent", "warning", "EA 12345 (EURUSD) has been silent since 2026-11-22 08:00:00 UTC: unknown",
        ),
        (
            "portfolio", {"currency": "USD", "drawdown_pct": 20.1}, {"currency": "USD", "drawdown_pct": 15.9},
            "portfolio_drawdown", "critical", "portfolio (USD) drawdown exceeds 20% (20.1%)",
        ),
        (
            "account", {"daily_result_pct": -3.2, "daily_result": -320.0}, {"daily_result_pct": 0.0},
            "daily_loss", "warning", "account Broker-Demo/5 has lost more than 3% today (-3.2%: -320.00 USD)",
        ),
        (
            "account", {"margin_level": 140.0, "margin_so_call": 50.0}, {"margin_level": None},
            "margin_level", "warning", "account Broker-Demo/5 margin level is down to 140%",
        ),
        (
            "account", {"margin_level": 170.0, "margin_so_call": 120.0},
            {"margin_level": 220.0, "margin_so_call": 120.0},
            "margin_level", "warning", "account Broker-Demo/5 margin level is down to 170%",
        ),
        (
            "account", {"limits": NEAR_LOSS}, {"limits": {"max_loss_used_pct": 71.0}},
            "max_loss_near", "warning",
            "account Broker-Demo/5 has used 81% of its maximum loss: 1,900.00 USD left of 10,000.00",
        ),
        (
            "account", {"clock_skew_s": -3600.0}, {"clock_skew_s": 2.0},
            "clock_off", "warning",
            "the clock of the terminal on account Broker-Demo/5 is -3600 s off: set it by time servers",
        ),
        (
            "terminal", {"link": "lost", "why": "terminal_down"}, {"link": "fresh"},
            "terminal_silent", "critical",
            "terminal T1 of account Broker-Demo/5 is silent (lost): the terminal is down, or cut off",
        ),
        (
            "terminal", {"trade_allowed": False}, {},
            "algo_trading_off", "warning",
            "algorithmic trading is switched off in terminal T1 of account Broker-Demo/5: its experts can't trade",
        ),
        (
            "terminal", {"connected": False}, {},
            "broker_connection_lost", "critical",
            "terminal T1 of account Broker-Demo/5 has lost its connection to the broker",
        ),
        (
            "news",
            {"id": 5, "status": "blackout_opened", "name": "CPI", "currency": "USD", "symbols": ["EURUSD", "XAUUSD"],
             "blackout_until_utc": "2026-11-22T08:30:00.000Z"},
            {"id": 5, "status": "blackout_closed", "name": "CPI", "currency": "USD"},
            "news_blackout", "info", "no trading of EURUSD, XAUUSD until 2026-11-22 08:30:00 UTC: CPI (USD)",
        ),
        (
            "server", {"store_failing": "the disk is full", "store_pending": 3, "store_pending_max": 9}, {},
            "store_failing", "critical",
            "nothing can be kept at the moment: the disk is full (3 of 9 records wait)",
        ),
    ],
)  # fmt: skip
def test_a_default_rule_raises_and_clears(
    kind: str, ill: dict[str, Any], well: dict[str, Any], rule: str, level: str, message: str
) -> None:
    alerts = Alerts(default_rules())
    first = look(alerts, kind, ill, 0.0) + alerts.due(at(3600))
    assert [(row.rule, row.level, row.message, row.status) for row in first] == [(rule, level, message, "raised")]
    over = look(alerts, kind, well, 3601) + alerts.due(at(7200))
    assert [(row.rule, row.status, row.alert_id) for row in over] == [(rule, "cleared", first[0].alert_id)]
    assert first[0].ea_id == (12345 if kind == "expert" else None)
    assert first[0].account == ("Broker-Demo/5" if kind in ("account", "terminal") else None)
    assert "unknown" not in over[0].message
    assert alerts.open() == []


def test_a_broken_daily_loss_is_told_after_it_was_near() -> None:
    alerts = Alerts(default_rules())
    near = BROKEN_DAY | {"daily_loss_used_pct": 80.0, "daily_loss_headroom": 1_000.0}
    assert [row.rule for row in look(alerts, "account", {"limits": near}, 0)] == ["daily_loss_near"]
    (broken,) = look(alerts, "account", {"limits": BROKEN_DAY, "equity": 94_800.0}, 1)
    assert (broken.rule, broken.level, broken.value, broken.threshold) == (
        "daily_loss_broken",
        "critical",
        104.0,
        100.0,
    )
    assert broken.message == (
        "account Broker-Demo/5 has broken its daily loss limit of 5,000.00 USD: equity 94,800.00, floor 95,000.00"
    )
    assert (broken.account, broken.subject) == ("Broker-Demo/5", "account:Broker-Demo/5")


def test_the_margin_call_itself_is_critical() -> None:
    alerts = Alerts(default_rules())
    said = look(alerts, "account", {"margin_level": 100.0, "margin_so_call": 100.0}, 0)
    assert [(row.rule, row.level) for row in said] == [("margin_level", "warning"), ("margin_call", "critical")]
    unknown_call = {"margin_level": 100.0, "margin_so_call": 0.0}
    assert [row.rule for row in look(Alerts(default_rules()), "account", unknown_call, 0)] == ["margin_level"]


@pytest.mark.parametrize("status", ["failed", "rejected", "expired", "unknown"])
def test_a_failed_command_is_told_and_over_once_it_was_acknowledged(status: str) -> None:
    alerts = Alerts(default_rules())
    told = {"command_id": 17, "command": "pause", "ea_id": 12345, "status": status, "reason": "no connection"}
    (row,) = look(alerts, "command", told, 0)
    assert row.ea_id == 12345
    assert row.message == f"command 17 (pause) to EA 12345 is {status}: no connection"
    assert alerts.acknowledge(row.alert_id, "ann", at(1)).status == "acknowledged"
    assert [row.status for row in alerts.due(at(1))] == ["cleared"]
    assert look(alerts, "command", told | {"command_id": 18, "status": "executed"}, 2) == []


def test_a_market_that_is_closed_is_no_silence() -> None:
    alerts = Alerts(default_rules())
    for kind in ("expert", "terminal"):
        assert look(alerts, kind, {"link": "stale", "why": "market_closed"}, 0) == []


def test_what_is_well_raises_nothing() -> None:
    alerts = Alerts(default_rules())
    for kind in ROWS:
        assert look(alerts, kind, {}, 0) == []
    assert look(alerts, "server", {"store_failing": None}, 0) == []


def shown(rule: Rule) -> tuple[str, ...]:
    held = f"{rule.for_s:g} s" if rule.for_s else ""
    return (
        rule.subject.name,
        rule.when.text if rule.when else "",
        rule.clear.text if rule.clear else "",
        held,
        rule.level,
    )


def test_the_page_about_alerts_has_every_default_rule_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text("utf-8")
    found = re.search(r"<!-- rules -->\n(.*?)\n<!-- /rules -->", page, re.DOTALL)
    lines = ["| rule | subject | raised when | cleared when | for | level |", "|---|---|---|---|---|---|"]
    for rule in default_rules().rules.values():
        subject, when, clear, held, level = shown(rule)
        threshold = "" if rule.threshold is None else f"; `threshold` {rule.threshold:g}"
        conditions = [f"`{when}`{threshold}" if when else "", f"`{clear}`" if clear else ""]
        lines.append(f"| `{rule.name}` | {subject} | {conditions[0]} | {conditions[1]} | {held} | {level} |")
    wanted = "\n".join(lines)
    assert found is not None, f"docs/alerts.md has no table between its markers; put this there:\n{wanted}"
    assert found[1].strip() == wanted, f"the table should be:\n{wanted}"
