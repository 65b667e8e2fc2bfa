"""The servers that `socket_choice` compares: the same sessions and the same hub behind three different sockets.

Each runs in a process of its own: `python -m benchmarks.candidates NAME CORE`. It prints its port, then obeys lines on
its standard input ("deliver HOW COUNT"), answers each with a line, and ends with the end of its input.
"""

import asyncio
import logging
import os
import sys
import uuid
from collections.abc import Iterator
from typing import Protocol

import websockets
from aiohttp import WSMsgType, web
from websockets.asyncio.server import Server, ServerConnection, serve

from fleetwire.cli.running import calm_the_collector
from fleetwire.hub.access import Access
from fleetwire.hub.guard import Guard
from fleetwire.hub.hub import Delivery, Hub
from fleetwire.hub.limits import Limits
from fleetwire.hub.session import Close, House, Ping, ReportDesk, Session
from fleetwire.server.clock import SystemClock
from fleetwire.server.server import WebSocketServer

TOKEN = "benchmark-token"  # opens nothing but a benchmark
LIMITS = Limits(connections_per_address_max=20_000, auth_deadline_s=600.0)
USUAL_LIMITS = Limits(connections_per_address_max=20_000)  # the defaults, for clients that all share one address
HEARTBEAT_S = 600.0  # nobody is pinged while we measure
BACKLOG = 4096

_ROW = {
    "name": "EURUSD trend", "symbol": "EURUSD", "status": "running", "login": 51234567, "server": "Demo-Server",
    "balance": 10_250.5, "equity": 10_312.25, "profit": 61.75, "margin_level": 1532.4, "positions": 3,
}  # fmt: skip


def row(number: int) -> dict[str, object]:
    """Make one expert's row of some 200 bytes."""
    return {"ea_id": 1000 + number, **_ROW}


def payload_of(frame: bytes) -> bytes:
    """Take the payload out of an unmasked frame."""
    size = frame[1]
    return frame[2:] if size < 126 else frame[4:] if size == 126 else frame[10:]


def payloads_of(buffer: bytes) -> Iterator[bytes]:
    """Take the payloads out of joined frames of less than 64 KiB."""
    at = 0
    while at < len(buffer):
        size, head = (buffer[at + 1], 2) if buffer[at + 1] < 126 else (int.from_bytes(buffer[at + 2 : at + 4]), 4)
        yield buffer[at + head : at + head + size]
        at += head + size


class Candidate(Protocol):
    """A server under measurement."""

    async def start(self) -> int:
        """Listen; give the port."""

    async def deliver(self, how: str, count: int) -> None:
        """Publish `count` messages in one turn, and write them to all who hear them."""


class Fleetwire:
    """Ours: one port, `asyncio.Protocol`, sans-I/O `websockets`, frames written by the hub's pump."""

    def __init__(self) -> None:
        self._server = self._make()

    def _make(self) -> WebSocketServer:
        return WebSocketServer(
            port=0, auth_token=TOKEN, heartbeat_interval=HEARTBEAT_S, heartbeat_timeout=2 * HEARTBEAT_S, limits=LIMITS
        )

    async def start(self) -> int:
        """Listen."""
        await self._server.start_server()
        calm_the_collector()  # as `fleetwire serve` does
        return self._server.port

    async def deliver(self, how: str, count: int) -> None:  # noqa: ARG002  (there is one way)
        """As a program publishes."""
        for number in range(count):
            self._server.publish("ea_update", row(number))
        await self._server.flushed()


class FleetwireUsual(Fleetwire):
    """Ours, with the deadlines and heartbeats that a server has when nobody sets them."""

    def _make(self) -> WebSocketServer:
        return WebSocketServer(port=0, auth_token=TOKEN, limits=USUAL_LIMITS)


class Behind:
    """What the other candidates share: the hub and the sessions behind somebody else's socket."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.hub = Hub("benchmark", LIMITS)
        self.house = House(self.hub, Access(TOKEN), LIMITS, HEARTBEAT_S, 2 * HEARTBEAT_S, ReportDesk(), Guard(LIMITS))
        self._admitting = False

    def open(self, address: str) -> tuple[Session, bytes]:
        """Open a session; give it and its welcome."""
        now, utc = self.clock.monotonic(), self.clock.utc()
        session = Session(self.house, uuid.uuid4().hex[:12], address, lambda _: None, now, utc)
        return session, payload_of(session.welcome(utc))

    def receive(self, session: Session, payload: bytes) -> list[bytes]:
        """Let a session answer; what it says is given without frames. Checks UTF-8 first, as our own socket does."""
        str(payload, "utf-8")
        now = self.clock.monotonic()
        session.heartbeat.seen_at = now
        outputs = session.receive(payload, now, self.clock.utc())
        if self.hub.dirty and not self._admitting:
            self._admitting = True
            asyncio.get_running_loop().call_soon(self._admit)
        return [payload_of(output) for output in outputs if not isinstance(output, Close | Ping)]

    def _admit(self) -> None:
        """Let those who subscribed into their cohorts; before anything was published they miss nothing."""
        self._admitting = False
        for _ in self.flush():
            raise RuntimeError("the benchmark subscribes before it publishes")

    def publish(self, count: int) -> Iterator[Delivery]:
        """Publish, and tell who gets what."""
        now, utc = self.clock.monotonic(), self.clock.utc()
        for number in range(count):
            self.hub.publish("ea_update", row(number), now=now, timestamp=utc)
        return self.flush()

    def flush(self) -> Iterator[Delivery]:
        """Tell who gets what."""
        return self.hub.flush(self.clock.monotonic(), self.clock.utc())


class Aiohttp:
    """aiohttp: `WebSocketResponse` in its low-level server (no routing, no middlewares), without compression."""

    def __init__(self) -> None:
        self._behind = Behind()
        self._sockets: dict[Session, web.WebSocketResponse] = {}
        self._transports: dict[Session, asyncio.Transport] = {}

    async def start(self) -> int:
        """Listen."""
        runner = web.ServerRunner(web.Server(self._handle, access_log=None))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=BACKLOG).start()
        return int(runner.addresses[0][1])

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        behind = self._behind
        socket = web.WebSocketResponse(compress=False, max_msg_size=LIMITS.message_bytes_max, decode_text=False)
        await socket.prepare(request)
        session, welcome = behind.open(request.remote or "unknown")
        self._sockets[session] = socket
        if request.transport is not None:
            self._transports[session] = request.transport
        await socket.send_frame(welcome, WSMsgType.TEXT)
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                for answer in behind.receive(session, message.data):
                    await socket.send_frame(answer, WSMsgType.TEXT)
        finally:
            behind.hub.leave(session)
            del self._sockets[session]
            self._transports.pop(session, None)
        return socket

    async def deliver(self, how: str, count: int) -> None:
        """By `send_str`, by `send_frame` (no text to encode), or past aiohttp, straight to its transport."""
        sockets, transports = self._sockets, self._transports
        for delivery in self._behind.publish(count):
            buffer, sessions = delivery.piece.buffer, list(delivery.sessions)
            if how == "transport":
                for session in sessions:
                    transports[session].write(buffer)
                continue
            payloads = list(payloads_of(buffer))
            if how == "send_frame":
                for session in sessions:
                    send_frame = sockets[session].send_frame
                    for payload in payloads:
                        await send_frame(payload, WSMsgType.TEXT)
                continue
            texts = [payload.decode() for payload in payloads]
            for session in sessions:
                send_str = sockets[session].send_str
                for text in texts:
                    await send_str(text)


class Websockets:
    """The asyncio server of `websockets` itself, without compression and without its own pings."""

    def __init__(self) -> None:
        self._behind = Behind()
        self._connections: dict[Session, ServerConnection] = {}
        self._server: Server | None = None

    async def start(self) -> int:
        """Listen."""
        self._server = await serve(
            self._handle,
            "127.0.0.1",
            0,
            compression=None,
            ping_interval=None,
            max_size=LIMITS.message_bytes_max,
            backlog=BACKLOG,
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def _handle(self, connection: ServerConnection) -> None:
        behind = self._behind
        session, welcome = behind.open(str(connection.remote_address[0]))
        self._connections[session] = connection
        await connection.send(welcome, text=True)
        try:
            while True:
                for answer in behind.receive(session, await connection.recv(decode=False)):
                    await connection.send(answer, text=True)
        except websockets.ConnectionClosed:
            pass
        finally:
            behind.hub.leave(session)
            del self._connections[session]

    async def deliver(self, how: str, count: int) -> None:  # noqa: ARG002  (its own way to many)
        """By its `broadcast`."""
        for delivery in self._behind.publish(count):
            connections = [self._connections[session] for session in delivery.sessions]
            for payload in payloads_of(delivery.piece.buffer):
                websockets.broadcast(connections, payload, text=True)


CANDIDATES: dict[str, type[Fleetwire | Aiohttp | Websockets]] = {
    "fleetwire": Fleetwire,
    "fleetwire-usual": FleetwireUsual,
    "aiohttp": Aiohttp,
    "websockets": Websockets,
}


async def obey(candidate: Candidate) -> None:
    """Start, tell the port, and do what the lines of the standard input say until they end."""
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    os.write(1, b"%d\n" % await candidate.start())
    while line := await lines.readline():
        _, how, count = line.decode().split()
        await candidate.deliver(how, int(count))
        os.write(1, b"done\n")


def main() -> None:
    """Run one candidate on one core."""
    name, core = sys.argv[1], int(sys.argv[2])
    os.sched_setaffinity(0, {core})
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(obey(CANDIDATES[name]()))


if __name__ == "__main__":
    main()
