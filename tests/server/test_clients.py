"""Who is connected, as people see it."""

from fleetwire.server.server import WebSocketServer
from tests.server.conftest import Connect


async def test_a_client_is_described_before_and_after_it_is_known(server: WebSocketServer, connect: Connect) -> None:
    await (await connect()).upgrade()
    await (await connect()).join("alerts", "ea_updates:7")
    stranger, known = server.get_connected_clients()
    assert (stranger.authenticated, stranger.role, stranger.channels) == (False, None, [])
    assert (known.authenticated, known.role, known.state) == (True, "admin", "live")
    assert known.channels == ["alerts", "ea_updates:7"]
    assert known.address == "127.0.0.1"
    assert known.connected_at.endswith("Z")
