"""Bounds: rates of operators, and limits that let something happen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.commands.bounds import CommandLimits, Rates
from fleetwire.wire.errors import ConfigError


def test_a_burst_passes_and_then_one_at_a_time() -> None:
    rates = Rates(per_minute=60, burst=3)
    assert [rates.take("ann", 0.0) for _ in range(4)] == [0, 0, 0, 1.0]
    assert rates.take("ann", 0.5) == 0.5
    assert rates.take("ann", 1.0) == 0
    assert rates.take("ann", 1.0) == 1.0
    assert rates.take("bob", 1.0) == 0, "another operator is another bucket"


@given(st.lists(st.floats(0, 5), max_size=80))
def test_no_more_pass_than_the_rate_allows(pauses) -> None:
    rates, now, passed = Rates(per_minute=60, burst=5), 0.0, 0
    for pause in pauses:
        now += pause
        passed += rates.take("ann", now) == 0
    assert passed <= 5 + now + 1e-6


def test_operators_are_bounded_and_who_returns_has_a_full_bucket() -> None:
    rates = Rates(per_minute=1, burst=1)
    for number in range(10_001):
        rates.take(f"op {number}", 0.0)
    assert len(rates._buckets) == 10_000
    assert rates.take("op 0", 0.0) == 0
    assert rates.take("op 5000", 0.0) > 0


@pytest.mark.parametrize("name", ["waiting_max", "remembered_s", "per_minute", "burst"])
@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan")])
def test_a_bound_that_lets_nothing_happen_is_refused(name, value) -> None:
    with pytest.raises(ConfigError, match=f"commands: {name} must be above 0"):
        CommandLimits(**{name: value})
