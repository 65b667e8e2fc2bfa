"""The server is killed in the middle of its work, again and again: what was acknowledged is there, no event is lost."""

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from websockets import ConnectionClosed, connect

from tests.integration.support import MSC, TOKEN

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("FLEETWIRE_KILLS", "6"))
_BODY = {
    "account": {"server": "Broker-Demo", "login": 5, "currency": "USD", "balance": 1000.0, "equity": 1000.0},
    "experts": [{"expert": {"magic": 12345, "symbol": "EURUSD", "name": "London"}, "ea_id": 12345, "positions": []}],
}


def body(ticket: int) -> bytes:
    deal = {
        "ticket": ticket, "time_msc": MSC + ticket, "type": "sell", "entry": "out", "volume": 0.1, "profit": 1.0,
        "symbol": "EURUSD", "magic": 12345, "position_id": ticket,
    }  # fmt: skip
    return json.dumps({**_BODY, "deals": [deal]}).encode()


@contextlib.asynccontextmanager
async def server(database: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Start a server of its own, and give it with its address; it is killed at the end if nobody did before."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(database.parent), "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fleetwire", "serve", "--integrated", "--port", "0", "--auth-token", TOKEN,
        "--database", str(database), cwd=database.parent, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            said = (await process.stdout.readline()).decode()
        found = re.search(r"http://(127\.0\.0\.1:\d+)", said)
        assert found, (said, (await process.communicate())[1].decode())
        yield process, found[1]
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.communicate()


class Reporter:
    """Reports deals, several at a time, and remembers which were acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: set[int] = set()
        self.next = 1

    async def report(self, address: str) -> None:
        """Report until the server is gone."""
        url = f"http://{address}/api/v1/ea/report"
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        async with aiohttp.ClientSession(headers=headers) as session:
            while True:
                ticket, self.next = self.next, self.next + 1
                async with session.post(url, data=body(ticket)) as response:
                    if response.status == 200 and (await response.json())["accepted"] == 3:
                        self.acknowledged.add(ticket)


class Viewer:
    """Hears every trade, comes back where it stopped, and complains of holes and doubles."""

    def __init__(self) -> None:
        self.epoch = ""
        self.position = 0
        self.tickets: list[int] = []
        self.seqs: list[int] = []
        self.gaps: list[dict[str, Any]] = []

    async def hear(self, address: str, until: int | None = None) -> None:
        """Hear until the server is gone, or until so many trades were heard."""
        async with connect(f"ws://{address}", max_size=None) as raw:
            await raw.send(json.dumps({"type": "auth", "data": {"token": TOKEN}}))
            since = {"epoch": self.epoch, "position": self.position} if self.epoch else None
            asked = {"channels": ["trade_updates"], **({"since": since} if since else {"history": 10_000})}
            await raw.send(json.dumps({"type": "subscribe", "data": asked}))
            while until is None or len(self.tickets) < until:
                self._take(json.loads(await raw.recv()))

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscription_response":
            if not self.epoch:
                self.position = message["data"]["position"]
            self.epoch = message["data"]["epoch"]
        elif message["type"] == "gap":
            self.gaps.append(message["data"])
        elif message["type"] == "trade_update":
            self.tickets.append(message["data"]["ticket"])
            self.seqs.append(message["seq"])
            self.position = message["position"]


async def test_everything_acknowledged_is_there_and_a_client_that_resumes_sees_no_hole(tmp_path: Path) -> None:
    database, chance = tmp_path / "fleet.db", random.Random(7)
    reporter, viewer = Reporter(), Viewer()
    for _ in range(KILLS):
        async with server(database) as (process, address):
            work = [asyncio.create_task(reporter.report(address)) for _ in range(4)]
            work.append(asyncio.create_task(viewer.hear(address)))
            enough, began = chance.randrange(5, 60), len(reporter.acknowledged)
            async with asyncio.timeout(30):
                while len(reporter.acknowledged) < began + enough:
                    await asyncio.sleep(0)
            process.send_signal(signal.SIGKILL)
            ends = await asyncio.gather(*work, return_exceptions=True)
            assert all(isinstance(end, aiohttp.ClientError | ConnectionClosed | OSError) for end in ends), ends
    async with server(database) as (_, address), aiohttp.ClientSession() as session:
        there = await all_deals(session, address)
        assert reporter.acknowledged <= set(there), "what was acknowledged is kept"
        assert len(there) == len(set(there)), "and once"
        async with asyncio.timeout(20):
            await viewer.hear(address, until=len(there))
    assert sorted(viewer.tickets) == sorted(there), "every trade that is kept was heard, once"
    assert viewer.seqs == list(range(1, len(viewer.seqs) + 1)), "without a hole"
    assert viewer.gaps == []


async def all_deals(session: aiohttp.ClientSession, address: str) -> list[int]:
    """List the tickets of all deals, page by page."""
    found: list[int] = []
    cursor = ""
    while True:
        url = f"http://{address}/api/v1/deals?limit=1000{cursor}"
        async with session.get(url, headers={"Authorization": f"Bearer {TOKEN}"}) as response:
            assert response.status == 200, await response.text()
            page = await response.json()
        found += [row["ticket"] for row in page["items"]]
        if "next" not in page:
            return found
        cursor = f"&cursor={page['next']}"
