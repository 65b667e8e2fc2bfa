"""Time passes by hand: heartbeats, readers that do not read, and closing handshakes that are never finished."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from websockets.frames import Close, Opcode

from fleetwire.hub.limits import Limits
from fleetwire.server.server import WebSocketServer
from fleetwire.server.websocket import WebSocketConnection
from tests.server.conftest import Connect
from tests.server.support import TOKEN, Raw, connection_of, frame, head, narrow_client, said
from tests.support import ManualClock, until

# ---------------------------------------------------------------------------------------------------------- heartbeats


async def test_a_client_that_only_answers_pings_is_never_cut_off(
    server: WebSocketServer, clock: ManualClock, connect: Connect
) -> None:
    client = await (await connect()).join("alerts")
    session = connection_of(server).session
    assert session is not None
    pings = 0
    for _ in range(3 * 3600 // 15):
        clock.advance(15.0)
        if clock.now >= session.heartbeat.seen_at + 30.0:
            ping = await client.frame()
            assert ping.opcode is Opcode.PING
            pings += 1
            client.send(frame(bytes(ping.data), Opcode.PONG))
            await until(lambda: session.heartbeat.seen_at == clock.now)
    assert pings == 3 * 3600 // 30
    await server.broadcast_alert({"n": 1})
    assert (await client.message())["data"] == {"n": 1}


async def test_who_answers_nothing_is_pinged_and_then_closed(
    server: WebSocketServer, clock: ManualClock, connect: Connect
) -> None:
    client = await (await connect()).join("alerts")
    clock.advance(59.9)
    assert (await client.frame()).opcode is Opcode.PING
    clock.advance(0.2)
    assert await client.close_code() == 4200
    await until(lambda: server.get_connected_clients() == [])


async def test_any_message_is_a_sign_of_life(server: WebSocketServer, clock: ManualClock, connect: Connect) -> None:
    client = await (await connect()).join()
    for _ in range(10):
        clock.advance(50.0)
        client.send(said("heartbeat"))
        assert (await client.message())["type"] == "heartbeat_response"
    assert len(server.get_connected_clients()) == 1


async def test_who_does_not_authenticate_in_time_is_closed(
    server: WebSocketServer, clock: ManualClock, connect: Connect
) -> None:
    client = await connect()
    await client.upgrade()
    clock.advance(9.9)
    client.send(said("heartbeat"))
    assert (await client.message())["type"] == "heartbeat_response"
    clock.advance(0.2)
    assert await client.close_code() == 4002


# -------------------------------------------------------------------------------------------------------- slow readers


SMALL = Limits(out_buffer_bytes_max=64 * 1024, piece_bytes_max=16 * 1024, history_count_max=200, stall_timeout_s=30.0)


@pytest.fixture
async def narrow(clock: ManualClock) -> AsyncIterator[WebSocketServer]:
    """A server with little room for what is not read."""
    async with WebSocketServer(
        port=0, auth_token=TOKEN, clock=clock, limits=SMALL, heartbeat_interval=5, heartbeat_timeout=10
    ) as server:
        yield server


async def deaf_client(server: WebSocketServer, *channels: str) -> Raw:
    """A client with small buffers that stops reading."""
    client = await narrow_client(server, *channels)
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    return client


def bound(connection: WebSocketConnection) -> bool:
    return connection.transport.get_write_buffer_size() <= SMALL.out_buffer_bytes_max + SMALL.piece_bytes_max + 1024


async def test_a_reader_that_stops_is_parked_within_its_bound_and_catches_up_when_it_goes_on(
    narrow: WebSocketServer, clock: ManualClock
) -> None:
    other = await (await Raw.connect(narrow)).join("alerts")
    slow = await deaf_client(narrow, "ea_updates", "alerts")
    connection = connection_of(narrow)
    for n in range(150):
        await narrow.broadcast_ea_update({"ea_id": n % 3, "n": n, "fill": "x" * 2000})
        await narrow.broadcast_alert({"n": n})
        assert (await other.message())["data"] == {"n": n}
        assert bound(connection)
    assert narrow.get_connected_clients()[-1].state == "lagging"
    assert [one.behind > 200 for one in narrow.get_connected_clients()] == [False, True]
    clock.advance(20.0)  # others are pinged, and nothing is asked of one that takes no bytes
    other.send(frame(b"", Opcode.PONG))
    slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
    rows: dict[int, int] = {}
    alerts: list[int] = []
    while len(alerts) < 150 or rows != {0: 147, 1: 148, 2: 149}:
        message = await slow.message()
        data = message["data"]
        if message["type"] == "alert":
            alerts.append(data["n"])
        else:
            assert data["n"] > rows.get(data["ea_id"], -1)
            rows[data["ea_id"]] = data["n"]
    assert alerts == list(range(150))
    await until(lambda: narrow.get_connected_clients()[-1].state == "live")
    assert narrow.get_connected_clients()[-1].behind == 0
    for client in (other, slow):
        await client.end()


async def test_what_a_slow_reader_loses_is_told_in_a_gap(narrow: WebSocketServer) -> None:
    slow = await deaf_client(narrow, "alerts")
    for n in range(500):
        await narrow.broadcast_alert({"n": n, "fill": "x" * 500})
    slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
    seqs: list[int] = []
    gaps = []
    while not seqs or seqs[-1] < 500:
        message = await slow.message()
        if message["type"] == "gap":
            gaps.append((seqs[-1], message["data"]["to_seq"]))
            seqs.append(message["data"]["to_seq"])
        else:
            assert message["seq"] == (seqs[-1] if seqs else 0) + 1, "a silent hole"
            seqs.append(message["seq"])
    assert gaps
    assert gaps[-1][1] == 300
    await slow.end()


async def test_a_reader_that_never_goes_on_is_closed_in_the_end(narrow: WebSocketServer, clock: ManualClock) -> None:
    slow = await deaf_client(narrow, "alerts")
    connection = connection_of(narrow)
    for n in range(300):
        await narrow.broadcast_alert({"n": n, "fill": "x" * 2000})
    assert connection._write_paused
    clock.advance(29.0)
    assert narrow.get_connected_clients()[-1].state == "lagging"
    size = connection.transport.get_write_buffer_size()
    clock.advance(1.0)
    assert narrow.get_connected_clients() == []
    assert connection.transport.get_write_buffer_size() <= size + 200, "nothing but the Close is added"
    assert narrow.hub.cohorts == 0
    slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
    while (received := await slow.frame()).opcode is not Opcode.CLOSE:
        pass
    assert Close.parse(received.data).code == 4101
    slow.writer.transport.abort()


async def test_a_reader_that_went_on_is_pinged_again_before_it_is_called_lost(
    narrow: WebSocketServer, clock: ManualClock
) -> None:
    """The stall's deadline lies far behind that of the heartbeat: it must not be the next look."""
    slow = await deaf_client(narrow, "alerts")
    connection = connection_of(narrow)
    for n in range(300):
        await narrow.broadcast_alert({"n": n, "fill": "x" * 2000})
    clock.advance(6.0)
    slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
    last = -1
    while last < 299:
        last = (await slow.message()).get("data", {}).get("n", last)
    await until(lambda: not connection._write_paused)
    for _ in range(20):
        clock.advance(5.0)
        while (received := await slow.frame()).opcode is not Opcode.PING:
            assert received.opcode is Opcode.TEXT, Close.parse(received.data)
        slow.send(frame(b"", Opcode.PONG))
        assert connection.session is not None
        await until(lambda: connection.session.heartbeat.seen_at == clock.now)  # type: ignore[union-attr]
    await slow.end()


async def test_answers_that_are_not_read_stop_the_questions(narrow: WebSocketServer) -> None:
    slow = await deaf_client(narrow, "alerts")
    connection = connection_of(narrow)
    session = connection.session
    assert session is not None
    question = said("subscribe", channels=["nonsense"] * 100)
    for _ in range(20):
        slow.send(question * 50)
        await asyncio.sleep(0)
    await until(lambda: connection._write_paused)
    for _ in range(100):
        await asyncio.sleep(0)
        # one slice of 8 KiB of questions may still be answered
        assert connection.transport.get_write_buffer_size() <= SMALL.out_buffer_bytes_max + 10 * 30_000
    slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
    for _ in range(1000):
        assert (await slow.message())["type"] == "subscription_response"
        assert session.paused is connection._write_paused, "full again, and the hub does not know"
    assert not connection._closing
    await slow.end()


async def test_questions_that_fill_the_transport_again_and_again_are_answered_once_each_in_order(
    narrow: WebSocketServer,
) -> None:
    """Reading goes on in slices; it stops and begins again in the middle of them."""
    slow = await deaf_client(narrow)
    questions = [said("heartbeat", n, client_time="x" * 300) for n in range(3000)]
    slow.send(*questions)
    await until(lambda: connection_of(narrow)._write_paused)
    slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
    assert [(await slow.message())["id"] for _ in questions] == list(range(3000))
    await slow.end()


# ------------------------------------------------------------------------------------------------------- never finished


async def test_a_peer_that_never_answers_a_close_is_cut_off_after_its_time_and_not_before(
    server: WebSocketServer, clock: ManualClock, connect: Connect
) -> None:
    client = await (await connect()).join()
    assert server._rooms is not None
    guests = server._rooms.guests
    clock.advance(29.5)  # the next look at it, for its ping, is half a second away
    client.send(frame(b"x", Opcode.BINARY))
    while (await client.frame()).opcode is not Opcode.CLOSE:
        pass
    clock.advance(1.0)
    await asyncio.sleep(0.01)
    assert len(guests) == 1, "it has two seconds to answer"
    clock.advance(1.1)
    await until(lambda: len(guests) == 0)


async def test_a_peer_that_ends_its_half_and_reads_nothing_is_cut_off(
    narrow: WebSocketServer, clock: ManualClock
) -> None:
    slow = await deaf_client(narrow, "alerts")
    for n in range(20):
        await narrow.broadcast_alert({"n": n, "fill": "x" * 2000})
    connection = connection_of(narrow)
    assert connection.transport.get_write_buffer_size() > 0
    assert not connection._write_paused
    slow.writer.write_eof()
    await until(lambda: connection._closing)
    assert narrow.hub.cohorts == 0
    clock.advance(2.1)
    assert narrow._rooms is not None
    guests = narrow._rooms.guests
    await until(lambda: len(guests) == 0)
    slow.writer.transport.abort()


async def test_a_refused_handshake_that_is_not_left_is_cut_off(
    server: WebSocketServer, clock: ManualClock, connect: Connect
) -> None:
    client = await connect()
    client.send(head(server, "Origin: https://evil.com"))
    assert (await client.head()).startswith("HTTP/1.1 403")
    assert server._rooms is not None
    guests = server._rooms.guests
    assert len(guests) == 1
    clock.advance(2.1)
    await until(lambda: len(guests) == 0)


async def test_connections_that_are_gone_are_not_kept_for_their_deadlines(
    server: WebSocketServer, connect: Connect
) -> None:
    assert server._rooms is not None
    rooms = server._rooms
    for _ in range(100):
        client = await (await connect()).join()
        client.writer.transport.abort()
    await until(lambda: len(rooms.guests) == 0)
    assert len(rooms.deadlines._heap) <= 2
