"""What a program hears, and how old it is."""

import pytest

from fleetwire.client.message import Envelope, Message, ServerClock, seconds_of

NOON = "2026-11-22T12:00:00.000Z"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_age_is_told_by_the_servers_clock_at_the_moment_asked() -> None:
    clock = Clock()
    server = ServerClock(clock)
    message = Message.of(Envelope("ea_update", {}, NOON, as_of="2026-11-22T11:59:59.500Z"), server)
    assert message.age_ms is None
    server.learn(NOON, 100.0, 100.0)
    assert message.age_ms == 500
    clock.now += 2
    assert message.age_ms == 2500


def test_without_as_of_the_age_is_that_of_the_publication_and_never_negative() -> None:
    server = ServerClock(Clock())
    server.learn(NOON, 100.0, 100.0)
    assert Message.of(Envelope("alert", {}, "2026-11-22T11:59:58Z"), server).age_ms == 2000
    assert Message.of(Envelope("alert", {}, "2026-11-22T12:00:09Z"), server).age_ms == 0
    assert Message(type="alert", data={}, timestamp=NOON).age_ms is None


@pytest.mark.parametrize("stamp", [None, 5, "", "yesterday", "99999-01-01"])
def test_a_strange_stamp_has_no_age(stamp: object) -> None:
    assert seconds_of(stamp) is None


def test_a_stamp_that_was_long_on_its_way_does_not_replace_a_better_one() -> None:
    clock = Clock()
    server = ServerClock(clock)
    server.learn(NOON, 99.9, 100.0)
    known = server.now_s()
    server.learn("2026-11-22T11:59:58Z", 90.0, 100.0)
    server.learn("nonsense", 100.0, 100.0)
    server.learn(NOON, 101.0, 100.0)
    assert server.now_s() == known
    clock.now = 100_000.0  # drift has made it worse by now
    server.learn(NOON, 99_999.0, 100_000.0)
    assert server.now_s() == pytest.approx(seconds_of(NOON), abs=1)


@pytest.mark.parametrize("stamp", ["2026-11-22T11:00:00Z", "2026-11-22T13:00:00Z", "2026-12-02T12:00:00Z"])
def test_a_stamp_that_contradicts_what_was_known_tells_that_the_servers_clock_was_set(stamp: str) -> None:
    server = ServerClock(Clock())
    server.learn(NOON, 99.9, 100.0)
    server.learn(stamp, 96.0, 100.0)
    assert server.now_s() == pytest.approx(seconds_of(stamp), abs=2)


def test_a_message_shows_what_it_has() -> None:
    assert repr(Message(type="alert", data={"a": 1}, seq=0)) == "Message(type='alert', data={'a': 1}, seq=0)"
