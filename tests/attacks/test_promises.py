"""What many attackers at once can make the server hold."""

import asyncio

import pytest

from tests.attacks.__main__ import alive
from tests.attacks.frames import narrow
from tests.attacks.own import OwnServer
from tests.attacks.peer import CONTINUATION, PING, TEXT, Peer, frame, said

ATTACKERS = 60
MIB_EACH = 2.0


async def test_sixty_attackers_make_it_hold_less_than_two_mib_each() -> None:
    """Each one has authenticated, has sent most of a long message, floods with pings, and reads nothing."""
    async with OwnServer() as own:
        before = own.target.memory_mib()
        if before is None:
            pytest.skip("the memory of a process can't be seen here")
        peers: list[Peer] = []
        for _ in range(ATTACKERS):
            peer = await narrow(own.target)
            peers.append(peer)
            peer.send(said("auth", token=own.target.token), said("subscribe", channels=["*"]))
            await asyncio.sleep(0)
            peer.send(frame(b"a" * 60_000, TEXT, fin=False), *[frame(b"a" * 3_000, CONTINUATION, fin=False)] * 250)
            peer.send(frame(b"p" * 125, PING) * 4_000)
        await asyncio.sleep(0.5)
        await alive(own.target)
        after = own.target.memory_mib()
        assert after is not None
        grown = after - before
        for peer in peers:
            await peer.end()
        assert grown < ATTACKERS * MIB_EACH, f"{grown:.0f} MiB for {ATTACKERS} attackers"
        assert after < 512
