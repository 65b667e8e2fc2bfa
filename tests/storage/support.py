"""Units that are numbered, and whether a store has them whole."""

from fleetwire.fleet.events import Deal
from fleetwire.ports import KeptDeal, KeptNote, Memory, Record, Sample, Store

T0 = 1_780_000_000_000


def unit(number: int) -> list[Record]:
    """Two deals of one position, a note and a sample: all of them are kept, or none."""
    deals = [
        KeptDeal("Alpha-Live", 1, 7, T0 + ticket, _deal(ticket, number)) for ticket in (2 * number - 1, 2 * number)
    ]
    return [*deals, KeptNote("newest", b"%d" % number), Sample("ea:7", T0 + number * 60_000, 1.0, float(number))]


def _deal(ticket: int, number: int) -> Deal:
    enters = ticket % 2 == 1
    return Deal(
        ticket=ticket,
        time_msc=T0 + ticket,
        type="buy" if enters else "sell",
        entry="in" if enters else "out",
        position_id=number,
        volume=1.0,
        price=1.5,
        symbol="EURUSD",
        comment="x" * 100,
    )


async def newest_whole(store: Store, memory: Memory) -> int:
    """Give the number of the newest unit, having made sure that all up to it are there, and whole."""
    tickets = [kept.deal.ticket async for some in store.deals_in_order() for kept in some]
    newest = int(memory.notes.get("newest", b"0"))
    assert tickets == list(range(1, 2 * newest + 1))
    assert len(await store.equity("ea:7", T0, T0 + (newest + 1) * 60_000, 10_000)) == newest
    assert await store.check() == []
    return newest
