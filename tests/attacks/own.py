"""A server of our own to attack: a process, with short deadlines, and a log that can be looked into."""

import asyncio
import os
import re
import signal
import sys
import tempfile
from pathlib import Path
from typing import Self

from tests.attacks.peer import Target

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "attacked-admin-token-0123456789"
EXPERT_TOKEN = "attacked-expert-token-0123456789"
SETTINGS = """
compression = true
[limits]
head_deadline_s = 1.0
auth_deadline_s = 1.5
stall_timeout_s = 1.0
connections_per_address_max = 200
"""


class OwnServer:
    """A server process, until the end of a `with`.

    Args:
        descriptors_max: how many files and sockets it may have open; None for as many as usual.
        flags: further ones of `fleetwire serve`.
        tls: whether these make it speak TLS.
    """

    def __init__(self, descriptors_max: int | None = None, flags: tuple[str, ...] = ()) -> None:
        self._descriptors_max = descriptors_max
        self._flags = flags
        self._folder = tempfile.TemporaryDirectory(prefix="fleetwire-attacks-")
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Start it, and wait until it says where it listens."""
        folder = Path(self._folder.name)
        (folder / "config.toml").write_text(SETTINGS, "utf-8")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WEBSOCKET_")}
        environment |= {
            "PYTHONPATH": str(ROOT),
            "XDG_CONFIG_HOME": str(folder),
            "WEBSOCKET_AUTH_TOKEN": TOKEN,
            "WEBSOCKET_EXPERT_TOKEN": EXPERT_TOKEN,
        }
        command = [sys.executable, "-m", "fleetwire", "serve", "--integrated", "--database", ":memory:", "--port", "0"]
        command += ["--config", str(folder / "config.toml"), "--log-level", "debug", *self._flags]
        if self._descriptors_max is not None:
            command = ["sh", "-c", f'ulimit -n {self._descriptors_max}; exec "$@"', "sh", *command]
        log = folder / "log"
        with log.open("wb") as written:
            self._process = await asyncio.create_subprocess_exec(
                *command, cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=written
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            first = (await self._process.stdout.readline()).decode()
        found = re.search(r"wss?://127\.0\.0\.1:(\d+)", first)
        assert found, f"it did not start: {first} {log.read_text('utf-8')}"
        self.target = Target(
            "127.0.0.1",
            int(found[1]),
            TOKEN,
            EXPERT_TOKEN,
            head_deadline_s=1.0,
            auth_deadline_s=1.5,
            stall_timeout_s=1.0,
            connections_max=200,
            pid=self._process.pid,
            log=log,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it."""
        process = self._process
        assert process is not None
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(8):
                await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
        self._folder.cleanup()
