"""What is handed to the store: in units that are whole, in order, and never acknowledged before they are on disk."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fleetwire import WebSocketServer
from fleetwire.fleet.events import ExpertId, ExpertReport, NewsEvent
from fleetwire.hub.limits import Limits
from fleetwire.integration import IntegrationService
from fleetwire.ports import KeptAlert, KeptDeal, KeptEvent, KeptExpert, KeptNews, Record
from fleetwire.storage import RefusedError, SqliteStore
from fleetwire.storage.writer import Done
from fleetwire.wire.errors import ConfigError, DataError, StoreError
from tests.integration.support import TOKEN, account, deal, expert, resumed, whole


class WatchedStore(SqliteStore):
    """A store that notes what it is given, and takes none of it on demand."""

    def __init__(self, path: Path | str = ":memory:") -> None:
        super().__init__(str(path))
        self.units: list[list[Record]] = []
        self.is_full = False
        self.refuses: type[Record] | None = None  # units with such a record are said to be at fault
        self.on_committed: Callable[[], None] = lambda: None

    def keep(self, records: Sequence[Record], done: Done | None = None) -> None:
        if self.is_full and records:
            raise StoreError("100000 records wait to be written, no more are taken: the disk is full")
        if self.refuses and any(isinstance(record, self.refuses) for record in records):
            asyncio.get_running_loop().call_soon(done or (lambda _: None), RefusedError("can't be kept: too odd"))
            return
        self.units.append(list(records))
        super().keep(records, done)

    async def committed(self) -> None:
        await super().committed()
        self.on_committed()

    @property
    def deals(self) -> list[int]:
        return [record.deal.ticket for unit in self.units for record in unit if isinstance(record, KeptDeal)]


@asynccontextmanager
async def kept(store: SqliteStore, limits: Limits | None = None) -> AsyncIterator[IntegrationService]:
    """A service with a server and a store."""
    server = WebSocketServer(port=0, auth_token=TOKEN, limits=limits)
    service = IntegrationService(server, store=store)
    await service.start()
    await server.start_server()
    try:
        yield service
    finally:
        try:
            await service.stop()
        finally:
            await server.stop_server()


def of_channel(unit: list[Record], channel: str) -> list[KeptEvent]:
    return [record for record in unit if isinstance(record, KeptEvent) and record.channel == channel]


async def test_what_happened_and_what_is_told_of_it_are_in_one_unit_however_often_it_is_flushed() -> None:
    """The hub flushes in the middle of a publication when too much is unflushed: here with every single message."""
    store = WatchedStore()
    async with kept(store, Limits(unflushed_count_max=1)) as service:
        at = service.clock.moment()
        news: dict[str, Any] = {"id": 1, "time_utc": at.utc, "currency": "USD", "importance": "high", "name": "NFP"}
        await service.report(account(1000.0), expert(100.0), deal(1, 1.0), deal(2, 1.0), NewsEvent(**news))
        await service.report(account(500.0), expert(0.0))
    for channel, kind in (("alerts", KeptAlert), ("trade_updates", KeptDeal), ("news_updates", KeptNews)):
        told = [unit for unit in store.units if of_channel(unit, channel)]
        assert told
        assert all(any(isinstance(record, kind) for record in unit) for unit in told), channel


async def test_nothing_is_acknowledged_that_the_store_does_not_take_even_if_it_takes_it_a_moment_later() -> None:
    store = WatchedStore()
    async with kept(store) as service:
        await service.report(account(), expert())
        store.is_full = True
        with pytest.raises(StoreError, match="the disk is full"):
            await service.report(deal(1))
        assert store.deals == []
        assert service.server.hub.counts.told_unkept == 1, "viewers hear of it nevertheless"
        store.is_full = False


async def test_while_the_store_takes_nothing_reports_are_refused_and_then_everything_is_kept_in_order(
    tmp_path: Path,
) -> None:
    store = WatchedStore(tmp_path / "fleet.db")
    async with kept(store) as service:
        await service.report(account(), expert(), deal(1))
        store.is_full = True
        with pytest.raises(StoreError):
            await service.report(deal(2), deal(3))
        with pytest.raises(StoreError, match="the disk is full"):
            await service.report(deal(4))
        store.is_full = False
        await service.acknowledged()
        await service.report(deal(5))
        assert store.deals == [1, 2, 3, 5]
    async with kept(WatchedStore(tmp_path / "fleet.db")) as service:
        (state,) = service.fleet.accounts.values()
        assert sorted(state.owners) == [1, 2, 3, 5]


async def test_what_waits_while_the_store_takes_nothing_is_bounded_and_a_gap_tells_of_the_rest(tmp_path: Path) -> None:
    store = WatchedStore(tmp_path / "fleet.db")
    async with kept(store) as service:
        keeper = service.keeper
        assert keeper is not None
        await service.report(account(), expert())
        store.is_full = True
        with pytest.raises(StoreError):
            await service.report(deal(1))
        waiting = keeper.waiting
        for _ in range(120):
            for _ in range(100):
                keeper.sample(service.fleet, service.clock.moment(), experts=True)
                service.server.publish("alert", {"message": "of another program"})
            await service.server.flushed()
        assert waiting < keeper.waiting <= 10_000
        store.is_full = False
        await service.acknowledged()
        assert keeper.waiting == 0
        hub = service.server.hub
        epoch, position = hub.epoch, hub.position
        service.server.publish("alert", {"message": "the last"})
    async with kept(WatchedStore(tmp_path / "fleet.db")) as service:
        missed = await resumed(service.server.url, ["alerts"], epoch, position - 1500)
        assert "gap" in {message["type"] for message in missed}
        assert missed[-1]["data"]["message"] == "the last"


async def test_what_still_waits_at_the_end_is_kept_or_its_loss_is_said(tmp_path: Path) -> None:
    store = WatchedStore(tmp_path / "fleet.db")
    service = IntegrationService(WebSocketServer(port=0, auth_token=TOKEN), store=store)
    await service.start()
    await service.report(account(), expert())
    store.is_full = True
    with pytest.raises(StoreError, match="the disk is full"):
        await service.report(deal(1))
    with pytest.raises(StoreError, match="are lost"):
        await service.stop()
    assert not store.health().open


async def test_a_unit_that_is_at_fault_is_not_acknowledged_and_holds_up_nobody() -> None:
    store = WatchedStore()
    async with kept(store) as service:
        await service.report(account(), expert())
        store.refuses = KeptDeal
        with pytest.raises(StoreError, match="too odd"):
            await service.report(deal(1))
        store.refuses = None
        await service.report(deal(2))
        assert store.deals == [2]
        assert service.server.hub.counts.told_unkept == 1


async def test_who_reports_to_a_service_that_has_stopped_is_told_so_and_nothing_is_taken() -> None:
    async with kept(WatchedStore()) as service:
        await service.report(account(), expert())
    with pytest.raises(StoreError, match="not open"):
        await service.report(deal(1))
    (state,) = service.fleet.accounts.values()
    assert not state.owners


async def test_a_report_that_waits_while_the_service_stops_is_kept() -> None:
    store = WatchedStore()
    async with kept(store) as service:
        waiting = asyncio.create_task(service.report(account(), expert(), deal(1)))
        await asyncio.sleep(0)
    with suppress(StoreError):  # "not open": it is kept, but that could not be said in time
        await waiting
    assert store.deals == [1]


async def test_a_report_that_is_given_up_is_kept_nevertheless() -> None:
    store = WatchedStore()
    async with kept(store) as service:
        waiting = asyncio.create_task(service.report(account(), expert(), deal(1)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await service.report(deal(2))
        assert store.deals == [1, 2]


async def test_many_last_states_are_handed_over_in_parts() -> None:
    store = WatchedStore()
    async with kept(store) as service:
        many = [ExpertReport(expert=ExpertId("Broker-Demo", 5, number, "EURUSD", "Grid")) for number in range(1, 2501)]
        await service.report(account(), *many)
        parts = [sum(isinstance(record, KeptExpert) for record in unit) for unit in store.units]
        assert sum(parts) >= 2500
        assert max(parts) <= 2000


async def test_a_store_that_can_not_be_read_is_closed_again_and_a_service_starts_but_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = WatchedStore(tmp_path / "fleet.db")
    service = IntegrationService(WebSocketServer(port=0, auth_token=TOKEN), store=store)

    async def broken(_: SqliteStore) -> AsyncIterator[list[KeptDeal]]:
        raise StoreError("damaged")
        yield []

    with monkeypatch.context() as patched:
        patched.setattr(WatchedStore, "deals_in_order", broken)
        with pytest.raises(StoreError, match="damaged"):
            await service.start()
    assert not store.health().open
    service = IntegrationService(WebSocketServer(port=0, auth_token=TOKEN), store=store)
    await service.start()
    await service.stop()
    with pytest.raises(ConfigError, match="make a new one"):
        await service.start()
    assert not store.health().open, "a second start leaves nothing open"


async def test_a_row_that_can_not_be_told_does_not_silence_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """An expert says more of its modules than a message may hold."""
    async with kept(WatchedStore(), Limits(publish_bytes_max=20_000)) as service:
        huge = expert(module_status={f"module-{number}": "x" * 100 for number in range(300)})
        others = [ExpertReport(expert=ExpertId("Broker-Demo", 5, number, "EURUSD", "Grid")) for number in range(1, 4)]
        await service.report(account(), huge, *others)
        told = {entry.key for entry in service.server.hub._logs["ea_updates"].since(0)}
        assert len(told) == 3
        assert service.server.hub._logs["portfolio_updates"].last("total") is not None
        assert service.portfolio.total_eas == 4
        assert service._timer is not None, "time goes on"
    assert caplog.text.count("can't be told") == 1


async def test_a_report_that_is_refused_leaves_those_before_it_kept() -> None:
    store = WatchedStore()
    async with kept(store) as service:
        with pytest.raises(DataError):
            await service.report(account(), expert(), deal(1), msgspec.structs.replace(account(), currency="CHF"))
        assert store.deals == [1]


async def test_what_the_store_could_not_keep_is_told_as_not_kept(tmp_path: Path) -> None:
    """Else a client that heard it would be told, after a restart, that nothing is missing."""
    async with whole(tmp_path / "fleet.db") as fw:
        store = fw.service.keeper.store if fw.service.keeper is not None else None
        assert store is not None
        await fw.report(account())
        keep = store.keep

        def refuse(records: Sequence[Record], done: Callable[[Exception | None], None] | None = None) -> None:
            keep(records, None)
            if done is not None:
                asyncio.get_running_loop().call_soon(done, StoreError("the disk is full"))

        store.keep = refuse  # type: ignore[method-assign]
        fw.server.publish("alert", {"level": "info", "message": "told, and not known to be kept"})
        await fw.server.flushed()
        store.keep = keep  # type: ignore[method-assign]
        assert fw.server.hub.counts.told_unkept == 1
        fw.server.publish("alert", {"level": "info", "message": "kept again"})
        await fw.report(account(equity=1001.0))
        fw.server.publish("alert", {"level": "info", "message": "kept"})
        await fw.report(account(equity=1002.0))
        assert fw.server.hub.counts.told_unkept <= 2, "once the store answers, events wait for it again"
