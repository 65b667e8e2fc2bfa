"""Real sockets, and readers of every kind: whatever some do, all who read on end with the truth."""

import asyncio
import json
import random
from typing import Any

import pytest
import websockets

from fleetwire.hub.limits import Limits
from fleetwire.server.server import WebSocketServer
from tests.server.support import TOKEN, Raw, narrow_client, said

SMALL = Limits(
    out_buffer_bytes_max=32 * 1024,
    piece_bytes_max=16 * 1024,
    catch_up_bytes_per_flush_max=64 * 1024,
    history_count_max=400,
)
EXPERTS = 30


class Truth:
    """What was published, and what a reader makes of it."""

    def __init__(self) -> None:
        self.rows: dict[int, Any] = {}
        self.alerts = 0


class Reader:
    """Reads everything, keeps rows, and books events and gaps."""

    def __init__(self) -> None:
        self.rows: dict[int, Any] = {}
        self.seqs: list[int] = []
        self.lost: set[int] = set()
        self.done = False

    def take(self, message: dict[str, Any]) -> None:
        data = message["data"]
        if message["type"] == "ea_update":
            if data.get("status") == "removed":
                self.rows.pop(data["ea_id"], None)
            else:
                self.rows[data["ea_id"]] = data
        elif message["type"] == "alert":
            assert not self.seqs or message["seq"] > self.seqs[-1], "out of order, or twice"
            self.seqs.append(message["seq"])
            self.done = self.done or data.get("last", False)
        elif message["type"] == "gap":
            self.lost |= set(range(data["from_seq"], data["to_seq"] + 1))

    async def read(self, client: Raw) -> None:
        while not self.done:
            self.take(await client.message())


async def read_a_byte_at_a_time(client: Raw) -> None:
    while await client.reader.read(1):
        await asyncio.sleep(0)


async def vanish(client: Raw) -> None:
    client.writer.transport.abort()


async def publish(server: WebSocketServer, truth: Truth, rng: random.Random, steps: int) -> None:
    """Publish rows and events of very different sizes, faster than a slow reader can follow."""
    for step in range(steps):
        ea_id = rng.randrange(EXPERTS)
        if rng.random() < 0.05:
            await server.broadcast_ea_update({"ea_id": ea_id, "status": "removed"})
            truth.rows.pop(ea_id, None)
        else:
            row = {"ea_id": ea_id, "step": step, "fill": "x" * rng.choice((10, 100, 5000))}
            await server.broadcast_ea_update(row)
            truth.rows[ea_id] = row
        if rng.random() < 0.5:
            await server.broadcast_alert({"n": step, "fill": "x" * rng.choice((10, 2000))})
            truth.alerts += 1
    await server.broadcast_alert({"last": True})
    truth.alerts += 1


@pytest.mark.parametrize("seed", range(4))
async def test_all_who_read_on_end_with_the_truth(seed: int) -> None:
    """Beside readers that stop, that read a byte at a time, and that vanish."""
    rng, truth = random.Random(seed), Truth()
    async with WebSocketServer(port=0, auth_token=TOKEN, limits=SMALL) as server:
        steady = [await (await Raw.connect(server)).join("ea_updates", "alerts") for _ in range(3)]
        slow = [await narrow_client(server, "ea_updates", "alerts") for _ in range(2)]
        gone = [await (await Raw.connect(server)).join("ea_updates", "alerts") for _ in range(3)]
        dripping = await narrow_client(server, "ea_updates", "alerts")
        readers = [Reader() for _ in range(6)]
        reading = [asyncio.create_task(reader.read(client)) for reader, client in zip(readers[:3], steady, strict=True)]
        drip = asyncio.create_task(read_a_byte_at_a_time(dripping))
        publishing = asyncio.create_task(publish(server, truth, rng, 600))
        for client in gone:
            await asyncio.wait([publishing], timeout=rng.random() / 50)
            await vanish(client)
        await publishing
        lagging = [info.state for info in server.get_connected_clients() if info.state == "lagging"]
        assert lagging, "nobody was too slow: this proves nothing"
        reading += [asyncio.create_task(reader.read(client)) for reader, client in zip(readers[3:5], slow, strict=True)]
        async with asyncio.timeout(30):
            await asyncio.gather(*reading)
        late = await (await Raw.connect(server)).join("ea_updates", "alerts")
        late.send(said("subscribe", channels=["alerts"], history=1))
        reading.append(asyncio.create_task(readers[5].read(late)))
        await asyncio.gather(*reading)
        for reader in readers:
            assert reader.rows == truth.rows
        for reader in readers[:5]:
            assert set(reader.seqs) | reader.lost == set(range(1, truth.alerts + 1))
            assert not set(reader.seqs) & reader.lost
        assert not any(reader.lost for reader in readers[:3]), "who reads at once loses nothing"
        drip.cancel()
        for client in [*steady, *slow, *gone, dripping, late]:
            await client.end()


async def test_a_thousand_changes_of_mind_leave_nothing_behind() -> None:
    async with WebSocketServer(port=0, auth_token=TOKEN) as server:
        witness = await (await Raw.connect(server)).join("alerts")
        fickle = await (await Raw.connect(server)).join()
        for n in range(1000):
            fickle.send(
                said("subscribe", channels=["ea_updates", f"alerts:{n % 7}"]), said("unsubscribe", channels=["*"])
            )
            if n % 100 == 0:
                await server.broadcast_alert({"n": n})
                assert (await witness.message())["data"] == {"n": n}
        statuses = []
        while len(statuses) < 2000:
            message = await fickle.message()
            if message["type"] == "subscription_response":
                statuses.append(message["data"]["status"])
        assert statuses == ["subscribed", "unsubscribed"] * 1000
        await server.broadcast_alert({"n": -1})
        assert server.hub.cohorts == 1
        assert not server.hub.dirty
        for client in (witness, fickle):
            await client.end()


async def test_two_hundred_who_never_read_cost_a_bounded_buffer_each_and_disturb_nobody() -> None:
    """A publisher that is faster than the network, with long messages among short ones."""
    async with WebSocketServer(port=0, auth_token=TOKEN, limits=SMALL) as server:
        mute = [await narrow_client(server, "ea_updates", "alerts") for _ in range(200)]
        async with websockets.connect(server.url, max_queue=None) as witness:
            await witness.recv()
            await witness.send(json.dumps({"type": "auth", "data": {"token": TOKEN}}))
            await witness.send(json.dumps({"type": "subscribe", "data": {"channels": ["alerts"]}}))
            await witness.recv()
            await witness.recv()
            for n in range(300):
                await server.broadcast_ea_update({"ea_id": n % 50, "fill": "x" * (64_000 if n % 20 == 0 else 200)})
                await server.broadcast_alert({"n": n, "fill": "x" * 2000})
                assert json.loads(await witness.recv())["data"]["n"] == n
        for guest in server._rooms.guests.all() if server._rooms else []:
            assert guest.transport.get_write_buffer_size() <= 32 * 1024 + 64 * 1024 + 1024
        assert {info.state for info in server.get_connected_clients()} == {"lagging"}
        for client in mute:
            client.writer.transport.abort()
