"""The disk fails under a whole server: nobody is lied to, viewers hear on, and once it works again all is kept."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from fleetwire import Fleetwire, WebSocketClient
from fleetwire.client import Message
from fleetwire.config import Settings
from fleetwire.fleet.changes import Change
from fleetwire.integration import fleetwire as integrated
from fleetwire.storage import SqliteStore
from fleetwire.wire.errors import StoreError
from fleetwire.wire.moment import Moment
from tests.integration.support import LONDON, TOKEN, account, deal, expert, resumed, whole
from tests.storage.disks import Disk
from tests.support import ManualClock, until


class Place:
    """A server on a disk that fails on demand, a program that reports over HTTP, a viewer, a clock moved by hand."""

    def __init__(self, fw: Fleetwire, disk: Disk, clock: ManualClock, http: aiohttp.ClientSession) -> None:
        self.fw, self.disk, self.clock, self._http = fw, disk, clock, http
        self.heard: list[Message] = []

    @property
    def store(self) -> SqliteStore:
        assert self.fw.service.keeper is not None
        store = self.fw.service.keeper.store
        assert isinstance(store, SqliteStore)
        return store

    async def get(self, path: str) -> tuple[int, Any]:
        async with self._http.get(self.fw.server.url.replace("ws:", "http:") + path) as answer:
            return answer.status, await answer.json(content_type=None)

    async def report(self, *tickets: int, profit: float = 0.0) -> tuple[int, Any]:
        """Report an account, an expert and deals, as a terminal does."""
        body = {
            "account": _plain(account()),
            "experts": [_plain(expert(profit))],
            "deals": [{**_plain(deal(ticket)), "expert": msgspec.to_builtins(LONDON)} for ticket in tickets],
        }
        url = self.fw.server.url.replace("ws:", "http:") + "/api/v1/ea/report"
        async with self._http.post(url, json=body) as answer:
            return answer.status, await answer.json(content_type=None)

    def tickets(self) -> list[int]:
        return [message.data["ticket"] for message in self.heard if message.type == "trade_update"]

    def alerts(self) -> list[str]:
        alerts = [message.data for message in self.heard if message.type == "alert"]
        return [alert["status"] for alert in alerts if alert["rule"] == "store_failing"]

    async def go_on_until(self, is_so: Any, step_s: float = 0.1) -> None:
        """Let time pass until something is so."""

        def moved() -> bool:
            self.clock.advance(step_s)
            return bool(is_so())

        await until(moved, within_s=10)


def _plain(fact: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(fact)
    plain.pop("type", None)
    return plain


@asynccontextmanager
async def on_a_disk(path: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> AsyncIterator[Place]:
    disk, clock = Disk(), ManualClock(time.time())  # a restart finds what happened just now
    with monkeypatch.context() as patched:
        patched.setattr(integrated, "open_store", lambda *_: SqliteStore(path, vfs=disk.name))
        fw = Fleetwire(Settings(port=0, auth_token=TOKEN, **settings), clock=clock)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        await fw.start()
        place = Place(fw, disk, clock, http)
        try:
            async with WebSocketClient(fw.server.url, TOKEN) as viewer:
                viewer.register_message_handler("*", place.heard.append)
                await viewer.subscribe(["trade_updates", "ea_updates", "alerts"])
                yield place
        finally:
            disk.broken = disk.sync_fails = disk.full = False
            disk.turns.set()
            await fw.stop()


@pytest.mark.parametrize("how", ["broken", "sync_fails", "full"])
async def test_a_disk_that_fails_is_told_to_everybody_and_once_it_works_again_all_is_kept(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fleet.db"
    async with on_a_disk(path, monkeypatch) as place:
        assert (await place.report(1))[0] == 200
        setattr(place.disk, how, True)

        status, problem = await place.report(2, profit=7.0)
        assert (status, problem["code"]) == (503, "store_unavailable")
        await until(lambda: place.tickets() == [1, 2])
        await until(lambda: any(row.type == "ea_update" and row.data["current_profit"] == 7.0 for row in place.heard))
        await place.go_on_until(lambda: place.alerts() == ["raised"])
        status, ready = await place.get("/readyz")
        assert (status, ready["ready"]) == (503, False)
        assert str(path) in (place.fw._trouble() or ""), "so the watchdog is silent"

        setattr(place.disk, how, False)
        await until(lambda: place.store.health().failing is None, within_s=10)
        await place.go_on_until(lambda: place.alerts() == ["raised", "cleared"], step_s=1.0)
        assert (await place.get("/readyz"))[0] == 200
        assert place.fw._trouble() is None
        assert (await place.report(2, 3))[0] == 200, "what was not acknowledged is reported again"
        await until(lambda: place.tickets() == [1, 2, 3])
        first = next(message for message in place.heard if message.type == "trade_update")
    async with whole(path) as fw:
        (state,) = fw.service.fleet.accounts.values()
        assert sorted(state.owners) == [1, 2, 3]
        assert "store_failing" not in {row.rule for row in fw.alerts}
        assert first.position is not None
        missed = await resumed(fw.server.url, ["trade_updates"], fw.server.hub.epoch, first.position)
        assert [(message["data"]["ticket"], message["seq"]) for message in missed] == [(2, 2), (3, 3)]


async def test_viewers_wait_no_longer_than_the_deadline_for_a_disk_that_hangs_and_a_gap_names_what_they_were_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fleet.db"
    async with on_a_disk(path, monkeypatch) as place:
        assert (await place.report(1))[0] == 200
        first = next(message for message in place.heard if message.type == "trade_update")
        place.disk.turns.clear()
        waiting = asyncio.create_task(place.report(2, profit=7.0))
        await until(lambda: place.fw.service.fleet.experts[12345].current_profit == 7.0)
        await place.go_on_until(lambda: place.fw.server.hub.counts.told_unkept)
        await until(lambda: place.tickets() == [1, 2])
        assert not waiting.done(), "it is not on disk: nobody is told that it is"
        place.disk.turns.set()
        assert (await waiting)[0] == 200
    async with whole(path) as fw:
        assert first.position is not None
        missed = await resumed(fw.server.url, ["trade_updates"], fw.server.hub.epoch, first.position)
        assert [message["type"] for message in missed] == ["gap", "trade_update"]


async def test_what_could_not_be_kept_until_the_end_is_said_to_be_lost_and_what_was_acknowledged_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fleet.db"
    async with on_a_disk(path, monkeypatch) as place:
        assert (await place.report(1))[0] == 200
        place.disk.broken = True
        assert (await place.report(2))[0] == 503
        with pytest.raises(StoreError, match="are lost"):
            await place.fw.stop()
        assert not place.fw.server.running
    async with whole(path) as fw:
        (state,) = fw.service.fleet.accounts.values()
        assert sorted(state.owners) == [1]


async def test_time_is_looked_at_seldom_while_a_flush_waits_for_a_disk_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A portfolio that is due and can't be told yet must not be asked for again and again."""
    async with on_a_disk(tmp_path / "fleet.db", monkeypatch) as place:
        assert (await place.report(1))[0] == 200
        looks: list[Moment] = []
        due = place.fw.service.fleet.due

        def counted(at: Moment) -> list[Change]:
            looks.append(at)
            assert len(looks) < 100
            return due(at)

        monkeypatch.setattr(place.fw.service.fleet, "due", counted)
        place.disk.turns.clear()
        service = place.fw.service
        service.apply(deal(2))
        await until(lambda: place.fw.server.hub.waits_for_next or place.fw.server.hub._sealed is not None)
        service.apply(expert(7.0))
        service._tell_all()
        service.apply(expert(8.0))
        for _ in range(20):
            place.clock.advance(0.04)
            await asyncio.sleep(0)
        assert len(looks) < 12
