"""A ticket is worth what its token is worth when it is used: nothing, if that was revoked, rotated or over by then."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from websockets.frames import Close

from fleetwire.hub.access import Identity, Role
from fleetwire.hub.limits import Limits
from fleetwire.server.server import WebSocketServer
from fleetwire.wire.signature import hash_token
from fleetwire.wire.tokens import Scopes
from tests.server.support import TOKEN, Raw, said
from tests.server.test_access import make
from tests.server.test_guarding import opened, ticket_of
from tests.support import ManualClock

Ending = Callable[[WebSocketServer, ManualClock, str], None]
Come = Callable[[WebSocketServer, str], Awaitable[tuple[Raw, int]]]


@pytest.fixture
async def come() -> AsyncIterator[Come]:
    """Come with a ticket; give the client, which is ended with the test, and the status of the handshake."""
    clients: list[Raw] = []

    async def with_ticket(server: WebSocketServer, ticket: str) -> tuple[Raw, int]:
        client, status = await opened(server, f"/?ticket={ticket}")
        clients.append(client)
        if status == 101:
            assert (await client.message())["type"] == "connection"
        return client, status

    yield with_ticket
    for client in clients:
        await client.end()


def revoke(server: WebSocketServer, clock: ManualClock, token_id: str) -> None:
    tokens = server.access.tokens
    tokens.put(tokens.revoked(token_id, server.access.utc_ms(clock.moment())))
    server.review_sessions()


def revoke_and_forget(server: WebSocketServer, clock: ManualClock, token_id: str) -> None:
    """As is done where there is no room for a new one."""
    revoke(server, clock, token_id)
    server.access.tokens.drop(token_id)


def expire(server: WebSocketServer, clock: ManualClock, token_id: str) -> None:
    clock.advance(20)


def rotate(server: WebSocketServer, clock: ManualClock, token_id: str) -> None:
    tokens = server.access.tokens
    tokens.put(tokens.rotated(token_id, hash_token("s2"), 0.0, server.access.utc_ms(clock.moment())))
    server.review_sessions()


def rotate_and_wait(server: WebSocketServer, clock: ManualClock, token_id: str) -> None:
    tokens = server.access.tokens
    tokens.put(tokens.rotated(token_id, hash_token("s2"), 10.0, server.access.utc_ms(clock.moment())))
    server.review_sessions()
    clock.advance(11)


@pytest.mark.parametrize("ending", [revoke, revoke_and_forget, expire, rotate, rotate_and_wait])
async def test_a_ticket_of_a_token_that_counts_no_more_is_refused(
    server: WebSocketServer, clock: ManualClock, come: Come, ending: Ending
) -> None:
    token_id = make(server, clock, "s1", lifetime_s=15.0 if ending is expire else None)
    ticket = await ticket_of(server, "s1")
    ending(server, clock, token_id)
    _, status = await come(server, ticket)
    assert status == 401
    assert len(server.get_connected_clients()) == 0


async def test_a_ticket_of_a_token_of_others_ends_with_it(
    server: WebSocketServer, clock: ManualClock, come: Come
) -> None:
    """Such a token is known to nobody here but by when it expires."""
    server.access.verifier = lambda token, utc_ms: Identity(Role.viewer, token_id="jwt:ann", expires_ms=utc_ms + 15_000)
    early, late = await ticket_of(server, "of-another"), await ticket_of(server, "of-another")
    clock.advance(14)
    client, status = await come(server, early)
    assert status == 101
    clock.advance(2)
    _, status = await come(server, late)
    assert status == 401
    assert await client.close_code() == 4201


async def test_a_ticket_has_the_rights_that_its_token_has_when_it_is_used(
    server: WebSocketServer, clock: ManualClock, come: Come
) -> None:
    """During an overlap the secret before counts, and the ticket that it has asked for does as well; not longer."""
    scopes = Scopes(channels=("alerts",))
    token_id = make(server, clock, "s1", scopes=scopes)
    ticket = await ticket_of(server, "s1")
    tokens = server.access.tokens
    tokens.put(tokens.rotated(token_id, hash_token("s2"), 100.0, server.access.utc_ms(clock.moment())))
    client, status = await come(server, ticket)
    assert status == 101
    client.send(said("subscribe", channels=["alerts", "ea_updates"]))
    assert (await client.message())["data"]["channels"] == ["alerts"]
    clock.advance(41)
    assert (await client.message())["data"]["code"] == "token_expiring"
    client.send(said("heartbeat"))
    assert (await client.message())["type"] == "heartbeat_response"
    clock.advance(59)
    assert await client.close_code() == 4201


async def test_a_ticket_of_a_token_with_all_its_sessions_is_told_so(clock: ManualClock, come: Come) -> None:
    """Not let in as a stranger, who would wait for its rights until it is closed for not having authenticated."""
    limits = Limits(sessions_per_token_max=1)
    async with WebSocketServer(port=0, auth_token=TOKEN, clock=clock, limits=limits) as server:
        make(server, clock, "s1")
        first, _ = await come(server, await ticket_of(server, "s1"))
        second, _ = await come(server, await ticket_of(server, "s1"))
        assert Close.parse((await second.frame()).data).code == 4100
        first.send(said("heartbeat"))
        assert (await first.message())["type"] == "heartbeat_response"


async def test_a_change_of_a_token_takes_no_session_from_one_that_has_all_of_its_own(
    clock: ManualClock, come: Come
) -> None:
    """A session that goes on as the same token is not counted again, whatever becomes of the token."""
    limits = Limits(sessions_per_token_max=2)
    async with WebSocketServer(port=0, auth_token=TOKEN, clock=clock, limits=limits) as server:
        token_id = make(server, clock, "s1")
        clients = [(await come(server, await ticket_of(server, "s1")))[0] for _ in range(2)]
        tokens = server.access.tokens
        tokens.put(tokens.rotated(token_id, hash_token("s2"), 1000.0, server.access.utc_ms(clock.moment())))
        server.review_sessions()
        for client in clients:
            client.send(said("subscribe", channels=["alerts"]))
            assert (await client.message())["data"]["channels"] == ["alerts"]
        assert server._house.guard._sessions[token_id] == 2
        refused, _ = await come(server, await ticket_of(server, "s2"))
        assert Close.parse((await refused.frame()).data).code == 4100
