"""`fleetwire ack` against a server that speaks as ours does: acknowledged, refused, listed, and no token shown."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from fleetwire.cli import ack, main

TOKEN = "canary-8812"
ALERT = {
    "alert_id": 88,
    "level": "warning",
    "message": "EA 12345 drawdown exceeds 10% (10.4%)",
    "rule": "ea_drawdown",
    "subject": "ea:12345",
    "status": "raised",
    "raised_at": "2026-11-23T08:00:00.000Z",
}


class FakeServer:
    """A server in a thread of its own: the socket and the API on one port, as ours has them.

    Keeps what it was asked; `refuses` is an error code to answer `alert_ack` with.
    """

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.refuses: str | None = None
        self.page: Any = {"items": [ALERT]}
        self.status = 200
        self.mute = False
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "FakeServer":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        app = web.Application()
        app.router.add_get("/", self._socket)
        app.router.add_get("/api/v1/alerts", self._list)
        runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        self.port = runner.addresses[0][1]
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        link = web.WebSocketResponse()
        await link.prepare(request)
        await link.send_json({"type": "connection", "data": {}})
        async for frame in link:
            if frame.type is WSMsgType.TEXT:
                self.heard.append(frame.json())
                for answer in self._answers(frame.json()):
                    await link.send_json(answer)
        return link

    def _answers(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        if message["type"] == "auth":
            known = message["data"]["token"] == TOKEN
            return [{"type": "auth_response", "data": {"status": "authenticated" if known else "failed"}}]
        if message["type"] == "subscribe":
            others = ALERT | {"alert_id": 87, "acknowledged_at": "2026-11-23T08:00:00.000Z"}
            return [{"type": "subscription_response", "data": {}}, {"type": "alert", "data": others}]
        if self.mute:
            return []
        if self.refuses:
            told = {"code": self.refuses, "message": f"no alert 88, {TOKEN}", "temporary": False}
            return [{"type": "error", "id": message["id"], "data": told}]
        done = {"status": "acknowledged", "acknowledged_by": "admin", "acknowledged_at": "2026-11-23T08:01:00.000Z"}
        return [{"type": "alert", "channel": "alerts", "data": ALERT | done}]

    async def _list(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({}, status=401)
        self.heard.append(dict(request.query))
        return web.json_response(self.page, status=self.status)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


@pytest.fixture
def say(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str, token: str = TOKEN) -> tuple[int, str, str]:
        code = main(["ack", *arguments, "--url", f"ws://127.0.0.1:{server.port}", "--auth-token", token])
        captured = capsys.readouterr()
        assert TOKEN not in captured.out + captured.err
        return code, captured.out, captured.err

    return run


def test_an_alert_is_acknowledged_over_the_socket(server: FakeServer, say: Callable[..., tuple[int, str, str]]) -> None:
    assert say("88") == (0, "alert 88 acknowledged by admin: EA 12345 drawdown exceeds 10% (10.4%)\n", "")
    assert {"type": "alert_ack", "data": {"alert_id": 88}, "id": 1} in server.heard


def test_a_refusal_is_said_in_one_line(server: FakeServer, say: Callable[..., tuple[int, str, str]]) -> None:
    server.refuses = "not_found"
    assert say("88") == (1, "", "error: not_found: no alert 88, ...\n")


def test_a_wrong_token_is_said_in_one_line(say: Callable[..., tuple[int, str, str]]) -> None:
    for arguments in (["88"], []):
        code, output, errors = say(*arguments, token="wrong")
        assert (code, output) == (1, "")
        assert errors == "error: the server refuses the token: give its own as --auth-token\n"


def test_a_server_that_does_not_answer_is_not_waited_for(
    server: FakeServer, say: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ack, "TIMEOUT_S", 0.3)
    server.mute = True
    assert say("88") == (1, "", "error: no answer within 0.3 s: look at the server\n")


def test_without_an_id_the_open_alerts_are_listed(server: FakeServer, say: Callable[..., tuple[int, str, str]]) -> None:
    seen = ALERT | {"alert_id": 87, "message": "a\x1b[31mb", "acknowledged_at": "x", "acknowledged_by": "ann"}
    server.page = {"items": [ALERT, seen], "next": "87"}
    code, output, errors = say()
    assert (code, errors) == (0, "")
    assert [line.split() for line in output.splitlines()[:2]] == [
        ["88", "warning", "2026-11-23T08:00:00.000Z", "EA", "12345", "drawdown", "exceeds", "10%", "(10.4%)"],
        ["87", "warning", "2026-11-23T08:00:00.000Z", "a?[31mb", "(acknowledged", "by", "ann)"],
    ]
    assert output.splitlines()[2] == "these are the newest 2; there are more"
    assert server.heard == [{"status": "open", "limit": "100"}]


@pytest.mark.parametrize(
    ("page", "status", "code", "said"),
    [
        ({"items": []}, 200, 0, "no alert is open"),
        ([], 200, 0, "no alert is open"),
        ({}, 503, 1, "error: 503: the server lists no alerts: does it keep a fleet?"),
        ({}, 404, 1, "error: 404: the server lists no alerts: does it keep a fleet?"),
    ],
)
def test_what_the_api_answers_is_said(
    server: FakeServer, say: Callable[..., tuple[int, str, str]], page: Any, status: int, code: int, said: str
) -> None:
    server.page, server.status = page, status
    got, output, errors = say()
    assert (got, (output + errors).strip()) == (code, said)


@pytest.mark.parametrize("arguments", [["88"], []])
def test_where_no_server_is_that_is_said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert main(["ack", *arguments, "--url", f"ws://127.0.0.1:{port}", "--auth-token", TOKEN]) == 1
    errors = capsys.readouterr().err
    assert "refused the connection: is the server running there?" in errors
    assert errors.count("\n") == 1
    assert TOKEN not in errors


@pytest.mark.parametrize("alert_id", ["0", "-1", "x"])
def test_what_is_no_id_is_refused(alert_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ack", "--auth-token", TOKEN, "--", alert_id]) == 2
    assert "is no id of an alert" in capsys.readouterr().err
