"""A canary in every place where a token can go: it sings nowhere."""

import logging
import traceback

import pytest
from websockets.frames import Opcode

from fleetwire.server.server import WebSocketServer
from tests.server.support import Raw, frame, head, said
from tests.support import ManualClock, until

CANARY = "c4n4ry"


async def test_no_token_right_or_wrong_appears_in_any_log_repr_or_answer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answers: list[str] = []
    right = f"{CANARY}-right"
    async with WebSocketServer(
        port=0, auth_token=right, expert_token=f"{CANARY}-expert", clock=ManualClock()
    ) as server:
        client = await Raw.connect(server)
        await client.upgrade()
        client.send(said("auth", token=f"{CANARY}-wrong"), said("auth", token=[CANARY]))
        client.send(said("auth", token=right), frame(f'{{"type": "auth", "data": {{"token": "{CANARY}'))
        client.send(said("subscribe", channels=["alerts"]), frame(CANARY.encode() + b"\xff"))
        answers += [str(await client.message()) for _ in range(5)]
        assert await client.close_code() == 1007

        for hostile in (
            frame(CANARY, Opcode.PING),
            frame(CANARY, mask=False),
            frame(CANARY * 20_000),
            frame(CANARY.encode(), Opcode.BINARY),
        ):
            peer = await Raw.connect(server)
            await peer.upgrade()
            peer.send(hostile, frame(b"\x03\xe8" + CANARY.encode(), Opcode.CLOSE))
            await peer.close_code()
            await peer.end()

        for request in (
            head(server, request=f"GET /?token={CANARY} HTTP/1.1"),
            head(server, request=f"GET /?ticket={CANARY} HTTP/1.1"),
            head(server, f"X-Forwarded-For: {CANARY}", request=f"GET /?jwt={CANARY} HTTP/1.1"),
            head(server, f"Authorization: Bearer {CANARY}", "Sec-WebSocket-Key:"),
            f"GET /?token={CANARY} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {CANARY}\r\n\r\n".encode(),
            f"GET /{CANARY} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {CANARY}\r\n\r\n".encode(),
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{CANARY} : {CANARY}\r\n\r\n".encode(),
            f"{CANARY} {CANARY}\r\n\r\n".encode(),
            f"GET /api/v1/fleet HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {CANARY}\r\n\r\n".encode(),
            f"GET /api/v1/fleet HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {right}\r\n\r\n".encode(),
            f"POST /api/v1/publish HTTP/1.1\r\nHost: [::1]\r\nAuthorization: Bearer {CANARY}-expert\r\n\r\n".encode(),
            f"POST /api/v1/publish HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {right}\r\n"
            f"Content-Type: {CANARY}\r\nContent-Length: 9\r\n\r\n{CANARY}".encode(),
            f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {CANARY}\r\n\r\n".encode(),
        ):
            peer = await Raw.connect(server)
            peer.send(request)
            answers.append(await peer.head())
            peer.writer.transport.abort()

        answers += [repr(server), str(server.get_connected_clients()), repr(server._house), repr(server._rooms)]
        answers += [repr(vars(server._house.guard)), repr(vars(server._house.guard.tickets)), server._metrics()]
        assert server._rooms is not None
        guests = server._rooms.guests
        answers += [repr(guest) + repr(getattr(guest, "session", None)) for guest in guests.all()]
        with pytest.raises(RuntimeError) as error:
            await server.start_server()
        answers += traceback.format_exception(error.value)
        await client.end()
        await until(lambda: len(guests) == 0)
    assert len(caplog.records) > 10, "nothing was logged at all: this test would prove nothing"
    for record in caplog.records:
        answers += [record.getMessage(), str(record.exc_info and traceback.format_exception(record.exc_info[1]))]
    assert [text for text in answers if CANARY in text] == []
