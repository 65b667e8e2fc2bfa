from collections.abc import AsyncIterator

import pytest

from tests.client.peer import Peer, Time


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    await peer.start()
    yield peer
    await peer.stop()


@pytest.fixture
async def time() -> Time:
    return Time()
