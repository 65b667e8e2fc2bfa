"""A peer that speaks bytes over a socket, and knows nothing of the server but its address: the wrong things, too."""

import asyncio
import base64
import contextlib
import json
import os
import ssl
import struct
import time
import zlib
from pathlib import Path
from typing import Any, NamedTuple

KEY = base64.b64encode(b"0123456789abcdef").decode()
PATIENCE_S = 5.0  # only a failure waits so long

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Target(NamedTuple):
    """The server that is attacked.

    Args:
        host: its name or address.
        port: likewise.
        token: that it takes, of somebody who may do everything.
        expert_token: of somebody who may only report; "" where there is none.
        tls: where it speaks TLS.
        head_deadline_s: how long it waits for a request's head.
        auth_deadline_s: how long it waits for a token.
        stall_timeout_s: how long it waits for a reader.
        connections_max: how many connections of one address it takes.
        is_loopback: whether it listens on loopback only.
        pid: of its process, where that is ours.
        log: the file that it logs to, likewise.
    """

    host: str
    port: int
    token: str
    expert_token: str = ""
    tls: ssl.SSLContext | None = None
    head_deadline_s: float = 5.0
    auth_deadline_s: float = 10.0
    stall_timeout_s: float = 30.0
    connections_max: int = 1000
    is_loopback: bool = True
    pid: int | None = None
    log: Path | None = None

    @property
    def netloc(self) -> str:
        """Give what stands in `Host`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def memory_mib(self) -> float | None:
        """Tell how much memory the server's process holds; None where it is not ours, or where /proc is not."""
        with contextlib.suppress(OSError, TypeError):
            text = Path(f"/proc/{self.pid}/statm").read_text("ascii")
            return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
        return None


class Frame(NamedTuple):
    """One frame of the server's."""

    opcode: int
    payload: bytes

    @property
    def code(self) -> int:
        """The code of a Close."""
        return int(struct.unpack("!H", self.payload[:2])[0]) if len(self.payload) >= 2 else 1005


def frame(
    payload: bytes | str, opcode: int = TEXT, *, fin: bool = True, mask: bool = True, rsv: int = 0, length: int = -1
) -> bytes:
    """Build a frame; `length` is what it announces, where that is not how long it is."""
    data = payload.encode() if isinstance(payload, str) else payload
    announced = len(data) if length < 0 else length
    head = bytes([fin << 7 | rsv << 4 | opcode])
    if announced < 126:
        head += bytes([mask << 7 | announced])
    elif announced < 65536:
        head += bytes([mask << 7 | 126]) + struct.pack("!H", announced)
    else:
        head += bytes([mask << 7 | 127]) + struct.pack("!Q", announced)
    return head + (b"\0\0\0\0" if mask else b"") + data  # masked with nothing


def said(message_type: str, request_id: int | None = None, /, **data: Any) -> bytes:
    """Build a client's message, in a frame."""
    message: dict[str, Any] = {"type": message_type, "data": data}
    if request_id is not None:
        message["id"] = request_id
    return frame(json.dumps(message))


def head(target: Target, *replaced: str, request: str = "GET / HTTP/1.1") -> bytes:
    """Build an upgrade; a header given replaces the usual one of its name, one without a value leaves it out."""
    usual = {
        "host": f"Host: {target.netloc}",
        "upgrade": "Upgrade: websocket",
        "connection": "Connection: Upgrade",
        "sec-websocket-key": f"Sec-WebSocket-Key: {KEY}",
        "sec-websocket-version": "Sec-WebSocket-Version: 13",
    }
    names = {line.partition(":")[0].lower() for line in replaced}
    lines = [line for name, line in usual.items() if name not in names]
    lines += [line for line in replaced if line.partition(":")[2]]
    return "\r\n".join([request, *lines, "", ""]).encode("utf-8", "surrogateescape")


class Gone(Exception):
    """The server has ended the connection without a word."""


class Peer:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Target) -> None:
        self.reader = reader
        self.writer = writer
        self.target = target

    @classmethod
    async def connect(cls, target: Target, buffer_bytes: int = 65536) -> "Peer":
        """Connect."""
        async with asyncio.timeout(PATIENCE_S):
            pair = await asyncio.open_connection(target.host, target.port, ssl=target.tls, limit=buffer_bytes)
        return cls(*pair, target)

    @classmethod
    async def upgraded(cls, target: Target, *headers: str, path: str = "/") -> "Peer":
        """Connect, shake hands, and read the welcome."""
        peer = await cls.connect(target)
        peer.send(head(target, *headers, request=f"GET {path} HTTP/1.1"))
        status, text = await peer.head()
        if status != 101:
            raise AssertionError(f"the handshake was answered with {status}: {text[:100]!r}")
        peer.answer = text
        assert (await peer.message())["type"] == "connection"
        return peer

    @classmethod
    async def joined(cls, target: Target, *channels: str, token: str | None = None) -> "Peer":
        """Connect, shake hands, authenticate, and subscribe."""
        peer = await cls.upgraded(target)
        peer.send(said("auth", token=token or target.token))
        answer = await peer.message()
        assert answer["data"].get("status") == "authenticated", answer
        if channels:
            peer.send(said("subscribe", channels=list(channels)))
            await peer.message_of("subscription_response")
        return peer

    answer = ""

    def send(self, *data: bytes) -> None:
        """Send bytes; what is refused meanwhile is no matter."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            self.writer.write(b"".join(data))

    async def drained(self) -> None:
        """Wait until what was sent is on its way."""
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def head(self, within_s: float = PATIENCE_S) -> tuple[int, str]:
        """Read a response's status and head; status 0 is a connection that was closed instead."""
        try:
            async with asyncio.timeout(within_s):
                text = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0, ""
        return int(text.split(" ", 2)[1]), text

    async def frame(self, within_s: float = PATIENCE_S) -> Frame:
        """Read the next frame."""
        try:
            async with asyncio.timeout(within_s):
                first, second = await self.reader.readexactly(2)
                length = second & 127
                if length == 126:
                    length = struct.unpack("!H", await self.reader.readexactly(2))[0]
                elif length == 127:
                    length = struct.unpack("!Q", await self.reader.readexactly(8))[0]
                payload = await self.reader.readexactly(length)
                if first & 64:  # deflated, without the end that RFC 7692 leaves out
                    payload = zlib.decompressobj(-15).decompress(payload + b"\0\0\xff\xff")
                return Frame(first & 15, payload)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Gone("the connection ended without a Close") from error

    async def message(self, within_s: float = PATIENCE_S) -> dict[str, Any]:
        """Read the next message."""
        while True:
            found = await self.frame(within_s)
            if found.opcode == TEXT:
                message: dict[str, Any] = json.loads(found.payload)
                return message
            if found.opcode == CLOSE:
                raise AssertionError(f"closed with {found.code} {found.payload[2:]!r}, where a message was awaited")

    async def message_of(self, message_type: str) -> dict[str, Any]:
        """Read on until a message of a type."""
        while True:
            message = await self.message()
            if message["type"] == message_type:
                return message

    async def close_code(self, within_s: float = PATIENCE_S) -> int:
        """Read on until the Close, and give its code; 0 where the connection ends without one."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    found = await self.frame(within_s)
                    if found.opcode == CLOSE:
                        return found.code
        except Gone:
            return 0

    async def ended(self, within_s: float) -> float:
        """Wait until the server ends the connection; tell how many seconds that took."""
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(within_s):
                while await self.reader.read(65536):
                    pass
        return time.monotonic() - began

    async def end(self) -> None:
        """Hang up."""
        self.writer.transport.abort()
        with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
            await self.writer.wait_closed()


async def asked(target: Target, data: bytes, within_s: float = PATIENCE_S) -> tuple[int, str]:
    """Send bytes on a connection of their own, and read what is answered: status and head."""
    peer = await Peer.connect(target)
    try:
        peer.send(data)
        return await peer.head(within_s)
    finally:
        await peer.end()


async def http(
    target: Target, request: str, *headers: str, body: bytes = b"", token: str = ""
) -> tuple[int, str, bytes]:
    """Make one HTTP request; give status, head and body."""
    lines = [f"{request} HTTP/1.1", f"Host: {target.netloc}", "Connection: close", *headers]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += [f"Content-Length: {len(body)}", "Content-Type: application/json"]
    peer = await Peer.connect(target)
    try:
        peer.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        status, text = await peer.head()
        with contextlib.suppress(ConnectionError):
            return status, text, await peer.reader.read(-1)
        return status, text, b""
    finally:
        await peer.end()


async def longest_wait_s(target: Target, stop: asyncio.Event) -> float:
    """Ask again and again until told to stop; tell how long the slowest answer took: the loop was held so long."""
    peer = await Peer.upgraded(target)
    slowest = 0.0
    try:
        while not stop.is_set():
            asked_at = time.monotonic()
            peer.send(said("heartbeat"))
            await peer.message_of("heartbeat_response")
            slowest = max(slowest, time.monotonic() - asked_at)
            await asyncio.sleep(0.005)
        return slowest
    finally:
        await peer.end()
