"""The server's main promises, each against a real server: `python -m pytest test_websocket_simple.py -v`.

Needs pytest, and no plugin of it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import websockets

from websocket_client import WebSocketClient
from websocket_server import WebSocketServer

TOKEN = "a-token-for-these-tests"
BROADCASTS = {
    "ea_update": ("ea_updates", {"ea_id": 12345, "symbol": "EURUSD", "status": "active", "current_profit": 150.75}),
    "portfolio_update": ("portfolio_updates", {"total_profit": 2450.30, "active_eas": 15, "drawdown_pct": 3.8}),
    "trade_update": ("trade_updates", {"ea_id": 12345, "ticket": 77, "type": "buy", "volume": 0.1}),
    "news_update": ("news_updates", {"currency": "USD", "importance": "high", "name": "Nonfarm Payrolls"}),
    "command_update": ("command_updates", {"command_id": 9, "ea_id": 12345, "status": "executed"}),
    "alert": ("alerts", {"level": "warning", "message": "EA 12345 drawdown exceeds 10%", "ea_id": 12345}),
}

Scenario = Callable[[WebSocketServer, WebSocketClient], Awaitable[None]]


def play(scenario: Scenario) -> None:
    """Play a scenario with a running server on a free port, and a client that is connected and authenticated."""

    async def run() -> None:
        async with WebSocketServer(port=0, auth_token=TOKEN) as server, WebSocketClient(server.url, TOKEN) as client:
            await asyncio.wait_for(scenario(server, client), 20)

    asyncio.run(run())


def hear(client: WebSocketClient, message_type: str) -> "asyncio.Queue[Any]":
    """Collect what a client hears of a type."""
    heard: asyncio.Queue[Any] = asyncio.Queue()
    client.register_message_handler(message_type, heard.put_nowait)
    return heard


def test_a_raw_client_that_knows_only_the_four_messages_completes_a_conversation() -> None:
    async def scenario(server: WebSocketServer, _: WebSocketClient) -> None:
        async with websockets.connect(server.url) as raw:

            async def ask(message: dict[str, Any]) -> dict[str, Any]:
                await raw.send(json.dumps(message))
                answer: dict[str, Any] = json.loads(await raw.recv())
                return answer

            assert json.loads(await raw.recv())["type"] == "connection"
            answer = await ask({"type": "auth", "data": {"token": TOKEN}})
            assert (answer["type"], answer["data"]["status"]) == ("auth_response", "authenticated")
            answer = await ask({"type": "subscribe", "data": {"channels": ["ea_updates"]}})
            assert (answer["type"], answer["data"]["channels"]) == ("subscription_response", ["ea_updates"])
            answer = await ask({"type": "heartbeat", "data": {}})
            assert answer["type"] == "heartbeat_response"
            answer = await ask({"type": "unsubscribe", "data": {"channels": ["ea_updates"]}})
            assert (answer["type"], answer["data"]["status"]) == ("subscription_response", "unsubscribed")

    play(scenario)


@pytest.mark.parametrize("message_type", BROADCASTS)
def test_each_broadcast_reaches_its_subscribers_unchanged(message_type: str) -> None:
    async def scenario(server: WebSocketServer, client: WebSocketClient) -> None:
        channel, data = BROADCASTS[message_type]
        heard = hear(client, message_type)
        await client.subscribe([channel])
        broadcast = server.broadcast_alert if message_type == "alert" else getattr(server, f"broadcast_{message_type}")
        await broadcast(data)
        assert await heard.get() == data

    play(scenario)


def test_a_message_goes_only_to_those_who_subscribed() -> None:
    async def scenario(server: WebSocketServer, client: WebSocketClient) -> None:
        everything = hear(client, "*")
        await client.subscribe(["alerts"])
        for message_type, (_, data) in BROADCASTS.items():
            await server.broadcast(message_type, data)
        while (message := await everything.get()).channel is None:
            pass
        assert message.type == "alert"
        assert everything.empty()

    play(scenario)


def test_a_client_may_publish_to_those_who_subscribed() -> None:
    async def scenario(server: WebSocketServer, client: WebSocketClient) -> None:
        heard = hear(client, "ea_update")
        await client.subscribe(["ea_updates"])
        update = {"ea_id": 12345, "current_profit": 150.75}
        async with websockets.connect(server.url) as raw:
            await raw.send(json.dumps({"type": "auth", "data": {"token": TOKEN}}))
            await raw.send(json.dumps({"type": "publish", "id": 7, "data": {"channel": "ea_updates", "data": update}}))
            answer = [json.loads(await raw.recv()) for _ in range(3)][2]
        assert (answer["type"], answer["id"], answer["data"]["status"]) == ("publish_response", 7, "published")
        assert await heard.get() == update

    play(scenario)


def test_a_wrong_token_is_refused_and_never_repeated() -> None:
    async def scenario(server: WebSocketServer, _: WebSocketClient) -> None:
        stranger = WebSocketClient(server.url, "some-wrong-token")
        await stranger.connect()
        with pytest.raises(Exception, match="token") as refused:
            await stranger.authenticate()
        await stranger.disconnect()
        assert "some-wrong-token" not in str(refused.value)
        assert TOKEN not in repr(server)

    play(scenario)


def test_connected_clients_are_listed_and_forgotten() -> None:
    async def scenario(server: WebSocketServer, client: WebSocketClient) -> None:
        assert [info.authenticated for info in server.get_connected_clients()] == [True]
        await client.disconnect()
        assert server.get_connected_clients() == []

    play(scenario)


def test_running_tells_whether_it_runs() -> None:
    async def scenario(server: WebSocketServer, _: WebSocketClient) -> None:
        assert server.running
        assert server.port > 0
        await server.stop_server()
        assert not server.running

    play(scenario)


def test_a_restarted_server_is_found_again_without_help() -> None:
    async def scenario(server: WebSocketServer, client: WebSocketClient) -> None:
        heard = hear(client, "ea_update")
        await client.subscribe(["ea_updates"])
        port = server.port
        await server.stop_server()
        async with WebSocketServer(port=port, auth_token=TOKEN) as restarted:
            await restarted.broadcast_ea_update({"ea_id": 12345, "status": "active"})
            assert await heard.get() == {"ea_id": 12345, "status": "active"}

    play(scenario)
