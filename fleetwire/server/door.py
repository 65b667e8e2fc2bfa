"""The one port: reads a request's head and hands the connection to those who speak its protocol.

An upgrade goes to `WebSocketConnection`, everything else to aiohttp (see docs/decisions/0001-the-socket.md).
"""

import asyncio
import re
from collections.abc import Callable
from typing import NamedTuple, cast

from fleetwire.hub.session import House
from fleetwire.ports import Clock
from fleetwire.server.deadlines import Deadlines
from fleetwire.server.guests import Guest, Guests
from fleetwire.server.origin import Doorkeeper
from fleetwire.server.pump import Pump
from fleetwire.wire.addresses import Proxies

_LINGER_S = 2.0  # for a peer to read why it was turned away
_HEAD_END = b"\r\n\r\n"
_UPGRADE = re.compile(rb"^upgrade[ \t]*:[^\r\n]*websocket", re.IGNORECASE | re.MULTILINE)


class Rooms(NamedTuple):
    """What the connections of one server share."""

    house: House
    pump: Pump
    clock: Clock
    deadlines: Deadlines
    guests: Guests
    doorkeeper: Doorkeeper
    proxies: Proxies
    compression: bool


Opener = Callable[[Rooms, asyncio.Transport, str], asyncio.Protocol]
"""Makes the protocol that goes on with a connection, from the peer's address."""


class TurnedAway(asyncio.Protocol):
    """A connection that was answered while its peer is still writing: what comes is dropped, so that it can read why.

    Closed at once, the system would answer what is still on its way with a reset, and the peer might lose the answer.

    Args:
        rooms: of its server.
        transport: of the connection.
        address: the peer's.
    """

    __slots__ = ("_rooms", "address", "due", "transport")

    def __init__(self, rooms: Rooms, transport: asyncio.Transport, address: str) -> None:
        self._rooms = rooms
        self.transport = transport
        self.address = address
        self.due = float("inf")

    def begin(self, status: str, text: str) -> None:
        """Answer, and take over."""
        self.transport.set_protocol(self)
        self._rooms.guests.hand_over(self)
        self._rooms.deadlines.watch(self, self._rooms.clock.monotonic() + _LINGER_S)
        self.transport.write(_answer(status, text))
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def check(self, now: float) -> float | None:  # noqa: ARG002  (everybody who waits is told the time)
        """End it, whatever the peer still has to say."""
        self.transport.abort()
        return None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's signature)
        """Stop counting the connection."""
        self._rooms.deadlines.forget(self)
        self._rooms.guests.leave(self)


def refuse(transport: asyncio.Transport, status: str, text: str, *headers: str) -> None:
    """Answer with a bare HTTP error and close.

    Args:
        transport: of a connection that nobody else writes to.
        status: like "503 Service Unavailable".
        text: one line for people.
        headers: further ones, whole lines.
    """
    transport.write(_answer(status, text, *headers))
    transport.close()


def _answer(status: str, text: str, *headers: str) -> bytes:
    body = f"{text}\n".encode()
    length = f"Content-Length: {len(body)}"
    lines = [f"HTTP/1.1 {status}", length, "Content-Type: text/plain", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Head:
    """Collects a request's head, within a bound.

    Args:
        bytes_max: how long it may be.
    """

    __slots__ = ("_bytes_max", "bytes", "end")

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self.bytes = b""
        self.end: int | None = None

    def feed(self, data: bytes) -> str | None:
        """Take what came; `end` tells then where the head ends, if it has ended.

        Returns:
            The status that refuses it, if it is too long.
        """
        searched = max(0, len(self.bytes) - len(_HEAD_END))
        self.bytes += data
        end = self.bytes.find(_HEAD_END, searched)
        if (end if end >= 0 else len(self.bytes)) > self._bytes_max:
            in_first_line = self.bytes.find(b"\n", 0, self._bytes_max) < 0
            return "414 URI Too Long" if in_first_line else "431 Request Header Fields Too Large"
        if end >= 0:
            self.end = end + len(_HEAD_END)
        return None

    @property
    def is_upgrade(self) -> bool:
        """Whether it asks for a WebSocket."""
        return self.end is not None and _UPGRADE.search(self.bytes, 0, self.end) is not None


class Door(asyncio.Protocol):
    """One connection until its request head is complete.

    Args:
        rooms: of its server.
        open_websocket: goes on with an upgrade.
        open_http: goes on with everything else.
    """

    __slots__ = ("_head", "_open_http", "_open_websocket", "_rooms", "address", "due", "newcomer", "transport")

    def __init__(self, rooms: Rooms, open_websocket: Opener, open_http: Opener) -> None:
        self._rooms = rooms
        self._open_websocket = open_websocket
        self._open_http = open_http
        self._head = Head(rooms.house.limits.head_bytes_max)
        self.due = float("inf")
        self.newcomer: Guest | None = None  # who it was counted as until now

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, and give it a moment to say what it wants."""
        self.transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) else "unknown"
        if self.newcomer is not None:
            self._rooms.guests.leave(self.newcomer)
        status = self._rooms.guests.enter(self)
        if status is not None:
            refuse(self.transport, status, "too many connections: try again later")
            return
        self._rooms.deadlines.watch(self, self._rooms.clock.monotonic() + self._rooms.house.limits.head_deadline_s)

    def data_received(self, data: bytes) -> None:
        """Wait for the end of the head, then hand over."""
        if self.transport.is_closing():
            return
        status = self._head.feed(data)
        if status is not None:
            self._rooms.deadlines.forget(self)
            TurnedAway(self._rooms, self.transport, self.address).begin(status, "the request's head is too long")
        elif self._head.end is not None:
            self._hand_over(self._open_websocket if self._head.is_upgrade else self._open_http)

    def _hand_over(self, opener: Opener) -> None:
        head, self._head.bytes = self._head.bytes, b""
        self._rooms.deadlines.forget(self)  # it was met
        protocol = opener(self._rooms, self.transport, self.address)
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(head)

    def check(self, now: float) -> float | None:  # noqa: ARG002  (everybody who waits is told the time)
        """Close a connection that did not say in time what it wants."""
        self.transport.abort()
        return None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's signature)
        """Forget a connection that ended at the door."""
        self._rooms.deadlines.forget(self)
        self._rooms.guests.leave(self)
