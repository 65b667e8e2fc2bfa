"""Who is connected, as people see it."""

from websockets.frames import Opcode

from fleetwire.server.server import WebSocketServer
from tests.server.conftest import Connect
from tests.server.support import frame
from tests.support import ManualClock, until


async def test_a_client_is_described_before_and_after_it_is_known(server: WebSocketServer, connect: Connect) -> None:
    await (await connect()).upgrade()
    await (await connect()).join("alerts", "ea_updates:7")
    stranger, known = server.get_connected_clients()
    assert (stranger.authenticated, stranger.role, stranger.channels) == (False, None, [])
    assert (known.authenticated, known.role, known.state) == (True, "admin", "live")
    assert known.channels == ["alerts", "ea_updates:7"]
    assert known.address == "127.0.0.1"
    assert known.connected_at.endswith("Z")


async def test_what_was_told_and_heard_is_counted_and_how_long_a_ping_takes(
    server: WebSocketServer, connect: Connect, clock: ManualClock
) -> None:
    client = await (await connect()).join("alerts")
    [before] = server.get_connected_clients()
    assert (before.token_id, before.behind, before.round_trip_ms) == ("admin", 0, None)
    assert (before.heard_messages, before.told_messages, before.told_bytes) == (2, 0, 0)
    for number in range(3):
        await server.broadcast_alert({"message": str(number)})
        await client.message()
    [told] = server.get_connected_clients()
    assert told.told_messages == 3
    assert told.told_bytes > 3 * len('{"type":"alert"}')
    assert (told.heard_messages, told.heard_bytes) == (2, before.heard_bytes)

    client.send(frame(b"", Opcode.PONG))  # nobody asked for it
    await until(lambda: server.get_connected_clients()[0].heard_bytes > told.heard_bytes)
    clock.advance(30.0)
    assert (await client.frame()).opcode is Opcode.PING
    clock.advance(0.25)
    client.send(frame(b"", Opcode.PONG))
    await until(lambda: server.get_connected_clients()[0].round_trip_ms)
    assert server.get_connected_clients()[0].round_trip_ms == 250.0
