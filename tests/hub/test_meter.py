"""What a role may say in a second: warned first, then closed; what is usual passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.hub.access import Identity, Role
from fleetwire.hub.limits import Limits
from fleetwire.hub.meter import Meter, Rates, Verdict, rates_of


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 4000), st.floats(0, 2)), max_size=80))
def test_nobody_is_sent_off_unwarned(said: list[tuple[int, int, float]]) -> None:
    """Unless it is by one message of more than the whole reserve."""
    meter, now, warned = Meter(Rates(20, 2000), 10.0, 0.0), 0.0, False
    for count, size, wait_s in said:
        now += wait_s
        verdict = meter.take(count, size, now)
        warned = warned or verdict is Verdict.warn
        if verdict is Verdict.over:
            assert warned or count >= 40 or size >= 4000
            return


def test_over_is_over_and_a_warning_is_given_once() -> None:
    meter = Meter(Rates(10, 10_000), 1.0, 0.0)
    verdicts = [meter.take(1, 1, 0.0) for _ in range(11)]
    assert verdicts == [Verdict.fine] * 8 + [Verdict.warn, Verdict.fine, Verdict.over]


def test_who_goes_slower_is_warned_anew_later() -> None:
    meter = Meter(Rates(10, 10_000), 1.0, 0.0)
    assert [meter.take(1, 1, 0.0) for _ in range(9)][-1] is Verdict.warn
    assert meter.take(1, 1, 10.0) is Verdict.fine
    assert [meter.take(1, 1, 10.0) for _ in range(8)][-1] is Verdict.warn


def test_bytes_count_as_well() -> None:
    meter = Meter(Rates(1000, 1000), 1.0, 0.0)
    assert meter.take(1, 900, 0.0) is Verdict.warn
    assert meter.take(1, 200, 0.0) is Verdict.over


@pytest.mark.parametrize("role", [Role.expert, Role.publisher, Role.admin])
def test_ten_reports_a_second_and_a_backfill_of_5000_deals_are_fine(role: Role) -> None:
    limits = Limits()
    meter, now = Meter(rates_of(Identity(role), limits), limits.burst_s, 0.0), 0.0
    for _ in range(5000):
        assert meter.take(1, 600, now) is Verdict.fine
    for _ in range(36_000):
        now += 0.1
        assert meter.take(1, 4000, now) is Verdict.fine


def test_strangers_and_those_who_only_hear_say_the_least() -> None:
    limits = Limits()
    rates = [rates_of(Identity(role), limits) for role in (Role.viewer, Role.operator, Role.expert, Role.admin)]
    assert rates_of(None, limits) == rates[0] == rates[1] < rates[2] < rates[3]
