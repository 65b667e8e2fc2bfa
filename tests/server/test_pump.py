"""What the hub decides is performed: one flush a turn, in the face of transports that fill up or break."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from fleetwire.hub.limits import Limits
from fleetwire.hub.session import House, Session
from fleetwire.server.pump import Pump
from tests.hub.support import TOKEN, UTC, new_house, unframe
from tests.support import ManualClock


class Place:
    """A pump, its hub, and sessions whose writes are looked at."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.house: House = new_house(limits)
        self.hub = self.house.hub
        self.pump = Pump(self.hub, ManualClock(), asyncio.get_running_loop())

    def session(self, write: Callable[[bytes], None]) -> Session:
        session = Session(self.house, "c", "127.0.0.1", write, 0.0, UTC)
        session.receive(f'{{"type":"auth","data":{{"token":"{TOKEN}"}}}}'.encode(), 0.0, UTC)
        session.receive(b'{"type":"subscribe","data":{"channels":["alerts"]}}', 0.0, UTC)
        return session

    def publish(self, **data: Any) -> None:
        self.hub.publish("alert", data, now=0.0, timestamp=UTC)
        self.pump.wake()


def numbers(buffers: list[bytes]) -> list[int]:
    return [message["data"]["n"] for buffer in buffers for message in unframe(buffer)]


async def test_messages_of_one_turn_leave_in_one_write_at_its_end() -> None:
    place, writes = Place(), list[bytes]()
    place.session(writes.append)
    place.pump.flush()
    for n in range(3):
        place.publish(n=n)
    assert writes == []
    await place.pump.flushed()
    assert len(writes) == 1
    assert numbers(writes) == [0, 1, 2]


async def test_waiting_for_a_flush_where_nothing_is_due_ends_at_once() -> None:
    async with asyncio.timeout(1):
        await Place().pump.flushed()


async def test_whoever_waits_is_told_although_the_wait_of_another_was_given_up() -> None:
    place = Place()
    place.publish(n=1)
    waits = [asyncio.create_task(place.pump.flushed()) for _ in range(2)]
    await asyncio.sleep(0)
    waits[0].cancel()
    async with asyncio.timeout(1):
        await waits[1]


async def test_who_waits_for_a_flush_is_told_when_there_will_be_none() -> None:
    place = Place()
    place.publish(n=1)
    waiting = asyncio.create_task(place.pump.flushed())
    place.pump._loop.call_soon(place.pump.close)
    async with asyncio.timeout(1):
        await waiting


async def test_a_session_that_fills_up_is_parked_and_goes_on_when_it_drains() -> None:
    place, writes, others = Place(Limits(piece_bytes_max=200)), list[bytes](), list[bytes]()

    def fill(buffer: bytes) -> None:
        writes.append(buffer)
        if len(writes) == 1:
            place.pump.pause(session)  # as asyncio does: from inside the write

    session = place.session(fill)
    place.session(others.append)
    place.pump.flush()
    for n in range(4):
        place.publish(n=n, fill="x" * 100)
    await place.pump.flushed()
    assert (numbers(writes), numbers(others)) == ([0], [0, 1, 2, 3])
    assert session.paused
    place.pump.drained(session)
    await place.pump.flushed()
    assert numbers(writes) == [0, 1, 2, 3]


@pytest.mark.parametrize("live", [True, False], ids=["in its cohort", "catching up"])
async def test_a_transport_that_raises_costs_nobody_else_a_message(live: bool) -> None:
    place, writes = Place(Limits(piece_bytes_max=200)), list[bytes]()

    def broken(_: bytes) -> None:
        raise RuntimeError("the handler is closed")

    before = list[bytes]()
    place.session(before.append)
    session = place.session(broken)
    place.session(writes.append)
    if live:
        place.pump.flush()
    for n in range(3):
        place.publish(n=n, fill="x" * 100)
    await place.pump.flushed()
    place.publish(n=3)
    await place.pump.flushed()
    assert numbers(before) == numbers(writes) == [0, 1, 2, 3]
    assert not session.cohorts
    assert not session.topics
    assert not place.hub.dirty
    assert place.hub.cohorts == 1


async def test_an_aggregate_that_publishes_too_much_does_not_flush_inside_a_flush() -> None:
    place, writes = Place(Limits(unflushed_count_max=1)), list[bytes]()
    place.session(writes.append)
    place.pump.flush()

    def total() -> None:
        assert place.hub.must_flush
        place.pump.flush()
        place.publish(n=2)

    place.hub.at_flush(total)
    place.publish(n=1)
    await place.pump.flushed()
    assert numbers(writes) == [1, 2]


async def test_the_next_flush_waits_as_long_as_the_last_one_took(monkeypatch: pytest.MonkeyPatch) -> None:
    place, writes = Place(), list[bytes]()
    place.session(writes.append)
    place.pump.flush()
    place.pump._not_before = place.pump._loop.time() + 0.01
    place.publish(n=1)
    for _ in range(3):
        await asyncio.sleep(0)
        place.publish(n=2)
    assert writes == [], "input has its turn first"
    await place.pump.flushed()
    assert len(writes) == 1, "and what came meanwhile is joined"
