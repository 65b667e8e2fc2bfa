"""Every check that a request passes, over real sockets: who may, what is asked, what it brings, and what it gets."""

import asyncio
import gzip
import json
import logging
import time
from pathlib import Path

import pytest

from fleetwire.hub.access import RIGHTS, Access, Identity, Role
from fleetwire.hub.limits import Limits
from fleetwire.server.api import dashboard
from fleetwire.server.server import WebSocketServer
from tests.server.api.caller import Caller
from tests.server.api.conftest import EXPERT_TOKEN, Call
from tests.server.api.desk import FULL_DISK, Desk, report_of
from tests.server.support import TOKEN
from tests.support import ManualClock, until

REPORT = "POST /api/v1/ea/report"
PUBLISH = "POST /api/v1/publish"

# ---------------------------------------------------------------------------------------------------------- who may


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/asyncapi.json"])
async def test_some_things_are_for_everybody(caller: Caller, path: str) -> None:
    assert (await caller.get(path, token=None)).status == 200


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("Authorization:", "not_authenticated"),
        ("Authorization: Basic dTpw", "not_authenticated"),
        ("Authorization: Bearer", "not_authenticated"),
        ("Authorization: Bearer wrong", "token_invalid"),
        ("Authorization: Bearer \x80", "token_invalid"),
        (f"Authorization: Bearer {TOKEN}\r\nAuthorization: Bearer {TOKEN}", "not_authenticated"),
    ],
)
async def test_who_is_not_known_is_asked_for_a_token(caller: Caller, header: str, code: str) -> None:
    reply = await caller.get("/api/v1/fleet", header)
    assert (reply.status, reply.code) == (401, code)
    assert reply.headers["www-authenticate"].startswith('Bearer realm="fleetwire"')
    assert "wrong" not in reply.json["detail"]


async def test_an_expert_may_report_and_nothing_else(caller: Caller, desk: Desk) -> None:
    assert (await caller.call(REPORT, body=report_of(2), token=EXPERT_TOKEN)).status == 200
    assert len(desk.reports) == 1
    for request in ("GET /api/v1/fleet", "GET /api/v1/clients", "POST /api/v1/alerts/1/ack"):
        reply = await caller.call(request, token=EXPERT_TOKEN)
        assert (reply.status, reply.code) == (403, "forbidden")
        assert "the role expert may not" in reply.json["detail"]


async def test_each_role_may_what_the_one_table_says(
    server: WebSocketServer, callers: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed: dict[str, set[str]] = {}
    requests = {
        "hear": "GET /api/v1/fleet",
        "acknowledge": "POST /api/v1/alerts/9/ack",
        "see_clients": "GET /api/v1/clients",
        "publish": PUBLISH,
        "report": REPORT,
        "command": "POST /api/v1/commands",
        "manage_tokens": "GET /api/v1/tokens",
        "read_audit": "GET /api/v1/audit",
    }
    for role in Role:
        monkeypatch.setattr(Access, "identify", lambda *_, role=role: Identity(role))
        for right, request in requests.items():
            body = b"{}" if right in ("publish", "report", "command") else None
            reply = await (await callers()).call(request, body=body)
            if reply.status != 403:
                allowed.setdefault(role.value, set()).add(right)
    assert allowed == {role.value: {right.name for right in rights} for role, rights in RIGHTS.items()}


async def test_a_token_for_a_part_of_the_fleet_is_not_told_about_all_of_it(
    callers: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Access, "identify", lambda *_: Identity(Role.admin, frozenset({"account:5"})))
    whole = ("GET /api/v1/fleet", "GET /api/v1/clients", "GET /api/v1/audit")
    for request, status in (*((one, 403) for one in whole), ("GET /healthz", 200)):
        assert (await (await callers()).call(request)).status == status
    assert (await (await callers()).call(REPORT, body=report_of(1))).status == 200


async def test_a_token_in_the_url_is_refused_and_appears_nowhere(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for query in ("token=c4n4ry", "access_token=c4n4ry", "limit=1&api_key=c4n4ry", f"token={TOKEN}"):
        reply = await caller.get(f"/api/v1/experts?{query}")
        assert (reply.status, reply.code) == (400, "token_in_url")
        assert "c4n4ry" not in reply.body.decode() + str(reply.headers)
        assert TOKEN not in reply.body.decode()
    assert "c4n4ry" not in caplog.text


async def test_a_page_of_an_allowed_origin_may_read_what_is_answered(caller: Caller) -> None:
    origin = "Origin: http://localhost:3000"
    for request, status in (("GET /api/v1/fleet", 200), ("GET /api/v1/none", 404), ("GET /api/v1/fleet?x=1", 400)):
        reply = await caller.call(request, origin)
        assert reply.status == status
        assert reply.headers["access-control-allow-origin"] == "http://localhost:3000"
        assert "ETag" in reply.headers["access-control-expose-headers"]
    refused = await caller.get("/api/v1/fleet", "Origin: https://evil.example")
    assert (refused.status, refused.code) == (403, "not_served_here")
    assert "access-control-allow-origin" not in refused.headers
    assert "access-control-allow-origin" not in (await caller.get("/api/v1/fleet")).headers


async def test_a_browser_is_told_what_its_page_may_ask(caller: Caller) -> None:
    reply = await caller.call(
        "OPTIONS /api/v1/publish",
        "Origin: http://localhost:3000",
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: authorization,content-type",
        token=None,
    )
    assert reply.status == 204
    assert reply.headers["access-control-allow-methods"] == reply.headers["allow"] == "POST, OPTIONS"
    assert reply.headers["access-control-allow-headers"] == "Authorization, Content-Type, If-None-Match"
    assert reply.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert (await caller.get("/healthz")).status == 200


# ------------------------------------------------------------------------------------------------------ what is asked


async def test_another_method_is_told_which_is_meant(caller: Caller) -> None:
    reply = await caller.call("DELETE /api/v1/experts/1")
    assert (reply.status, reply.code) == (405, "method_not_allowed")
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_head_says_what_get_would_without_the_body(caller: Caller) -> None:
    got, head = await caller.get("/api/v1/experts/1"), await caller.call("HEAD /api/v1/experts/1")
    assert head.status == 200
    assert head.headers["etag"] == got.headers["etag"]
    assert head.headers["content-length"] == str(len(got.body))
    assert (await caller.get("/healthz")).status == 200


async def test_a_problem_names_the_parameter_and_where_it_was(caller: Caller) -> None:
    reply = await caller.get("/api/v1/experts?symbl=EURUSD")
    assert (reply.status, reply.code) == (400, "unknown_parameter")
    assert reply.json["detail"] == "unknown parameter 'symbl': did you mean symbol?"
    assert reply.json["instance"] == "/api/v1/experts"
    assert reply.json["type"] == "urn:fleetwire:problem:unknown_parameter"


async def test_every_answer_has_the_servers_time_and_is_kept_by_nobody_else(caller: Caller) -> None:
    for path, cached in (("/api/v1/fleet", "private, no-cache"), ("/healthz", "no-store"), ("/none", "no-store")):
        reply = await caller.get(path)
        assert reply.headers["fleetwire-time"] == "1970-01-01T00:16:40.000Z"
        assert reply.headers["cache-control"] == cached
        assert reply.headers["x-content-type-options"] == "nosniff"


async def test_everything_works_under_a_base_path_stripped_or_not(
    clock: ManualClock, desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(dashboard, "FOLDER", tmp_path)  # the plain page, whether a dashboard was built or not
    async with WebSocketServer(port=0, auth_token=TOKEN, base_path="/fw/", clock=clock) as server:
        server.serve_fleet(desk)
        caller = await Caller.connect(server)
        for prefix in ("", "/fw"):
            reply = await caller.get(f"{prefix}/api/v1/experts?limit=3&symbol=EURUSD")
            assert reply.status == 200
            assert reply.headers["link"] == '</fw/api/v1/experts?symbol=EURUSD&limit=3&cursor=3>; rel="next"'
            assert b'href="/fw/healthz"' in (await caller.get(f"{prefix}/")).body
            assert (await caller.get(f"{prefix}/openapi.json")).json["servers"] == [{"url": "/fw"}]
        reply = await caller.get("/fw?ticket=a")
        assert (reply.status, reply.headers["location"]) == (308, "/fw/?ticket=a")
        assert (await caller.get("/fwx/healthz")).status == 404
        assert (await caller.get("/fw/fw/healthz")).status == 404
        await caller.end()


# ------------------------------------------------------------------------------------------------------ what it brings


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (("Content-Type: application/json",), 200),
        (("Content-Type: application/json; charset=utf-8",), 200),
        (('Content-Type: Application/JSON;charset="UTF-8"',), 200),
        (("Content-Type: application/json; charset=utf-16",), 415),
        (("Content-Type: application/x-www-form-urlencoded",), 415),
        (("Content-Type: text/plain",), 415),
        (("Content-Type:",), 415),
        (("Content-Encoding: gzip",), 415),
        (("Content-Encoding: identity",), 200),
    ],
)
async def test_a_body_is_plain_json(caller: Caller, headers: tuple[str, ...], status: int) -> None:
    reply = await caller.call(REPORT, *headers, body=report_of(1))
    assert reply.status == status
    if status == 415:
        assert reply.code == "unsupported_media_type"


async def test_a_small_body_can_not_become_a_large_one(caller: Caller, desk: Desk) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert (await caller.call(REPORT, "Content-Encoding: gzip", body=bomb)).status == 415
    assert desk.reports == []


async def test_the_zero_byte_that_mql5_leaves_at_the_end_is_taken_off(caller: Caller, desk: Desk) -> None:
    assert (await caller.call(REPORT, body=report_of(1) + b"\0")).status == 200
    assert (await caller.call(PUBLISH, body=b'{"channel": "alerts", "data": {}}\0')).status == 200
    assert len(desk.reports) == 1


@pytest.mark.parametrize(("request_line", "limit"), [(REPORT, 1 << 20), (PUBLISH, 256 << 10)])
async def test_a_body_that_is_too_long_is_refused_before_it_is_read(
    callers: Call, desk: Desk, request_line: str, limit: int
) -> None:
    caller = await callers()
    caller.send(request_line, "Content-Type: application/json", f"Content-Length: {limit + 1}")
    reply = await caller.reply()
    assert (reply.status, reply.code) == (413, "too_large")
    assert str(limit) in reply.json["detail"]
    assert desk.reports == []


async def test_ten_megabytes_are_passed_over_without_being_held(server: WebSocketServer, callers: Call) -> None:
    """Declared or in chunks: the sender can read why, and the server holds a few pieces at the most."""
    import tracemalloc

    declared, chunked = await callers(), await callers()
    assert (await declared.get("/healthz")).status == (await chunked.get("/healthz")).status == 200
    piece = b"x" * 65_536
    tracemalloc.start()
    declared.send(REPORT, "Content-Type: application/json", f"Content-Length: {160 * len(piece)}")
    chunked.send(REPORT, "Content-Type: application/json", "Transfer-Encoding: chunked")
    for _ in range(160):
        declared.writer.write(piece)
        chunked.writer.write(b"10000\r\n" + piece + b"\r\n")
        await asyncio.gather(declared.writer.drain(), chunked.writer.drain())
    assert (await declared.reply()).code == "too_large"
    assert (await chunked.reply()).code == "too_large"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6_000_000, peak


async def test_a_body_in_chunks_is_taken(caller: Caller, desk: Desk) -> None:
    body = report_of(1)
    caller.send(REPORT, "Content-Type: application/json", "Transfer-Encoding: chunked")
    for piece in (body[:10], body[10:]):
        caller.writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    caller.writer.write(b"0\r\n\r\n")
    assert (await caller.reply()).status == 200
    assert (await caller.get("/healthz")).status == 200


async def test_a_body_that_is_not_made_of_chunks_is_refused(caller: Caller, desk: Desk) -> None:
    caller.send(REPORT, "Content-Type: application/json", "Transfer-Encoding: chunked")
    caller.writer.write(b"2\r\n{}\r\nno chunk\r\n")
    reply = await caller.reply()
    assert (reply.status, desk.reports) == (400, [])
    assert await caller.is_closed()


async def test_who_waits_for_leave_to_send_gets_it(caller: Caller) -> None:
    body = report_of(1)
    caller.send(REPORT, "Content-Type: application/json", f"Content-Length: {len(body)}", "Expect: 100-continue")
    assert await caller.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    caller.writer.write(body)
    assert (await caller.reply()).status == 200


async def test_a_body_where_none_is_meant_is_refused(callers: Call) -> None:
    for request in ("GET /api/v1/fleet", "POST /api/v1/alerts/1/ack"):
        reply = await (await callers()).call(request, body="{}")
        assert (reply.status, reply.code) == (400, "unexpected_body")
    chunked = await callers()
    chunked.send("GET /api/v1/fleet", "Transfer-Encoding: chunked")
    assert (await chunked.reply()).code == "unexpected_body"


HOSTILE = {
    "NaN": b'{"channel": "alerts", "data": {"a": NaN}}',
    "Infinity": b'{"channel": "alerts", "data": {"a": 1e999}}',
    "depth": b'{"channel": "alerts", "data": ' + b'{"a":' * 40_000 + b"1" + b"}" * 40_000 + b"}",
    "arrays": b'{"channel": "alerts", "data": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    "surrogate": b'{"channel": "alerts", "data": {"a": "\\ud800"}}',
    "not UTF-8": b'{"channel": "alerts", "data": {"a": "\xff"}}',
    "half": b'{"channel": "alerts", "da',
    "nothing": b"",
    "zeros": b"\0" * 1000,
    "array": b"[]",
    "no data": b'{"channel": "alerts"}',
    "wrong data": b'{"channel": "alerts", "data": [1]}',
    "channel": b'{"channel": "nowhere", "data": {}}',
    "key": b'{"channel": "ea_updates", "data": {}}',
    "bom": b'\xef\xbb\xbf{"channel": "alerts", "data": {}}',
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_json_that_is_none_or_means_nothing_is_refused_and_holds_nobody_up(caller: Caller, name: str) -> None:
    longest = 0.0

    async def turn() -> None:
        nonlocal longest
        while True:
            began = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - began)

    turning = asyncio.create_task(turn())
    for request in (PUBLISH, REPORT):
        reply = await caller.call(request, body=HOSTILE[name])
        if request == PUBLISH:
            assert reply.code in ("malformed_json", "invalid_data")
        assert reply.status in (200, 400, 422)
        assert len(reply.body) < 1000
    turning.cancel()
    assert longest < 0.05, "CPU seconds that the loop was held"
    assert (await caller.get("/healthz")).status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/commands", b'{"command": "pause", "target": {"ea_id": 1}, "target": {"ea_id": 2}}'),
        ("/api/v1/commands", b'{"command": "pause", "target": {"ea_id": 1, "ea_id": 2}}'),
        ("/api/v1/tokens", b'{"role": "viewer", "scopes": {"experts": [1], "experts": [2]}}'),
    ],
)
async def test_no_command_and_no_token_depends_on_which_of_two_counts(caller: Caller, path: str, body: bytes) -> None:
    reply = await caller.call(f"POST {path}", body=body)
    assert (reply.status, reply.code) == (400, "malformed_json")
    assert "twice" in reply.json["detail"]


async def test_of_a_published_field_given_twice_the_last_one_counts(server: WebSocketServer, caller: Caller) -> None:
    reply = await caller.call(PUBLISH, body=b'{"channel": "none", "channel": "alerts", "data": {}}')
    assert (reply.status, reply.json["channel"]) == (200, "alerts")


# -------------------------------------------------------------------------------------------------------- what it gets


async def test_without_a_fleet_the_api_says_so(clock: ManualClock) -> None:
    async with WebSocketServer(port=0, auth_token=TOKEN, clock=clock) as server:
        caller = await Caller.connect(server)
        for request in ("GET /api/v1/fleet", "GET /api/v1/trades", "GET /api/v1/experts/1"):
            reply = await caller.call(request)
            assert (reply.status, reply.code) == (404, "no_fleet")
            assert "--integrated" in reply.json["detail"]
        server.serve_fleet(Desk())
        assert (await caller.get("/api/v1/experts/1")).status == 200
        server.serve_fleet(None)
        assert (await caller.get("/api/v1/experts/1")).code == "no_fleet"
        assert (await caller.call(REPORT, body="{}")).code == "no_fleet"
        assert (await caller.get("/readyz")).json["ready"] is True
        assert (await caller.call(PUBLISH, body='{"channel": "alerts", "data": {}}')).status == 200
        await caller.end()


async def test_what_can_not_be_kept_is_to_be_sent_again(caller: Caller, desk: Desk) -> None:
    desk.failing = FULL_DISK
    for request, body in ((REPORT, report_of(1)), ("GET /api/v1/trades", None), ("POST /api/v1/alerts/1/ack", None)):
        reply = await caller.call(request, body=body)
        assert (reply.status, reply.code) == (503, "store_unavailable")
        assert reply.json["detail"] == "the disk is full: free some space"
        assert int(reply.headers["retry-after"]) > 0
    desk.failing = None
    assert (await caller.call(REPORT, body=report_of(1))).status == 200


async def test_a_defect_costs_one_answer_and_stands_in_the_log(
    caller: Caller, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.failing = ZeroDivisionError("c4n4ry")
    reply = await caller.get("/api/v1/trades")
    assert (reply.status, reply.code) == (500, "internal_error")
    assert "c4n4ry" not in reply.body.decode()
    assert "c4n4ry" in caplog.text
    desk.failing = None
    assert (await caller.get("/api/v1/trades")).status == 200


async def test_a_slow_body_is_waited_for_until_the_deadline(
    server: WebSocketServer, clock: ManualClock, caller: Caller
) -> None:
    caller.send(REPORT, "Content-Type: application/json", "Content-Length: 1000")
    caller.writer.write(b"{")
    assert server._rooms is not None
    guests = server._rooms.guests
    await until(lambda: len(guests) == 1)
    for _ in range(3):
        clock.advance(4.0)
        caller.writer.write(b" ")
        await asyncio.sleep(0)
    await until(lambda: len(guests) == 0)


async def test_the_limits_of_bodies_are_settings(clock: ManualClock, desk: Desk) -> None:
    limits = Limits(report_bytes_max=100, body_bytes_max=50)
    async with WebSocketServer(port=0, auth_token=TOKEN, clock=clock, limits=limits) as server:
        server.serve_fleet(desk)
        for request, length in ((REPORT, 100), (PUBLISH, 50)):
            caller = await Caller.connect(server)
            assert (await caller.call(request, body=b"x" * length)).status in (400, 422)
            assert (await caller.call(request, body=b"x" * (length + 1))).status == 413
            await caller.end()


async def test_what_is_published_is_heard(server: WebSocketServer, callers: Call) -> None:
    from tests.server.support import Raw

    client = await (await Raw.connect(server)).join("alerts", "ea_updates")
    caller = await callers()
    reply = await caller.call(PUBLISH, body=json.dumps({"channel": "alerts", "data": {"level": "info"}}))
    assert reply.json == {"status": "published", "channel": "alerts", "position": 1, "seq": 1}
    assert (await client.message())["data"] == {"level": "info"}
    row = {"channel": "ea_updates", "data": {"status": "active"}, "key": 7}
    assert (await caller.call(PUBLISH, body=json.dumps(row))).json["position"] == 2
    assert (await client.message())["key"] == "7"
    await client.end()
