"""How long it takes from a command that an operator asks for to the expert that has it, each step synced to the disk.

`python -m benchmarks.commands`: a server with SQLite in this process, an operator and an expert on WebSockets, each
with a token of its own, so that commands are signed. Printed as JSON, in milliseconds, with what the disk itself takes
for one sync, as many as a command needs before it is handed over.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from fleetwire import Fleetwire
from fleetwire.cli.asking import Api
from fleetwire.config import Settings
from fleetwire.fleet.commands import CommandLimits
from fleetwire.hub.limits import Limits

_ADMIN = "a-token-of-the-benchmark"
_EXPERT = {"server": "Broker-Demo", "login": 5, "magic": 7, "symbol": "EURUSD", "name": "London"}
_WARM_UP = 50
_BLOCK = bytes(4096)


async def measure(count: int, folder: Path) -> list[float]:
    """Give commands one after another; give for each the milliseconds until its expert has read it."""
    settings = Settings(
        port=0,
        auth_token=_ADMIN,
        database=str(folder / "fleet.db"),
        server_key=str(folder / "server.key"),
        limits=Limits(messages_per_second_max=10**6),  # nobody asks as fast as this does
        commands=CommandLimits(per_minute=1e9, burst=10**9),
    )
    async with Fleetwire(settings) as whole:
        api = Api(whole.server.url, _ADMIN)
        own = {name: _EXPERT[name] for name in ("server", "login", "magic")}
        as_expert = (await api.ask("POST", "tokens", {"role": "expert", "expert": own}))["token"]
        as_operator = (await api.ask("POST", "tokens", {"role": "operator"}))["token"]
        async with connect(whole.server.url) as expert, connect(whole.server.url) as operator:
            await say(expert, "auth", token=as_expert)
            await say(expert, "ea_report", expert=_EXPERT, ea_id=7, boot_id="one")
            await say(operator, "auth", token=as_operator)
            await hear(operator, "auth_response")
            while 7 not in whole.service.orders.places:
                await expert.recv()
            took = [await _one(operator, expert) for _ in range(count + _WARM_UP)]
    return took[_WARM_UP:]


async def _one(operator: ClientConnection, expert: ClientConnection) -> float:
    asked = time.perf_counter()
    await say(operator, "command", target={"ea_id": 7}, command="pause")
    order = await hear(expert, "command")
    took_ms = (time.perf_counter() - asked) * 1000
    if not order["signature"]:
        raise RuntimeError("the command came without a signature")
    await hear(operator, "command_response")
    await say(expert, "command_ack", command_id=order["id"], status="executed", boot_id="one", ea_id=7)
    return took_ms


async def say(link: ClientConnection, kind: str, **data: Any) -> None:
    """Say something."""
    await link.send(json.dumps({"type": kind, "data": data}))


async def hear(link: ClientConnection, kind: str) -> dict[str, Any]:
    """Read until a message of this type; give its data."""
    while True:
        message: dict[str, Any] = json.loads(await link.recv())
        if message["type"] == kind:
            return dict(message["data"])
        if message["type"] == "error":
            raise RuntimeError(message["data"]["message"])


def syncs(count: int, folder: Path) -> list[float]:
    """Append to a file and sync it; give the milliseconds of each: no durable queue can be faster."""
    took = []
    with (folder / "limit").open("wb", buffering=0) as file:
        for _ in range(count):
            began = time.perf_counter()
            file.write(_BLOCK)
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return took


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        found = {"fleetwire": asyncio.run(measure(count, folder)), "limit": syncs(count, folder)}
    cuts = {who: statistics.quantiles(took, n=100) for who, took in found.items()}
    figures = {who: {"p50_ms": cuts[who][49], "p99_ms": cuts[who][98], "most_ms": max(found[who])} for who in found}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
