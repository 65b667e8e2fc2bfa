"""The one port: heads that are let in, heads that are not, and how many may stand there."""

import asyncio

import pytest

from fleetwire.hub.limits import Limits
from fleetwire.server.server import WebSocketServer
from tests.server.conftest import Connect
from tests.server.support import TOKEN, Raw, head, said
from tests.support import ManualClock, until

GET = "GET / HTTP/1.1"


async def status_of(client: Raw, data: bytes) -> int:
    """Send a head; give the status of the answer (0: closed without one)."""
    client.send(data)
    try:
        answer = await client.head()
    except asyncio.IncompleteReadError:
        return 0
    return int(answer.split(" ", 2)[1])


@pytest.mark.usefixtures("witness")
@pytest.mark.parametrize(
    ("replaced", "request_line", "status"),
    [
        ((), GET, 101),
        ((), "GET /any/path?x=1 HTTP/1.1", 101),
        (("Upgrade: WebSocket", "Connection: keep-alive, Upgrade"), GET, 101),
        (("X-Big: " + "x" * 8000,), GET, 101),
        (("Sec-WebSocket-Protocol: fleetwire.v9",), GET, 101),
        (("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99",), GET, 101),
        ((), "POST / HTTP/1.1", 405),
        ((), "DELETE / HTTP/1.1", 405),
        ((), "GET / HTTP/1.0", 505),
        ((), "GET / HTTP/2.0", 400),
        ((), "nonsense", 400),
        ((), "GET / x HTTP/1.1", 400),
        (("Sec-WebSocket-Key:",), GET, 400),
        (("Sec-WebSocket-Key: MDEyMzQ1Njc4OQ==",), GET, 400),
        (("Sec-WebSocket-Key: !!!",), GET, 400),
        (("Sec-WebSocket-Key: a", "Sec-WebSocket-Key: b"), GET, 400),
        (("Sec-WebSocket-Version: 12",), GET, 426),
        (("Sec-WebSocket-Version:",), GET, 426),
        (("Host:",), GET, 400),
        (("Host: 127.0.0.1", "Host: evil.com"), GET, 400),
        (("Content-Length: 5",), GET, 400),
        (("Transfer-Encoding: chunked",), GET, 400),
        (("A : b",), GET, 400),
        ((*[f"X-{n}: y" for n in range(500)],), GET, 431),
        (("X-Big: " + "x" * 20_000,), GET, 431),
        ((), "GET /" + "x" * 70_000 + " HTTP/1.1", 414),
        (("Origin: http://localhost", "Origin: http://localhost"), GET, 400),
        (("Origin: file://",), GET, 101),
        (("Origin: http://localhost:3000",), GET, 101),
        (("Origin: http://127.0.0.1",), GET, 101),
        (("Origin: null",), GET, 101),
        (("Origin: https://evil.com",), GET, 403),
        (("Origin: http://localhost.evil.com",), GET, 403),
        (("Origin: http://evil-localhost",), GET, 403),
        (("Origin: http://localhost@evil.com",), GET, 403),
        (("Host: evil.com",), GET, 403),
        (("Host: localhost.evil.com:80",), GET, 403),
        (("Host: localhost:1234",), GET, 101),
    ],
    ids=lambda value: str(value)[:60] if not isinstance(value, int) else "",
)
async def test_an_upgrade_is_accepted_or_refused_with_its_status(
    server: WebSocketServer, connect: Connect, replaced: tuple[str, ...], request_line: str, status: int
) -> None:
    assert await status_of(await connect(), head(server, *replaced, request=request_line)) == status


async def test_a_refusal_says_what_would_be_accepted(server: WebSocketServer, connect: Connect) -> None:
    client = await connect()
    client.send(head(server, "Sec-WebSocket-Version: 12"))
    status, text = await client.response()
    assert status == 426
    assert "Sec-WebSocket-Version: 13\r\n" in text
    client = await connect()
    client.send(head(server, request="POST / HTTP/1.1"))
    status, text = await client.response()
    assert status == 405
    assert "Allow: GET\r\n" in text
    client = await connect()
    client.send(head(server, "Origin: https://evil.com"))
    status, text = await client.response()
    assert status == 403
    assert "allowed_origins" in text


@pytest.mark.parametrize("begin", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"GET / HTTP/1.1\n\n"])
async def test_who_does_not_say_in_time_what_it_wants_is_closed(
    clock: ManualClock, server: WebSocketServer, connect: Connect, begin: bytes
) -> None:
    client = await connect()
    client.send(begin)
    assert server._rooms is not None
    await until(lambda: len(server._rooms.guests) == 1)  # type: ignore[union-attr]
    clock.advance(4.9)
    assert not client.reader.at_eof()
    clock.advance(0.2)
    with pytest.raises((ConnectionError, EOFError)):
        await client.frame()
    await until(lambda: len(server._rooms.guests) == 0)  # type: ignore[union-attr]


async def test_five_bytes_a_second_are_too_slow(clock: ManualClock, server: WebSocketServer, connect: Connect) -> None:
    client = await connect()
    data = head(server)
    for second in range(6):
        client.send(data[5 * second : 5 * second + 5])
        await client.writer.drain()
        await asyncio.sleep(0)
        clock.advance(1.0)
    with pytest.raises((ConnectionError, EOFError)):
        await client.frame()


async def test_a_met_deadline_is_forgotten(clock: ManualClock, connect: Connect) -> None:
    client = await (await connect()).join()
    clock.advance(6.0)
    client.send(said("heartbeat"))
    assert (await client.message())["type"] == "heartbeat_response"


@pytest.mark.parametrize(
    ("limits", "status"),
    [(Limits(connections_per_address_max=2), 429), (Limits(connections_max=2), 503)],
    ids=["of one address", "in all"],
)
async def test_more_connections_than_allowed_are_told_so_and_make_room_when_one_goes(
    limits: Limits, status: int
) -> None:
    async with WebSocketServer(port=0, auth_token=TOKEN, limits=limits, clock=ManualClock()) as server:
        first, second = [await (await Raw.connect(server)).join() for _ in range(2)]
        third = await Raw.connect(server)
        assert (await third.response())[0] == status
        await third.end()
        await first.end()
        assert server._rooms is not None
        guests = server._rooms.guests
        await until(lambda: len(guests) == 1)
        fourth = await (await Raw.connect(server)).join()
        for client in (second, fourth):
            await client.end()


async def test_who_is_turned_away_while_still_writing_can_read_why_and_is_let_go_after_a_moment(
    server: WebSocketServer, clock: ManualClock, connect: Connect
) -> None:
    polite, stubborn = await connect(), await connect()
    for client in (polite, stubborn):
        for _ in range(20):
            client.send(b"GET /" + b"x" * 60_000)
            await client.writer.drain()
        assert (await client.head()).startswith("HTTP/1.1 414 ")
    assert server._rooms is not None
    guests = server._rooms.guests
    await polite.end()
    await until(lambda: [type(guest).__name__ for guest in guests.all()] == ["TurnedAway"])
    clock.advance(2.1)
    await until(lambda: len(guests) == 0)
