"""What tests of commands share: an expert of the reference kind, with a handler that writes down what it does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fleetwire import Fleetwire
from fleetwire.client.expert import ExpertClient
from fleetwire.client.orders import ReceivedCommand
from fleetwire.wire.signature import derive_key
from tests.integration.support import TOKEN

EXPERT = {"server": "Broker-Demo", "login": 5, "magic": 12345, "symbol": "EURUSD", "name": "London Breakout"}
SUPPORTS = ("pause", "resume", "close_all", "emergency_stop", "dead_man")
EA = 12345


class Hands:
    """Carries commands out, and remembers which."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.commands: list[ReceivedCommand] = []

    def __call__(self, command: ReceivedCommand) -> dict[str, Any]:
        self.done.append(command.command)
        self.commands.append(command)
        return {"retcode": 10009}


def sign_with(whole: Fleetwire, token: str = TOKEN) -> None:
    """Let commands be signed as for an expert whose own token this is."""
    whole.service.orders.keys = lambda _: derive_key(token)


def expert_client(url: str, folder: Path, hands: Any, **settings: Any) -> ExpertClient:
    known: dict[str, Any] = {
        "expert": EXPERT,
        "ea_id": EA,
        "handler": hands,
        "journal": folder / "journal",
        "supports": SUPPORTS,
        "report": lambda: {"positions": []},
        "interval_s": 0.05,
    }
    return ExpertClient(url, TOKEN, **(known | settings))


@contextlib.asynccontextmanager
async def living(client: ExpertClient, whole: Fleetwire | None = None) -> AsyncIterator[ExpertClient]:
    """Let an expert live; with a server, it is known there when this goes on."""
    async with client:
        if whole is not None:
            await known(whole, client)
        yield client


async def known(whole: Fleetwire, client: ExpertClient) -> None:
    """Wait until an expert has reported."""
    async with asyncio.timeout(10):
        while True:
            place = whole.service.orders.places.get(client.ea_id)
            if place is not None and place.boot_id == client.boot_id:
                return
            await asyncio.sleep(0.005)
