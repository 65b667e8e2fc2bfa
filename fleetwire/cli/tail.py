"""`fleetwire tail CHANNEL...`: what a client hears, for people or (--json) for programs."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import msgspec

from fleetwire.cli import settings
from fleetwire.cli.lines import line_of
from fleetwire.cli.running import INTERRUPTED, ended
from fleetwire.client import Message, WebSocketClient
from fleetwire.wire.channels import CHANNEL_BY_NAME, Topic
from fleetwire.wire.errors import ConfigError

_FOR_PEOPLE_HZ = {"portfolio_updates": 1.0, "price_updates": 1.0}
"""Sums and prices move all the time: nobody reads them faster. Programs (--json) are told everything."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is heard, and from where."""
    parser.add_argument("channels", nargs="*", metavar="CHANNEL", help=f"of {', '.join(CHANNEL_BY_NAME)}; all of them")
    parser.add_argument(
        "--json",
        action="store_true",
        help="print every message as one line of JSON; without it sums and prices come once a second",
    )
    parser.add_argument("--history", type=_count, metavar="N", help="begin with the last N events")
    parser.add_argument("--count", type=_count, metavar="N", help="end after N messages")
    settings.add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print until ended.

    Raises:
        FleetwireError: wrong channel, no server, wrong token.
    """
    for name in args.channels:
        if Topic.parse(name) is None:
            raise ConfigError(f"no channel {name}: there are {', '.join(CHANNEL_BY_NAME)}")
    url, token = settings.server_of(args)
    settings.set_up_logging("warning")
    if sys.stderr.isatty() and not args.json:
        print(f"listening at {url}, times are local, Ctrl-C ends", file=sys.stderr)
    return asyncio.run(_Tail(args).hear(WebSocketClient(url, token, ssl=settings.tls_of(args))))


class _Tail:
    """Counts what it prints.

    Args:
        args: the command's.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self._channels = args.channels or list(CHANNEL_BY_NAME)
        self._history: int | None = args.history
        self._count: int | None = args.count
        self._print = _print_json if args.json else _printer(args.url)
        heard = {name.partition(":")[0] for name in self._channels}
        rates = {name: rate for name, rate in _FOR_PEOPLE_HZ.items() if name in heard}
        self._max_hz = None if args.json or not rates else rates
        self._messages = self._gaps = self._position = 0

    async def hear(self, client: WebSocketClient) -> int:
        """Print until Ctrl-C, SIGTERM, or enough."""
        async with ended() as end, client:
            hearing = asyncio.ensure_future(self._print_all(client))
            waiting: set[asyncio.Future[Any]] = {hearing, end}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if hearing.done():
                hearing.result()
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
        messages = f"{self._messages:,} messages, {self._gaps:,} gaps, last position {self._position}"
        print(f"\n{messages}", file=sys.stderr)
        return INTERRUPTED if end.done() and end.result() == signal.SIGINT else 0

    async def _print_all(self, client: WebSocketClient) -> None:
        async for message in client.subscribe(self._channels, history=self._history, max_hz=self._max_hz):
            if message.type != "snapshot_end":
                self._print(message)
                self._messages += 1
                self._gaps += message.type == "gap"
                self._position = message.position or self._position
            if self._count is not None and self._messages >= self._count:
                return


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


def _print_json(message: Message) -> None:
    fields = ("type", "data", "timestamp", "channel", "seq", "position", "key", "as_of")
    known = {name: getattr(message, name) for name in fields if getattr(message, name) is not None}
    sys.stdout.write(msgspec.json.encode(known).decode() + "\n")
    sys.stdout.flush()


def _printer(url: str | None) -> Callable[[Message], None]:
    """Print for people; in colour on a terminal, where NO_COLOR is respected (no-color.org)."""
    in_colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    ack = "fleetwire ack" if url is None else f"fleetwire ack --url {url}"

    def show(message: Message) -> None:
        line = line_of(message, ack)
        sys.stdout.write((line.painted() if in_colour else str(line)) + "\n")
        sys.stdout.flush()

    return show
