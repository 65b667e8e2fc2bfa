"""A client that speaks bytes: it can say everything, the wrong things too."""

import asyncio
import base64
import contextlib
import json
import logging
import socket
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from fleetwire.server.server import WebSocketServer
from fleetwire.server.websocket import WebSocketConnection

TOKEN = "s3cret-token"
_silent = logging.Logger("tests.silent", logging.CRITICAL + 1)  # what a client logs proves nothing about a server
KEY = base64.b64encode(b"0123456789abcdef").decode()


def frame(payload: bytes | str, opcode: Opcode = Opcode.TEXT, *, fin: bool = True, mask: bool = True) -> bytes:
    data = payload.encode() if isinstance(payload, str) else payload
    return Frame(opcode, data, fin).serialize(mask=mask)


def said(message_type: str, request_id: int | str | None = None, /, **data: Any) -> bytes:
    """A client's message, in a frame."""
    message: dict[str, Any] = {"type": message_type, "data": data}
    if request_id is not None:
        message["id"] = request_id
    return frame(json.dumps(message))


def head(server: WebSocketServer, *replaced: str, request: str = "GET / HTTP/1.1") -> bytes:
    """An upgrade; a header given replaces the usual one of its name, one without a value leaves it out."""
    usual = {
        "host": f"Host: 127.0.0.1:{server.port}",
        "upgrade": "Upgrade: websocket",
        "connection": "Connection: Upgrade",
        "sec-websocket-key": f"Sec-WebSocket-Key: {KEY}",
        "sec-websocket-version": "Sec-WebSocket-Version: 13",
    }
    names = {line.partition(":")[0].lower() for line in replaced}
    lines = [line for name, line in usual.items() if name not in names]
    lines += [line for line in replaced if line.partition(":")[2]]
    return "\r\n".join([request, *lines, "", ""]).encode()


class Raw:
    """One TCP connection."""

    def __init__(self, server: WebSocketServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self._protocol = ClientProtocol(parse_uri("ws://127.0.0.1/"), state=State.OPEN, max_size=None, logger=_silent)
        self._frames: list[Frame] = []

    @classmethod
    async def connect(cls, server: WebSocketServer, buffer_bytes: int | None = None) -> "Raw":
        """Connect; `buffer_bytes` bounds what it takes in without being read."""
        limit = {} if buffer_bytes is None else {"limit": buffer_bytes}
        return cls(server, *await asyncio.open_connection("127.0.0.1", server.port, **limit))

    def send(self, *data: bytes) -> None:
        self.writer.write(b"".join(data))

    async def upgrade(self) -> dict[str, Any]:
        """Shake hands; give the welcome."""
        self.send(head(self.server))
        response = await self.head()
        assert response.startswith("HTTP/1.1 101 "), response
        welcome = await self.message()
        assert welcome["type"] == "connection"
        return welcome

    async def join(self, *channels: str) -> "Raw":
        """Shake hands, authenticate, and subscribe."""
        await self.upgrade()
        self.send(said("auth", token=TOKEN))
        assert (await self.message())["data"]["status"] == "authenticated"
        if channels:
            self.send(said("subscribe", channels=list(channels)))
            assert (await self.message())["data"]["status"] == "subscribed"
        return self

    async def head(self) -> str:
        async with asyncio.timeout(5):
            return (await self.reader.readuntil(b"\r\n\r\n")).decode()

    async def response(self) -> tuple[int, str]:
        """The status of an HTTP answer, and all that came until the end of the stream."""
        async with asyncio.timeout(5):
            text = (await self.reader.read(-1)).decode()
        return int(text.split(" ", 2)[1]), text

    async def frame(self) -> Frame:
        """The next frame; an EOFError where there is none any more."""
        async with asyncio.timeout(5):
            while not self._frames:
                data = await self.reader.read(65536)
                if not data:
                    raise EOFError
                self._protocol.receive_data(data)
                assert self._protocol.parser_exc is None
                self._frames += [event for event in self._protocol.events_received() if isinstance(event, Frame)]
        return self._frames.pop(0)

    async def message(self) -> dict[str, Any]:
        """The next message; pings and pongs are passed over."""
        while True:
            received = await self.frame()
            if received.opcode is Opcode.TEXT:
                message: dict[str, Any] = json.loads(received.data)
                return message
            assert received.opcode in (Opcode.PING, Opcode.PONG), f"{Close.parse(received.data)}"

    async def close_code(self) -> int:
        """The code that it is closed with; nothing comes after it but the end of the stream."""
        while True:
            received = await self.frame()
            if received.opcode is Opcode.CLOSE:
                break
        self.writer.write(frame(bytes(received.data), Opcode.CLOSE))
        async with asyncio.timeout(5):
            assert not self._frames, "something follows the Close"
            assert await self.reader.read(-1) == b"", "something follows the Close"
        return Close.parse(received.data).code

    async def end(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


def connection_of(server: WebSocketServer, number: int = -1) -> WebSocketConnection:
    assert server._rooms is not None
    guest = [guest for guest in server._rooms.guests.all() if isinstance(guest, WebSocketConnection)][number]
    assert guest.session is not None
    return guest


async def narrow_client(server: WebSocketServer, *channels: str) -> Raw:
    """A client that subscribes, between which and the server the network holds only a few KiB."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", server.port))
    client = Raw(server, *await asyncio.open_connection(sock=sock, limit=4096))
    await client.join(*channels)
    connection_of(server).transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    return client
