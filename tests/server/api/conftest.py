"""A server with a fleet behind it, and callers."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from fleetwire.server.server import WebSocketServer
from tests.server.api.caller import Caller
from tests.server.api.desk import Desk, Tokens
from tests.server.support import TOKEN
from tests.support import ManualClock

EXPERT_TOKEN = "an-experts-token"
Call = Callable[[], Awaitable[Caller]]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def server(clock: ManualClock, desk: Desk) -> AsyncIterator[WebSocketServer]:
    async with WebSocketServer(port=0, auth_token=TOKEN, expert_token=EXPERT_TOKEN, clock=clock) as server:
        server.serve_fleet(desk)
        utc_ms = lambda: server.access.utc_ms(clock.moment())  # noqa: E731
        server.serve_tokens(Tokens(server.access.tokens, utc_ms, server.review_sessions))
        yield server


@pytest.fixture
async def callers(server: WebSocketServer) -> AsyncIterator[Call]:
    """Connects callers, and hangs up for them in the end."""
    made: list[Caller] = []

    async def connect() -> Caller:
        made.append(await Caller.connect(server))
        return made[-1]

    yield connect
    for caller in made:
        await caller.end()


@pytest.fixture
async def caller(callers: Call) -> Caller:
    return await callers()
