"""Rows for tests: what an expert, an account and a terminal look like while all is well."""

from typing import Any

from fleetwire.wire.moment import Moment, moment
from fleetwire.wire.rows import AccountRow, ExpertRow, TerminalRow

START_MS = 1_795_334_400_000  # 2026-11-22T08:00:00Z


def at(seconds: float) -> Moment:
    """A moment, some seconds after the start, on both clocks."""
    return moment(1000.0 + seconds, START_MS + round(seconds * 1000))


def expert_row(**changed: Any) -> ExpertRow:
    row: dict[str, Any] = {
        "ea_id": 12345,
        "symbol": "EURUSD",
        "status": "active",
        "current_profit": 150.75,
        "name": "London Breakout",
        "currency": "USD",
        "drawdown_pct": 0.0,
        "magic": 7,
        "server": "Broker-Demo",
        "login": 5,
        "strategy_tag": "",
        "group": "",
        "timeframe": "M15",
        "open_positions": 1,
        "volume": 0.1,
        "trailing_active": False,
        "module_status": {},
        "performance_metrics": {"total_net_profit": 10.0, "profit_factor": 2.0},
        "net_profit": 10.0,
        "profit_today": 0.0,
        "last_trades": [],
        "paused": False,
        "link": "fresh",
        "trading_blocked": False,
        "last_report_utc": "2026-11-22T08:00:00.000Z",
    }
    return ExpertRow(**row | changed)


def account_row(**changed: Any) -> AccountRow:
    row: dict[str, Any] = {
        "account": "Broker-Demo/5",
        "server": "Broker-Demo",
        "login": 5,
        "name": "A. Trader",
        "company": "Broker",
        "currency": "USD",
        "leverage": 100,
        "balance": 10_000.0,
        "credit": 0.0,
        "profit": 0.0,
        "equity": 10_000.0,
        "margin": 0.0,
        "margin_free": 10_000.0,
        "trade_allowed": True,
        "trade_expert": True,
        "link": "fresh",
        "profit_today": 0.0,
        "daily_result": 0.0,
        "daily_result_pct": 0.0,
        "day_open_balance": 10_000.0,
        "day_open_equity": 10_000.0,
        "drawdown_pct": 0.0,
        "peak_equity": 10_000.0,
        "deposits": 0.0,
        "experts": 1,
        "open_positions": 0,
        "as_of": "2026-11-22T08:00:00.000Z",
    }
    return AccountRow(**row | changed)


def terminal_row(**changed: Any) -> TerminalRow:
    row: dict[str, Any] = {
        "terminal": "T1",
        "account": "Broker-Demo/5",
        "name": "MetaTrader 5",
        "build": 5000,
        "connected": True,
        "trade_allowed": True,
        "link": "fresh",
        "as_of": "2026-11-22T08:00:00.000Z",
    }
    return TerminalRow(**row | changed)
