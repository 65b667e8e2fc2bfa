"""A small server that speaks the protocol by script, over real sockets; and time that a test moves by hand.

In version 2 it puts every message into an array, and says as a patch whatever row it said before on that connection.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from fleetwire.client import WebSocketClient
from fleetwire.wire.patch import merge_patch

TOKEN = "canary-7Qd1xv93"
NOW = "2026-11-22T17:31:00.000Z"


class Peer:
    """Answers as a server does; `script` replaces single answers, `say` speaks to everybody who is connected."""

    def __init__(self, *subprotocols: str) -> None:
        self.subprotocols = subprotocols  # that it knows, besides version 1
        self.compression = False
        self.process_request: Callable[[Any, Any], Any] | None = None
        self.after_welcome: list[dict[str, Any]] = []
        self.expand: Callable[[list[str]], list[str]] = list  # what "*" stands for
        self.port = 0
        self.epoch = "e1"
        self.position = 0
        self.welcome: dict[str, Any] = {"heartbeat_interval": 30, "heartbeat_timeout": 60}
        self.recovered: Callable[[str], bool] = lambda name: True
        self.script: dict[str, Callable[[dict[str, Any]], list[dict[str, Any]] | None]] = {}
        self.received: list[dict[str, Any]] = []
        self.sockets: list[ServerConnection] = []
        self.sockets_ever = 0
        self.tls: ssl.SSLContext | None = None
        self._rows: dict[ServerConnection, dict[tuple[str, str], tuple[int, Any]]] = {}
        self._changed = asyncio.Condition()
        self._server: Server | None = None

    @property
    def url(self) -> str:
        return f"{'wss' if self.tls else 'ws'}://127.0.0.1:{self.port}"

    async def start(self) -> None:
        silent = logging.Logger("peer")  # it would print the token by itself
        silent.disabled = True
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            self.port,
            ssl=self.tls,
            ping_interval=None,
            compression="deflate" if self.compression else None,
            select_subprotocol=self._select,
            process_request=self.process_request,
            logger=silent,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def kill(self) -> None:
        """Break everything off without a word, as a crash does."""
        for socket in tuple(self.sockets):
            socket.transport.abort()
        await self.stop()

    async def stop(self, code: int = 1012, reason: str = "") -> None:
        if self._server is not None:
            self._server.close(close_connections=False)
            for socket in tuple(self.sockets):
                await socket.close(code, reason)
            await self._server.wait_closed()
            self._server = None

    async def close(self, code: int, reason: str = "") -> None:
        """Close the connections, and go on listening."""
        for socket in tuple(self.sockets):
            await socket.close(code, reason)

    async def say(self, message_type: str, data: Any = None, **fields: Any) -> None:
        """Say something to everybody; a row that was said before comes as a patch, where that is understood."""
        for socket in tuple(self.sockets):
            message = {"type": message_type, "data": data, "timestamp": NOW} | fields
            if socket.subprotocol and "key" in fields and "seq" not in fields:
                place, position = (fields["channel"], fields["key"]), fields["position"]
                base, before = self._rows[socket].get(place, (None, None))
                self._rows[socket][place] = (position, data)
                if base is not None:
                    message |= {"patch": merge_patch(before, message.pop("data")), "base": base}
            await self.send(socket, message)

    async def send(self, socket: ServerConnection, *messages: dict[str, Any]) -> None:
        """Send messages as they are: in version 2 in one frame."""
        if socket.subprotocol is None:
            for message in messages:
                await socket.send(json.dumps(message))
        elif socket.subprotocol == "fleetwire.v2.json":
            await socket.send(json.dumps(messages))
        else:
            await socket.send(msgspec.msgpack.encode(messages))

    async def publish(self, channel: str, number: int, key: str | None = None, **fields: Any) -> None:
        """Publish one message whose position is its number."""
        self.position = max(self.position, number)
        key_field = {} if key is None else {"key": key}
        kind = {"ea_updates": "ea_update", "alerts": "alert", "trade_updates": "trade_update"}[channel]
        await self.say(kind, {"n": number}, channel=channel, position=number, **key_field, **fields)

    async def heard(self, message_type: str, count: int = 1) -> dict[str, Any]:
        """Wait until a client has said something that often; give the last one's data."""
        found: list[dict[str, Any]] = []

        def enough() -> bool:
            found[:] = [message for message in self.received if message["type"] == message_type]
            return len(found) >= count

        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(enough), 10)
        data: dict[str, Any] = found[count - 1]["data"]
        return data

    async def connected(self, count: int) -> None:
        """Wait until a client has come that often."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: self.sockets_ever >= count), 10)

    async def left(self) -> None:
        """Wait until nobody is connected."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: not self.sockets), 10)

    async def _serve(self, socket: ServerConnection) -> None:
        data = {"status": "connected", "client_id": "c1", "epoch": self.epoch, "server_time": NOW, **self.welcome}
        try:
            self._rows[socket] = {}
            await self.send(socket, {"type": "connection", "data": data, "timestamp": NOW}, *self.after_welcome)
            self.sockets.append(socket)
            self.sockets_ever += 1
            await self._tell()
            async for payload in socket:
                for message in _read(socket, payload):
                    self.received.append(message)
                    if message["type"] == "subscribe":
                        self._rows[socket].clear()  # all rows are told anew, or caught up with
                    for answer in self._answers(message):
                        await self.send(socket, {"id": message.get("id"), "timestamp": NOW} | answer)
                await self._tell()
        except ConnectionClosed:
            pass
        finally:
            if socket in self.sockets:
                self.sockets.remove(socket)
            await self._tell()

    def _select(self, socket: ServerConnection, offered: Sequence[Any]) -> Any:
        return next((name for name in offered if name in self.subprotocols), None)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _answers(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        scripted = self.script.get(message["type"])
        answers = scripted(message) if scripted else None
        return self._usual(message["type"], message["data"]) if answers is None else answers

    def _usual(self, message_type: str, data: dict[str, Any]) -> list[dict[str, Any]]:
        if message_type == "auth":
            known = data["token"] == TOKEN
            answer = {"status": "authenticated", "success": True, "role": "admin"}
            refusal = {"status": "failed", "success": False, "error": "token_invalid", "message": "not known here"}
            return [{"type": "auth_response", "data": answer if known else refusal}]
        if message_type == "heartbeat":
            echo = {"server_time": NOW, "client_time": (data or {}).get("client_time")}
            return [{"type": "heartbeat_response", "data": echo}]
        since = data.get("since")
        answer = {
            "status": f"{message_type}d",
            "channels": self.expand([name for name in data["channels"] if name != "nonsense"]),
            "rejected": [
                {"channel": name, "code": "unknown_channel", "message": f"no channel {name!r}"}
                for name in data["channels"]
                if name == "nonsense"
            ],
            "epoch": self.epoch,
            "position": self.position,
            "recovered": {name: self.recovered(name) for name in self.expand(data["channels"])} if since else {},
        }
        return [{"type": "subscription_response", "data": answer}]


def _read(socket: ServerConnection, payload: str | bytes) -> list[dict[str, Any]]:
    """Read what a client says, which is in the form that was agreed on."""
    assert isinstance(payload, bytes) == (socket.subprotocol == "fleetwire.v2.msgpack")
    said = msgspec.msgpack.decode(payload) if isinstance(payload, bytes) else json.loads(payload)
    assert isinstance(said, list) == bool(socket.subprotocol)
    return said if isinstance(said, list) else [said]


async def reading_waits(client: WebSocketClient) -> None:
    """Wait until the client reads nothing, as its program is slow."""
    waited = 0
    async with asyncio.timeout(10):
        while waited < 200:  # turns of the loop: it may also be about to read on
            await asyncio.sleep(0)
            link = client._link
            waited = waited + 1 if link is not None and link._waiting_since is None else 0


class Time:
    """A clock that stands still until `advance`; whoever sleeps in it waits for that."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._sleepers: list[tuple[float, float, asyncio.Future[None]]] = []
        self._fell_asleep = asyncio.Event()

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, seconds, future))
        self._fell_asleep.set()
        await future

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for due, _, future in tuple(self._sleepers):
            if due <= self.now and not future.done():
                future.set_result(None)
        self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper[2].done()]

    async def asleep(self, seconds_max: float) -> float:
        """Wait until somebody sleeps for at most so long; tell for how long."""
        while True:
            found = [seconds for _, seconds, future in self._sleepers if seconds <= seconds_max and not future.done()]
            if found:
                return found[0]
            self._fell_asleep.clear()
            await asyncio.wait_for(self._fell_asleep.wait(), 10)
