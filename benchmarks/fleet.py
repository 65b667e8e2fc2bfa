"""What a living fleet costs: experts report over their sockets, each once a second, to a server that keeps everything.

    python -m benchmarks.fleet [--experts 500] [--seconds 20]

The server is a process of its own, with its database on disk and one viewer of everything. Each expert has a connection
and says `ea_report` (two positions) once a second; each account `account_report`; one report in ten comes with a deal.
Prints one line of JSON: the share of a core that the server took (all of its threads), and what a report cost.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from websockets import ClientConnection, connect

from benchmarks.ingest import ACCOUNT_EXPERTS, report
from benchmarks.subject import Subject, raise_file_limit
from fleetwire import Fleetwire
from fleetwire.cli.running import calm_the_collector
from fleetwire.config import Settings
from fleetwire.hub.limits import Limits

TOKEN = "t"
_SERVER = "Demo-Server"
_MSC = 1_780_000_000_000
_WARM_UP_S = 3


async def serve(database: str) -> None:
    """Be the server: print the port, and end with the input."""
    limits = Limits(connections_per_address_max=20_000)  # all of them are here
    settings = Settings(port=0, auth_token=TOKEN, database=database, log_level="error", limits=limits)
    async with Fleetwire(settings) as whole:
        calm_the_collector()  # as a server does that runs by itself
        print(whole.server.port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def _authenticated(url: str) -> ClientConnection:
    client = await connect(url, max_size=None, compression=None)
    await client.send(json.dumps({"type": "auth", "data": {"token": TOKEN}}))
    for _ in range(2):
        await client.recv()
    return client


async def _view(url: str) -> None:
    client = await _authenticated(url)
    await client.send(json.dumps({"type": "subscribe", "data": {"channels": ["*"]}}))
    async for _ in client:
        pass


class Expert:
    """One expert: its connection, and what it says next.

    Args:
        number: of it.
        client: its connection.
        balances: of all accounts, by login.
    """

    def __init__(self, number: int, client: ClientConnection, balances: dict[int, float]) -> None:
        self._number = number
        self._client = client
        self._said = 0
        self._balances = balances
        self._data = msgspec.json.decode(report(number, 1.0))
        del self._data["type"]

    async def speak(self) -> None:
        """Say what it does; at times a deal comes first, and the first of an account tells the account."""
        self._said += 1
        login = self._data["expert"]["login"]
        if self._number % ACCOUNT_EXPERTS == 0:
            balance = self._balances.setdefault(login, 10_000.0)
            account = {"server": _SERVER, "login": login, "currency": "USD", "balance": balance, "equity": balance}
            await self._send("account_report", account)
        if (self._said + self._number) % 10 == 0:
            deal: dict[str, Any] = {
                "ticket": self._number * 1_000_000 + self._said, "time_msc": _MSC + self._said * 1000, "type": "sell",
                "entry": "out", "volume": 0.1, "price": 1.085, "profit": float(self._said % 7 - 3), "symbol": "EURUSD",
            }  # fmt: skip
            self._balances[login] = self._balances.get(login, 10_000.0) + deal["profit"]
            await self._send("deal", {"expert": self._data["expert"], "deal": deal})
        for position in self._data["positions"]:
            position["profit"] = float((self._said * 37 + self._number) % 97)
        await self._send("ea_report", self._data)

    async def _send(self, kind: str, data: object) -> None:
        await self._client.send(json.dumps({"type": kind, "data": data}))

    async def live(self, seconds: int, began: float, phase: float) -> None:
        """Speak once a second."""
        loop = asyncio.get_running_loop()
        for second in range(seconds):
            await asyncio.sleep(max(0.0, began + second + phase - loop.time()))
            await self.speak()


async def measure(experts: int, seconds: int) -> dict[str, float]:
    """Let a fleet live, and look at what the server takes meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        subject = Subject([sys.executable, "-m", "benchmarks.fleet", "--serve", str(Path(folder) / "fleet.db")])
        try:
            return await _measured(subject, experts, seconds)
        finally:
            subject.end()


async def _measured(subject: Subject, experts: int, seconds: int) -> dict[str, float]:
    url = f"ws://127.0.0.1:{subject.port}"
    clients = [await _authenticated(url) for _ in range(experts)]
    balances: dict[int, float] = {}
    fleet = [Expert(number, client, balances) for number, client in enumerate(clients)]
    viewing = asyncio.create_task(_view(url))
    loop = asyncio.get_running_loop()
    began = loop.time() + 0.1
    lives = [
        asyncio.create_task(each.live(seconds + _WARM_UP_S, began, number / experts))
        for number, each in enumerate(fleet)
    ]
    await asyncio.sleep(_WARM_UP_S)
    cpu, wall = subject.cpu_us(), time.monotonic()
    await asyncio.gather(*lives)
    cpu, wall = subject.cpu_us() - cpu, time.monotonic() - wall
    viewing.cancel()
    for client in clients:
        await client.close()
    return {
        "experts": experts,
        "core": round(cpu / 1e6 / wall, 4),
        "us_a_report": round(cpu / (experts * seconds), 1),
        "rss_mib": round(subject.rss_kib() / 1024, 1),
    }


def main() -> None:
    """Measure, and print one line for each fleet."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet")
    parser.add_argument("--experts", default="50,500,2000", help="sizes of fleets (50,500,2000)")
    parser.add_argument("--seconds", type=int, default=20, help="how long each is looked at (20)")
    parser.add_argument("--serve", metavar="DATABASE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    raise_file_limit()
    if arguments.serve:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        asyncio.run(serve(arguments.serve))
        return
    for size in arguments.experts.split(","):
        print(json.dumps(asyncio.run(measure(int(size), arguments.seconds))), flush=True)


if __name__ == "__main__":
    main()
