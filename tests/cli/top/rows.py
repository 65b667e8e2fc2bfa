"""Rows as a server tells them, and messages of them."""

from typing import Any

from fleetwire.cli.top.board import Board
from fleetwire.client import Message
from fleetwire.client.message import ServerClock

NOW = "2026-11-24T12:00:00.000Z"


def expert(ea_id: int = 1001, **fields: Any) -> dict[str, Any]:
    known = {"symbol": "EURUSD", "status": "active", "link": "fresh", "name": "London Breakout", "currency": "USD"}
    known |= {"current_profit": 12.3, "profit_today": -4.5, "open_positions": 1, "server": "Broker", "login": 5}
    return {"ea_id": ea_id, **known, **fields}


def account(**fields: Any) -> dict[str, Any]:
    known = {"account": "Broker/5", "currency": "USD", "balance": 1000.0, "equity": 990.0, "open_positions": 2}
    return {**known, **fields}


def alert(alert_id: int = 1, **fields: Any) -> dict[str, Any]:
    known = {
        "level": "warning",
        "status": "raised",
        "message": "EA 1001 is silent",
        "rule": "silent",
        "subject": "1001",
    }
    return {"alert_id": alert_id, **known, "raised_at": "2026-11-24T11:59:30.000Z", **fields}


class Clock:
    """The server's time, which a test moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.server = ServerClock(lambda: self.now)
        self.server.learn(NOW, 100.0, 100.0)

    def message(self, kind: str, data: Any, **fields: Any) -> Message:
        return Message(type=kind, data=data, timestamp=NOW, _server_clock=self.server, **fields)

    def row(self, data: dict[str, Any], channel: str = "ea_updates", **fields: Any) -> Message:
        kind = {"ea_updates": "ea_update", "portfolio_updates": "portfolio_update"}[channel]
        return self.message(kind, data, channel=channel, key=str(data.get("ea_id", "total")), **fields)


def told(*rows: dict[str, Any]) -> Board:
    """A board that knows these experts."""
    board, clock = Board(), Clock()
    for row in rows:
        board.take(clock.row(row))
    board.take(clock.message("snapshot_end", {"channels": ["ea_updates"]}))
    return board
