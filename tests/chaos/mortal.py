"""A process that makes servers and experts that die where they are told to: by fork, so that a thousand die in minutes.

Reads orders from its input, a JSON object a line, and writes what happens to its output: `ready`, `killed`, `dead`.
"""

import asyncio
import json
import os
import select
import signal
from asyncio.selector_events import _SelectorSocketTransport as Transport  # type: ignore[attr-defined]
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fleetwire import Fleetwire
from fleetwire.client.expert import POINTS, ExpertClient
from fleetwire.client.orders import ReceivedCommand
from fleetwire.config import Settings
from fleetwire.fleet.commands import CommandLimits
from fleetwire.integration import batches
from fleetwire.storage.sqlite import SqliteConnection
from fleetwire.wire.signature import derive_key
from tests.integration.commanding import EA, EXPERT, SUPPORTS
from tests.integration.support import TOKEN


def say(what: str, **more: Any) -> None:
    os.write(1, json.dumps({"what": what, "pid": os.getpid(), **more}).encode() + b"\n")


class Fate:
    """Kills its process when it passes a point for the nth time."""

    def __init__(self, point: str | None, count: int) -> None:
        self._point = point
        self._left = count

    def __call__(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left <= 0:
                say("killed", point=point)
                os.kill(os.getpid(), signal.SIGKILL)


# ----------------------------------------------------------------------------------------------------------- the server


async def serve(database: str, port: int, fate: Fate) -> None:
    whole = Fleetwire(Settings(port=port, auth_token=TOKEN, database=database))
    whole.service.orders.batches.at = fate
    whole.service.orders.keys = lambda _expert, _holder: derive_key(TOKEN)
    whole.service.orders.commands.limits = CommandLimits(per_minute=1e6, burst=10**6)
    async with whole:
        die_at_commits(fate)
        die_at_sends(fate)
        say("ready", port=whole.server.port)
        await asyncio.Event().wait()


def die_at_commits(fate: Fate) -> None:
    commit: Callable[[SqliteConnection], None] = SqliteConnection.commit

    def mortal(connection: SqliteConnection) -> None:
        fate("commit.before")
        commit(connection)
        fate("commit.after")

    SqliteConnection.commit = mortal  # type: ignore[method-assign]


def die_at_sends(fate: Fate) -> None:
    """Whatever goes out, to whomever: greetings, answers, orders, words, pings."""
    write: Callable[[Any, bytes], None] = Transport.write

    def mortal(transport: Any, data: bytes) -> None:
        fate("send.before")
        write(transport, data)
        fate("send.after")

    Transport.write = mortal


# ----------------------------------------------------------------------------------------------------------- the expert


async def be_expert(url: str, folder: str, fate: Fate) -> None:
    effects = os.open(Path(folder) / "effects", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def handler(command: ReceivedCommand) -> dict[str, Any]:
        os.write(effects, command.command_id.encode() + b"\n")
        return {"retcode": 10009}

    client = ExpertClient(
        url,
        TOKEN,
        expert=EXPERT,
        ea_id=EA,
        handler=handler,
        journal=Path(folder) / "journal",
        supports=SUPPORTS,
        interval_s=0.2,
        at=fate,
        sleep=lambda seconds: asyncio.sleep(min(seconds, 0.03)),  # it comes back at once
    )
    die_at_sends(fate)
    say("ready")
    await client.run()


# ----------------------------------------------------------------------------------------------------- what forks them


def fork(order: dict[str, Any]) -> None:
    if os.fork():
        return
    fate = Fate(order["point"], order["count"])
    try:
        if order["role"] == "server":
            asyncio.run(serve(order["database"], order["port"], fate))
        else:
            asyncio.run(be_expert(order["url"], order["folder"], fate))
    except BaseException as error:
        say("failed", why=repr(error))
    finally:
        os._exit(1)


def main() -> None:
    unread = b""
    while True:
        ready, _, _ = select.select([0], [], [], 0.002)
        if ready:
            data = os.read(0, 65536)
            if not data:
                break
            *lines, unread = (unread + data).split(b"\n")
            for line in lines:
                fork(json.loads(line))
        reap()


def reap() -> None:
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        os.write(1, json.dumps({"what": "dead", "pid": pid}).encode() + b"\n")


_SENDS = ("send.before", "send.after")
SERVER_POINTS = (*batches.POINTS, "commit.before", "commit.after", *_SENDS)
EXPERT_POINTS = (*POINTS, *_SENDS)


if __name__ == "__main__":
    main()
