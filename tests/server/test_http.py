"""The HTTP half of the port: connections, one request after another, and their end."""

import asyncio
import contextlib
import json
import logging
import random
import time

import pytest

from fleetwire import __version__
from fleetwire.hub.limits import Limits
from fleetwire.server import http
from fleetwire.server.server import WebSocketServer
from tests.server.api.caller import Caller
from tests.server.conftest import Connect
from tests.server.support import TOKEN, Raw, head
from tests.support import ManualClock, until

HOST = "Host: 127.0.0.1"


async def ask(client: Raw, request: str, *headers: str, body: str = "") -> tuple[int, str]:
    client.send("\r\n".join([f"{request} HTTP/1.1", *headers, "Connection: close", "", body]).encode())
    return await client.response()


async def test_health_is_told_as_json(connect: Connect) -> None:
    status, text = await ask(await connect(), "GET /healthz", HOST)
    assert status == 200
    assert json.loads(text.partition("\r\n\r\n")[2]) == {"status": "ok", "version": __version__}


async def test_the_page_says_what_this_is_and_may_do_nothing(connect: Connect) -> None:
    status, text = await ask(await connect(), "GET /", HOST)
    head, _, page = text.partition("\r\n\r\n")
    assert status == 200
    assert "text/html" in head
    assert "default-src 'none'" in head
    assert "fleetwire" in page


@pytest.mark.usefixtures("witness")
@pytest.mark.parametrize(
    ("request_line", "headers", "status"),
    [
        ("HEAD /", (HOST,), 200),
        ("GET /healthz?token=x", (HOST,), 400),
        ("GET http://127.0.0.1/healthz", (HOST,), 200),
        ("GET /nothing", (HOST,), 404),
        ("POST /nothing", (HOST,), 404),
        ("POST /", (HOST, "Content-Length: 0"), 405),
        ("DELETE /healthz", (HOST,), 405),
        ("BREW /healthz", (HOST,), 400),
        ("OPTIONS *", (HOST,), 404),
        ("CONNECT 127.0.0.1:80", (HOST,), 404),
        ("GET /", (), 400),
        ("GET /", (HOST, HOST), 400),
        ("GET /", ("Host: evil.com",), 403),
        ("GET /healthz", (HOST, "Origin: https://evil.com"), 403),
        ("GET /", (HOST, "Content-Length: 3", "Transfer-Encoding: chunked"), 400),
        ("GET /", (HOST, "Content-Length: 3", "Content-Length: 4"), 400),
        ("GET /", (HOST, "Content-Length: -1"), 400),
        ("GET /", (HOST, "Content-Length: +1"), 400),
        ("POST /", (HOST, "Transfer-Encoding: chunked, identity"), 400),
        ("GET /", (HOST, "A : b"), 400),
        ("GET /", (HOST, "A: b\r\n c"), 400),
        ("GET /\x00", (HOST,), 400),
        ("nonsense", (HOST,), 400),
    ],
)
async def test_every_request_has_its_answer(
    connect: Connect, request_line: str, headers: tuple[str, ...], status: int
) -> None:
    assert (await ask(await connect(), request_line, *headers))[0] == status


@pytest.mark.parametrize(
    ("line", "status"), [("GET /" + 70_000 * "x", 414), (f"GET / HTTP/1.1\r\n{HOST}\r\nA: " + 70_000 * "x", 431)]
)
async def test_what_is_too_long_is_said_and_on_a_connection_in_use_too(
    connect: Connect, line: str, status: int
) -> None:
    first = await connect()
    first.send(line.encode())
    assert (await first.response())[0] == status
    second = await connect()
    second.send(f"GET /healthz HTTP/1.1\r\n{HOST}\r\n\r\n".encode())
    await second.reader.readuntil(b"}")
    second.send(line.encode())
    assert (await second.response())[0] == status


async def test_a_body_that_nobody_wants_is_no_obstacle(connect: Connect) -> None:
    status, _ = await ask(await connect(), "POST /", HOST, "Content-Length: 5", body="hello")
    assert status == 405


async def test_a_defect_of_ours_is_a_500_and_stands_in_the_log(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("fleetwire.server.origin.Doorkeeper.refusal", lambda *_: 1 / 0)
    status, text = await ask(await connect(), "GET /", HOST)
    assert status == 500
    assert "ZeroDivisionError" not in text
    assert "ZeroDivisionError" in caplog.text


# ----------------------------------------------------------------------------------------------- one after another


@pytest.fixture
async def caller(server: WebSocketServer) -> Caller:
    caller = await Caller.connect(server)
    yield caller
    await caller.end()


async def test_a_connection_stays_open_for_many_requests_and_counts_once(
    server: WebSocketServer, caller: Caller
) -> None:
    assert server._rooms is not None
    for _ in range(200):
        assert (await caller.get("/healthz")).status == 200
    assert len(server._rooms.guests) == 1


async def test_who_asks_for_the_end_gets_it(caller: Caller) -> None:
    assert (await caller.get("/healthz", "Connection: close")).status == 200
    assert await caller.is_closed()


async def test_http_1_0_ends_with_its_answer(connect: Connect) -> None:
    client = await connect()
    client.send(f"GET /healthz HTTP/1.0\r\n{HOST}\r\n\r\n".encode())
    assert (await client.response())[0] == 200


async def test_a_refusal_does_not_end_the_connection_unless_its_body_is_unread(caller: Caller) -> None:
    assert (await caller.get("/nothing")).status == 404
    assert (await caller.get("/healthz?x=1")).status == 400
    assert (await caller.call("POST /nothing", body="not read")).status == 404
    assert await caller.is_closed()


async def test_requests_that_come_together_are_answered_in_order(caller: Caller) -> None:
    for path in ("/healthz", "/nothing", "/readyz") * 40:
        caller.send(f"GET {path}")
    statuses = [(await caller.reply()).status for _ in range(120)]
    assert statuses == [200, 404, 200] * 40
    assert (await caller.get("/healthz")).status == 200


async def test_a_peer_that_reads_no_answers_fills_no_memory(server: WebSocketServer, caller: Caller) -> None:
    """Requests wait for the answers before them to be read, and the socket waits for the requests."""
    assert server._rooms is not None
    caller.writer.transport.pause_reading()
    request = f"GET /openapi.json HTTP/1.1\r\n{HOST}\r\n\r\n".encode()
    caller.writer.write(request)
    guest = await http_connection(server)
    most = 0
    for _ in range(300):
        caller.writer.write(request * 20)
        await asyncio.sleep(0)
        most = max(most, guest.transport.get_write_buffer_size())
    assert most < 1_000_000
    await until(lambda: guest._drained is not None)


async def http_connection(server: WebSocketServer) -> http.HttpConnection:
    """The one HTTP connection that is open."""
    assert server._rooms is not None
    guests = server._rooms.guests
    await until(lambda: [guest for guest in guests.all() if isinstance(guest, http.HttpConnection)])
    (found,) = [guest for guest in guests.all() if isinstance(guest, http.HttpConnection)]
    return found


async def test_an_idle_connection_is_closed_in_good_order(
    server: WebSocketServer, clock: ManualClock, caller: Caller
) -> None:
    assert (await caller.get("/healthz")).status == 200
    clock.advance(70)
    assert (await caller.get("/healthz")).status == 200
    clock.advance(74)
    assert (await caller.get("/healthz")).status == 200
    clock.advance(76)
    assert await caller.is_closed()


async def ask_without_reading(caller: Caller, guest: http.HttpConnection) -> None:
    """Ask until an answer is stuck on its way."""
    while not guest._unread:
        caller.send("GET /openapi.json")
        for _ in range(20):
            await asyncio.sleep(0)


async def test_an_answer_that_is_read_late_costs_no_idle_time_and_one_that_is_not_read_ends_the_connection(
    server: WebSocketServer, clock: ManualClock, caller: Caller
) -> None:
    assert (await caller.get("/healthz")).status == 200
    guest = await http_connection(server)
    await ask_without_reading(caller, guest)
    clock.advance(6)
    async with asyncio.timeout(5):
        while guest._unread or guest._busy:
            await caller.reader.read(1 << 20)
    clock.advance(60)
    assert not guest.transport.is_closing()
    await ask_without_reading(caller, guest)
    clock.advance(12)
    assert guest.transport.is_closing()


async def test_idle_connections_have_no_timers_of_their_own(server: WebSocketServer, clock: ManualClock) -> None:
    callers = [await Caller.connect(server) for _ in range(20)]
    for caller in callers:
        assert (await caller.get("/healthz")).status == 200
    for _ in range(30):
        clock.advance(3)
        for caller in callers:
            assert (await caller.get("/healthz")).status == 200
    assert clock.waiting <= 2
    assert server._rooms is not None
    assert len(server._rooms.deadlines._heap) <= 2 * len(callers), "what each of them waits for is kept once"
    for caller in callers:
        await caller.end()


@pytest.mark.parametrize(
    "begin",
    [b"\r\n\r\n", f"POST / HTTP/1.1\r\n{HOST}\r\nContent-Length: 1000\r\n\r\nx".encode()],
    ids=["empty lines", "half a body"],
)
async def test_who_does_not_finish_a_request_is_closed(
    server: WebSocketServer, clock: ManualClock, connect: Connect, begin: bytes
) -> None:
    client = await connect()
    client.send(begin)
    assert server._rooms is not None
    guests = server._rooms.guests
    await until(lambda: [type(guest).__name__ for guest in guests.all()] == ["HttpConnection"])
    clock.advance(20.0)
    await until(lambda: len(guests) == 0)


async def test_who_begins_a_second_request_and_does_not_finish_its_head_is_closed_within_the_heads_deadline(
    server: WebSocketServer, clock: ManualClock, caller: Caller
) -> None:
    assert (await caller.get("/healthz")).status == 200
    guest = await http_connection(server)
    caller.writer.write(b"GET /healthz HT")
    await until(lambda: guest._head.bytes)
    clock.advance(5.1)
    assert await caller.is_closed()


async def test_an_upgrade_on_a_connection_in_use_becomes_a_websocket(server: WebSocketServer, connect: Connect) -> None:
    client = await connect()
    for request in (f"GET /healthz HTTP/1.1\r\n{HOST}\r\n\r\n", f"GET /nothing HTTP/1.1\r\n{HOST}\r\n\r\n"):
        client.send(request.encode())
        await client.reader.readuntil(b"}")
    await client.join("alerts")
    await server.broadcast_alert({"level": "info"})
    assert (await client.message())["data"] == {"level": "info"}
    assert server._rooms is not None
    assert len(server._rooms.guests) == 1


async def test_an_upgrade_behind_requests_that_are_not_answered_yet_is_told_to_come_alone(
    server: WebSocketServer, connect: Connect
) -> None:
    client = await connect()
    client.send(f"GET /healthz HTTP/1.1\r\n{HOST}\r\n\r\n".encode() + head(server))
    _, text = await client.response()
    assert text.count("HTTP/1.1 200") == 1
    assert text.count("HTTP/1.1 426") == 1


async def test_stopping_ends_idle_connections(clock: ManualClock) -> None:
    async with WebSocketServer(port=0, auth_token=TOKEN, clock=clock) as server:
        caller = await Caller.connect(server)
        assert (await caller.get("/healthz")).status == 200
        began = time.monotonic()
    assert await caller.is_closed()
    assert time.monotonic() - began < 1
    await caller.end()


async def test_the_idle_time_is_a_limit(clock: ManualClock) -> None:
    async with WebSocketServer(port=0, auth_token=TOKEN, clock=clock, limits=Limits(http_idle_s=12.0)) as server:
        caller = await Caller.connect(server)
        assert (await caller.get("/healthz")).status == 200
        clock.advance(11)
        assert (await caller.get("/healthz")).status == 200
        clock.advance(12.5)
        assert await caller.is_closed()
        await caller.end()


async def test_requests_that_come_before_http_is_loaded_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, real = asyncio.Event(), http.loaded

    async def load(name: str) -> object:
        await wanted.wait()
        return await real(name)

    monkeypatch.setattr(http, "loaded", load)
    async with WebSocketServer(port=0, auth_token="t", clock=ManualClock()) as server:
        clients = [await Caller.connect(server) for _ in range(2)]
        for client in clients:
            client.send("GET /healthz")
        await until(lambda: len(server._http._waiting) == 2)
        await clients[0].end()
        wanted.set()
        assert (await clients[1].reply()).status == 200
        assert (await clients[1].get("/healthz")).status == 200
        await clients[1].end()


@pytest.mark.usefixtures("witness")
async def test_a_body_in_chunks_of_one_byte_holds_nobody_up(server: WebSocketServer, caller: Caller) -> None:
    longest = 0.0

    async def turn() -> None:
        nonlocal longest
        while True:
            began = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - began)

    assert (await caller.get("/healthz")).status == 200
    caller.send("POST /api/v1/publish", "Content-Type: application/json", "Transfer-Encoding: chunked")
    guest = await http_connection(server)
    await until(lambda: guest._busy)
    turning = asyncio.create_task(turn())
    guest.data_received(b"1\r\nx\r\n" * 43_000)  # as much as one read of the socket can bring
    caller.writer.write(b"0\r\n\r\n")
    assert (await caller.reply()).status == 400
    turning.cancel()
    assert longest < 0.02, "CPU seconds that the loop was held"


PIECES = [
    f"GET /healthz HTTP/1.1\r\n{HOST}\r\n\r\n".encode(),
    f"HEAD /api/v1/fleet HTTP/1.1\r\n{HOST}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode(),
    f"POST /api/v1/publish HTTP/1.1\r\n{HOST}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
    "Content-Length: 33\r\n\r\n".encode(),
    b'{"channel": "alerts", "data": {}}',
    f"POST /api/v1/publish HTTP/1.1\r\n{HOST}\r\nTransfer-Encoding: chunked\r\n\r\n".encode(),
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"\r\n\r\n",
    b"\n\n",
    b"\x00\xff",
    b"Upgrade: websocket\r\n\r\n",
    f"GET / HTTP/1.1\r\n{HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n".encode(),
    f"GET / HTTP/1.1\r\n{HOST}\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n".encode(),
    b"\x81\x85\x00\x00\x00\x00hello",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/0.9\r\n\r\n",
    b"x" * 20_000,
]


async def test_whatever_comes_in_whatever_pieces_the_server_serves_on(
    server: WebSocketServer, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(4)
    assert server._rooms is not None
    for _ in range(250):
        peer = await Raw.connect(server)
        for piece in chance.choices(PIECES, k=chance.randint(1, 6)):
            cut = chance.randint(0, len(piece))
            for part in (piece[:cut], piece[cut:]):
                peer.send(part)
                for _ in range(chance.randint(0, 4)):
                    await asyncio.sleep(0)
        if chance.random() < 0.5:
            with contextlib.suppress(OSError):  # the server was faster
                peer.writer.write_eof()
        for _ in range(chance.randint(0, 10)):
            await asyncio.sleep(0)
        if chance.random() < 0.5:
            peer.writer.transport.abort()
        await peer.end()
    clock.advance(20)
    clock.advance(80)
    await until(lambda: len(server._rooms.guests) == 0)
    caller = await Caller.connect(server)
    assert (await caller.get("/healthz")).status == 200
    await caller.end()
    loud = {"fleetwire.server": logging.WARNING}  # asyncio warns of peers that are gone, ours too
    assert [record for record in caplog.records if record.levelno >= loud.get(record.name, logging.ERROR)] == []
