"""`fleetwire tail CHANNEL...`: what a client hears, for people or (--json) for programs."""

import argparse
import asyncio
import os
import signal
import sys
from datetime import datetime
from typing import Any

import msgspec

from fleetwire.cli import settings
from fleetwire.cli.running import INTERRUPTED, ended
from fleetwire.client import Message, WebSocketClient
from fleetwire.wire.channels import CHANNEL_BY_NAME, Topic
from fleetwire.wire.errors import ConfigError

_RED, _AMBER, _FAINT, _PLAIN = "\x1b[1;31m", "\x1b[33m", "\x1b[2m", "\x1b[0m"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is heard, and from where."""
    parser.add_argument("channels", nargs="*", metavar="CHANNEL", help=f"of {', '.join(CHANNEL_BY_NAME)}; all of them")
    parser.add_argument("--json", action="store_true", help="print every message as one line of JSON")
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
        self._print = _print_json if args.json else _print_line
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
        async for message in client.subscribe(self._channels, history=self._history):
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


def _print_line(message: Message) -> None:
    """Print what a person wants to know of a message."""
    moment = (
        datetime.fromisoformat(message.timestamp).astimezone() if message.timestamp else datetime.now().astimezone()
    )
    data: dict[str, Any] = message.data if isinstance(message.data, dict) else {}
    say = _SAY.get(message.type, _say_anything)
    age = f"   age {message.age_ms} ms" if message.type == "ea_update" and message.age_ms is not None else ""
    text = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}  {say(data)}{age}"
    printable = "".join(char if char.isprintable() else "?" for char in text)
    sys.stdout.write(_painted(printable, message.type, data) + "\n")
    sys.stdout.flush()


def _painted(text: str, message_type: str, data: dict[str, Any]) -> str:
    """Make what needs a look stand out, on a terminal; NO_COLOR is respected (no-color.org)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    if message_type == "gap" or data.get("level") == "critical":
        return f"{_RED}{text}{_PLAIN}"
    if data.get("level") == "warning" or (message_type == "ea_update" and data.get("status") != "active"):
        return f"{_AMBER}{text}{_PLAIN}"
    return f"{_FAINT}{text}{_PLAIN}" if message_type == "portfolio_update" else text


def _say_ea(data: dict[str, Any]) -> str:
    status = str(data.get("status", ""))
    return (
        f"ea      {data.get('ea_id', '')!s:<6} {data.get('symbol', '')!s:<8} {data.get('name', '')!s:<18.18} "
        f"{status if status == 'active' else status.upper():<8} {_signed(data.get('current_profit')):>10}  "
        f"{data.get('open_positions', '-')!s:>2} pos{_in_the_way(data)}"
    )


def _in_the_way(data: dict[str, Any]) -> str:
    """Say what an expert suffers from, if it does."""
    said = []
    if data.get("link") in ("stale", "lost"):
        said.append(f"no report since {str(data.get('last_report_utc', ''))[11:19]} UTC")
    if data.get("why"):
        said.append(str(data["why"]).replace("_", " "))
    if data.get("trading_blocked"):
        said.append(f"news until {str(data.get('blocked_until_utc', ''))[11:16]} UTC")
    return f"   {': '.join(said)}" if said else ""


def _say_portfolio(data: dict[str, Any]) -> str:
    by_currency = data.get("by_currency")
    sums = list(by_currency.values()) if isinstance(by_currency, dict) and by_currency else [data]
    silent = sum(count for link, count in (data.get("links") or {}).items() if link in ("stale", "lost"))
    parts = [
        f"{data.get('active_eas', '-')} active" + (f", {silent} SILENT" if silent else ""),
        *(_say_sums(of_currency) for of_currency in sums if isinstance(of_currency, dict)),
    ]
    return "fleet   " + "   ".join(part for part in parts if part)


def _say_sums(sums: dict[str, Any]) -> str:
    """Say the money of one currency."""
    drawdown, equity = sums.get("drawdown_pct"), sums.get("equity")
    parts = [
        f"{_signed(sums['total_profit'])}" if "total_profit" in sums else "",
        f"equity {_number(equity)} {sums.get('currency', '')}".rstrip() if equity is not None else "",
        f"drawdown {drawdown} %" if drawdown is not None else "",
    ]
    return "  ".join(part for part in parts if part)


def _say_trade(data: dict[str, Any]) -> str:
    if data.get("type") not in ("buy", "sell", None) and not data.get("symbol"):
        return f"{data['type']!s:<7} {data.get('ea_id', '')!s:<6} {_signed(data.get('profit'))}"
    return (
        f"trade   {data.get('ea_id', '')!s:<6} {data.get('symbol', '')!s:<8} {data.get('entry', '')!s:<6} "
        f"{data.get('type', '')!s:<7} {data.get('volume', '')} lots at {data.get('price', '')}"
        f"{'   ' + _signed(data.get('profit')) if data.get('profit') else ''}"
    )


def _say_news(data: dict[str, Any]) -> str:
    return (
        f"news    {data.get('currency', '')!s:<4} {data.get('importance', '')!s:<9} {data.get('name', '')}"
        f"   {_BLACKOUT.get(str(data.get('status')), '')}{str(data.get('time_utc', ''))[:16].replace('T', ' ')} UTC"
    )


_BLACKOUT = {"blackout_opened": "BLACKOUT begins: ", "blackout_closed": "blackout is over: ", "announced": "at "}


def _say_command(data: dict[str, Any]) -> str:
    return (
        f"command {data.get('command_id', '')!s:<6} EA {data.get('ea_id', '')!s:<6} {data.get('command', '')!s:<10} "
        f"{data.get('status', '')!s:<10} {data.get('reason', '')}"
    )


def _say_alert(data: dict[str, Any]) -> str:
    hint = (
        f"   (ack: fleetwire ack {data['alert_id']})" if data.get("status") == "raised" and "alert_id" in data else ""
    )
    return f"alert   {data.get('level', '')!s:<9} {data.get('message', '')}{hint}"


def _say_gap(data: dict[str, Any]) -> str:
    return f"GAP     {data.get('channel', '')}: messages were lost ({msgspec.json.encode(data).decode()})"


def _say_anything(data: dict[str, Any]) -> str:
    return msgspec.json.encode(data).decode()


def _signed(amount: object) -> str:
    return f"{amount:+,.2f}".replace(",", " ") if isinstance(amount, int | float) else str(amount or "")


def _number(amount: object) -> str:
    return f"{amount:,.2f}".replace(",", " ") if isinstance(amount, int | float) else str(amount)


_SAY = {
    "ea_update": _say_ea,
    "portfolio_update": _say_portfolio,
    "trade_update": _say_trade,
    "news_update": _say_news,
    "command_update": _say_command,
    "alert": _say_alert,
    "gap": _say_gap,
}
