"""How much one core takes in: decoded, validated, applied, published. In one process, without a socket.

    python -m benchmarks.ingest [--quick]

Prints one line of JSON. Times are CPU time of this process: under load the server sleeps between two flushes, so that
what comes in is never starved (fleetwire/server/pump.py), and that sleep is no cost.
"""

import argparse
import asyncio
import json
import os
import statistics
import time

import msgspec

from benchmarks.candidates import LIMITS, TOKEN
from fleetwire.fleet.events import Account, Deal, ExpertId, ExpertReport, Fact, Position
from fleetwire.fleet.statistics import Statistics
from fleetwire.integration import IntegrationService
from fleetwire.server.server import WebSocketServer

EXPERTS = (100, 500, 2000)  # no fewer than reports of one flush: two of one expert would be told as one row
TOGETHER = (1, 100)  # reports of one flush
ACCOUNT_EXPERTS = 10  # experts on one account
_SERVER = "Demo-Server"
_MSC = 1_780_000_000_000

Figures = dict[str, float]


def _expert(number: int) -> ExpertId:
    return ExpertId(_SERVER, 50_000_000 + number // ACCOUNT_EXPERTS, 770_000 + number, "EURUSD", "EURUSD trend")


def report(number: int, profit: float) -> bytes:
    """Write an expert's report as it comes: two positions, some 600 bytes."""
    expert = _expert(number)
    positions = tuple(
        Position(
            ticket=9_000_000 + 2 * number + k, time_msc=_MSC, type=("buy", "sell")[k], magic=expert.magic, volume=0.1,
            price_open=1.08512, price_current=1.08634, sl=1.08, tp=1.095, profit=profit, symbol="EURUSD",
        )
        for k in range(2)
    )  # fmt: skip
    return msgspec.json.encode(
        ExpertReport(expert=expert, strategy_tag="trend", timeframe="H1", positions=positions, trailing_active=True)
    )


def deal(number: int) -> Deal:
    """Make one deal of a series: in, out, in, out, with results that change sign."""
    trade, closing = divmod(number, 2)
    return Deal(
        ticket=number + 1, time_msc=_MSC + number * 60_000, type="sell" if closing else "buy",
        entry="out" if closing else "in", position_id=trade + 1, volume=0.1, price=1.085, commission=-0.35,
        profit=float((trade * 37) % 101 - 48) if closing else 0.0, symbol="EURUSD",
    )  # fmt: skip


async def ingest(experts: int, together: int, count: int) -> Figures:
    """Take `count` reports in; give what one costs, and what decoding alone costs [us]."""
    facts: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(Fact)
    server = WebSocketServer(port=0, auth_token=TOKEN, limits=LIMITS)
    service = IntegrationService(server)
    async with server:
        await service.start()
        for login in sorted({_expert(number).login for number in range(experts)}):
            await service.report(
                Account(server=_SERVER, login=login, currency="USD", balance=10_000, equity=10_000, margin=100)
            )
        await service.report(*(facts.decode(report(number, 1.0)) for number in range(experts)))
        payloads = [report(number % experts, float(number % 97)) for number in range(count)]
        published = server.hub.position
        cpu = time.process_time()
        for start in range(0, count, together):
            await service.report(*(facts.decode(payload) for payload in payloads[start : start + together]))
        us = (time.process_time() - cpu) / count * 1e6
        published = server.hub.position - published
        await service.stop()
    cpu = time.process_time()
    for payload in payloads:
        facts.decode(payload)
    decode_us = (time.process_time() - cpu) / count * 1e6
    flushes = -(-count // together)
    if published != count + flushes:  # each report, and, as it waits to be told all of it, the portfolio once a flush
        raise RuntimeError(f"{count} reports in {flushes} flushes became {published} messages")
    return {"us": us, "decode_us": decode_us, "bytes": len(payloads[0])}


def deals(count: int) -> Figures:
    """Give what a deal costs in the statistics, among the first of a series and among its last [us]."""
    series = [deal(number) for number in range(count)]
    part = max(count // 10, 1000)
    figures = Statistics(2, 10_000.0)
    times: list[float] = []
    for start in range(0, count, part):
        cpu = time.process_time()
        for one in series[start : start + part]:
            figures.add(one)
        times.append((time.process_time() - cpu) / part * 1e6)
    cpu = time.process_time()
    for _ in range(1000):
        figures.metrics()
    metrics_us = (time.process_time() - cpu) / 1000 * 1e6
    return {"us": statistics.median(times), "first_us": times[0], "last_us": times[-1], "metrics_us": metrics_us}


def measure(quick: bool) -> dict[str, Figures]:
    """Measure all of it once."""
    found = {}
    for experts in EXPERTS:
        for together in TOGETHER:
            # One at a time, every report waits for a flush that sums the whole fleet: fewer of them will do.
            count = (50 if together == 1 else 2000) if quick else (300 if together == 1 else 10_000)
            found[f"{experts} experts, {together} a flush"] = asyncio.run(ingest(experts, together, count))
    return {**found, "deals": deals(10_000 if quick else 200_000)}


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--core", type=int, default=min(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {arguments.core})
    print(json.dumps(measure(arguments.quick)))


if __name__ == "__main__":
    main()
