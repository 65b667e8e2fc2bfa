"""Shows each step of a conversation between a server and a client: `python test_websocket_manual.py`.

It starts a real server and real clients, says what it does and what came back, and ends with 0 if all went well.
"""

import asyncio
import json
from typing import Any

import websockets

from fleetwire import WebSocketClient, WebSocketServer
from fleetwire.wire.errors import AuthenticationError

TOKEN = "your_auth_token"
steps = 0


def step(text: str) -> None:
    """Say what comes next."""
    global steps
    steps += 1
    print(f"\n{steps}. {text}")


def expect(what: str, condition: bool) -> None:
    """Say whether it went as it should; end if not."""
    print(f"   {'ok' if condition else 'FAILED'}: {what}")
    if not condition:
        raise SystemExit(1)


async def next_of(messages: "asyncio.Queue[dict[str, Any]]", what: str) -> dict[str, Any]:
    """Wait for what a handler hears."""
    data = await asyncio.wait_for(messages.get(), 5)
    print(f"   {what}: {json.dumps(data)}")
    return data


async def show(server: WebSocketServer) -> None:
    """Have the conversation."""
    step("A client connects, and a wrong token is refused")
    stranger = WebSocketClient(server.url, "not the token")
    await stranger.connect()
    try:
        await stranger.authenticate()
        expect("the token was refused", condition=False)
    except AuthenticationError as error:
        expect(f"refused: {error}", condition=True)
    await stranger.disconnect()

    step("A client with the right token connects, authenticates and subscribes")
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    client = WebSocketClient(server.url, TOKEN)
    for message_type in ("ea_update", "portfolio_update", "alert"):
        client.register_message_handler(message_type, heard.put_nowait)
    await client.connect()
    await client.authenticate()
    answer = await client.subscribe(["ea_updates", "portfolio_updates"])
    expect(f"subscribed to {', '.join(answer.channels)}", answer.channels == ["ea_updates", "portfolio_updates"])
    expect(f"{len(server.get_connected_clients())} client is connected", len(server.get_connected_clients()) == 1)

    step("What the server broadcasts arrives unchanged")
    update = {"ea_id": 12345, "symbol": "EURUSD", "status": "active", "current_profit": 150.75, "my_own_field": [1, 2]}
    await server.broadcast_ea_update(update)
    expect("as it was sent", await next_of(heard, "ea_update") == update)
    await server.broadcast_portfolio_update({"total_profit": 2450.30, "active_eas": 15, "drawdown_pct": 3.8})
    await next_of(heard, "portfolio_update")

    step("An alert goes only to those who subscribed to alerts")
    await server.broadcast_alert({"level": "warning", "message": "EA 12345 drawdown exceeds 10%", "ea_id": 12345})
    await server.broadcast_ea_update({"ea_id": 12345, "current_profit": 151.00})
    expect("it was not heard", "level" not in await next_of(heard, "the next message"))

    step("Any WebSocket tool can speak to it")
    async with websockets.connect(server.url) as raw:
        print(f"   {await raw.recv()!s:.100}...")
        await raw.send('{"type": "heartbeat", "data": {"client_time": 1}}')
        answered = json.loads(await raw.recv())
        expect(f"{answered['type']}: {answered['data']}", answered["type"] == "heartbeat_response")
        await raw.send("this is not JSON")
        refused = json.loads(await raw.recv())
        expect(f"{refused['type']}: {refused['data']['message']}", refused["type"] == "error")

    step("The server stops and comes back; the client finds it by itself")
    port = server.port
    await server.stop_server()
    expect("stopped", not server.running)
    again = WebSocketServer(port=port, auth_token=TOKEN)
    await again.start_server()
    await again.broadcast_ea_update({"ea_id": 12345, "current_profit": 152.00})
    expect("the client heard it", (await next_of(heard, "ea_update"))["current_profit"] == 152.00)

    step("Good-bye")
    await client.disconnect()
    await again.stop_server()
    expect("all closed", not again.running and not client.connected)


async def main() -> None:
    """Run it on a free port."""
    async with WebSocketServer(port=0, auth_token=TOKEN) as server:
        await show(server)


if __name__ == "__main__":
    asyncio.run(main())
