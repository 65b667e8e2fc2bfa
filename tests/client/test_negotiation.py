"""Which form is spoken, and what is done about a patch that does not fit: real sockets."""

import asyncio
import logging
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import Request, Response, ServerConnection

from fleetwire import WebSocketServer
from fleetwire.client import Message, WebSocketClient
from fleetwire.client.dialect import DIALECTS
from fleetwire.wire.errors import ConfigError
from tests.client.peer import NOW, TOKEN, Peer, Time
from tests.client.test_client import collect
from tests.client.test_resume import Listener

JSON, MSGPACK = "fleetwire.v2.json", "fleetwire.v2.msgpack"


@pytest.fixture(params=[JSON, MSGPACK])
async def modern(request: pytest.FixtureRequest) -> AsyncIterator[Peer]:
    """A server of version 2."""
    peer = Peer(request.param)
    await peer.start()
    yield peer
    await peer.stop()


# ------------------------------------------------------------------------------------------------------- which form


@pytest.mark.parametrize(
    ("known", "asked", "spoken"),
    [
        ((JSON, MSGPACK), tuple(DIALECTS), next(iter(DIALECTS))),
        ((JSON, MSGPACK), (JSON,), JSON),
        ((JSON, MSGPACK), (MSGPACK, JSON), MSGPACK),
        ((JSON,), (MSGPACK, JSON), JSON),
        ((JSON, MSGPACK), (), None),
        ((), (JSON,), None),
        (("something.else",), (JSON,), None),
    ],
)
async def test_the_first_form_is_spoken_that_both_know(
    known: tuple[str, ...], asked: tuple[str, ...], spoken: str | None
) -> None:
    peer = Peer(*known)
    await peer.start()
    async with WebSocketClient(peer.url, TOKEN, subprotocols=asked) as client:
        assert client.subprotocol == spoken
    assert client.subprotocol is None
    await peer.stop()


@pytest.mark.parametrize("wrong", [["fleetwire.v3"], JSON])
def test_unknown_forms_are_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="subprotocols"):
        WebSocketClient("ws://host", TOKEN, subprotocols=wrong)


async def test_a_server_that_objects_to_subprotocols_is_asked_once_more_without() -> None:
    peer = Peer(JSON)
    offers: list[str | None] = []

    def refuse(connection: ServerConnection, request: Request) -> Response | None:
        offers.append(request.headers.get("Sec-WebSocket-Protocol"))
        return connection.respond(HTTPStatus.BAD_REQUEST, "what?") if offers[-1] else None

    peer.process_request = refuse
    await peer.start()
    async with WebSocketClient(peer.url, TOKEN, subprotocols=[JSON]) as client:
        assert client.subprotocol is None
    assert offers == [JSON, None]
    await peer.stop()


async def test_a_server_that_was_renewed_is_spoken_to_in_its_new_version(peer: Peer, time: Time) -> None:
    before = peer.subprotocols
    async with Listener(peer, time, "ea_updates") as listener:
        for number, known in enumerate([(JSON,), (), (MSGPACK,)], 1):
            await peer.publish("ea_updates", 10 * number, "7")
            await peer.publish("ea_updates", 10 * number + 1, "7")
            assert [(await listener.next()).data for _ in range(2)] == [{"n": 10 * number}, {"n": 10 * number + 1}]
            peer.subprotocols = known
            await peer.close(4200)
            time.advance(await time.asleep(5))
            await peer.heard("subscribe", number + 1)
        assert listener.client.subprotocol == MSGPACK
    assert before in [(), (JSON,), (MSGPACK,)]


@pytest.mark.parametrize("offered", [True, False])
async def test_compression_is_asked_for_where_it_is_wanted(offered: bool) -> None:
    peer = Peer(JSON)
    peer.compression = True
    await peer.start()
    async with WebSocketClient(peer.url, TOKEN, compression=offered) as client:
        assert bool(peer.sockets[0].protocol.extensions) is offered
        task = asyncio.create_task(collect(client.subscribe("ea_updates"), 1))
        await peer.heard("subscribe")
        await peer.say("ea_update", {"x": "y" * 5000}, channel="ea_updates", key="1", position=1)
        assert (await task)[0].data == {"x": "y" * 5000}
    await peer.stop()


async def test_many_messages_of_one_frame_are_handed_over_in_order(modern: Peer) -> None:
    async with WebSocketClient(modern.url, TOKEN, queue_max=4) as client:
        task = asyncio.create_task(collect(client.subscribe("alerts"), 100))
        await modern.heard("subscribe")
        messages = [
            {"type": "alert", "data": {"n": n}, "channel": "alerts", "position": n, "seq": n} for n in range(1, 101)
        ]
        await modern.send(modern.sockets[0], *messages)
        assert [m.position for m in await task] == list(range(1, 101))


async def test_what_follows_the_welcome_in_its_frame_is_heard() -> None:
    peer = Peer(JSON)
    peer.after_welcome = [{"type": "news_update", "data": {"n": 1}}]
    await peer.start()
    heard = asyncio.Event()
    client = WebSocketClient(peer.url, TOKEN, subprotocols=[JSON])
    client.register_message_handler("news_update", lambda data: heard.set())
    async with client:
        await asyncio.wait_for(heard.wait(), 10)
    await peer.stop()


# ------------------------------------------------------------------------------------------------ patches, and without


def a_row(position: int, key: str, **data: Any) -> dict[str, Any]:
    return {"type": "ea_update", "data": data, "channel": "ea_updates", "position": position, "key": key}


def a_patch(position: int, key: str, base: int, **patch: Any) -> dict[str, Any]:
    message = a_row(position, key)
    del message["data"]
    return {**message, "patch": patch, "base": base}


def end(*names: str) -> dict[str, Any]:
    return {"type": "snapshot_end", "data": {"channels": list(names), "position": 0}, "timestamp": NOW}


def what(message: Message) -> tuple[str, Any]:
    return (message.key or message.type, message.data)


async def test_a_patch_that_does_not_fit_makes_the_client_ask_for_the_channel_anew(
    modern: Peer, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    async with Listener(modern, time, "ea_updates", "alerts", words={"max_hz": {"ea_updates": 5}}) as listener:
        (socket,) = modern.sockets
        await modern.send(
            socket, a_row(1, "a", n=1, m=1), a_row(2, "b", n=2), a_row(3, "gone"), end("ea_updates", "alerts")
        )
        alert = {"type": "alert", "data": {}, "channel": "alerts", "position": 6, "seq": 1}
        modern.position = 7
        await modern.send(
            socket,
            a_patch(4, "a", 1, n=4),
            a_patch(5, "b", 3, n=5),  # its base never was
            alert,
            a_patch(7, "a", 4, n=7),  # this one would fit; but what its channel says is not to be trusted now
        )
        assert await modern.heard("subscribe", 2) == {
            "channels": ["ea_updates"],
            "snapshot": True,
            "max_hz": {"ea_updates": 5},
        }
        removed = a_row(5, "gone", status="removed")
        await modern.send(
            socket,
            removed,
            a_row(6, "b", n=5, m=0),
            a_row(7, "a", n=7, m=1),
            end("ea_updates"),
            a_patch(8, "a", 7, n=8),
        )
        heard = [what(await listener.next()) for _ in range(10)]
    assert heard == [
        ("a", {"n": 1, "m": 1}),
        ("b", {"n": 2}),
        ("gone", {}),
        ("snapshot_end", {"channels": ["ea_updates", "alerts"], "position": 0}),
        ("a", {"n": 4, "m": 1}),
        ("alert", {}),
        ("gone", {"status": "removed"}),
        ("b", {"n": 5, "m": 0}),
        ("a", {"n": 7, "m": 1}),
        ("a", {"n": 8, "m": 1}),
    ]
    assert caplog.text.count("does not fit") == 1


async def test_where_asking_anew_fails_the_connection_is_begun_anew(
    modern: Peer, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    async with Listener(modern, time, "ea_updates") as listener:
        modern.script["subscribe"] = lambda message: [
            {"type": "error", "data": {"code": "internal_error", "message": "oh", "temporary": True}}
        ]
        await modern.send(modern.sockets[0], a_patch(5, "b", 3, n=5))
        await modern.heard("subscribe", 2)
        del modern.script["subscribe"]
        time.advance(await time.asleep(5))
        await modern.heard("subscribe", 3)
        await modern.publish("ea_updates", 6, "b")
        assert (await listener.next()).data == {"n": 6}
    assert "could not ask for a channel anew: internal_error: oh" in caplog.text


async def test_a_channel_that_is_being_left_is_not_asked_for_anew(modern: Peer, time: Time) -> None:
    async with Listener(modern, time, "ea_updates") as listener:
        modern.script["unsubscribe"] = lambda message: []
        leaving = asyncio.create_task(listener.client.unsubscribe("ea_updates"))
        await modern.heard("unsubscribe")
        await modern.send(modern.sockets[0], a_patch(5, "b", 3, n=5))
        for _ in range(
            2
        ):  # the first answer comes after the patch, the second question after what that made the client say
            await listener.client.subscribe("alerts")
        answer = {"status": "unsubscribed", "channels": ["ea_updates"], "epoch": "e1", "position": 5}
        (request,) = (message for message in modern.received if message["type"] == "unsubscribe")
        await modern.send(
            modern.sockets[0], {"type": "subscription_response", "id": request["id"], "data": answer, "timestamp": NOW}
        )
        await leaving
        asked = [message["data"]["channels"] for message in modern.received if message["type"] == "subscribe"]
        assert asked == [["ea_updates"], ["alerts"], ["alerts"]]


async def test_rows_of_a_snapshot_that_was_not_wanted_are_kept_and_not_handed_over(modern: Peer) -> None:
    modern.position = 10
    heard: list[tuple[str, Any]] = []
    done = asyncio.Event()
    client = WebSocketClient(modern.url, TOKEN)
    client.register_message_handler("ea_update", lambda data: heard.append(("row", data)))
    client.register_message_handler("snapshot_end", lambda data: heard.append(("end", data["channels"])))
    client.register_message_handler("alert", lambda data: done.set())
    async with client:
        await client.subscribe("ea_updates", "alerts", snapshot=False)
        rows = a_row(4, "a", n=4, m=1), a_row(9, "b", n=9), a_row(11, "c", n=11)
        alert = {"type": "alert", "data": {}, "channel": "alerts", "position": 13, "seq": 1}
        await modern.send(
            modern.sockets[0], *rows, end("ea_updates", "alerts"), a_patch(12, "a", 4, n=12), end("ea_updates"), alert
        )
        await asyncio.wait_for(done.wait(), 10)
    assert heard == [
        ("row", {"n": 11}),
        ("end", ["alerts"]),
        ("row", {"n": 12, "m": 1}),
        ("end", ["ea_updates"]),  # another one: it was asked for by nobody here, but then it is news
    ]


# ------------------------------------------------------------------------------------------------- rates, everything


async def test_rates_are_asked_for_and_kept(peer: Peer, time: Time) -> None:
    async with Listener(peer, time, "ea_updates", "alerts") as listener:
        client = listener.client
        await client.subscribe("portfolio_updates", max_hz=2)
        assert (await peer.heard("subscribe", 2))["max_hz"] == 2
        await client.subscribe(["ea_updates:7", "trade_updates"], max_hz={"ea_updates": 0.5})
        assert (await peer.heard("subscribe", 3))["max_hz"] == {"ea_updates": 0.5}
        await client.subscribe("portfolio_updates")  # whoever asks last says how often
        assert "max_hz" not in await peer.heard("subscribe", 4)
        await peer.say("snapshot_end", {"channels": ["ea_updates", "ea_updates:7", "portfolio_updates"], "position": 0})
        await client.unsubscribe("nothing")  # it has been heard
        await peer.close(4200)
        time.advance(await time.asleep(5))
        again = await peer.heard("subscribe", 5)
        assert again["max_hz"] == {"ea_updates": 0.5}
        assert len(again["channels"]) == 5


@pytest.mark.parametrize("wrong", [0, -1, True, "5", float("inf"), {"ea_updates": 0}, {"ea_update": 5}, {"alerts": 5}])
def test_wrong_rates_are_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="max_hz"):
        WebSocketClient("ws://host", TOKEN).subscribe("ea_updates:7", max_hz=wrong)


def expand(names: list[str]) -> list[str]:
    return [c for name in names for c in (("ea_updates", "alerts") if name == "*" else (name,))]


async def test_everything_goes_on_where_it_was_lost_and_takes_in_what_is_new(peer: Peer, time: Time) -> None:
    peer.expand = expand
    async with Listener(peer, time, "*") as listener:
        await peer.say("snapshot_end", {"channels": ["ea_updates", "alerts"], "position": 0})
        await peer.publish("ea_updates", 4, "7")
        await peer.publish("alerts", 5, seq=1)
        assert [(await listener.next()).type for _ in range(3)] == ["snapshot_end", "ea_update", "alert"]
        peer.expand = lambda names: [*expand(names), "trade_updates"]
        await peer.close(4200)
        time.advance(await time.asleep(5))
        again = await peer.heard("subscribe", 2)
        assert again["since"] == {"epoch": "e1", "positions": {"ea_updates": 4, "alerts": 5}}
        assert set(again["channels"]) == {"ea_updates", "alerts", "*"}
        await peer.publish("alerts", 5, seq=1)
        await peer.publish("trade_updates", 6, seq=1)
        assert (await listener.next()).position == 6
        await peer.close(4200)
        time.advance(await time.asleep(5))
        assert (await peer.heard("subscribe", 3))["since"]["positions"]["trade_updates"] == 6
        await listener.client.unsubscribe("alerts")
        await peer.close(4200)
        time.advance(await time.asleep(5))
        assert set((await peer.heard("subscribe", 4))["channels"]) == {"ea_updates", "trade_updates"}


async def test_leaving_everything_leaves_what_was_named_as_well(peer: Peer, time: Time) -> None:
    peer.expand = expand
    async with Listener(peer, time, "*", "ea_updates:7") as listener:
        answer = await listener.client.unsubscribe("*")
        assert answer.channels == ["ea_updates", "alerts"]
        await peer.close(4200)
        time.advance(await time.asleep(5))
        await peer.heard("auth", 2)
        await listener.client.unsubscribe("alerts")
        assert [message["type"] for message in peer.received].count("subscribe") == 1


# --------------------------------------------------------------------------------------------------- the real server


@pytest.fixture
async def server() -> AsyncIterator[WebSocketServer]:
    async with WebSocketServer(port=0, auth_token=TOKEN, compression=True) as server:
        yield server


@pytest.mark.parametrize("compression", [False, True])
@pytest.mark.parametrize("subprotocol", [None, JSON, MSGPACK])
async def test_the_real_server_is_understood_in_every_form(
    server: WebSocketServer, subprotocol: str | None, compression: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    row = {"ea_id": 7, "name": "Pendulum", "balance": 1, "open": [{"ticket": 1}], "long": "x" * 300}
    await server.broadcast_ea_update(row)
    await server.broadcast_portfolio_update({"balance": 1})
    await server.broadcast_alert({"n": 0})
    heard: list[tuple[str, Any]] = []
    subprotocols = [subprotocol] if subprotocol else []
    async with WebSocketClient(server.url, TOKEN, subprotocols=subprotocols, compression=compression) as client:
        assert client.subprotocol == subprotocol
        async with asyncio.timeout(10):
            async for message in client.subscribe("*", history=1):
                heard.append((message.type, message.data))
                number = len(heard)
                if message.type == "snapshot_end":
                    await server.broadcast_ea_update({**row, "balance": 2})
                elif number == 5:
                    await server.broadcast_ea_update({**row, "balance": 2, "open": []})
                elif number == 6:
                    await server.broadcast_alert({"n": 1})
                elif number == 7:
                    await server.broadcast_ea_update({"ea_id": 7, "status": "removed"})
                elif number == 8:
                    break
        await client.unsubscribe("*")
    assert heard[:3] == [("ea_update", row), ("portfolio_update", {"balance": 1}), ("alert", {"n": 0})]
    assert heard[3][0] == "snapshot_end"
    assert heard[4:] == [
        ("ea_update", {**row, "balance": 2}),
        ("ea_update", {**row, "balance": 2, "open": []}),
        ("alert", {"n": 1}),
        ("ea_update", {"ea_id": 7, "status": "removed"}),
    ]
    assert not caplog.records


async def test_the_real_server_is_found_again_and_patches_go_on(server: WebSocketServer) -> None:
    row = {"ea_id": 7, "balance": 1, "long": "x" * 300}
    await server.broadcast_ea_update(row)
    async with WebSocketClient(server.url, TOKEN, subprotocols=[JSON]) as client, asyncio.timeout(10):
        iteration = aiter(client.subscribe("ea_updates"))
        assert (await anext(iteration)).data == row
        assert (await anext(iteration)).type == "snapshot_end"
        link = client._link
        assert link is not None
        link.abort()
        await server.broadcast_ea_update({**row, "balance": 2})
        assert (await anext(iteration)).data == {**row, "balance": 2}
        await client.unsubscribe("alerts")  # the new connection stands
        await server.broadcast_ea_update({**row, "balance": 3})
        assert (await anext(iteration)).data == {**row, "balance": 3}
