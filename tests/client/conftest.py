from collections.abc import AsyncIterator

import pytest

from tests.client.peer import Peer, Time


@pytest.fixture(params=[None, "fleetwire.v2.json", "fleetwire.v2.msgpack"])
async def peer(request: pytest.FixtureRequest) -> AsyncIterator[Peer]:
    """A server of each version and form: what a program hears is the same."""
    peer = Peer(*filter(None, [request.param]))
    await peer.start()
    yield peer
    await peer.stop()


@pytest.fixture
async def time() -> Time:
    return Time()
