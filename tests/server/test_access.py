"""Tokens that end: their sessions are told before, may go on with another, and are closed in time."""

from typing import Any

import pytest

from fleetwire.hub.tokens import Tokens
from fleetwire.server.server import WebSocketServer
from fleetwire.wire.moment import Moment
from fleetwire.wire.signature import hash_token
from fleetwire.wire.tokens import Scopes, TokenRequest
from tests.server.conftest import Connect
from tests.server.support import Raw, said
from tests.support import ManualClock


def make(server: WebSocketServer, clock: ManualClock, secret: str, **words: Any) -> str:
    tokens: Tokens = server.access.tokens
    utc_ms = server.access.utc_ms(clock.moment())
    request = TokenRequest(**{"role": "viewer", **words})
    token = tokens.draft(request, f"tok_{len(tokens) + 1}", hash_token(secret), "a test", utc_ms)
    tokens.put(token)
    return token.token_id


async def joined(connect: Connect, secret: str, *channels: str) -> Raw:
    client = await connect()
    await client.upgrade()
    client.send(said("auth", token=secret))
    assert (await client.message())["data"]["status"] == "authenticated"
    if channels:
        client.send(said("subscribe", channels=list(channels)))
        assert (await client.message())["data"]["status"] == "subscribed"
    return client


async def test_who_does_nothing_is_told_and_closed_with_4201(
    server: WebSocketServer, clock: ManualClock, connect: Connect
) -> None:
    make(server, clock, "s1", lifetime_s=90.0)
    client = await connect()
    await client.upgrade()
    client.send(said("auth", token="s1"))
    assert (await client.message())["data"]["expires_at"] == "1970-01-01T00:18:10.000Z"
    clock.advance(29.9)
    client.send(said("heartbeat"))
    assert (await client.message())["type"] == "heartbeat_response"
    clock.advance(0.1)
    notice = await client.message()
    assert (notice["type"], notice["data"]["code"], notice["data"]["temporary"]) == ("error", "token_expiring", True)
    assert "in 60 s" in notice["data"]["message"]
    client.send(said("heartbeat"))
    await client.message()
    clock.advance(59.9)
    client.send(said("heartbeat"))
    assert (await client.message())["type"] == "heartbeat_response"
    clock.advance(0.1)
    assert await client.close_code() == 4201


async def test_another_auth_in_time_goes_on_without_a_gap(
    server: WebSocketServer, clock: ManualClock, connect: Connect
) -> None:
    make(server, clock, "s1", lifetime_s=61.0)
    make(server, clock, "s2", lifetime_s=200.0)
    client = await joined(connect, "s1", "alerts")
    clock.advance(1.5)
    assert (await client.message())["data"]["code"] == "token_expiring"
    client.send(said("auth", token="s2"))
    assert (await client.message())["data"]["status"] == "authenticated"
    for _ in range(2):
        clock.advance(50)
        client.send(said("heartbeat"))
        assert (await client.message())["type"] == "heartbeat_response"
    await server.broadcast_alert({"n": 1, "ea_id": 7})
    assert (await client.message())["data"]["n"] == 1
    clock.advance(39)
    assert (await client.message())["data"]["code"] == "token_expiring", "the second token ends, too"


async def test_a_wrong_token_instead_does_not_lengthen_the_first(
    server: WebSocketServer, clock: ManualClock, connect: Connect
) -> None:
    make(server, clock, "s1", lifetime_s=30.0)
    client = await joined(connect, "s1")
    clock.advance(0.001)
    assert (await client.message())["data"]["code"] == "token_expiring", "at once, where there is less than a minute"
    client.send(said("auth", token="wrong"))
    assert (await client.message())["data"]["status"] == "failed"
    clock.advance(30)
    assert await client.close_code() == 4201


@pytest.mark.parametrize("jump_s", [3600, -3600, 864_000, -864_000])
async def test_a_wall_clock_that_jumps_ends_nobody_early_or_late(
    server: WebSocketServer, clock: ManualClock, connect: Connect, monkeypatch: pytest.MonkeyPatch, jump_s: int
) -> None:
    make(server, clock, "s1", lifetime_s=50.0)
    client = await joined(connect, "s1")
    clock.advance(0.001)
    assert (await client.message())["data"]["code"] == "token_expiring"
    monkeypatch.setattr(
        clock, "moment", lambda: Moment(clock.now, 2_000_000_000 + round((clock.now + jump_s) * 1000), clock.utc())
    )
    clock.advance(49)
    again = await joined(connect, "s1")
    clock.advance(1)
    assert await client.close_code() == 4201
    assert (await again.message())["data"]["code"] == "token_expiring"
    assert await again.close_code() == 4201


async def test_revoking_closes_its_sessions_and_no_others(
    server: WebSocketServer, clock: ManualClock, connect: Connect, witness: Raw
) -> None:
    token_id = make(server, clock, "s1")
    make(server, clock, "s2")
    clients, other = [await joined(connect, "s1", "alerts") for _ in range(3)], await joined(connect, "s2", "alerts")
    server.access.tokens.put(server.access.tokens.revoked(token_id, 0))
    server.review_sessions()
    await server.broadcast_alert({"after": "it"})
    for client in clients:
        assert await client.close_code() == 4001
    assert (await other.message())["data"] == {"after": "it"}


async def test_rotation_lets_sessions_of_the_secret_before_live_for_the_overlap(
    server: WebSocketServer, clock: ManualClock, connect: Connect
) -> None:
    token_id = make(server, clock, "s1")
    first = await joined(connect, "s1")
    tokens = server.access.tokens
    tokens.put(tokens.rotated(token_id, hash_token("s2"), 70.0, server.access.utc_ms(clock.moment())))
    server.review_sessions()
    second, late = await joined(connect, "s2"), await joined(connect, "s1")
    clock.advance(10)
    assert (await first.message())["data"]["code"] == "token_expiring"
    assert (await late.message())["data"]["code"] == "token_expiring"
    first.send(said("auth", token="s2"))
    assert (await first.message())["data"]["status"] == "authenticated"
    for client in (first, second, late):
        client.send(said("heartbeat"))
        await client.message()
    clock.advance(50)
    for client in (first, second):
        client.send(said("heartbeat"))
        assert (await client.message())["type"] == "heartbeat_response"
    clock.advance(10)
    assert await late.close_code() == 4201
    tokens.put(tokens.rotated(token_id, hash_token("s3"), 0.0, server.access.utc_ms(clock.moment())))
    server.review_sessions()
    assert [await first.close_code(), await second.close_code()] == [4001, 4001]


async def test_a_slow_reader_ends_with_its_token_too(
    server: WebSocketServer, clock: ManualClock, connect: Connect
) -> None:
    make(server, clock, "s1", lifetime_s=10.0)
    client = await joined(connect, "s1", "alerts")
    clock.advance(0.001)
    assert (await client.message())["data"]["code"] == "token_expiring"
    assert server._rooms is not None
    (guest,) = server._rooms.guests.all()
    guest.pause_writing()  # type: ignore[union-attr]
    clock.advance(10)
    assert guest.session.closing  # type: ignore[union-attr]
    guest.resume_writing()  # type: ignore[union-attr]
    assert await client.close_code() == 4201


async def test_who_may_give_some_commands_only_is_told_which(
    server: WebSocketServer, clock: ManualClock, connect: Connect
) -> None:
    make(server, clock, "s1", role="operator", scopes=Scopes(commands=("resume", "pause")))
    make(server, clock, "s2", role="operator")
    client = await connect()
    await client.upgrade()
    client.send(said("auth", token="s1"))
    assert (await client.message())["data"]["commands"] == ["pause", "resume"]
    client.send(said("auth", token="s2"))
    assert "commands" not in (await client.message())["data"]


async def test_another_identity_hears_no_channel_that_it_may_not(
    server: WebSocketServer, clock: ManualClock, connect: Connect
) -> None:
    make(server, clock, "s1")
    make(server, clock, "s2", scopes=Scopes(channels=("alerts",)))
    make(server, clock, "s3", role="publisher")
    client = await joined(connect, "s1", "alerts", "trade_updates:7", "ea_updates")
    client.send(said("auth", token="s2"))
    await client.message()
    await server.broadcast_trade_update({"ea_id": 7})
    await server.broadcast_ea_update({"ea_id": 7})
    await server.broadcast_alert({"ea_id": 7})
    assert (await client.message())["type"] == "alert"
    client.send(said("subscribe", channels=["trade_updates", "alerts:7", "ea_updates:7"]))
    answer = (await client.message())["data"]
    assert answer["channels"] == ["alerts:7"]
    assert {one["channel"]: one["code"] for one in answer["rejected"]} == {
        "trade_updates": "forbidden",
        "ea_updates:7": "forbidden",
    }
    client.send(said("subscribe", channels=["*"]))
    assert (await client.message())["data"]["channels"] == ["alerts"]
    client.send(said("auth", token="s3"))
    await client.message()
    await server.broadcast_alert({"ea_id": 7})
    client.send(said("heartbeat"))
    assert (await client.message())["type"] == "heartbeat_response", "a publisher hears nothing"


async def test_who_is_limited_publishes_about_its_part_only(
    server: WebSocketServer, clock: ManualClock, connect: Connect, witness: Raw
) -> None:
    make(server, clock, "s1", role="publisher", scopes=Scopes(accounts=("S/5",)))
    client = await joined(connect, "s1")
    await server.broadcast_ea_update({"ea_id": 9, "server": "S", "login": 6})

    async def published(channel: str, **data: Any) -> str:
        client.send(said("publish", channel=channel, data=data))
        answer = (await client.message())["data"]
        return str(answer.get("status") or answer["code"])

    assert await published("ea_updates", ea_id=7, server="S", login=5) == "published"
    assert await published("ea_updates", ea_id=7, server="S", login=6) == "forbidden"
    assert await published("ea_updates", ea_id=9, server="S", login=5) == "forbidden", "that row is another's"
    assert await published("alerts", message="all is well") == "forbidden"
    assert await published("news_updates", currency="USD") == "forbidden"
    assert await published("portfolio_updates", balance=0) == "forbidden"
    assert await published("ea_updates", server="S", login=5) == "invalid_data"
