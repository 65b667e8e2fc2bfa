"""What a client says of its connection: live, lost and why, until when, refused, closed."""

import asyncio

import pytest

from fleetwire.client import WebSocketClient
from fleetwire.wire.errors import AuthenticationError
from tests.client.peer import TOKEN, Peer, Time
from tests.client.test_resume import NoJitter
from tests.support import until


def client_of(peer: Peer, time: Time) -> WebSocketClient:
    return WebSocketClient(peer.url, TOKEN, clock=time.clock, sleep=time.sleep, rng=NoJitter())


async def test_a_lost_connection_says_why_and_when_it_is_tried_again(peer: Peer, time: Time) -> None:
    client = client_of(peer, time)
    assert client.status.state == "closed"
    async with client:
        assert client.status.state == "live"
        time.advance(3)
        assert client.status.silent_s == 3
        await peer.stop(1012, "being restarted")
        assert await time.asleep(1) == 0.5
        state, reason, code, retry_in_s, silent_s = client.status
        assert (state, code, retry_in_s, silent_s) == ("lost", 1012, 0.5, None)
        assert reason == f"{peer.url} closed the connection: 1012 being restarted"
        time.advance(0.5)
        assert await time.asleep(2) == 1.0
        assert "refused the connection" in client.status.reason
        await peer.start()
        time.advance(1)
        await until(lambda: client.status.state == "live")
        assert client.status.reason == ""
    assert client.status.state == "closed"


async def test_a_connection_is_restored_before_it_is_live(peer: Peer, time: Time) -> None:
    may_answer = asyncio.Event()
    async with client_of(peer, time) as client:
        peer.script["auth"] = lambda _: None if may_answer.is_set() else []
        await peer.close(1001)
        await time.asleep(1)
        time.advance(0.5)
        await peer.heard("auth", 2)
        assert client.status.state == "restoring"


async def test_whoever_is_refused_is_told_the_reason_and_not_the_token(peer: Peer, time: Time) -> None:
    async with client_of(peer, time) as client:
        await peer.close(4001, f"{TOKEN} is revoked")
        await until(lambda: client.status.state == "refused")
        assert client.status.retry_in_s is None
        assert "the client does not come back by itself" in client.status.reason
        assert TOKEN not in client.status.reason
        with pytest.raises(AuthenticationError) as refusal:
            await client.subscribe("alerts")
        assert str(refusal.value) == client.status.reason
