"""What tests of commands share: an expert of the reference kind, with a handler that writes down what it does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fleetwire import Fleetwire
from fleetwire.client.expert import ExpertClient
from fleetwire.client.orders import ReceivedCommand
from fleetwire.ports import TokenDesk
from fleetwire.wire.tokens import Binding, TokenRequest
from tests.integration.support import TOKEN

EXPERT: dict[str, Any] = {
    "server": "Broker-Demo",
    "login": 5,
    "magic": 12345,
    "symbol": "EURUSD",
    "name": "London Breakout",
}
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


async def own_token(whole: Fleetwire) -> str:
    """Make the token of the expert, by which its commands are signed."""
    binding = Binding(server=EXPERT["server"], login=EXPERT["login"], magic=EXPERT["magic"])
    return (await token_desk(whole).create(TokenRequest(role="expert", expert=binding), "a test")).token


def token_desk(whole: Fleetwire) -> TokenDesk:
    return whole.server._office.token_desk


def expert_client(url: str, folder: Path, hands: Any, token: str = TOKEN, **settings: Any) -> ExpertClient:
    known: dict[str, Any] = {
        "expert": EXPERT,
        "ea_id": EA,
        "handler": hands,
        "journal": folder / "journal",
        "supports": SUPPORTS,
        "report": lambda: {"positions": []},
        "interval_s": 0.05,
    }
    return ExpertClient(url, token, **(known | settings))


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
