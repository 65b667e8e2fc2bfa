"""Attacks a server and prints what it answered; without `--url` a server of its own is started and attacked."""

import argparse
import asyncio
import os
import ssl
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from tests.attacks import conversation, frames, handshakes
from tests.attacks.own import OwnServer
from tests.attacks.peer import Peer, Target, http
from tests.attacks.table import ATTACKS, Attack, NotHere

ROOMS = (handshakes, frames, conversation)  # where they are declared
ATTEMPT_S = 120.0


def main() -> int:
    """Run the attacks that are asked for; the exit code tells whether all were answered as demanded."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("--url", help="of the server, like ws://127.0.0.1:8765 or wss://host")
    parser.add_argument("--token", default=os.environ.get("WEBSOCKET_AUTH_TOKEN", ""), help="an admin's there")
    parser.add_argument("--expert-token", default="", help="of somebody who may only report")
    parser.add_argument("--ca-file", type=Path, help="whom to trust for wss://")
    parser.add_argument("--connections-max", type=int, default=1000, help="how many it takes from one address (1000)")
    parser.add_argument("--only", default="", help="numbers, like 7,19-22")
    args = parser.parse_args()
    if args.url and not args.token:
        parser.error("--url needs --token, or WEBSOCKET_AUTH_TOKEN")
    numbers = _numbers(args.only) or sorted(ATTACKS)
    return asyncio.run(_all(_target(args) if args.url else None, numbers))


def _numbers(text: str) -> list[int]:
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def _target(args: argparse.Namespace) -> Target:
    parts = urlsplit(args.url)
    tls = ssl.create_default_context(cafile=args.ca_file) if parts.scheme in ("wss", "https") else None
    host = parts.hostname or "127.0.0.1"
    return Target(
        host,
        parts.port or (443 if tls else 80),
        args.token,
        args.expert_token,
        tls,
        connections_max=args.connections_max,
        is_loopback=host in ("localhost", "::1") or host.startswith("127."),
    )


async def _all(target: Target | None, numbers: list[int]) -> int:
    if target is not None:
        return await _in_turn(target, numbers)
    async with OwnServer() as own:
        return await _in_turn(own.target, numbers)


async def _in_turn(target: Target, numbers: list[int]) -> int:
    counts = {"passed": 0, "FAILED": 0, "open": 0}
    for number in numbers:
        attack = ATTACKS[number]
        began = time.monotonic()
        result, why = await _result(attack, target)
        counts[result] += 1
        took = time.monotonic() - began
        print(f"{number:3}  {result:6}  {took:5.1f} s  {attack.name}  ->  {attack.answer}", flush=True)
        if why:
            print(f"                      {why}", flush=True)
    print(", ".join(f"{count} {result}" for result, count in counts.items() if count))
    return 1 if counts["FAILED"] else 0


async def _result(attack: Attack, target: Target) -> tuple[str, str]:
    try:
        async with asyncio.timeout(ATTEMPT_S):
            await attack.run(target)
            await alive(target)
    except NotHere as reason:
        return "open", str(reason)
    except Exception as error:
        return "FAILED", f"{type(error).__name__}: {error}"
    return "passed", ""


async def alive(target: Target) -> None:
    """See to it that others are served."""
    assert (await http(target, "GET /healthz"))[0] == 200, "afterwards the server was not well"
    peer = await Peer.joined(target)
    await peer.end()


if __name__ == "__main__":
    sys.exit(main())
