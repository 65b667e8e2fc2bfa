"""How long it takes from a command that is asked for to the expert that has it, with every step synced to the disk.

`python -m benchmarks.commands`: a server with SQLite in this process, and an expert on a WebSocket.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

from websockets import connect

from fleetwire import Fleetwire
from fleetwire.config import Settings
from fleetwire.fleet.commands import CommandLimits

_EXPERT = {"server": "Broker-Demo", "login": 5, "magic": 7, "symbol": "EURUSD", "name": "London"}
_WARM_UP = 50


async def measure(count: int, folder: Path) -> list[float]:
    """Give commands one after another; give for each the milliseconds until its expert has read it."""
    whole = Fleetwire(Settings(port=0, auth_token="a-token-of-the-benchmark", database=str(folder / "fleet.db")))
    whole.service.orders.commands = type(whole.service.orders.commands)(CommandLimits(per_minute=1e9, burst=10**9))
    took: list[float] = []
    async with whole, connect(whole.server.url) as raw:
        await raw.send(json.dumps({"type": "auth", "data": {"token": "a-token-of-the-benchmark"}}))
        await raw.send(json.dumps({"type": "ea_report", "data": {"expert": _EXPERT, "ea_id": 7, "boot_id": "one"}}))
        while 7 not in whole.service.orders.places:
            await raw.recv()
        for _ in range(count + _WARM_UP):
            asked = time.perf_counter()
            giving = asyncio.create_task(whole.command("pause", ea_id=7))
            while (message := json.loads(await raw.recv()))["type"] != "command":
                pass
            took.append((time.perf_counter() - asked) * 1000)
            await giving
            ack = {"command_id": message["data"]["id"], "status": "executed", "boot_id": "one", "ea_id": 7}
            await raw.send(json.dumps({"type": "command_ack", "data": ack}))
    return took[_WARM_UP:]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory(dir=".") as folder:
        took = asyncio.run(measure(count, Path(folder)))
    cuts = statistics.quantiles(took, n=100)
    print(
        f"{count} commands, asked for to delivered:",
        f"median {cuts[49]:.2f} ms, p99 {cuts[98]:.2f} ms, most {max(took):.2f} ms",
    )


if __name__ == "__main__":
    main()
