"""Attacks 32 to 42: on tokens, on what is said, on how often, and on the machine below."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import time
from typing import Any

from tests.attacks.own import OwnServer
from tests.attacks.peer import BINARY, Peer, Target, asked, frame, head, http, longest_wait_s, said
from tests.attacks.table import NotHere, attack

WRONG = "wrong-token-that-nobody-has"
HELD_S = 0.020
ATTACKED = 900_042  # an expert of nobody


@attack(32, "4002; an `error` each")
async def no_authentication(target: Target) -> None:
    """Nothing said in time; and everything else before a token."""
    silent = await Peer.upgraded(target)
    began = time.monotonic()
    peer = await Peer.upgraded(target)
    for message in (
        said("subscribe", channels=["*"]),
        said("unsubscribe", channels=["*"]),
        said("publish", channel="ea_updates", data={"ea_id": 1}),
        said("ea_report", ea_id=1),
        said("alert_ack", alert_id=1),
        said("command", target={"all": True}, command="close_all"),
        said("command_cancel", command_id="a"),
        said("command_ack", command_id="a", status="executed"),
    ):
        peer.send(message)
        answer = await peer.message()
        assert (answer["type"], answer["data"]["code"]) == ("error", "not_authenticated"), answer
    await peer.end()
    code = await silent.close_code(target.auth_deadline_s + 2)
    took = time.monotonic() - began
    assert code == 4002, code
    assert took <= target.auth_deadline_s + 1, f"after {took:.1f} s"
    await silent.end()


@attack(33, "4001 at the third; then 429 with growing delay; a correct token is never delayed")
async def wrong_tokens(target: Target) -> None:
    """A wrong token again and again, over WebSocket and HTTP."""
    peer = await Peer.upgraded(target)
    peer.send(*(said("auth", token=WRONG + str(number)) for number in range(3)))
    for _ in range(3):
        answer = await peer.message()
        assert answer["data"]["success"] is False, answer
    assert await peer.close_code() == 4001
    await peer.end()
    waits = []
    for _ in range(4):
        status, text, _ = await http(target, "GET /api/v1/fleet", token=WRONG)
        assert status == 429, status
        waits.append(int(re.findall(r"(?im)^retry-after: (\d+)", text)[0]))
        peer = await Peer.upgraded(target)
        peer.send(said("auth", token=WRONG))
        assert await peer.close_code() == 4001, "an address that guessed has one try"
        await peer.end()
        status, _ = await asked(target, head(target, request="GET /?ticket=wrong HTTP/1.1"))
        assert status == 429, status
    assert waits == sorted(waits), waits
    assert waits[-1] > waits[0], f"the delay does not grow: {waits}"
    for _ in range(2):
        began = time.monotonic()
        status, _, _ = await http(target, "GET /api/v1/fleet", token=target.token)
        assert status in (200, 404), status
        await (await Peer.joined(target)).end()
        took = time.monotonic() - began
    assert took < 0.5, f"a correct token was delayed by {took:.2f} s"


def _jwt(header: dict[str, object], key: bytes = b"secret", **claims: object) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signed = b".".join(parts)
    mac = base64.urlsafe_b64encode(hmac.digest(key, signed, hashlib.sha256)).rstrip(b"=")
    return (signed + b"." + (b"" if header.get("alg") == "none" else mac)).decode()


@attack(34, "refused in 5 ms, with no call over the network")
async def forged_jwt(target: Target) -> None:
    """A JWT of algorithm none, of HS256 for RS256, with a wrong crit, aud, iss, jku, kid; one of a megabyte."""
    soon = int(time.time()) + 600
    canary = f"http://{target.netloc}/canary-of-the-jwks"
    tokens = [
        _jwt({"alg": "none"}, sub="admin", role="admin", exp=soon),
        _jwt({"alg": "NonE"}, sub="admin", role="admin", exp=soon),
        _jwt({"alg": "HS256"}, role="admin", exp=soon),
        _jwt({"alg": "HS256", "crit": ["x"], "x": 1}, role="admin", exp=soon),
        _jwt({"alg": "RS256", "jku": canary}, role="admin", exp=soon),
        _jwt({"alg": "RS256", "kid": "../../../dev/null"}, role="admin", exp=soon),
        _jwt({"alg": "HS256"}, role="admin", aud="another", iss="another", exp=soon),
        _jwt({"alg": "HS256"}, role="admin", exp=soon, filler="x" * 40_000),
    ]
    for token in tokens:
        took = []
        for _ in range(3):
            peer = await Peer.upgraded(target)
            began = time.monotonic()
            peer.send(said("auth", token=token))
            answer = await peer.message()
            took.append(time.monotonic() - began)
            assert answer["data"]["success"] is False, "a forged token was taken"
            await peer.end()
        assert min(took) < 0.005, f"{min(took) * 1000:.1f} ms for {token[:30]}"
    peer = await Peer.upgraded(target)
    peer.send(said("auth", token=_jwt({"alg": "HS256"}, filler="x" * 2**20)))
    assert await peer.close_code() == 1009
    await peer.end()


@attack(35, "4201 or 4001 within 1 s")
async def ended_token(target: Target) -> None:
    """A token that expires, and one that is revoked, while a session uses it."""
    status, _, _ = await http(target, "GET /api/v1/tokens", token=target.token)
    if status != 200:
        raise NotHere("no tokens are made over the API of this server")
    for lifetime, is_revoked in (({"lifetime_s": 1.0}, False), ({}, True)):
        wanted = json.dumps({"role": "viewer", "name": "attack"} | lifetime).encode()
        status, _, made = await http(target, "POST /api/v1/tokens", token=target.token, body=wanted)
        assert status in (200, 201), (status, made)
        issued = json.loads(made)
        peer = await Peer.joined(target, token=issued["token"])
        if is_revoked:
            path = f"POST /api/v1/tokens/{issued['about']['token_id']}/revoke"
            status, _, _ = await http(target, path, "Content-Length: 0", token=target.token)
            assert status in (200, 204), status
        assert await peer.close_code(3.0) in ((4001, 4201) if is_revoked else (4201,))
        await peer.end()


@attack(36, "refused: 400")
async def token_in_the_url(target: Target) -> None:
    """The token in the URL, of a handshake and of a request; a ticket that nobody gave, and one that was used."""
    for name in ("token", "auth_token", "access_token", "api_key"):
        for data in (head(target, request=f"GET /?{name}={target.token} HTTP/1.1"),):
            status, _ = await asked(target, data)
            assert status == 400, f"{name} of a handshake: {status}"
        status, _, body = await http(target, f"GET /api/v1/fleet?{name}={target.token}", token=target.token)
        assert status == 400, f"{name} of a request: {status}"
        assert target.token.encode() not in body
    status, _ = await asked(target, head(target, request="GET /?ticket=made-up HTTP/1.1"))
    assert status in (401, 429), status
    status, _, body = await http(target, "POST /api/v1/ticket", "Content-Length: 0", token=target.token)
    assert status == 200, status
    ticket = json.loads(body)["ticket"]
    assert ticket != target.token
    first = await Peer.upgraded(target, path=f"/?ticket={ticket}")
    first.send(said("subscribe", channels=["alerts"]))
    await first.message_of("subscription_response")
    status, _ = await asked(target, head(target, request=f"GET /?ticket={ticket} HTTP/1.1"))
    assert status in (401, 429), f"a ticket was good twice: {status}"
    await first.end()


@attack(37, "`error`, and nothing leaked")
async def beyond_its_rights(target: Target) -> None:
    """An expert that would hear, and publish; more than 128 channels; channels that do not exist."""
    peer = await Peer.joined(target)
    peer.send(said("subscribe", 1, channels=[f"ea_updates.{number}" for number in range(129)]))
    answer = await peer.message()
    assert (answer["type"], answer["data"]["code"]) == ("error", "too_many_channels"), answer
    peer.send(said("subscribe", 2, channels=["__proto__", "../alerts", "alerts\0", "ea_updates.*"]))
    answer = await peer.message()
    assert answer["data"]["channels"] == [] or answer["type"] == "error", answer
    await peer.end()
    if not target.expert_token:
        raise NotHere("no token of an expert was given (--expert-token)")
    expert = await Peer.joined(target, token=target.expert_token)
    for message in (
        said("subscribe", 3, channels=["*"]),
        said("publish", 4, channel="alerts", data={"alert_id": 1}),
        said("alert_ack", 5, alert_id=1),
    ):
        expert.send(message)
        answer = await expert.message()
        assert (answer["type"], answer["data"]["code"]) == ("error", "forbidden"), answer
    await expert.end()
    status, _, body = await http(target, "GET /api/v1/accounts", token=target.expert_token)
    assert status == 403, status
    assert b"balance" not in body


@attack(38, "`error`; the loop is never held for 20 ms")
async def hostile_json(target: Target) -> None:
    """JSON of depth 100,000, a million keys, NaN, huge integers, keys twice in a command, lone surrogates."""
    room = 60_000  # of the 64 KiB that a viewer may send; an expert may send a megabyte
    keys = ",".join(f'"k{number}":{number}' for number in range(70_000))
    payloads = {
        "deep": "[" * room,
        "deep objects": '{"a":' * 12_000,
        "deep in data": '{"type":"heartbeat","data":' + "[" * 20_000 + "]" * 20_000 + "}",
        "deep, long": '{"type":"ea_report","data":' + "[" * 400_000 + "]" * 400_000 + "}",
        "many keys": '{"type":"ea_report","data":{' + keys[:900_000].rpartition(",")[0] + "}}",
        "NaN": '{"type":"ea_report","data":{"ea_id":1,"profit":NaN}}',
        "Infinity": '{"type":"ea_report","data":{"ea_id":1,"profit":1e999}}',
        "huge integer": '{"type":"ea_report","data":{"ea_id":' + "9" * 50_000 + "}}",
        "long integer": '{"type":"ea_report","data":{"ea_id":' + "9" * 900_000 + "}}",
        "huge exponent": '{"type":"ea_report","data":{"ea_id":1e' + "9" * 1000 + "}}",
        "exact arithmetic": '{"type":"heartbeat","data":[' + ",".join(["1e308"] * 150_000) + "]}",
        "exact arithmetic, longer": '{"type":"ea_report","data":[' + ",".join(["1.79769E+308"] * 70_000) + "]}",
        "a megabyte of lists": '{"type":"heartbeat","data":[' + ",".join(["[]"] * 300_000) + "]}",
        "long integers": '{"type":"heartbeat","data":[' + ",".join(["9" * 4300] * 200) + "]}",
        "surrogate": '{"type":"ea_report","data":{"ea_id":1,"name":"\\ud800"}}',
        "type twice": '{"type":"heartbeat","type":"subscribe","data":{"channels":5}}',
        "not an object": '"heartbeat"',
        "nothing": "",
    }
    slowest: list[float] = []
    while len(slowest) < 20 and min(slowest, default=1.0) >= HELD_S:  # other programs may hold the machine for a moment
        stop = asyncio.Event()
        watching = asyncio.create_task(longest_wait_s(target, stop))
        await asyncio.sleep(0.02)
        try:
            for name, payload in payloads.items():
                peer = await Peer.joined(target)
                peer.send(frame(payload))
                answer = await peer.message()
                assert answer["type"] == "error", f"{name}: {answer}"
                peer.send(said("heartbeat"))
                await peer.message_of("heartbeat_response")
                await peer.end()
            stranger = await Peer.upgraded(target)
            stranger.send(frame('{"type":"heartbeat","data":[' + ",".join(["1e308"] * 10_000) + "]}"))
            assert (await stranger.message())["type"] == "error"
            await stranger.end()
        finally:
            stop.set()
            slowest.append(await watching)
    assert min(slowest) < HELD_S, f"an answer to others took {min(slowest) * 1000:.0f} ms"


@attack(39, "4100 after a warning; 1003")
async def too_much(target: Target) -> None:
    """Heartbeats as fast as they go; binary frames where text is spoken."""
    peer = await Peer.joined(target)
    peer.send(frame(b"\x80", BINARY))
    assert await peer.close_code() == 1003
    await peer.end()
    peer = await Peer.upgraded(target)
    began = time.monotonic()
    flooding = asyncio.create_task(_flood(peer, said("heartbeat") * 100))
    warned, code = False, 0
    async with asyncio.timeout(30):
        while not code:
            found = await peer.frame()
            if found.opcode == 8:
                code = found.code
            else:
                warned = warned or b'"rate_limited"' in found.payload
    flooding.cancel()
    await asyncio.gather(flooding, return_exceptions=True)
    await peer.end()
    assert code == 4100, code
    assert warned, "nobody was warned"
    assert time.monotonic() - began < 30


async def _flood(peer: Peer, data: bytes) -> None:
    while True:
        peer.send(data)
        await peer.drained()
        await asyncio.sleep(0)


@attack(40, "the first result; a conflict")
async def replayed_command(target: Target) -> None:
    """A command sent twice under one key, and another under the same key."""
    key = f"attack-{os.urandom(6).hex()}"
    body = {"command": "pause", "target": {"ea_id": ATTACKED}, "idempotency_key": key}
    is_ours = target.pid is not None
    if is_ours:
        who = {"server": "Attacked", "login": 40, "magic": ATTACKED, "symbol": "EURUSD", "name": "attacked"}
        report = {"experts": [{"expert": who, "ea_id": ATTACKED, "boot_id": "one", "positions": []}]}
        status, receipt = await _posted(target, "ea/report", report)
        assert (status, receipt["refused"]) == (200, []), receipt
    status, first = await _posted(target, "commands", body)
    if status == 404 and first.get("code") == "no_fleet":
        raise NotHere("this server takes no commands")
    if status == 404 and not is_ours:
        raise NotHere("gives no commands to experts of a server that is not ours")
    assert (status, first["status"]) == (200, "accepted"), first
    status, second = await _posted(target, "commands", body)
    assert (status, second["command_id"]) == (200, first["command_id"]), second
    peer = await Peer.joined(target)
    peer.send(said("command", 1, **body))
    assert (await peer.message_of("command_response"))["data"]["command_id"] == first["command_id"]
    status, refused = await _posted(target, "commands", body | {"command": "resume"})
    assert (status, refused["code"]) == (409, "conflict"), refused
    peer.send(said("command", 2, **(body | {"command": "resume"})))
    assert (await peer.message_of("error"))["data"]["code"] == "conflict"
    await peer.end()
    if is_ours:  # what the expert is given, however often it was asked for
        orders = (await _posted(target, "ea/report", report))[1]["commands"]
        assert [(order["id"], order["command"]) for order in orders] == [(first["command_id"], "pause")], orders


async def _posted(target: Target, path: str, body: object) -> tuple[int, dict[str, Any]]:
    status, _, answer = await http(target, f"POST /api/v1/{path}", token=target.token, body=json.dumps(body).encode())
    return status, json.loads(answer)


CONTROLS = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\x1b|\xc2[\x80-\x9f]")


@attack(41, "escaped in logs")
async def control_characters(target: Target) -> None:
    """CR, LF, ANSI and NUL in every field that might be logged."""
    nasty = "x\r\nERROR forged line\x1b[2J\x1b[31m\x00\x7f\u009b\u2028"
    peer = await Peer.joined(target)
    for message in (
        said("subscribe", channels=[nasty]),
        said("publish", channel=nasty, data={}),
        said("ea_report", ea_id=1, name=nasty, symbol=nasty, account={"login": 1, "server": nasty, "currency": nasty}),
        said("heartbeat", client_time=nasty),
        said(nasty),
        said("auth", token=nasty),
    ):
        peer.send(message)
    with contextlib.suppress(AssertionError, TimeoutError):
        while True:
            await peer.message(0.3)
    await peer.end()
    path = "/api/v1/experts/%0d%0aERROR%20forged%1b[2J?symbol=%0d%0a%1b[31m"
    await http(target, f"GET {path}", "User-Agent: a\x1b[2J", "X-Forwarded-For: a\x1b[31m", token=target.token)
    await http(target, "GET /api/v1/fleet", token="a\x1b[2Jb")
    await asked(target, head(target, "Origin: http://evil\x1b[2J", "Host: a\x1b[31m"))
    if target.log is None:
        raise NotHere("the log of this server can't be read from here")
    written = target.log.read_bytes()
    assert not CONTROLS.search(written), CONTROLS.findall(written)[:3]
    assert b"\nERROR forged" not in written, "a line of the log was forged"


@attack(42, "recovers within 2 s, one line a second in the log at most")
async def no_descriptors_left(target: Target) -> None:
    """More connections than the process has file descriptors; when they go, all is well."""
    if target.pid is None:
        raise NotHere("exhausts a server of its own, never another's")
    async with OwnServer(descriptors_max=64) as own:
        await exhausted(own.target)


async def exhausted(target: Target) -> None:
    """Take all descriptors for two seconds, let go, and see how soon the server serves again."""
    assert target.log is not None
    lines_before = len(target.log.read_bytes().splitlines())
    peers = []
    for _ in range(120):  # the backlog takes more than the server can accept
        with contextlib.suppress(OSError, TimeoutError):
            peers.append(await Peer.connect(target))
    await asyncio.sleep(2.0)
    for peer in peers:
        await peer.end()
    freed_at = time.monotonic()
    while True:
        try:
            async with asyncio.timeout(0.5):
                await (await Peer.joined(target)).end()
                break
        except (OSError, AssertionError, asyncio.IncompleteReadError):
            assert time.monotonic() - freed_at < 4, "it does not recover"
    took = time.monotonic() - freed_at
    assert took < 2.0, f"it took {took:.1f} s to recover"
    lines = target.log.read_bytes().splitlines()[lines_before:]
    complaints = [line for line in lines if b" client " not in line]
    assert len(complaints) <= 4, f"{len(complaints)} lines in the log: {complaints[:2]}"
