"""A server that is started anew goes on: kept before told, told after the restart, over real sockets."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from fleetwire.client import WebSocketClient
from fleetwire.hub.limits import Limits
from fleetwire.ports import KeptEvent
from fleetwire.server.server import WebSocketServer
from tests.server.support import TOKEN, Raw, said
from tests.server.test_metrics import read as read_metrics
from tests.support import ManualClock, until


class Disk:
    """Keeps what it is given, in its own time: at once, at the end of the turn, or never."""

    def __init__(self) -> None:
        self.events: list[KeptEvent] = []
        self.slow = False
        self.waiting: list[tuple[list[KeptEvent], Callable[[], None]]] = []

    def keep_events(self, events: list[KeptEvent], done: Callable[[], None]) -> bool:
        if not events:
            return False
        self.waiting.append((events, done))
        if not self.slow:
            asyncio.get_running_loop().call_soon(self.commit)
        return True

    def commit(self) -> None:
        waiting, self.waiting = self.waiting, []
        for events, _ in waiting:
            self.events += events
        for _, done in waiting:
            done()


def server_on(disk: Disk, **words: Any) -> WebSocketServer:
    server = WebSocketServer(port=0, auth_token=TOKEN, **words)
    server.keep_events(disk)
    return server


def again(before: WebSocketServer, disk: Disk, reserved: int = 1000, **words: Any) -> WebSocketServer:
    server = server_on(disk, **words)
    server.resume(before.hub.epoch, reserved, disk.events)
    return server


async def back(server: WebSocketServer, position: int, *channels: str) -> Raw:
    client = await (await Raw.connect(server)).join()
    client.send(said("subscribe", channels=list(channels), since={"epoch": server.hub.epoch, "position": position}))
    return client


async def test_an_event_is_told_when_it_is_on_disk() -> None:
    disk = Disk()
    async with server_on(disk) as server:
        client = await (await Raw.connect(server)).join("alerts")
        disk.slow = True
        broadcast = asyncio.create_task(server.broadcast_alert({"n": 1}))
        await until(lambda: disk.waiting)
        client.send(said("heartbeat"))
        assert (await client.message())["type"] == "heartbeat_response", "the alert is not told yet"
        disk.commit()
        await broadcast
        assert (await client.message())["data"] == {"n": 1}
        await client.end()


async def test_whoever_publishes_an_event_is_answered_when_it_is_on_disk() -> None:
    disk = Disk()
    disk.slow = True
    async with server_on(disk) as server:
        client = await (await Raw.connect(server)).join()
        gone = await (await Raw.connect(server)).join()
        gone.send(said("publish", 7, channel="alerts", data={}, ack=True))
        client.send(said("publish", 8, channel="alerts", data={}, ack=True))
        client.send(said("publish", 9, channel="ea_updates", data={"ea_id": 1}, ack=True))
        assert (await client.message())["id"] == 9, "rows are not kept"
        await gone.end()
        await until(lambda: len(server.get_connected_clients()) == 1)
        disk.commit()
        await until(lambda: disk.waiting or len(disk.events) == 2)
        disk.commit()
        assert (await client.message())["id"] == 8
        assert [event.seq for event in disk.events] == [1, 2]
        await client.end()


async def test_who_comes_back_after_a_restart_hears_what_it_missed_with_the_same_epoch() -> None:
    disk = Disk()
    async with server_on(disk) as first:
        for n in range(3):
            await first.broadcast_alert({"n": n})
        position = first.hub.position
    async with again(first, disk) as second:
        client = await back(second, position - 2, "alerts", "ea_updates")
        response = (await client.message())["data"]
        assert (response["epoch"], response["recovered"]) == (first.hub.epoch, {"alerts": True, "ea_updates": False})
        assert [(await client.message())["data"]["n"] for _ in range(2)] == [1, 2]
        assert (await client.message())["type"] == "snapshot_end"
        await second.broadcast_alert({"n": 3})
        told = await client.message()
        assert (told["data"], told["seq"]) == ({"n": 3}, 4)
        assert told["position"] > 1000
        await client.end()
    assert [event.seq for event in disk.events] == [1, 2, 3, 4]


async def test_the_python_client_sees_no_gap_and_nothing_twice_over_restarts() -> None:
    disk = Disk()
    heard: list[int] = []
    gaps: list[object] = []
    server = server_on(disk)
    await server.start_server()
    port = server.port
    async with WebSocketClient(server.url, TOKEN) as client:
        client.register_message_handler("alert", lambda data: heard.append(data["n"]))
        client.register_message_handler("gap", gaps.append)
        await client.subscribe(["alerts"])
        for run in range(3):
            await server.broadcast_alert({"n": 3 * run})
            await until(lambda run=run: len(heard) == 3 * run + 1)
            await server.stop_server()
            server.publish("alert", {"n": 3 * run + 1})
            successor = server_on(disk, clock=server.clock)
            successor._asked_port = port
            disk.commit()
            successor.resume(server.hub.epoch, server.hub.position + 10, disk.events)
            server = successor
            server.publish("alert", {"n": 3 * run + 2})
            disk.commit()
            await server.start_server()
            await until(lambda run=run: len(heard) == 3 * run + 3)
    await server.stop_server()
    assert (heard, gaps) == (list(range(9)), [])


async def test_what_is_old_is_as_old_as_before_the_restart() -> None:
    disk, clock = Disk(), ManualClock()
    limits = Limits(history_age_max_s=100.0)
    async with server_on(disk, clock=clock, limits=limits) as first:
        await first.broadcast_alert({"n": 1})
        clock.advance(60)
        await first.broadcast_alert({"n": 2})
    clock.advance(60)
    second = again(first, disk, clock=clock, limits=limits)
    assert [entry.position for entry in second.hub._logs["alerts"].since(0)] == [2]


async def test_the_last_events_are_kept_then_told_when_the_server_stops() -> None:
    disk = Disk()
    server = server_on(disk)
    await server.start_server()
    client = await (await Raw.connect(server)).join("alerts")
    server.publish("alert", {"n": 1})
    stopping = asyncio.create_task(server.stop_server())
    assert (await client.message())["data"] == {"n": 1}
    assert [event.seq for event in disk.events] == [1]
    assert await client.close_code() == 1012
    await client.end()
    await stopping
    assert server.hub.counts.told_unkept == 0


async def test_a_dead_disk_holds_up_neither_the_clients_nor_the_end_and_is_counted() -> None:
    disk = Disk()
    disk.slow = True
    clock = ManualClock()
    server = server_on(disk, clock=clock)
    await server.start_server()
    client = await (await Raw.connect(server)).join("alerts")
    server.publish("alert", {"n": 1})
    await until(lambda: disk.waiting)
    clock.advance(1.0)
    assert (await client.message())["data"] == {"n": 1}
    assert (await read_metrics(server))["fleetwire_told_unkept_total"] == 1
    server.publish("alert", {"n": 2})
    assert (await client.message())["data"] == {"n": 2}
    await client.end()
    async with asyncio.timeout(4):
        await server.stop_server()
    assert server.hub.counts.told_unkept == 2


async def test_what_is_published_while_nobody_is_here_is_kept_as_well() -> None:
    disk = Disk()
    server = server_on(disk)
    server.publish("alert", {"n": 1})
    disk.commit()
    assert [event.position for event in disk.events] == [1]


async def test_a_running_server_can_not_be_resumed_nor_be_given_another_keeper() -> None:
    disk = Disk()
    async with server_on(disk) as server:
        with pytest.raises(RuntimeError, match="resume comes before start_server"):
            server.resume("e", 1, [])
        with pytest.raises(RuntimeError, match="before start_server"):
            server.keep_events(None)
