"""Reports reach a server of ours, however it goes and comes; what it will never take is said."""

import asyncio
import logging
from pathlib import Path

import pytest

from fleetwire.cli.asking import Api
from fleetwire.cli.simulated.outbox import Outbox
from fleetwire.cli.simulated.post import Post
from fleetwire.integration.desk import Desk
from tests.integration.support import TOKEN, account, deal, whole


async def emptied(outbox: Outbox) -> None:
    async with asyncio.timeout(30):
        while outbox:
            await asyncio.sleep(0.005)


async def test_a_server_that_ends_and_comes_back_is_told_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    outbox = Outbox()
    async with whole(tmp_path / "fleet.db") as fw:
        url = fw.server.url
        post = Post(Api(url, TOKEN), outbox)
        delivering = asyncio.create_task(post.deliver())
        await outbox.put(account(), deal(1))
        await emptied(outbox)
        fw.server.serve_fleet(None)  # as in the first moment of its end
        await outbox.put(deal(2))
        async with asyncio.timeout(10):
            while "this server keeps no fleet" not in caplog.text:
                await asyncio.sleep(0.005)
        fw.server.serve_fleet(Desk(fw.service))
        await emptied(outbox)
    await outbox.put(deal(3))
    async with asyncio.timeout(10):
        while "is the server running there?" not in caplog.text:
            await asyncio.sleep(0.005)
    assert outbox.deals == 1
    async with whole(tmp_path / "fleet.db", port=int(url.rpartition(":")[2])) as fw:
        await emptied(outbox)
        delivering.cancel()
        found = fw.service.fleet.accounts["Broker-Demo", 5]
        assert [ticket for ticket in (1, 2, 3) if ticket in found.owners] == [1, 2, 3]
    assert caplog.text.count("is found again") == 2
    assert (post.accepted, post.refused) == (4 + 2, 0), "the account goes with each of its deals"


async def test_the_last_words_are_told_or_it_is_known_how_many_were_not(tmp_path: Path) -> None:
    outbox = Outbox()
    await outbox.put(account(), deal(1), deal(2))
    assert await Post(Api("ws://127.0.0.1:1", TOKEN), outbox).finish() == 2
    async with whole(tmp_path / "fleet.db") as fw:
        assert await Post(Api(fw.server.url, TOKEN), outbox).finish() == 0
        assert set(fw.service.fleet.accounts["Broker-Demo", 5].owners) == {1, 2}
