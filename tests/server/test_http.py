"""The HTTP half of the port."""

import importlib
import json
import threading
from types import SimpleNamespace

import pytest

from fleetwire import __version__
from fleetwire.server import http
from fleetwire.server.server import WebSocketServer
from tests.server.conftest import Connect
from tests.server.support import Raw
from tests.support import ManualClock, until

HOST = "Host: 127.0.0.1"


async def ask(client: Raw, request: str, *headers: str, body: str = "") -> tuple[int, str]:
    client.send("\r\n".join([f"{request} HTTP/1.1", *headers, "", body]).encode())
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
        ("GET /healthz?token=x", (HOST,), 200),
        ("GET /nothing", (HOST,), 404),
        ("POST /nothing", (HOST,), 404),
        ("POST /", (HOST, "Content-Length: 0"), 405),
        ("DELETE /healthz", (HOST,), 405),
        ("GET /", (), 400),
        ("GET /", (HOST, HOST), 400),
        ("GET /", ("Host: evil.com",), 403),
        ("GET /healthz", (HOST, "Origin: https://evil.com"), 403),
        ("GET /", (HOST, "Content-Length: 3", "Transfer-Encoding: chunked"), 400),
        ("GET /", (HOST, "A : b"), 400),
        ("nonsense", (HOST,), 400),
    ],
)
async def test_a_request_has_its_answer_and_ends_the_connection(
    connect: Connect, request_line: str, headers: tuple[str, ...], status: int
) -> None:
    assert (await ask(await connect(), request_line, *headers))[0] == status


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


async def test_one_request_a_connection(connect: Connect) -> None:
    client = await connect()
    client.send(f"GET /healthz HTTP/1.1\r\n{HOST}\r\n\r\n".encode() * 3)
    _, text = await client.response()
    assert text.count("HTTP/1.1 200") == 1


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


async def test_requests_that_come_before_http_is_loaded_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, real = threading.Event(), importlib.import_module

    def load(name: str) -> object:
        assert wanted.wait(5)
        return real(name)

    monkeypatch.setattr(http, "importlib", SimpleNamespace(import_module=load))
    async with WebSocketServer(port=0, auth_token="t", clock=ManualClock()) as server:
        clients = [await Raw.connect(server) for _ in range(2)]
        for client in clients:
            client.send(f"GET /healthz HTTP/1.1\r\n{HOST}\r\n\r\n".encode())
        await until(lambda: len(server._http._waiting) == 2)
        await clients[0].end()
        wanted.set()
        assert (await clients[1].response())[0] == 200
        await clients[1].end()
