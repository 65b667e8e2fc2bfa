"""Silence: each step is announced at its time, once, and a sign of life ends it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.liveness import WHY, Link, Liveness, Pulse, Silences
from fleetwire.wire.errors import ConfigError
from tests.fleet.support import at


def test_each_step_is_told_at_its_time_and_once() -> None:
    liveness, pulse = Liveness(Silences(5, 15, 120)), Pulse("me")
    assert liveness.next_deadline() is None
    assert liveness.heard(pulse, at().now)
    assert not liveness.heard(pulse, at(1).now), "it was fresh already"
    told = []
    for second in range(130):
        told += [(second, one.link) for one in liveness.due(at(second))]
    assert told == [(6, Link.late), (16, Link.stale), (121, Link.lost)]
    assert liveness.next_deadline() is None
    assert liveness.heard(pulse, at(140).now)
    assert pulse.link is Link.fresh


def test_who_means_to_speak_seldom_may_be_silent_longer() -> None:
    liveness, pulse = Liveness(Silences(5, 15, 120)), Pulse("me")
    liveness.heard(pulse, at().now, 60.0)
    assert [liveness.link_at(pulse, at(s).now).value for s in (149, 150, 300, 1200)] == [
        "fresh",
        "late",
        "stale",
        "lost",
    ]


def test_who_was_never_heard_is_lost() -> None:
    assert Liveness(Silences()).link_at(Pulse("me"), 0.0) is Link.lost


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=60))
def test_whoever_is_silent_is_announced_by_the_deadline_that_was_given(steps: list[tuple[int, int]]) -> None:
    """Looking only when `next_deadline` says so misses nothing: the links are those that the ages have."""
    liveness, pulses, now = Liveness(Silences(5, 15, 60)), [Pulse(n) for n in range(4)], 0.0
    for who, wait in steps:
        liveness.heard(pulses[who], now)
        until = now + wait
        while (deadline := liveness.next_deadline()) is not None and deadline <= until:
            now = max(now, deadline)
            liveness.due(at(now - 1000.0))
        now = until
        for pulse in pulses:
            if pulse.heard_at is not None:
                assert pulse.link is liveness.link_at(pulse, now)


@pytest.mark.parametrize("wrong", [(0, 15, 60), (15, 5, 60), (5, 15, 10), (5, 15, 90_000)])
def test_an_order_that_makes_no_sense_is_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(ConfigError):
        Silences(*wrong)


def test_silence_and_its_reasons_have_names() -> None:
    assert [link.is_silent for link in Link] == [False, False, True, True]
    assert set(WHY) == {
        "expert_stopped",
        "algo_trading_off",
        "terminal_down",
        "broker_connection_lost",
        "market_closed",
    }


def test_who_means_to_speak_more_often_from_now_on_is_missed_sooner() -> None:
    liveness, pulse = Liveness(Silences(5, 15, 120)), Pulse("me")
    liveness.heard(pulse, at().now, 60.0)
    liveness.heard(pulse, at(1).now, 1.0)
    assert liveness.next_deadline() == at(6).now
    assert [one.link for one in liveness.due(at(6))] == [Link.late]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40), st.sampled_from([None, 0.5, 4.0, 60.0])), max_size=60))
def test_whoever_changes_how_often_he_speaks_is_announced_at_his_deadline(
    steps: list[tuple[int, int, float | None]],
) -> None:
    liveness, pulses, now = Liveness(Silences(5, 15, 60)), [Pulse(n) for n in range(4)], 0.0
    for who, wait, interval_s in steps:
        liveness.heard(pulses[who], now, interval_s)
        until = now + wait
        while (deadline := liveness.next_deadline()) is not None and deadline <= until:
            now = max(now, deadline)
            liveness.due(at(now - 1000.0))
        now = until
        for pulse in pulses:
            if pulse.heard_at is not None:
                assert pulse.link is liveness.link_at(pulse, now)


def test_a_fleet_that_reports_wakes_nobody() -> None:
    """Whoever asks when to look next is not told of deadlines that were moved on by a sign of life."""
    liveness, pulses = Liveness(Silences(5, 15, 120)), [Pulse(number) for number in range(50)]
    woken = 0
    for tenth in range(600):
        for pulse in pulses[tenth % 10 :: 10]:
            liveness.heard(pulse, at(tenth / 10).now)
        deadline = liveness.next_deadline()
        woken += deadline is not None and deadline <= at(tenth / 10).now
    assert woken == 0
    assert liveness.next_deadline() == at(59.0 + 5).now, "the one who has been silent for longest"
