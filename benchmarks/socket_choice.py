"""Which socket layer should carry the sessions? Figures for docs/decisions/0001-the-socket.md (Linux only).

    python -m benchmarks.socket_choice [--rounds 5] [--only fleetwire,aiohttp]

Compares fleetwire's own port with an aiohttp WebSocket server and with the asyncio server of `websockets`: the same
sessions and the same hub, another socket. A round measures each candidate once, in a fresh process, in turns; server
and clients are pinned to different cores. CPU time is what the scheduler charged the server's threads
(/proc/PID/task/TID/schedstat), so a busy machine blurs the figures but does not move them by its waiting.
"""

import argparse
import os
import platform
import statistics
import time
from collections import defaultdict
from importlib.metadata import version

import msgspec

from benchmarks.candidates import TOKEN
from benchmarks.crowd import Crowd, Member, masked
from benchmarks.subject import Subject, candidate, raise_file_limit

WARM_UP = 64
CONNECTIONS = 2_000
LISTENERS = 500
TALKERS = 64
TALKS = 40  # requests of one talker, one at a time
PIPELINED = 16
ISOLATED_TURNS = 60
BURST_TURNS = 10
BURST = 16
TIME_MAX_S = 90.0  # no round begins later

Figures = dict[str, float]
ROWS = {
    "rss": "memory per idle connection, authenticated and subscribed [KiB]",
    "handshake": "handshake: connect, upgrade, welcome [us]",
    "subscribe": "auth + subscribe, two requests [us]",
    "single": "inbound message answered, one at a time [us]",
    "pipelined": f"inbound message answered, {PIPELINED} in one write [us]",
    "isolated": f"delivery to one of {LISTENERS}, one message a turn [us]",
    "burst": f"delivery to one of {LISTENERS}, {BURST} messages a turn [us]",
    "isolated send_frame": "... aiohttp by send_frame, one a turn [us]",
    "burst send_frame": f"... aiohttp by send_frame, {BURST} a turn [us]",
    "isolated transport": "... our frames past aiohttp, one a turn [us]",
    "burst transport": f"... our frames past aiohttp, {BURST} a turn [us]",
}
WAYS = {"fleetwire": ("own",), "aiohttp": ("send_str", "send_frame", "transport"), "websockets": ("broadcast",)}


def request(kind: str, **data: object) -> bytes:
    """Build a client's frame."""
    return masked(msgspec.json.encode({"type": kind, "id": 7, "data": data}))


def measure(name: str, server_core: int) -> Figures:
    """Measure one candidate once."""
    subject = Subject(candidate(name, server_core))
    crowd = Crowd(subject.port, subject.pid)
    try:
        return _measure(name, subject, crowd)
    finally:
        crowd.close()
        subject.end()


def _measure(name: str, subject: Subject, crowd: Crowd) -> Figures:
    auth = request("auth", token=TOKEN)
    subscribe = {channel: request("subscribe", channels=[channel]) for channel in ("ea_updates", "alerts")}
    heartbeat = request("heartbeat", client_time="2026-11-23T12:00:00.000Z")
    figures: Figures = {}

    def enter(members: list[Member], listeners: int) -> None:
        crowd.ask(members, auth)
        crowd.ask(members[:listeners], subscribe["ea_updates"])
        crowd.ask(members[listeners:], subscribe["alerts"])

    warm = crowd.connect(WARM_UP)
    enter(warm, 0)
    crowd.ask(warm, heartbeat * PIPELINED, PIPELINED)

    rss, cpu = subject.rss_kib(), subject.cpu_us()
    members = crowd.connect(CONNECTIONS)
    figures["handshake"] = (subject.cpu_us() - cpu) / CONNECTIONS
    cpu = subject.cpu_us()
    enter(members, LISTENERS)
    figures["subscribe"] = (subject.cpu_us() - cpu) / CONNECTIONS
    figures["rss"] = (subject.rss_kib() - rss) / CONNECTIONS

    talkers = members[-TALKERS:]
    cpu = subject.cpu_us()
    for _ in range(TALKS):
        crowd.ask_in_turn(talkers, heartbeat)
    figures["single"] = (subject.cpu_us() - cpu) / (TALKS * TALKERS)
    cpu = subject.cpu_us()
    for _ in range(TALKS // 4):
        crowd.ask_in_turn(talkers, heartbeat * PIPELINED, PIPELINED)
    figures["pipelined"] = (subject.cpu_us() - cpu) / (TALKS // 4 * TALKERS * PIPELINED)

    for way in WAYS[name]:
        suffix = "" if way == WAYS[name][0] else f" {way}"
        for kind, turns, count in (("isolated", ISOLATED_TURNS, 1), ("burst", BURST_TURNS, BURST)):
            cpu = subject.cpu_us()
            for _ in range(turns):
                subject.deliver(way, count)
                crowd.hear(count * LISTENERS)
                subject.delivered()
            figures[kind + suffix] = (subject.cpu_us() - cpu) / (turns * count * LISTENERS)
    return figures


def table(rounds: dict[str, list[Figures]]) -> str:
    """Write the medians, and the least and the most of the rounds, as a Markdown table."""
    lines = ["| figure | " + " | ".join(rounds) + " |", "|---" * (len(rounds) + 1) + "|"]
    for key, title in ROWS.items():
        cells = []
        for figures in rounds.values():
            values = [one[key] for one in figures if key in one]
            cells.append(f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})" if values else "-")
        if any(cell != "-" for cell in cells):
            lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.socket_choice")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(WAYS), help="candidates, separated by commas")
    arguments = parser.parse_args()
    names = arguments.only.split(",")
    raise_file_limit()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    rounds: dict[str, list[Figures]] = defaultdict(list)
    started = time.monotonic()
    for number in range(arguments.rounds):
        if time.monotonic() - started > TIME_MAX_S:
            break
        for name in names if number % 2 == 0 else names[::-1]:
            rounds[name].append(measure(name, cores[0]))
    count = min(len(figures) for figures in rounds.values())
    packages = ", ".join(f"{name} {version(name)}" for name in ("websockets", "aiohttp", "msgspec"))
    print(f"Python {platform.python_version()}, {packages}; {len(cores)} cores; {CONNECTIONS:,} connections")
    print(f"median of {count} rounds (least-most); CPU microseconds of the server process\n")
    print(table({name: rounds[name] for name in names}))


if __name__ == "__main__":
    main()
