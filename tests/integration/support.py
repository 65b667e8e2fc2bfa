"""What tests of the whole share: a server with a kept fleet, on a free port and in a file of its own."""

import asyncio
import json
from pathlib import Path
from typing import Any

from websockets import connect

from fleetwire import Fleetwire, WebSocketClient
from fleetwire.client import Message
from fleetwire.config import Settings
from fleetwire.fleet.events import Account, Deal, DealReport, ExpertId, ExpertReport, Position

TOKEN = "a-token-for-these-tests"
LONDON = ExpertId("Broker-Demo", 5, 12345, "EURUSD", "London Breakout")
MSC = 1_790_000_000_000


def whole(path: Path | str, **settings: Any) -> Fleetwire:
    key = None if path == ":memory:" else str(Path(path).with_suffix(".key"))
    known = {"port": 0, "auth_token": TOKEN, "database": str(path), "server_key": key}
    return Fleetwire(Settings(**{**known, **settings}))


def account(equity: float = 1000.0, **fields: Any) -> Account:
    known = {"balance": equity, **fields}
    return Account(server="Broker-Demo", login=5, currency="USD", equity=equity, **known)


def expert(profit: float = 0.0, **fields: Any) -> ExpertReport:
    held = Position(ticket=1, time_msc=MSC, type="buy", volume=0.1, price_open=1.08, symbol="EURUSD", profit=profit)
    return ExpertReport(**{"expert": LONDON, "ea_id": 12345, "positions": (held,), **fields})


def deal(ticket: int, profit: float = 0.0, **fields: Any) -> DealReport:
    known = {"time_msc": MSC + ticket, "type": "sell", "entry": "out", "volume": 0.1, "symbol": "EURUSD", **fields}
    return DealReport(expert=LONDON, ea_id=12345, deal=Deal(ticket=ticket, profit=profit, **known))


async def hear(client: WebSocketClient, channels: list[str], count: int, history: int | None = None) -> list[Message]:
    """Subscribe, and take the first messages of channels."""
    heard: list[Message] = []
    async for message in client.subscribe(channels, history=history):
        if message.channel is not None or message.type == "gap":
            heard.append(message)
        if len(heard) == count:
            break
    return heard


async def resumed(url: str, channels: list[str], epoch: str, position: int) -> list[dict[str, Any]]:
    """Come back where a client stopped; give everything until the end of what it missed."""
    async with asyncio.timeout(10), connect(url, max_size=None) as raw:
        since = {"epoch": epoch, "position": position}
        await raw.send(json.dumps({"type": "auth", "data": {"token": TOKEN}}))
        await raw.send(json.dumps({"type": "subscribe", "data": {"channels": channels, "since": since}}))
        heard: list[dict[str, Any]] = []
        while not heard or heard[-1]["type"] != "snapshot_end":
            heard.append(json.loads(await raw.recv()))
        return [message for message in heard if "channel" in message or message["type"] == "gap"]
