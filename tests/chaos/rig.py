"""Runs rounds: something is asked for, somebody is killed at a point, comes back, and everything comes to its end."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from fleetwire.fleet.commands import TRANSITIONS, Status
from fleetwire.storage import open_store
from fleetwire.wire.audit import verify
from tests.integration.commanding import EA, EXPERT
from tests.integration.support import TOKEN

ROOT = Path(__file__).parents[2]
HTTP_EA = 7
ROUND_S = 30.0
LINGER_S = 0.1
TOLD_TRIES = 100
_ENDS = {status.value for status in Status if status.is_end}


class Kill(NamedTuple):
    """Who is killed, where, and at which passing of that point."""

    role: str
    point: str
    count: int = 1


class Process(NamedTuple):
    """One that was forked; `fell` has the points at which it was killed."""

    pid: int
    dead: asyncio.Event
    said: dict[str, Any]
    fell: list[str]


class Zygote:
    """The process that forks the others."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._born: asyncio.Queue[Process] = asyncio.Queue()
        self._alive: dict[int, Process] = {}
        self._fell: dict[int, list[str]] = {}
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            said = json.loads(line)
            fell = self._fell.setdefault(said["pid"], [])
            if said["what"] == "ready":
                self._alive[said["pid"]] = born = Process(said["pid"], asyncio.Event(), said, fell)
                self._born.put_nowait(born)
            elif said["what"] == "killed":
                fell.append(said["point"])
            elif said["what"] == "dead":
                del self._fell[said["pid"]]
                if (gone := self._alive.pop(said["pid"], None)) is not None:
                    gone.dead.set()
                else:  # it died before it was ready
                    self._born.put_nowait(Process(said["pid"], _set(), said, fell))
            else:
                raise AssertionError(said)

    async def make(self, role: str, kill: Kill | None = None, **more: Any) -> Process:
        """Make a server or an expert; it is killed if that is its fate."""
        mine = kill if kill is not None and kill.role == role else Kill(role, "", 0)
        order = {"role": role, "point": mine.point or None, "count": mine.count, **more}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        async with asyncio.timeout(ROUND_S):
            return await self._born.get()

    async def end(self, process: Process) -> None:
        if not process.dead.is_set():
            os.kill(process.pid, signal.SIGKILL)
            await process.dead.wait()

    async def close(self) -> None:
        for process in list(self._alive.values()):
            await self.end(process)
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        self._reading.cancel()


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@contextlib.asynccontextmanager
async def zygote() -> AsyncIterator[Zygote]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos.mortal", cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    made = Zygote(process)
    try:
        yield made
    finally:
        await made.close()


class Rig:
    """A server, an expert on the socket, one that reports over HTTP, and an operator that asks until it is answered."""

    def __init__(self, zygote: Zygote, folder: Path) -> None:
        self._zygote = zygote
        self._folder = folder
        self._database = str(folder / "fleet.db")
        self._port = 0
        self._keys = 0
        self._server: Process | None = None
        self._expert: Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self.acknowledged: dict[str, str] = {}  # idempotency key -> command id
        self._told: dict[str, str] = {}  # the last step of each command that anybody was told
        self.kills = 0

    # -------------------------------------------------------------------------------------------------- the processes

    async def _start(self, kill: Kill | None = None) -> None:
        """Bring back whoever is not there."""
        if self._server is None or self._server.dead.is_set():
            fate = kill if kill is not None and kill.role == "server" else None
            self._server = await self._zygote.make("server", fate, database=self._database, port=self._port)
            self._port = self._server.said.get("port", self._port)
        if self._expert is None or self._expert.dead.is_set():
            url = f"ws://127.0.0.1:{self._port}"
            self._expert = await self._zygote.make("expert", kill, url=url, folder=str(self._folder))

    async def round(self, kill: Kill) -> bool:
        """Kill somebody in the middle of the work, and bring everything to its end; tell whether anybody died."""
        victim = self._server if kill.role == "server" else self._expert
        if victim is not None:
            await self._zygote.end(victim)
        connector = aiohttp.TCPConnector(force_close=True)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        timeout = aiohttp.ClientTimeout(total=5)
        async with (
            asyncio.timeout(ROUND_S),
            aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as self._session,
        ):
            await self._start(kill)
            victim = self._server if kill.role == "server" else self._expert
            assert victim is not None
            await _WORK.get((kill.role, kill.point.partition(".")[0]), Rig._give_to_expert)(self)
            await self._settled()
            with contextlib.suppress(TimeoutError):  # it may fall only after the last answer
                async with asyncio.timeout(LINGER_S):
                    await victim.dead.wait()
        self.kills += victim.fell == [kill.point]
        return victim.fell == [kill.point]

    # ------------------------------------------------------------------------------------------------------- the work

    async def _ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Ask until there is an answer, however often somebody dies meanwhile."""
        assert self._session is not None
        data = None if body is None else json.dumps(body)
        while True:
            try:
                url = f"http://127.0.0.1:{self._port}/api/v1/{path}"
                async with self._session.request(method, url, data=data) as answer:
                    found = await answer.json(content_type=None)
                    if answer.status not in (500, 503):
                        return answer.status, found
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
                await self._start()
            await asyncio.sleep(0.005)

    async def _give(self, ea_id: int, command: str = "pause", **more: Any) -> str:
        self._keys += 1
        key = f"key-{self._keys}"
        asked = {"target": {"ea_id": ea_id}, "command": command, "idempotency_key": key, **more}
        while True:
            status, answer = await self._ask("POST", "commands", asked)
            if status == 200:
                self.acknowledged[key] = command_id = str(answer["command_id"])
                return command_id
            assert status == 404, answer  # the expert is not known yet
            await self._start()
            await asyncio.sleep(0.005)

    async def _give_to_expert(self) -> None:
        for command in ("pause", "emergency_stop"):
            await self._give(EA, command)

    async def _give_while_it_is_away(self) -> None:
        """It is handed over with the expert's next report."""
        while (await self._ask("GET", f"experts/{EA}"))[0] != 200:
            await self._start()
            await asyncio.sleep(0.005)
        assert self._expert is not None
        await self._zygote.end(self._expert)
        await self._give(EA)

    async def _report(self, **more: Any) -> Any:
        who = EXPERT | {"magic": HTTP_EA, "name": "By HTTP"}
        expert = {"expert": who, "ea_id": HTTP_EA, "boot_id": "one", "positions": []}
        return (await self._ask("POST", "ea/report", {"experts": [expert], **more}))[1]

    async def _fetch(self) -> None:
        await self._report()
        command_id = await self._give(HTTP_EA)
        await self._obey()
        assert command_id in self.acknowledged.values()

    async def _obey(self) -> None:
        """Be the expert that reports over HTTP, for one report and its answer."""
        orders = (await self._report())["commands"]
        acks = [{"command_id": order["id"], "status": "executed", "boot_id": "one"} for order in orders]
        await self._report(acks=acks)

    async def _take_back(self) -> None:
        await self._report()
        command_id = await self._give(HTTP_EA)
        status, answer = await self._ask("POST", f"commands/{command_id}/cancel", {"reason": "a slip"})
        assert status == 200 or "already" in answer["detail"], answer

    async def _misspell(self) -> None:
        asked = {"target": {"ea_id": EA}, "command": "pausse"}
        status, _ = await self._ask("POST", "commands", asked)
        assert status == 422

    async def _let_expire(self) -> None:
        await self._report()
        await self._give(HTTP_EA, expires_in_s=1.0)

    async def _settled(self) -> None:
        """Wait until every command has come to an end."""
        for command_id in [*self.acknowledged.values()][-8:]:
            while True:
                await self._start()
                status, row = await self._ask("GET", f"commands/{command_id}")
                assert status == 200, f"{command_id} was acknowledged, and is not there: {row}"
                if row["status"] in _ENDS:
                    break
                if row["ea_id"] == HTTP_EA and row["status"] != "queued":
                    await self._obey()
                await asyncio.sleep(0.005)

    # ------------------------------------------------------------------------------------------------- the promises

    async def check(self) -> None:
        """Look at everything that is kept: what was promised holds."""
        await self._all_told()
        for process in (self._server, self._expert):
            if process is not None:
                await self._zygote.end(process)
        effects = Counter((self._folder / "effects").read_text().split())
        twice = {command_id: count for command_id, count in effects.items() if count > 1}
        assert not twice, f"carried out more than once: {twice}"
        store = open_store(self._database)
        await store.open()
        try:
            rows: list[Any] = []
            while page := await store.audit(rows[-1].number if rows else 0, 1000):
                rows += page
            assert verify(rows, end=await store.audit_head()) is None
            last = _histories(rows)
            for key, command_id in self.acknowledged.items():
                kept = await store.command(command_id)
                assert kept is not None, f"{key} was acknowledged, and {command_id} is lost"
                assert kept.status == last[command_id], f"{command_id} is {kept.status}"
                assert kept.status in _ENDS, f"{command_id} is {kept.status}"
                assert kept.status != "executed" or kept.ea_id != EA or effects[command_id] == 1
                assert self._told.get(command_id) == kept.status, f"the end of {command_id} was never told"
        finally:
            await store.close()

    async def _all_told(self) -> None:
        """Hear what was told, until that has every end: what is on disk is told a moment after."""
        for _ in range(TOLD_TRIES):
            self._told |= await self._heard()
            if all(self._told.get(command_id) in _ENDS for command_id in self.acknowledged.values()):
                return
            await asyncio.sleep(0.05)

    async def _heard(self) -> dict[str, str]:
        """Hear every step that the server still remembers to have told, and give the last of each command."""
        from websockets import connect

        await self._start()
        told: dict[str, str] = {}
        async with asyncio.timeout(ROUND_S), connect(f"ws://127.0.0.1:{self._port}", max_size=None) as raw:
            await raw.send(json.dumps({"type": "auth", "data": {"token": TOKEN}}))
            await raw.send(
                json.dumps({"type": "subscribe", "data": {"channels": ["command_updates"], "history": 10**6}})
            )
            while True:
                message = json.loads(await raw.recv())
                if message["type"] == "snapshot_end":
                    return told
                if message["type"] == "command_update":
                    told[message["data"]["command_id"]] = message["data"]["status"]


_WORK: dict[tuple[str, str], Callable[[Rig], Awaitable[None]]] = {
    ("server", "cancel"): Rig._take_back,
    ("server", "hand_over"): Rig._fetch,
    ("server", "refusal"): Rig._misspell,
    ("server", "report"): Rig._give_while_it_is_away,
    ("server", "time"): Rig._let_expire,
}


def _histories(rows: list[Any]) -> dict[str, str]:
    """Follow each command through the audit: each step is one that the table has. Give where each ended."""
    now: dict[str, str] = {}
    for row in rows:
        if row.action != f"command_{row.after}":
            continue
        assert row.before == now.get(row.subject, ""), f"row {row.number}: {row.subject} was {now.get(row.subject)}"
        assert not row.before or Status(row.after) in TRANSITIONS[Status(row.before)], row
        now[row.subject] = row.after
    return now
