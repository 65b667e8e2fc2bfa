"""What leaves in which write: the handshake before everything else, and the answers of a turn together."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from fleetwire.server.server import WebSocketServer
from fleetwire.server.websocket import WebSocketConnection

_REQUEST = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_MASK = b"\x00\x00\x00\x00"
_HEARTBEAT = b'\x81\x94%s{"type":"heartbeat"}' % _MASK
_PING = b"\x89\x81%sp" % _MASK
_CLOSE = b"\x88\x82%s\x03\xe8" % _MASK


@pytest.fixture
async def server() -> AsyncIterator[WebSocketServer]:
    async with WebSocketServer(port=0, auth_token="a-token") as server:
        yield server


async def _read_until(reader: asyncio.StreamReader, end: bytes) -> bytes:
    async with asyncio.timeout(5):
        return await reader.readuntil(end)


@pytest.mark.parametrize("early", [_PING, _CLOSE, b"\xff\xff"], ids=["ping", "close", "garbage"])
async def test_a_frame_with_the_request_is_refused_without_a_failure(
    server: WebSocketServer, early: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """The library answers such a frame before the handshake: the peer is told 400, and no defect is logged."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(_REQUEST + early)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_the_answers_of_a_turn_leave_in_one_write_and_in_order(
    server: WebSocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three heartbeats, a ping and a close that come at once are answered by one write."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(_REQUEST)
    await _read_until(reader, b"\r\n\r\n")
    assert server._rooms is not None
    (guest,) = server._rooms.guests.all()
    assert isinstance(guest, WebSocketConnection)
    written: list[bytes] = []
    monkeypatch.setattr(guest, "transport", _Recorder(guest.transport, written))
    writer.write(_HEARTBEAT * 3 + _PING + _CLOSE)
    async with asyncio.timeout(5):
        await reader.read()
    writer.close()
    (answers,) = written
    assert answers.count(b'"heartbeat_response"') == 3
    assert answers.endswith(b"\x8a\x01p\x88\x02\x03\xe8")


class _Recorder:
    """A transport that notes what it is given."""

    def __init__(self, transport: asyncio.Transport, written: list[bytes]) -> None:
        self._transport = transport
        self._written = written

    def write(self, data: bytes) -> None:
        self._written.append(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)
