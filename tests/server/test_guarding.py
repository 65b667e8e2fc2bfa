"""Tickets, wrong tokens, handshakes, proxies and rates, over real sockets; and clocks that jump."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from websockets.frames import Opcode

from fleetwire.hub.limits import Limits
from fleetwire.server.server import WebSocketServer
from fleetwire.wire.moment import Moment
from tests.server.support import TOKEN, Raw, connection_of, frame, head, said
from tests.support import ManualClock, until

EXPERT_TOKEN = "expert-token"


async def asked(server: WebSocketServer, request: str, *lines: str, token: str = TOKEN) -> tuple[int, str, Any]:
    """Make one request; give status, head and body."""
    client = await Raw.connect(server)
    host = f"Host: 127.0.0.1:{server.port}"
    client.send("\r\n".join([f"{request} HTTP/1.1", host, f"Authorization: Bearer {token}", *lines, "", ""]).encode())
    text = await client.head()
    length = int(text.lower().partition("content-length: ")[2].partition("\r\n")[0])
    body = await client.reader.readexactly(length)
    await client.end()
    return int(text.split(" ")[1]), text, json.loads(body) if body.startswith(b"{") else body


async def ticket_of(server: WebSocketServer, token: str = TOKEN) -> str:
    status, text, body = await asked(server, "POST /api/v1/ticket", "Content-Length: 0", token=token)
    assert (status, body["expires_in_s"]) == (200, 30.0)
    assert "cache-control: no-store" in text.lower()
    return str(body["ticket"])


async def opened(server: WebSocketServer, path: str, *headers: str) -> tuple[Raw, int]:
    """Shake hands for a path; give the client and the status."""
    client = await Raw.connect(server)
    client.send(head(server, *headers, request=f"GET {path} HTTP/1.1"))
    return client, int((await client.head()).split(" ")[1])


async def test_a_ticket_opens_one_session_of_whoever_asked(server: WebSocketServer, clock: ManualClock) -> None:
    ticket = await ticket_of(server)
    client, status = await opened(server, f"/?ticket={ticket}")
    assert status == 101
    assert (await client.message())["type"] == "connection"
    client.send(said("subscribe", channels=["alerts"]))
    assert (await client.message())["data"]["channels"] == ["alerts"]
    again, status = await opened(server, f"/?ticket={ticket}")
    assert status == 401
    clock.advance(11)  # longer than somebody who is not authenticated may stay
    client.send(said("heartbeat"))
    await until(lambda: True)
    assert (await client.message())["type"] == "heartbeat_response"
    await client.end()
    await again.end()


async def test_whom_a_ticket_lets_in_is_told_its_role_at_once_and_nobody_else_is(server: WebSocketServer) -> None:
    client, status = await opened(server, f"/?ticket={server.new_ticket()}")
    assert status == 101
    welcome = (await client.message())["data"]
    assert (welcome["role"], welcome["message"]) == ("admin", "connected to fleetwire: subscribe")
    other, _ = await opened(server, "/")
    assert "role" not in (await other.message())["data"]
    await client.end()
    await other.end()


async def test_a_ticket_is_good_for_half_a_minute_and_not_for_those_who_only_report(clock: ManualClock) -> None:
    async with WebSocketServer(port=0, auth_token=TOKEN, expert_token=EXPERT_TOKEN, clock=clock) as server:
        early, late = await ticket_of(server), await ticket_of(server)
        clock.advance(29)
        first, status = await opened(server, f"/?ticket={early}")
        assert status == 101
        clock.advance(2)
        second, status = await opened(server, f"/?ticket={late}")
        assert status == 401
        assert (await asked(server, "POST /api/v1/ticket", "Content-Length: 0", token=EXPERT_TOKEN))[0] == 403
        assert (await asked(server, "POST /api/v1/ticket", "Content-Length: 0", token="wrong"))[0] == 401
        await first.end()
        await second.end()


@pytest.mark.parametrize("query", ["token=x", "access_token=x", "a=1&TOKEN=x", "ticket=x&api_key=y", "%74oken=x"])
async def test_a_token_in_the_url_of_a_handshake_is_refused(server: WebSocketServer, query: str) -> None:
    client, status = await opened(server, f"/?{query}")
    assert status == 400
    await client.end()


async def test_wrong_tokens_are_delayed_wherever_they_come_and_right_ones_never(
    server: WebSocketServer, clock: ManualClock
) -> None:
    """Over HTTP, WebSocket and by tickets they count together; when the delay is over, one more try is free."""
    for _ in range(2):
        assert (await asked(server, "GET /api/v1/fleet", token="wrong"))[0] == 401
    client, status = await opened(server, "/?ticket=wrong")
    assert status == 401
    await client.end()
    status, text, problem = await asked(server, "GET /api/v1/fleet", token="wrong")
    assert (status, problem["code"]) == (429, "too_many_failures")
    assert "retry-after: 2\r\n" in text.lower()
    guesser = await Raw.connect(server)
    await guesser.upgrade()
    guesser.send(said("auth", token="wrong"))
    assert (await guesser.message())["data"]["success"] is False
    assert await guesser.close_code() == 4001
    await guesser.end()
    assert (await asked(server, "GET /api/v1/clients"))[0] == 200
    await (await (await Raw.connect(server)).join("alerts")).end()
    clock.advance(4.1)
    assert (await asked(server, "GET /api/v1/fleet", token="wrong"))[0] == 401
    assert (await asked(server, "GET /api/v1/fleet", token="wrong"))[0] == 429


async def test_handshakes_of_an_address_have_a_rate(clock: ManualClock) -> None:
    limits = Limits(connections_per_address_max=4, handshakes_per_second_max=2)
    async with WebSocketServer(port=0, auth_token=TOKEN, limits=limits, clock=clock) as server:
        statuses = []
        for _ in range(7):
            client, status = await opened(server, "/")
            statuses.append(status)
            await client.end()
            await until(lambda: not server._rooms.guests)  # type: ignore[union-attr]
        assert statuses == [101] * 6 + [429]
        clock.advance(0.5)
        client, status = await opened(server, "/")
        assert status == 101
        await client.end()


async def test_clients_behind_a_trusted_proxy_are_told_apart_and_others_are_not_believed(clock: ManualClock) -> None:
    limits = Limits(connections_per_address_max=2)
    for trusted, statuses in ((["127.0.0.0/8"], [101, 101, 429, 101]), ([], [101, 101, 429, 429])):
        async with WebSocketServer(
            port=0, auth_token=TOKEN, limits=limits, trusted_proxies=trusted, clock=clock
        ) as server:
            found, clients = [], []
            for address in ("198.51.100.1", "198.51.100.1", "198.51.100.1", "198.51.100.2"):
                client = await Raw.connect(server)
                clients.append(client)
                client.send(head(server, f"X-Forwarded-For: 1.2.3.4, {address}"))
                found.append(int((await client.head()).split(" ")[1]))
            assert found == statuses
            addresses = {client.address for client in server.get_connected_clients()}
            assert addresses == ({"198.51.100.1", "198.51.100.2"} if trusted else {"127.0.0.1"})
            if trusted:  # wrong tokens, too: of one client only
                for _ in range(4):
                    status = (await asked(server, "GET /api/v1/fleet", "X-Forwarded-For: 198.51.100.9", token="x"))[0]
                assert status == 429
                other = await asked(server, "GET /api/v1/fleet", "X-Forwarded-For: 198.51.100.8", token="x")
                assert other[0] == 401
            for client in clients:
                await client.end()
            assert server._rooms is not None
            guests = server._rooms.guests
            await until(lambda guests=guests: not len(guests))  # type: ignore[misc]
            assert not guests._counts, "nobody is counted who is gone"


async def test_who_says_too_much_is_warned_then_closed_and_all_of_it_until_then_is_done(clock: ManualClock) -> None:
    limits = Limits(messages_per_second_max=10, burst_s=1.0, publishes_per_second_max=10)
    async with WebSocketServer(port=0, auth_token=TOKEN, limits=limits, clock=clock) as server:
        witness = await (await Raw.connect(server)).join("news_updates")
        client = await (await Raw.connect(server)).join()
        client.send(*(said("publish", number, channel="news_updates", data={"n": number}) for number in range(11)))
        warnings, received = [], await client.frame()
        while received.opcode != Opcode.CLOSE:
            told = json.loads(received.data)
            warnings += [told["data"]] if told["type"] == "error" else []
            received = await client.frame()
        assert received.data[:2] == (4100).to_bytes(2, "big")
        assert [(warning["code"], warning["temporary"]) for warning in warnings] == [("rate_limited", True)]
        for number in range(10):
            assert (await witness.message())["data"] == {"n": number}
        await witness.end()
        await client.end()


async def test_a_flood_of_small_pings_ends_with_4100(server: WebSocketServer, clock: ManualClock) -> None:
    client = await Raw.connect(server)
    await client.upgrade()

    async def flood() -> None:
        while True:
            client.send(frame(b"", Opcode.PING) * 1000)
            await asyncio.sleep(0)

    flooding = asyncio.create_task(flood())
    code = 0
    while not code:
        received = await client.frame()
        code = int.from_bytes(received.data[:2], "big") if received.opcode is Opcode.CLOSE else 0
    flooding.cancel()
    await asyncio.gather(flooding, return_exceptions=True)
    assert code == 4100
    assert connection_of(server).transport.get_write_buffer_size() <= 2**20
    client.writer.transport.abort()
    await client.end()


class JumpingClock(ManualClock):
    """A `ManualClock` whose wall clock somebody sets."""

    ahead_s = 0.0

    def utc(self) -> str:
        return datetime.fromtimestamp(self.now + self.ahead_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def moment(self) -> Moment:
        return Moment(self.now, round((self.now + self.ahead_s) * 1000), self.utc())


@pytest.mark.parametrize("ahead_s", [3600.0, -3600.0, 864_000.0, -864_000.0])
async def test_a_wall_clock_that_jumps_expires_nothing_and_drops_nobody(ahead_s: float) -> None:
    clock = JumpingClock(1_800_000_000.0)
    async with WebSocketServer(port=0, auth_token=TOKEN, clock=clock) as server:
        client = await (await Raw.connect(server)).join("alerts")
        good, late = await ticket_of(server), await ticket_of(server)
        for _ in range(4):
            await asked(server, "GET /api/v1/fleet", token="wrong")
        clock.ahead_s = ahead_s
        clock.advance(1.0)
        assert (await asked(server, "GET /api/v1/fleet", token="wrong"))[0] == 429, "the delay goes on"
        clock.advance(20.0)
        opener, status = await opened(server, f"/?ticket={good}")
        assert status == 101
        clock.advance(10.0)
        refused, status = await opened(server, f"/?ticket={late}")
        assert status == 401
        await server.broadcast_alert({"message": "still here"})
        assert (await client.message())["data"] == {"message": "still here"}
        for one in (client, opener, refused):
            await one.end()
