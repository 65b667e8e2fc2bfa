"""What is sealed is handed over as it was published, and waited for, but not for good."""

from collections.abc import Callable

import pytest

from fleetwire.hub.hub import Hub
from fleetwire.hub.limits import Limits
from fleetwire.ports import KeptEvent
from fleetwire.server.keeping import Keeping, sealed_events
from tests.hub.support import UTC
from tests.support import ManualClock


class Keeper:
    """Notes what it is given, and answers when the test says so."""

    def __init__(self) -> None:
        self.given: list[list[KeptEvent]] = []
        self.done: list[Callable[[], None]] = []
        self.must_wait = True
        self.at_once = False

    def keep_events(self, events: list[KeptEvent], done: Callable[[], None]) -> bool:
        self.given.append(events)
        self.done.append(done)
        if self.at_once:
            done()
        return self.must_wait


class Place:
    """A hub with two events that are sealed, and a keeper."""

    def __init__(self) -> None:
        self.clock, self.keeper = ManualClock(), Keeper()
        self.hub = Hub("epoch-1", Limits(keep_deadline_s=2.0))
        self.went_on = 0
        self.keeping = Keeping(self.hub, self.clock, self.keeper, self._go_on)

    def _go_on(self) -> None:
        self.went_on += 1

    def hand_over(self, count: int = 2) -> bool:
        for _ in range(count):
            self.hub.publish("alert", {}, now=self.clock.now, timestamp=UTC)
        self.hub.seal()
        waits = self.keeping.hand_over()
        list(self.hub.flush(self.clock.now, UTC))
        return waits

    @property
    def told_unkept(self) -> int:
        return self.hub.counts.told_unkept


def test_events_are_handed_over_with_their_bytes_and_the_time_of_their_publication() -> None:
    place = Place()
    entry = place.hub.publish("trade_update", {"ea_id": 5}, now=place.clock.now, timestamp=UTC)
    place.hub.publish("ea_update", {"ea_id": 5}, now=place.clock.now, timestamp=UTC)
    place.clock.advance(1.5)
    place.hub.seal()
    (kept,) = sealed_events(place.hub, place.clock.moment())
    assert kept == KeptEvent("trade_updates", 1, 1, "5", 1_000_000, entry.payload)


def test_with_each_event_is_handed_over_who_may_hear_it() -> None:
    place = Place()
    place.hub.publish("alert", {}, now=0.0, timestamp=UTC, labels=frozenset({"x"}))
    place.hub.publish("alert", {}, now=0.0, timestamp=UTC)
    place.hub.seal()
    handed_over = [(event.position, event.labels) for event in sealed_events(place.hub, place.clock.moment())]
    assert handed_over == [(1, frozenset({"x"})), (2, None)]


def test_whoever_must_wait_goes_on_once_it_is_kept() -> None:
    place = Place()
    assert place.hand_over()
    assert place.keeping.waiting
    place.keeper.done[0]()
    place.keeper.done[0]()
    assert (place.keeping.waiting, place.went_on, place.told_unkept) == (False, 1, 0)
    assert place.clock.waiting == 0


def test_who_need_not_wait_goes_on_at_once_even_without_events() -> None:
    place = Place()
    place.keeper.must_wait = False
    assert not place.hand_over(0)
    assert (place.keeper.given, place.went_on) == ([[]], 0)


def test_what_is_kept_while_it_is_handed_over_is_not_waited_for() -> None:
    place = Place()
    place.keeper.at_once = True
    assert not place.hand_over()
    assert (place.went_on, place.told_unkept, place.clock.waiting) == (0, 0, 0)


def test_a_keeper_that_does_not_answer_is_waited_for_no_more_until_it_does(caplog: pytest.LogCaptureFixture) -> None:
    place = Place()
    assert place.hand_over()
    place.clock.advance(1.9)
    assert place.went_on == 0
    place.clock.advance(0.1)
    assert (place.went_on, place.told_unkept) == (1, 2)
    assert not place.hand_over(3), "handed over, and not waited for"
    assert (len(place.keeper.given), place.told_unkept) == (2, 5)
    assert "not kept within 2 s" in caplog.text
    place.keeper.done[0]()
    assert (place.went_on, place.keeping.waiting) == (1, False), "that turn is over"
    assert place.hand_over()


def test_an_answer_to_an_earlier_turn_does_not_end_the_wait_of_this_one() -> None:
    place = Place()
    place.hand_over()
    place.keeping.give_up()
    assert place.told_unkept == 2
    assert place.hand_over()
    place.keeper.done[0]()
    assert place.keeping.waiting
    place.keeper.done[1]()
    assert (place.went_on, place.told_unkept) == (1, 2)


def test_a_keeper_that_fails_is_not_waited_for(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place()
    monkeypatch.setattr(place.keeper, "keep_events", lambda *_: 1 / 0)
    assert not place.hand_over()
    assert place.told_unkept == 2
    assert "2 events could not be handed over" in caplog.text
