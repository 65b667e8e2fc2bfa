"""What the keeper hands to the store, and what it says of it."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from fleetwire.ports import Record
from fleetwire.wire.errors import StoreError
from tests.integration.support import account, whole


async def test_what_the_store_could_not_keep_is_told_as_not_kept(tmp_path: Path) -> None:
    """Else a client that heard it would be told, after a restart, that nothing is missing."""
    async with whole(tmp_path / "fleet.db") as fw:
        store = fw.service.keeper.store if fw.service.keeper is not None else None
        assert store is not None
        await fw.report(account())
        keep = store.keep

        def refuse(records: Sequence[Record], done: Callable[[Exception | None], None] | None = None) -> None:
            keep(records, None)
            if done is not None:
                asyncio.get_running_loop().call_soon(done, StoreError("the disk is full"))

        store.keep = refuse  # type: ignore[method-assign]
        fw.server.publish("alert", {"level": "info", "message": "told, and not known to be kept"})
        await fw.server.flushed()
        store.keep = keep  # type: ignore[method-assign]
        assert fw.server.hub.counts.told_unkept == 1
        fw.server.publish("alert", {"level": "info", "message": "kept again"})
        await fw.report(account(equity=1001.0))
        fw.server.publish("alert", {"level": "info", "message": "kept"})
        await fw.report(account(equity=1002.0))
        assert fw.server.hub.counts.told_unkept <= 2, "once the store answers, events wait for it again"
