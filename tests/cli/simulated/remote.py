"""What tests of the fleet at a server share: a server in a process of its own, and what it says it has."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fleetwire.cli.asking import Api
from tests.integration.support import TOKEN

ROOT = Path(__file__).parents[3]


class Server:
    """A server that can be killed, and comes back at the same port with the same database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self._port = 0
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        environment = {**os.environ, "XDG_CONFIG_HOME": str(self.folder), "PYTHONPATH": str(ROOT)}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "fleetwire", "serve", "--integrated", "--port", str(self._port),
            "--auth-token", TOKEN, "--database", str(self.folder / "fleet.db"), "--log-level", "error",
            cwd=self.folder, env=environment, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            said = (await self._process.stdout.readline()).decode()
        found = re.search(r"ws://127\.0\.0\.1:(\d+)", said)
        assert found, said
        self.url, self._port = found[0], int(found[1])

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.communicate()


@contextlib.asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Server]:
    server = Server(folder)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


async def everything(api: Api, path: str) -> list[dict[str, Any]]:
    """List all pages."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = await api.ask("GET", f"{path}{'&' if '?' in path else '?'}limit=1000{after}")
        found += page["items"]
        if page.get("next") is None:
            return found
        after = f"&cursor={page['next']}"


async def ended(api: Api, command_id: str) -> list[dict[str, Any]]:
    """Wait until a command, and all of its parts, have come to an end; give the parts."""
    async with asyncio.timeout(60):
        while True:
            parts = await everything(api, f"commands?parent_id={command_id}")
            if parts and all(part["status"] not in ("queued", "delivered", "accepted", "unknown") for part in parts):
                return parts
            await asyncio.sleep(0.05)


async def give(api: Api, command: str) -> str:
    """Give a command to all experts."""
    asked = {"target": {"all": True}, "command": command, "idempotency_key": command}
    answer = await api.ask("POST", "commands", asked)
    if answer["status"] == "confirm":
        answer = await api.ask("POST", "commands", asked | {"confirm": answer["confirm"]})
    return str(answer["command_id"])
