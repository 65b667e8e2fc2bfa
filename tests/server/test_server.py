"""`WebSocketServer`: the brief's dialogue, starting and stopping, and what is wrong with an argument."""

import asyncio
import json
import socket
import time
from typing import Any

import pytest
from websockets.asyncio.client import connect as websocket
from websockets.exceptions import ConnectionClosed

from fleetwire.server.server import WebSocketServer
from fleetwire.wire.errors import ConfigError, DataError, ListenError
from tests.server.conftest import Connect
from tests.server.support import TOKEN, Raw, head, said
from tests.support import ManualClock, until

BRIEF = [
    ("ea_updates", "ea_update", {"ea_id": 12345, "symbol": "EURUSD", "status": "active", "current_profit": 150.75}),
    ("portfolio_updates", "portfolio_update", {"total_profit": 2450.30, "active_eas": 15, "drawdown_pct": 3.8}),
    ("trade_updates", "trade_update", {"ea_id": 12345, "type": "buy", "volume": 0.1}),
    ("news_updates", "news_update", {"title": "NFP", "currency": "USD"}),
    ("command_updates", "command_update", {"command_id": "c1", "status": "done"}),
    ("alerts", "alert", {"level": "warning", "message": "EA 12345 drawdown exceeds 10%", "ea_id": 12345}),
]


async def test_the_briefs_dialogue_with_a_client_that_knows_only_the_brief(server: WebSocketServer) -> None:
    async with websocket(server.url) as client:

        async def hear() -> dict[str, Any]:
            message: dict[str, Any] = json.loads(await client.recv())
            assert isinstance(message["data"], dict)
            return message

        async def say(message_type: str, **data: Any) -> None:
            await client.send(json.dumps({"type": message_type, "data": data}))

        assert (await hear())["type"] == "connection"
        await say("auth", token=TOKEN)
        answer = await hear()
        assert (answer["type"], answer["data"]["status"]) == ("auth_response", "authenticated")
        await say("subscribe", channels=[channel for channel, _, _ in BRIEF])
        answer = await hear()
        assert (answer["type"], answer["data"]["status"]) == ("subscription_response", "subscribed")
        for _, message_type, data in BRIEF:
            await getattr(server, f"broadcast_{message_type}")(data)
        for channel, message_type, data in BRIEF:
            message = await hear()
            assert (message["type"], message["channel"], message["data"]) == (message_type, channel, data)
        await say("heartbeat")
        assert (await hear())["type"] == "heartbeat_response"
        await say("unsubscribe", channels=["alerts"])
        assert (await hear())["data"]["status"] == "unsubscribed"
        await server.broadcast_alert({"level": "info"})
        await server.broadcast_news_update({"title": "after"})
        assert (await hear())["data"] == {"title": "after"}


async def test_who_is_connected_is_listed_with_what_it_hears(server: WebSocketServer, connect: Connect) -> None:
    assert server.get_connected_clients() == []
    stranger = await connect()
    client_id = (await stranger.upgrade())["data"]["client_id"]
    await (await connect()).join("ea_updates:5", "alerts")
    first, second = server.get_connected_clients()
    assert (first.client_id, first.authenticated, first.role, first.state) == (client_id, False, None, "connected")
    assert (second.address, second.role, second.channels) == ("127.0.0.1", "admin", ["alerts", "ea_updates:5"])
    assert second.connected_at.endswith("Z")
    await stranger.end()
    await until(lambda: len(server.get_connected_clients()) == 1)


async def test_what_is_published_before_the_start_is_found_by_those_who_come() -> None:
    server = WebSocketServer(port=0, auth_token=TOKEN, clock=ManualClock())
    server.publish("ea_update", {"ea_id": 1})
    await server.broadcast_ea_update({"ea_id": 2})
    for n in range(5):
        server.publish("alert", {"n": n})
    async with server:
        client = await (await Raw.connect(server)).join("ea_updates")
        assert [(await client.message())["data"]["ea_id"] for _ in range(2)] == [1, 2]
        client.send(said("subscribe", channels=["alerts"], history=2))
        answers = [await client.message() for _ in range(4)]
        assert [answer["data"].get("n") for answer in answers] == [None, 3, 4, None]
        await client.end()


async def test_what_can_not_be_published_is_an_error_to_the_caller_and_to_nobody_else(witness: Raw) -> None:
    for message_type, data in [("prices", {}), ("ea_update", {}), ("alert", {"x": float("nan")}), ("alert", [])]:
        with pytest.raises(DataError):
            await witness.server.broadcast(message_type, data)


# -------------------------------------------------------------------------------------------------------- start, stop


async def test_several_servers_in_one_process_do_not_know_each_other() -> None:
    clock = ManualClock()
    async with (
        WebSocketServer(port=0, auth_token=TOKEN, clock=clock) as one,
        WebSocketServer(port=0, auth_token="another", clock=clock) as two,
    ):
        assert one.port != two.port
        stranger = await Raw.connect(two)
        await stranger.upgrade()
        stranger.send(said("auth", token=TOKEN))
        assert (await stranger.message())["data"]["status"] == "failed"
        client = await (await Raw.connect(one)).join("alerts")
        await two.broadcast_alert({"of": "two"})
        await one.broadcast_alert({"of": "one"})
        assert (await client.message())["data"] == {"of": "one"}
        await client.end()
        await stranger.end()


async def test_a_server_can_be_stopped_and_started_again_and_remembers_its_state() -> None:
    server = WebSocketServer(port=0, auth_token=TOKEN, clock=ManualClock())
    for n in range(3):
        await server.start_server()
        assert server.running
        with pytest.raises(RuntimeError, match="running already"):
            await server.start_server()
        client = await (await Raw.connect(server)).join("alerts", "ea_updates")
        for known in range(n):
            assert (await client.message())["data"]["ea_id"] == known
        await server.broadcast_ea_update({"ea_id": n})
        assert (await client.message())["data"]["ea_id"] == n
        stopping = asyncio.create_task(server.stop_server())
        assert await client.close_code() == 1012
        await client.end()
        await stopping
        assert not server.running
        assert server.get_connected_clients() == []
        assert server.hub.cohorts == 0
    await server.stop_server()


async def test_stopping_tells_everybody_and_when_to_come_back(server: WebSocketServer) -> None:
    async with websocket(server.url) as client:
        await client.recv()
        await server.broadcast_alert({"n": 1})
        stopping = asyncio.create_task(server.stop_server())
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        await stopping
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert "retry_after=" in closed.value.rcvd.reason


async def test_what_was_published_last_is_told_before_the_stop(server: WebSocketServer, connect: Connect) -> None:
    client = await (await connect()).join("alerts")
    server.publish("alert", {"n": "last"})
    stopping = asyncio.create_task(server.stop_server())
    assert (await client.message())["data"] == {"n": "last"}
    assert await client.close_code() == 1012
    await client.end()
    await stopping


async def test_stopping_takes_at_most_five_seconds_whoever_does_not_cooperate(server: WebSocketServer) -> None:
    silent, halfway, deaf, polite = [await Raw.connect(server) for _ in range(4)]
    halfway.send(head(server)[:50])
    await deaf.join("alerts")
    deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
    for _ in range(40):
        await server.broadcast_alert({"fill": "x" * 500_000})
    await polite.join("alerts")
    begun = time.monotonic()
    stopping = asyncio.create_task(server.stop_server())
    assert await polite.close_code() == 1012
    await stopping
    assert time.monotonic() - begun < 5.0
    for client in (silent, halfway, deaf, polite):
        client.writer.transport.abort()
    with pytest.raises(OSError, match="onnect"):
        await Raw.connect(server)


async def test_nothing_is_left_behind_in_the_loop() -> None:
    before = asyncio.all_tasks()
    clock = ManualClock()
    async with WebSocketServer(port=0, auth_token=TOKEN, clock=clock) as server:
        client = await (await Raw.connect(server)).join("alerts")
        await client.end()
    assert clock.waiting == 0
    await until(lambda: asyncio.all_tasks() == before)


# ---------------------------------------------------------------------------------------------------- wrong arguments


async def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = WebSocketServer(port=port, auth_token=TOKEN)
        with pytest.raises(ListenError) as error:
            await server.start_server()
    assert str(error.value) == (
        f"127.0.0.1:{port} is taken by another program: stop that, or choose another --port (0 picks a free one)"
    )
    assert not server.running
    await server.stop_server()
    await server.start_server()  # it is free now
    await server.stop_server()


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "a" * 80 + ".example", "\x00"])
async def test_an_address_that_is_not_ours_is_one_clear_line(host: str) -> None:
    server = WebSocketServer(host, 0, TOKEN)
    with pytest.raises(ListenError) as error:
        await server.start_server()
    assert "\n" not in str(error.value)
    assert "host" in str(error.value)
    assert not server.running


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"host": "0.0.0.0"}, "without a token"),
        ({"host": ""}, "without a token"),
        ({"host": "::"}, "without a token"),
        ({"host": "fleet.example"}, "without a token"),
        ({"host": None}, "host"),
        ({"auth_token": ""}, "auth_token"),
        ({"expert_token": " "}, "expert_token"),
        ({"expert_token": TOKEN, "auth_token": TOKEN}, "expert_token must differ"),
        ({"base_path": "fleetwire"}, "base_path"),
        ({"auth_token": "   "}, "auth_token"),
        ({"port": -1}, "port"),
        ({"port": 65536}, "port"),
        ({"port": "8765"}, "port"),
        ({"heartbeat_interval": 0}, "heartbeat_interval"),
        ({"heartbeat_timeout": -5}, "heartbeat_timeout"),
        ({"heartbeat_timeout": float("nan")}, "heartbeat_timeout"),
        ({"heartbeat_interval": "30"}, "heartbeat_interval"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_refused_by_name(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        WebSocketServer(**arguments)


def test_on_loopback_a_token_is_made_and_told() -> None:
    one, two = WebSocketServer(), WebSocketServer(host="localhost")
    assert len(one.auth_token) >= 22
    assert one.auth_token != two.auth_token


@pytest.mark.parametrize(
    ("host", "token", "warned_of"),
    [
        ("127.0.0.1", "abc", []),
        ("0.0.0.0", "a-long-enough-token", ["ws://"]),
        ("0.0.0.0", "abc", ["ws://", "the auth_token is short"]),
    ],
)
async def test_what_is_too_weak_for_others_is_warned_of_wherever_the_server_runs(
    host: str, token: str, warned_of: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with WebSocketServer(host=host, port=0, auth_token=token):
        pass
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [next(word for word in warned_of if said.startswith(word)) for said in warnings] == warned_of
    assert "abc" not in caplog.text


def test_a_server_tells_what_it_was_made_with() -> None:
    server = WebSocketServer("127.0.0.1", 8080, TOKEN, 5, 15)
    assert (server.host, server.port, server.auth_token) == ("127.0.0.1", 8080, TOKEN)
    assert (server.heartbeat_interval, server.heartbeat_timeout) == (5, 15)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "ws://127.0.0.1:8765"),
        ("0.0.0.0", "ws://127.0.0.1:8765"),
        ("", "ws://127.0.0.1:8765"),
        ("::", "ws://[::1]:8765"),
        ("::1", "ws://[::1]:8765"),
        ("fleet.example", "ws://fleet.example:8765"),
    ],
)
def test_the_url_is_one_that_a_client_on_this_machine_can_use(host: str, url: str) -> None:
    assert WebSocketServer(host, auth_token=TOKEN).url == url
