"""`fleetwire send COMMAND`: give a command to experts, and say what became of it."""

import argparse
import asyncio
import math
import secrets
import time
from typing import Any, Final

import msgspec

from fleetwire.cli import settings
from fleetwire.cli.asking import Api
from fleetwire.wire.errors import ConfigError, NotConnectedError, RequestError, RequestTimeoutError

_LOOK_S: Final = 0.1
_TRIES: Final = 3  # at a request whose answer did not come; the key makes one command of all
_ENDS: Final = frozenset({"executed", "partial", "rejected", "failed", "expired", "cancelled", "unknown"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what, for whom, and why."""
    parser.add_argument("command", metavar="COMMAND", help="like pause, resume, close_all or emergency_stop")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--ea", type=int, metavar="ID", help="for this expert")
    target.add_argument("--account", metavar="SERVER/LOGIN", help="for all experts of this account")
    target.add_argument("--group", metavar="NAME", help="for all experts of this group")
    target.add_argument("--strategy", metavar="NAME", help="for all experts of this strategy")
    target.add_argument("--all", action="store_true", help="for all experts")
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what the command has to say; may be repeated",
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; it goes into the audit")
    parser.add_argument(
        "--expires", type=_seconds, metavar="S", help="seconds after which nobody may begin with it (60)"
    )
    parser.add_argument("--key", metavar="TEXT", help="sent again with the same key, it is the same command")
    parser.add_argument("--yes", action="store_true", help="confirm at once, where the server asks to confirm")
    parser.add_argument(
        "--wait", action="store_true", help="wait for its end; 1 is the exit code if it is not executed"
    )
    settings.add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Give it.

    Raises:
        FleetwireError: no server, wrong token, or the server refuses it.
    """
    asked: dict[str, Any] = {
        "command": args.command,
        "target": _target(args),
        "params": dict(_param(text) for text in args.param),
        "reason": args.reason,
        "idempotency_key": args.key or secrets.token_hex(8),
    }
    if args.expires is not None:
        asked["expires_in_s"] = args.expires
    api = Api(*settings.server_of(args), settings.tls_of(args))
    return asyncio.run(_send(api, asked, yes=args.yes, wait=args.wait))


async def _send(api: Api, asked: dict[str, Any], *, yes: bool, wait: bool) -> int:
    answer = await _ask(api, asked)
    if answer.get("status") == "confirm":
        if not yes:
            raise ConfigError(f"{_plain(answer.get('message'))}: add --yes if that is what you want")
        answer = await _ask(api, asked | {"confirm": answer["confirm"]})
    row = answer["command"]
    if wait:
        row = await _ended(api, row)
    print(_line(row))
    for part in answer.get("children", []) if not wait else await _parts(api, row):
        print(f"  {_line(part)}")
    return 0 if row["status"] == "executed" or not wait else 1


async def _ask(api: Api, asked: dict[str, Any]) -> dict[str, Any]:
    """Send it; where no answer comes, send it again: its key makes one command of all."""
    for last in range(_TRIES - 1, -1, -1):
        try:
            found: dict[str, Any] = await api.ask("POST", "commands", asked)
            return found
        except NotConnectedError:
            if not last:
                raise
            await asyncio.sleep(_LOOK_S)
    raise AssertionError("the loop returns or raises")


async def _ended(api: Api, row: dict[str, Any]) -> dict[str, Any]:
    """Look until it has come to its end; some seconds longer than it may take."""
    until = time.monotonic() + 600
    while row["status"] not in _ENDS:
        if time.monotonic() > until:
            raise RequestTimeoutError(f"command {row['command_id']} is still {row['status']}: look again later")
        await asyncio.sleep(_LOOK_S)
        row = await api.ask("GET", f"commands/{row['command_id']}")
    return row


async def _parts(api: Api, row: dict[str, Any]) -> list[dict[str, Any]]:
    if row.get("ea_id") is not None:
        return []
    found = await api.ask("GET", f"commands?parent_id={row['command_id']}&limit=1000")
    if not isinstance(found, dict):
        raise RequestError("invalid_message", "the answer is no list of commands: is this a fleetwire?", False)
    return list(reversed(found.get("items", [])))


def _target(args: argparse.Namespace) -> dict[str, Any]:
    if args.ea is not None:
        return {"ea_id": args.ea}
    if args.all:
        return {"all": True}
    return {name: getattr(args, name) for name in ("account", "group", "strategy") if getattr(args, name) is not None}


def _param(text: str) -> tuple[str, Any]:
    """Read NAME=VALUE: a value that is JSON counts as such, anything else as text."""
    name, found, value = text.partition("=")
    if not found or not name:
        raise ConfigError(f"--param {text!r:.60}: write NAME=VALUE, like volume=0.1")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds


def _line(row: dict[str, Any]) -> str:
    """Say a command in one line."""
    results = msgspec.json.encode(row["results"]).decode() if row.get("results") else ""
    said = (row["command_id"], row["command"], row.get("target", ""), row["status"], row.get("why", ""), results)
    return "  ".join(_plain(each) for each in said if each)


def _plain(text: object) -> str:
    return "".join(char if char.isprintable() else "?" for char in str(text))
