"""Version 2 and compression on a real socket, beside clients of version 1 that never see any of it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosedError
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.typing import Subprotocol

from fleetwire.server.server import WebSocketServer
from fleetwire.wire.patch import apply_patch
from tests.server.support import TOKEN
from tests.support import ManualClock

JSON, PACKED = Subprotocol("fleetwire.v2.json"), Subprotocol("fleetwire.v2.msgpack")


@pytest.fixture
async def server() -> AsyncIterator[WebSocketServer]:
    async with WebSocketServer(port=0, auth_token=TOKEN, compression=True) as running:
        yield running


class Client:
    """A client of the library, in any version."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._heard: list[dict[str, Any]] = []

    async def say(self, *messages: dict[str, Any]) -> None:
        if self.socket.subprotocol == PACKED:
            await self.socket.send(msgspec.msgpack.encode(list(messages)))
        elif self.socket.subprotocol == JSON:
            await self.socket.send(json.dumps(messages))
        else:
            for message in messages:
                await self.socket.send(json.dumps(message))

    async def next(self) -> dict[str, Any]:
        while not self._heard:
            frame = await self.socket.recv()
            said = msgspec.msgpack.decode(frame) if isinstance(frame, bytes) else json.loads(frame)
            assert isinstance(said, list) is (self.socket.subprotocol is not None)
            self._heard += said if isinstance(said, list) else [said]
        return self._heard.pop(0)

    async def join(self, *channels: str, **words: Any) -> "Client":
        assert (await self.next())["type"] == "connection"
        await self.say(
            {"type": "auth", "data": {"token": TOKEN}},
            {"type": "subscribe", "data": {"channels": list(channels), **words}},
        )
        assert [(await self.next())["type"] for _ in range(2)] == ["auth_response", "subscription_response"]
        return self


@pytest.mark.parametrize("compression", ["deflate", None])
@pytest.mark.parametrize("version", [JSON, PACKED])
async def test_rows_come_whole_first_and_then_as_patches(
    server: WebSocketServer, version: Subprotocol, compression: str | None
) -> None:
    """A client that applies what it is sent holds what was broadcast, at every step."""
    row = {"ea_id": 12345, "status": "active", "profit": 1.5, "comment": "x" * 200, "metrics": {"a": 1, "b": 2}}
    await server.broadcast_ea_update(row)
    async with websockets.connect(server.url, subprotocols=[version], compression=compression) as socket:
        client = await Client(socket).join("ea_updates")
        first = await client.next()
        assert first["data"] == row
        assert (await client.next())["type"] == "snapshot_end"
        held, position = first["data"], first["position"]
        for changed in ({"profit": 2.5}, {"metrics": {"a": 1, "b": 3}}, {"status": "paused"}):
            row = row | changed
            await server.broadcast_ea_update(row)
            message = await client.next()
            assert "data" not in message
            assert message["base"] == position
            held, position = apply_patch(held, message["patch"]), message["position"]
            assert held == row
        assert len(json.dumps(message["patch"])) < 40


async def test_what_a_patch_would_not_shorten_comes_whole(server: WebSocketServer) -> None:
    await server.broadcast_ea_update({"ea_id": 1, "a": 1})
    async with websockets.connect(server.url, subprotocols=[JSON]) as socket:
        client = await Client(socket).join("ea_updates")
        assert [(await client.next())["type"] for _ in range(2)] == ["ea_update", "snapshot_end"]
        await server.broadcast_ea_update({"ea_id": 1, "null": None, "fill": "x" * 100})
        assert (await client.next())["data"] == {"ea_id": 1, "null": None, "fill": "x" * 100}


async def test_a_client_of_version_1_sees_nothing_of_version_2(server: WebSocketServer) -> None:
    async with (
        websockets.connect(server.url, subprotocols=[JSON]) as new,
        websockets.connect(server.url, compression=None) as old,
    ):
        await Client(new).join("ea_updates")
        client = await Client(old).join("ea_updates")
        for profit in (1, 2):
            data = {"ea_id": 1, "profit": profit, "fill": "x" * 300}
            await server.broadcast_ea_update(data)
            assert (await client.next())["data"] == data
        assert old.subprotocol is None


async def test_the_clients_order_decides_and_an_unknown_subprotocol_is_version_1(server: WebSocketServer) -> None:
    async with websockets.connect(server.url, subprotocols=[PACKED, JSON]) as socket:
        assert socket.subprotocol == PACKED
        welcome = await Client(socket).next()
        assert welcome["data"]["protocol"] == 2
    async with websockets.connect(server.url, subprotocols=[Subprotocol("graphql-ws")]) as socket:
        assert socket.subprotocol is None
        assert json.loads(await socket.recv())["data"]["protocol"] == 1


@pytest.mark.parametrize(("version", "wrong"), [(JSON, b"\x90"), (PACKED, "[]"), (None, b"{}")])
async def test_a_frame_of_the_wrong_kind_is_the_end(
    server: WebSocketServer, version: Subprotocol | None, wrong: str | bytes
) -> None:
    async with websockets.connect(server.url, subprotocols=[version] if version else None) as socket:
        await socket.recv()
        await socket.send(wrong)
        with pytest.raises(ConnectionClosedError) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1003


@pytest.mark.parametrize("version", [JSON, PACKED])
async def test_a_wrong_message_in_an_array_is_named(server: WebSocketServer, version: Subprotocol) -> None:
    async with websockets.connect(server.url, subprotocols=[version]) as socket:
        client = Client(socket)
        await client.next()
        await client.say({"type": "heartbeat"}, {"type": "nonsense", "id": 7})
        answer = await client.next()
        assert (answer["type"], answer["id"], answer["data"]["code"]) == ("error", 7, "unknown_type")


async def test_long_frames_are_compressed_for_those_who_asked_for_it(server: WebSocketServer) -> None:
    async with websockets.connect(server.url) as pressed, websockets.connect(server.url, compression=None) as plain:
        clients = [await Client(socket).join("alerts") for socket in (pressed, plain)]
        before = server.hub.counts.written_bytes
        await server.broadcast_alert({"text": "x" * 10_000})
        heard = [await client.next() for client in clients]
        assert heard[0] == heard[1]
        assert server.hub.counts.written_bytes - before < 11_000, "the one was sent hardly anything"


async def test_a_window_that_is_not_everybodys_is_declined(server: WebSocketServer) -> None:
    factory = ClientPerMessageDeflateFactory(server_max_window_bits=10)
    async with websockets.connect(server.url, compression=None, extensions=[factory]) as socket:
        assert socket.protocol.extensions == []
        await Client(socket).join("alerts")


async def test_without_the_setting_nothing_is_compressed() -> None:
    async with WebSocketServer(port=0, auth_token=TOKEN) as server, websockets.connect(server.url) as socket:
        assert socket.protocol.extensions == []


async def test_a_rate_is_kept_and_the_last_value_is_told() -> None:
    """Four times a second: what changes in between is told once, at its time, which the test moves by hand."""
    clock = ManualClock()
    async with (
        WebSocketServer(port=0, auth_token=TOKEN, clock=clock) as server,
        websockets.connect(server.url) as socket,
    ):
        client = await Client(socket).join("ea_updates", "alerts", max_hz={"ea_updates": 4})
        for step in range(10):
            await server.broadcast_ea_update({"ea_id": 1, "step": step})
        await server.broadcast_alert({"text": "at once"})
        assert (await client.next())["data"] == {"ea_id": 1, "step": 0}
        assert (await client.next())["data"] == {"text": "at once"}
        clock.advance(0.25)
        assert (await client.next())["data"] == {"ea_id": 1, "step": 9}


async def test_everything_is_heard_with_a_star(server: WebSocketServer) -> None:
    async with websockets.connect(server.url) as socket:
        client = await Client(socket).join("*")
        await server.broadcast_alert({"n": 1})
        await server.broadcast_trade_update({"n": 2})
        assert [(await client.next())["data"]["n"] for _ in range(2)] == [1, 2]
        await client.say({"type": "unsubscribe", "data": {"channels": ["*"]}})
        assert (await client.next())["data"]["status"] == "unsubscribed"
        await server.broadcast_alert({"n": 3})
        await client.say({"type": "heartbeat"})
        assert (await client.next())["type"] == "heartbeat_response"
