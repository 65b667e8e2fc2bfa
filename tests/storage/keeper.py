"""Keeps units in a file as fast as it can, and prints the number of each that is acknowledged: to be killed."""

import asyncio
import sys

from fleetwire.ports import TradeQuery
from fleetwire.storage import SqliteStore
from tests.storage.support import unit


def tell(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def main(path: str) -> None:
    store = SqliteStore(path)
    await store.open()
    newest = (await store.deals(TradeQuery(limit=1))).items
    number = newest[0].deal.ticket // 2 if newest else 0
    while True:
        for _ in range(20):
            number += 1
            store.keep(unit(number), lambda error, number=number: tell(error or number))
        await store.committed()


asyncio.run(main(sys.argv[1]))
