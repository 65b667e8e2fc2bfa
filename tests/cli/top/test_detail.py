"""One expert, one alert: everything that is known, and nothing that is not."""

from typing import Any

import pytest

from fleetwire.cli.top.detail import of_alert, of_expert
from fleetwire.cli.top.line import plain, width_of
from fleetwire.client.message import seconds_of
from tests.cli.top.rows import NOW, account, alert, expert

FIGURES = {"total_trades": 26, "profit_trades_pct": 50.0, "profit_factor": 1.766, "expected_payoff": 2.58}
FIGURES |= {"balance_drawdown_maximal": 19.82, "balance_drawdown_maximal_pct": 0.16}
DEAL = {"entry": "out", "type": "sell", "volume": 0.1, "price": 1.08476, "profit": -6.7, "commission": -0.2}
DEAL |= {"time_utc": "2026-11-24T15:18:49.598Z", "swap": 0.0, "fee": 0.0}


def said(**fields: Any) -> str:
    row = expert(
        performance_metrics=FIGURES, last_trades=[DEAL], module_status={"signal": "ok", "risk": "off"}, **fields
    )
    lines = of_expert(row, 900.0, account(margin_level=400.0, margin_so_call=100.0), 72)
    assert all(width_of(line) <= 72 for line in lines)
    return "\n".join(map(plain, lines))


@pytest.mark.parametrize(
    "part",
    [
        "● active   told 0.9 s ago",
        "open             ▲+12.30 USD",
        "profit factor    1.77",
        "max drawdown     19.82 USD (0.16 %)",
        "risk             off",
        "11-24 15:18:49  out    sell  0.10 at 1.08476",
        "▼-6.90 USD",
        "account          Broker/5",
        "margin call",
    ],
)
def test_an_expert_is_told_in_full(part: str) -> None:
    assert part in said()


def test_a_silent_expert_is_old_but_for_its_state() -> None:
    lines = of_expert(expert(link="stale", why="terminal_down"), 15_000.0, None, 72)
    assert plain(lines[0]) == "○ NO TERMINAL   no report for 15 s: terminal down"
    assert {look for line in lines[1:] for _, look in line} == {"old"}


def test_a_row_of_any_form_can_be_shown() -> None:
    assert "no closed trade yet" in "\n".join(map(plain, of_expert({"ea_id": 1}, None, None, 40)))


def test_a_blackout_says_until_when() -> None:
    assert "until 2026-11-24 18:28:00 UTC" in said(trading_blocked=True, blocked_until_utc="2026-11-24T18:28:00.000Z")


def test_an_alert_is_told_in_full() -> None:
    row = alert(value=10.4, threshold=10.0, acknowledged_at="2026-11-24T11:59:50.000Z", acknowledged_by="anna")
    lines = "\n".join(map(plain, of_alert(row, seconds_of(NOW), 60)))
    assert "value            10.4" in lines
    assert "2026-11-24 11:59:30 UTC, 30 s ago" in lines
    assert "by anna" in lines
