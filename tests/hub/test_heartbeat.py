"""Deadlines and the verdict, over injected time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.hub.heartbeat import Heartbeat, Verdict

timeouts_s = st.floats(1.0, 500.0)
shares = st.floats(0.05, 3.0)  # of the timeout: the interval


def run(heartbeat: Heartbeat, until: float, answers_after_s: float | None) -> tuple[Verdict, float, list[float]]:
    """Look whenever it says so; a peer answers each ping after a while, or never. Gives the last verdict and when."""
    now, pings, verdict = 0.0, [], Verdict.nothing
    answers: list[float] = []
    while now < until:
        now = max(min([heartbeat.next_deadline(), *answers]), now + 0.001)
        if answers and answers[0] <= now:
            heartbeat.seen_at = answers.pop(0)
            continue
        verdict = heartbeat.check(now)
        if verdict is Verdict.ping:
            pings.append(now)
            if answers_after_s is not None:
                answers.append(now + answers_after_s)
        if verdict is Verdict.lost:
            break
    return verdict, now, pings


@given(timeouts_s, shares)
def test_who_only_answers_pings_is_never_lost(timeout_s: float, share: float) -> None:
    verdict, _, pings = run(
        Heartbeat(share * timeout_s, timeout_s, 0.0), 20 * timeout_s, answers_after_s=0.4 * timeout_s
    )
    assert verdict is not Verdict.lost
    assert len(pings) >= 39


@given(timeouts_s, shares)
def test_who_answers_nothing_is_lost_at_the_timeout_and_was_asked_before(timeout_s: float, share: float) -> None:
    verdict, when, pings = run(Heartbeat(share * timeout_s, timeout_s, 0.0), 2 * timeout_s, answers_after_s=None)
    assert verdict is Verdict.lost
    assert when == pytest.approx(timeout_s, abs=0.01)
    assert pings


def test_pings_come_at_the_interval() -> None:
    _, _, pings = run(Heartbeat(30.0, 60.0, 0.0), 150.0, answers_after_s=1.0)
    assert pings == [30.0, 60.0, 90.0, 120.0, 150.0]


def test_any_sign_of_life_renews() -> None:
    heartbeat = Heartbeat(30.0, 60.0, 0.0)
    heartbeat.seen_at = 59.0
    assert heartbeat.check(60.0) is Verdict.ping
    assert heartbeat.check(118.9) is Verdict.ping
    assert heartbeat.check(119.0) is Verdict.lost
