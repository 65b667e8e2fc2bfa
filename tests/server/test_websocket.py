"""One socket: whatever comes in is answered or refused, and nobody else notices."""

import asyncio
import json

import pytest
from websockets.frames import Opcode

from fleetwire.server.server import WebSocketServer
from fleetwire.server.websocket import WebSocketConnection
from tests.server.conftest import Connect
from tests.server.support import TOKEN, Raw, frame, head, said
from tests.support import until

pytestmark = pytest.mark.usefixtures("witness")


def connections(server: WebSocketServer) -> list[WebSocketConnection]:
    assert server._rooms is not None
    return [guest for guest in server._rooms.guests.all() if isinstance(guest, WebSocketConnection)]


# ------------------------------------------------------------------------------------------- messages that are refused


@pytest.mark.parametrize(
    ("payload", "code", "request_id"),
    [
        ("hello", "malformed_json", None),
        ("", "malformed_json", None),
        ("[1, 2]", "invalid_message", None),
        ('{"id": 7}', "invalid_message", 7),
        ('{"type": "login", "id": "a"}', "unknown_type", "a"),
        ('{"type": "auth", "id": 7, "data": {"token": 5}}', "invalid_message", 7),
        ('{"type": "subscribe", "id": 7, "data": {"channels": "alerts"}}', "invalid_message", 7),
        ('{"type": "heartbeat", "id": 7, "data": NaN}', "malformed_json", 7),
        ('{"type": "heartbeat", "data": {"client_time": 1e999}}', "invalid_message", None),
        ('{"type": "subscribe", "id": 7, "data": {"channels": ["alerts"]}}', "not_authenticated", 7),
        ('{"type": "unsubscribe", "id": 7, "data": {"channels": ["alerts"]}}', "not_authenticated", 7),
        ('{"type": "heartbeat", "data": ' + "[" * 20_000 + "]" * 20_000 + "}", "too_deep", None),
    ],
)
async def test_a_wrong_message_is_answered_with_an_error_and_the_connection_lives(
    connect: Connect, payload: str, code: str, request_id: int | str | None
) -> None:
    client = await connect()
    await client.upgrade()
    client.send(frame(payload), said("heartbeat"))
    answer = await client.message()
    assert (answer["type"], answer["data"]["code"], answer.get("id")) == ("error", code, request_id)
    assert answer["data"]["message"]
    assert (await client.message())["type"] == "heartbeat_response"


async def test_a_wrong_token_is_refused_twice_and_ends_it_the_third_time(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    client = await connect()
    await client.upgrade()
    client.send(said("auth", token="wrong") * 5)
    for _ in range(3):
        assert (await client.message())["data"]["status"] == "failed"
    assert await client.close_code() == 4001
    assert caplog.text.count("gave a wrong token") == 3


async def test_an_unknown_channel_is_rejected_by_name(connect: Connect) -> None:
    client = await (await connect()).join()
    client.send(said("subscribe", 3, channels=["alerts", "prices"]))
    answer = await client.message()
    assert (answer["id"], answer["data"]["channels"]) == (3, ["alerts"])
    assert answer["data"]["rejected"][0]["code"] == "unknown_channel"


@pytest.mark.parametrize("verb", ["subscribe", "unsubscribe"])
async def test_ten_thousand_channels_are_one_short_error(connect: Connect, verb: str) -> None:
    client = await (await connect()).join()
    client.send(said(verb, 3, channels=["alerts"] * 5_000))
    answer = await client.message()
    assert (answer["data"]["code"], answer["id"]) == ("too_many_channels", 3)


async def test_the_thirty_third_malformed_message_ends_it(connect: Connect) -> None:
    client = await connect()
    await client.upgrade()
    client.send(frame("x") * 100)
    for _ in range(33):
        assert (await client.message())["data"]["code"] == "malformed_json"
    assert await client.close_code() == 4005


async def test_a_defect_of_ours_costs_one_answer(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = await (await connect()).join()
    monkeypatch.setattr("fleetwire.hub.hub.Hub.subscribe", lambda *_: 1 / 0)
    client.send(said("subscribe", channels=["alerts"]), said("heartbeat"))
    answer = await client.message()
    assert (answer["data"]["code"], answer["data"]["temporary"]) == ("internal_error", True)
    assert "ZeroDivisionError" not in answer["data"]["message"]
    assert (await client.message())["type"] == "heartbeat_response"
    assert "ZeroDivisionError" in caplog.text


# --------------------------------------------------------------------------------------------- frames that are refused


def header(first: int, second: int, rest: bytes = b"") -> bytes:
    return bytes((first, second)) + rest


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(b"\x00", Opcode.BINARY), 1003),
        (frame(b"\xff\xfe"), 1007),
        (frame(b"\xc3", fin=False) + frame(b"\x28", Opcode.CONT), 1007),
        (header(0x81, 0xFF, (100 * 2**20).to_bytes(8, "big") + b"mask"), 1009),
        (header(0x81, 0xFE, (65_535).to_bytes(2, "big") + b"mask") + b"x" * 65_535 + frame("x" * 65_537), 1009),
        (frame("x" * 40_000, fin=False) + frame("x" * 40_000, Opcode.CONT), 1009),
        (header(0x81, 0xFF, (2**63).to_bytes(8, "big") + b"mask"), 1009),
        (frame("{}", mask=False), 1002),
        (header(0xC1, 0x80, b"mask"), 1002),
        (header(0x83, 0x80, b"mask"), 1002),
        (header(0x89, 0xFE, (126).to_bytes(2, "big") + b"mask" + b"x" * 126), 1002),
        (header(0x09, 0x80, b"mask"), 1002),
        (frame("x", Opcode.CONT), 1002),
        (frame("x", fin=False) + frame("x"), 1002),
        (frame("x", fin=False) + frame("x", Opcode.CONT, fin=False) * 256, 1008),
        (frame(b"\x03", Opcode.CLOSE), 1002),
        (frame((1005).to_bytes(2, "big"), Opcode.CLOSE), 1002),
    ],
    ids=[
        "binary",
        "bad utf-8",
        "bad utf-8 across fragments",
        "header announcing 100 MiB",
        "over-long frame",
        "over-long message",
        "length 2^63",
        "unmasked",
        "reserved bit",
        "reserved opcode",
        "long ping",
        "fragmented ping",
        "stray continuation",
        "message inside a message",
        "257 fragments",
        "one-byte close",
        "close 1005",
    ],
)
async def test_a_wrong_frame_ends_it_with_its_close_code(connect: Connect, data: bytes, code: int) -> None:
    client = await connect()
    await client.upgrade()
    client.send(data)
    assert await client.close_code() == code


async def test_a_close_is_answered_with_its_own_code(server: WebSocketServer, connect: Connect) -> None:
    client = await (await connect()).join("alerts")
    client.send(frame((1001).to_bytes(2, "big") + b"bye", Opcode.CLOSE))
    assert await client.close_code() == 1001
    await client.end()
    await until(lambda: len(connections(server)) == 1)


async def test_what_is_said_before_a_close_is_answered_and_what_follows_it_is_not(connect: Connect) -> None:
    client = await connect()
    await client.upgrade()
    client.send(said("heartbeat"), frame(b"", Opcode.CLOSE), said("heartbeat") * 3)
    assert (await client.message())["type"] == "heartbeat_response"
    assert await client.close_code() == 1005


@pytest.mark.parametrize(
    "last",
    [frame(b"\x03\xe8", Opcode.CLOSE), frame("{}", mask=False), frame(b"", Opcode.PING)],
    ids=["close", "broken frame", "ping"],
)
async def test_a_session_that_ends_in_the_middle_of_what_a_peer_sent_ends_in_order(
    connect: Connect, last: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Three wrong tokens end it; in the same segment stands something that the protocol answers by itself."""
    client = await connect()
    await client.upgrade()
    client.send(said("auth", token="wrong") * 3 + last)
    for _ in range(3):
        assert (await client.message())["data"]["status"] == "failed"
    assert await client.close_code() in (4001, 1000, 1002)
    assert "Traceback" not in caplog.text
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_after_our_close_nothing_is_written_however_much_is_said(
    server: WebSocketServer, connect: Connect
) -> None:
    client = await (await connect()).join("alerts")
    client.send(frame(b"x", Opcode.BINARY))
    while (await client.frame()).opcode is not Opcode.CLOSE:
        pass
    client.send(frame(b"still there?", Opcode.PING) * 50, said("heartbeat") * 50)
    await server.broadcast_alert({"n": 1})
    client.send(frame(b"\x03\xeb", Opcode.CLOSE))
    async with asyncio.timeout(5):
        assert await client.reader.read(-1) == b""


# -------------------------------------------------------------------------------------------------- how bytes come in


async def test_a_message_in_fragments_is_put_together(connect: Connect) -> None:
    client = await connect()
    await client.upgrade()
    payload = json.dumps({"type": "auth", "id": "ü", "data": {"token": TOKEN}}, ensure_ascii=False).encode()
    pieces = [payload[at : at + 1] for at in range(len(payload))]
    frames = [frame(pieces[0], fin=False)]
    frames += [frame(piece, Opcode.CONT, fin=False) for piece in pieces[1:]]
    client.send(*frames[:5], frame(b"between", Opcode.PING), *frames[5:], frame(b"", Opcode.CONT))
    answer = await client.message()
    assert (answer["data"]["status"], answer["id"]) == ("authenticated", "ü")


async def test_what_comes_in_one_segment_is_answered_in_order(server: WebSocketServer, connect: Connect) -> None:
    await server.broadcast_ea_update({"ea_id": 1})
    client = await connect()
    await client.upgrade()
    client.send(
        said("heartbeat", 1),
        said("auth", 2, token=TOKEN),
        said("subscribe", 3, channels=["ea_updates"]),
        said("heartbeat", 4),
    )
    answers = [await client.message() for _ in range(5)]
    assert [answer.get("id") for answer in answers] == [1, 2, 3, 4, None]
    assert answers[4]["type"] == "ea_update"


async def test_bytes_may_come_one_by_one(connect: Connect) -> None:
    client = await connect()
    for byte in head(client.server) + said("auth", 1, token=TOKEN) + frame(b"hi", Opcode.PING):
        client.send(bytes((byte,)))
        await asyncio.sleep(0)
    assert (await client.head()).startswith("HTTP/1.1 101")
    assert (await client.message())["type"] == "connection"
    assert (await client.message())["data"]["status"] == "authenticated"
    assert (await client.frame()).opcode is Opcode.PONG


async def test_a_request_head_and_messages_in_one_segment_do_no_harm(connect: Connect) -> None:
    client = await connect()
    client.send(head(client.server), said("heartbeat", 1))
    assert (await client.head()).startswith("HTTP/1.1 101")
    assert (await client.message())["type"] == "connection"
    assert (await client.message())["id"] == 1


@pytest.mark.parametrize("early", [frame(b"", Opcode.CLOSE), b"\xff" * 50], ids=["close", "garbage"])
async def test_a_request_head_and_an_end_in_one_segment_do_no_harm(
    connect: Connect, early: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    client = await connect()
    client.send(head(client.server), early)
    async with asyncio.timeout(5):
        await client.reader.read(-1)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame("x", fin=False) + frame("x", Opcode.CONT, fin=False, mask=True) * 300_000, 1008),
        (frame("x", fin=False) + frame("", Opcode.CONT, fin=False) * 300_000, 1008),
    ],
    ids=["one byte", "empty"],
)
async def test_a_flood_of_fragments_holds_neither_memory_nor_the_others(
    server: WebSocketServer, connect: Connect, data: bytes, code: int
) -> None:
    client = await connect()
    await client.upgrade()
    connection = connections(server)[-1]
    client.send(data)
    await until(lambda: connection._closing)
    assert len(connection._inbox) <= 2**18, "no more than one read of the socket waits"
    assert connection._fragments is None or len(connection._fragments) <= 256
    assert await client.close_code() == code


async def test_a_flood_of_pings_that_is_never_read_waits_with_the_peer(
    server: WebSocketServer, clock: object, connect: Connect
) -> None:
    client = await connect()
    await client.upgrade()
    connection = connections(server)[-1]
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    flood = frame(b"x" * 125, Opcode.PING) * 5_000
    client.send(*[flood] * 40)  # 26 MB
    await until(lambda: connection._write_paused)
    for _ in range(200):
        await asyncio.sleep(0)
        assert connection.transport.get_write_buffer_size() <= 2**20 + 16 * 1024
    client.writer.transport.abort()


async def test_a_peer_that_hangs_up_is_forgotten(server: WebSocketServer, connect: Connect) -> None:
    client: Raw = await (await connect()).join("alerts", "ea_updates:1")
    assert len(connections(server)) == 2
    client.writer.transport.abort()
    await until(lambda: len(connections(server)) == 1)
    assert server.hub.cohorts == 1


async def test_a_peer_that_ends_its_half_of_the_stream_is_let_go(server: WebSocketServer, connect: Connect) -> None:
    client = await (await connect()).join("alerts")
    client.writer.write_eof()
    async with asyncio.timeout(5):
        assert await client.reader.read(-1) == b""
    await until(lambda: len(connections(server)) == 1)


# ------------------------------------------------------------------------------------------------------- long reports


def report(size: int) -> str:
    return json.dumps({"type": "ea_report", "data": {"fill": "x" * size}})


async def test_who_may_report_may_say_more_once_it_has_authenticated(server: WebSocketServer, connect: Connect) -> None:
    taken: list[int] = []
    server._house.desk.take = lambda _, data, *__: taken.append(len(data["fill"]))
    client = await (await connect()).join()
    client.send(frame(report(900_000)), said("heartbeat"))
    assert (await client.message())["type"] == "heartbeat_response"
    half = report(600_000)
    client.send(frame(half[:300_000], fin=False), frame(half[300_000:], Opcode.CONT), said("heartbeat"))
    assert (await client.message())["type"] == "heartbeat_response"
    assert taken == [900_000, 600_000]


@pytest.mark.parametrize(
    ("authenticated", "said", "code"),
    [
        (False, [frame(report(70_000))], 1009),
        (True, [frame(report(2**20))], 1009),
        (True, [frame("x" * 600_000, fin=False), frame("x" * 600_000, Opcode.CONT)], 1009),
        (True, [frame("x" * 3000, fin=False), *[frame("x" * 3000, Opcode.CONT, fin=False)] * 300], 1008),
    ],
    ids=["a stranger", "too long", "too long in fragments", "301 fragments"],
)
async def test_what_is_too_long_even_for_a_report_ends_the_connection(
    connect: Connect, authenticated: bool, said: list[bytes], code: int
) -> None:
    client = await connect()
    await (client.join() if authenticated else client.upgrade())
    client.send(*said)
    assert await client.close_code() == code
