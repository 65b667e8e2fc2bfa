"""A running server with a hand-moved clock, raw clients, and a witness who must not be disturbed."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from fleetwire.server.server import WebSocketServer
from tests.server.support import TOKEN, Raw
from tests.support import ManualClock

Connect = Callable[[], Awaitable[Raw]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def server(clock: ManualClock) -> AsyncIterator[WebSocketServer]:
    async with WebSocketServer(port=0, auth_token=TOKEN, clock=clock) as server:
        yield server


@pytest.fixture
async def connect(server: WebSocketServer) -> AsyncIterator[Connect]:
    """Connects raw clients, and hangs up for them in the end."""
    clients: list[Raw] = []

    async def connect() -> Raw:
        clients.append(await Raw.connect(server))
        return clients[-1]

    yield connect
    for client in clients:
        await client.end()


@pytest.fixture
async def witness(server: WebSocketServer, connect: Connect) -> AsyncIterator[Raw]:
    """Another client of the same server: whatever somebody does, it goes on receiving."""
    client = await (await connect()).join("news_updates")
    yield client
    await server.broadcast_news_update({"still": "here"})
    assert (await client.message())["data"] == {"still": "here"}
