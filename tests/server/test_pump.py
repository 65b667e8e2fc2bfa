"""What the hub decides is performed: one flush a turn, in the face of transports that fill up or break."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from fleetwire.hub.limits import Limits
from fleetwire.hub.session import House, Session
from fleetwire.ports import KeptEvent
from fleetwire.server.pump import Pump
from tests.hub.support import TOKEN, UTC, new_house, unframe
from tests.support import ManualClock, until


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


# ------------------------------------------------------------------------------------------ kept before they are told


class KeptPlace(Place):
    """A place where events are kept; `kept[n]()` says that those of the turn n are."""

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(limits)
        self.given: list[list[int]] = []
        self.kept: list[Callable[[], None]] = []
        self.must_wait = True
        self.clock = ManualClock()
        self.pump = Pump(self.hub, self.clock, asyncio.get_running_loop(), self)
        self.writes: list[bytes] = []
        self.session(self.writes.append)

    def keep_events(self, events: list[KeptEvent], done: Callable[[], None]) -> bool:
        self.given.append([json.loads(event.payload)["data"]["n"] for event in events])
        self.kept.append(done)
        return self.must_wait and bool(events)

    @classmethod
    async def open(cls, limits: Limits | None = None) -> "KeptPlace":
        place = cls(limits)
        await place.pump.flushed()
        place.given.clear()
        place.kept.clear()
        return place

    @property
    def heard(self) -> list[int]:
        return numbers(self.writes)

    async def turn(self, number: int) -> None:
        """Let the events of a turn be handed over; the first one is 0."""
        await until(lambda: len(self.given) > number)


async def test_nobody_is_told_of_an_event_before_it_is_kept() -> None:
    place = await KeptPlace.open()
    place.publish(n=1)
    waiting = asyncio.create_task(place.pump.flushed())
    await place.turn(0)
    assert (place.given, place.heard, waiting.done()) == ([[1]], [], False)
    place.kept[0]()
    await waiting
    assert place.heard == [1]


async def test_what_is_published_meanwhile_is_kept_and_told_in_the_next_turn() -> None:
    place = await KeptPlace.open()
    place.publish(n=1)
    await place.turn(0)
    place.publish(n=2)
    before, after = (asyncio.create_task(place.pump.flushed()) for _ in range(2))
    await asyncio.sleep(0)
    assert place.given == [[1]], "one turn at a time"
    place.kept[0]()
    await place.turn(1)
    assert (place.heard, place.given, before.done()) == ([1], [[1], [2]], False)
    place.kept[1]()
    await asyncio.gather(before, after)
    assert place.heard == [1, 2]


async def test_who_waited_before_something_else_was_published_does_not_wait_for_that() -> None:
    place = await KeptPlace.open()
    place.publish(n=1)
    await place.turn(0)
    first = asyncio.create_task(place.pump.flushed())
    await asyncio.sleep(0)
    place.publish(n=2)
    place.kept[0]()
    await first
    assert place.heard == [1]
    place.pump.close()


async def test_where_there_is_no_event_nothing_waits_and_the_keeper_is_told_of_the_turn() -> None:
    place = await KeptPlace.open()
    place.hub.publish("ea_update", {"ea_id": 1}, now=0.0, timestamp=UTC)
    await place.pump.flushed()
    assert place.given == [[]]


async def test_nobody_waits_for_good_for_a_keeper_that_does_not_answer() -> None:
    place = await KeptPlace.open(Limits(keep_deadline_s=1.0))
    place.publish(n=1)
    waiting = asyncio.create_task(place.pump.flushed())
    await place.turn(0)
    place.clock.advance(1.0)
    await waiting
    assert (place.heard, place.hub.counts.told_unkept) == ([1], 1)
    place.publish(n=2)
    await place.pump.flushed()
    assert (place.heard, place.hub.counts.told_unkept) == ([1, 2], 2), "it is late, and not waited for again"
    place.kept[1]()
    place.publish(n=3)
    await place.turn(2)
    assert place.heard == [1, 2]
    place.kept[2]()
    assert place.heard == [1, 2, 3]


async def test_when_too_much_waits_the_flush_goes_ahead() -> None:
    place = await KeptPlace.open(Limits(unflushed_count_max=3))
    place.publish(n=1)
    await place.turn(0)
    place.publish(n=2)
    assert place.heard == []
    place.publish(n=3)
    assert place.heard == [1], "what was sealed is told; the rest is kept first"
    await place.turn(1)
    assert (place.given, place.hub.counts.told_unkept) == ([[1], [2, 3]], 1)
    place.kept[0]()
    assert place.heard == [1], "that was for another turn"
    place.kept[1]()
    assert place.heard == [1, 2, 3]


async def test_in_the_end_everything_is_kept_then_told() -> None:
    place = await KeptPlace.open()
    place.publish(n=1)
    await place.turn(0)
    place.publish(n=2)
    ending = asyncio.create_task(place.pump.finish(5))
    await asyncio.sleep(0)
    place.kept[0]()
    await place.turn(1)
    place.kept[1]()
    await ending
    assert (place.heard, place.hub.counts.told_unkept) == ([1, 2], 0)


async def test_the_end_comes_although_nothing_is_kept() -> None:
    place = await KeptPlace.open()
    place.publish(n=1)
    await place.turn(0)
    place.publish(n=2)
    await place.pump.finish(0.01)
    assert (place.heard, place.given, place.hub.counts.told_unkept) == ([1, 2], [[1], [2]], 2)


async def test_a_reader_that_drains_or_comes_while_events_are_being_kept_misses_nothing() -> None:
    place, others = await KeptPlace.open(), list[bytes]()
    slow = place.session(others.append)
    await place.pump.flushed()
    place.given.clear()
    place.kept.clear()
    place.publish(n=1)
    await place.turn(0)
    place.pump.pause(slow)
    place.publish(n=2)
    late = list[bytes]()
    place.session(late.append)
    place.pump.drained(slow)
    for turn in range(2):
        await place.turn(turn)
        place.kept[turn]()
    await place.pump.flushed()
    assert numbers(others) == place.heard == [1, 2]
    assert numbers(late) == [2], "it came when 1 was sealed"


async def test_a_rate_does_not_let_rows_overtake_the_events_that_are_being_kept() -> None:
    place, rows = await KeptPlace.open(), list[bytes]()
    session = place.session(rows.append)
    words = b'{"type":"subscribe","data":{"channels":["ea_updates"],"max_hz":10}}'
    session.receive(words, 0.0, UTC)
    place.pump.wake()
    await place.pump.flushed()
    for n in range(2):
        place.hub.publish("ea_update", {"ea_id": 1, "n": n}, now=place.clock.now, timestamp=UTC)
        place.pump.wake()
        await place.pump.flushed()
    assert numbers(rows) == [0]
    turn = len(place.given)
    place.publish(n=7)
    await place.turn(turn)
    place.clock.advance(0.5)
    assert numbers(rows) == [0]
    place.kept[turn]()
    assert sorted(numbers(rows)) == [0, 1, 7]


async def test_what_sums_up_later_is_waited_for_as_well() -> None:
    """Whoever asks for a sum while events are being kept has published nothing yet, and must not be told too early."""
    place = await KeptPlace.open()
    place.publish(n=1)
    await place.turn(0)
    place.hub.at_flush(lambda: place.publish(n=2))
    waiting = asyncio.create_task(place.pump.flushed())
    await asyncio.sleep(0)
    place.kept[0]()
    await place.turn(1)
    assert (place.given, place.heard, waiting.done()) == ([[1], [2]], [1], False)
    place.kept[1]()
    await waiting
    assert place.heard == [1, 2]
