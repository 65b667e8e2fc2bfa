"""The time by which tokens expire: a clock that is set moves nobody's end."""

import pytest

from fleetwire.hub.steady import BELIEVED_AFTER_S, SteadyTime
from fleetwire.wire.moment import moment

T0 = 1_780_000_000_000
HOUR_MS = 3_600_000


@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS, 240 * HOUR_MS, -240 * HOUR_MS])
def test_a_jump_is_not_followed_and_when_it_is_put_right_nothing_has_happened(jump_ms: int) -> None:
    time = SteadyTime()
    assert time.utc_ms(moment(10.0, T0)) == T0
    assert time.utc_ms(moment(11.0, T0 + 1000 + jump_ms)) == T0 + 1000
    assert time.utc_ms(moment(300.0, T0 + 290_000 + jump_ms)) == T0 + 290_000
    assert time.utc_ms(moment(301.0, T0 + 291_000)) == T0 + 291_000
    assert time.utc_ms(moment(302.0 + BELIEVED_AFTER_S, T0 + 892_000 + jump_ms)) == T0 + 892_000


def test_a_jump_that_stands_was_no_mistake() -> None:
    time = SteadyTime()
    time.utc_ms(moment(10.0, 0))  # a machine that did not know the time when it was started
    assert time.utc_ms(moment(20.0, T0)) == 10_000
    assert time.utc_ms(moment(20.0 + BELIEVED_AFTER_S, T0 + 600_000)) == T0 + 600_000


def test_small_corrections_are_followed() -> None:
    time = SteadyTime()
    time.utc_ms(moment(10.0, T0))
    assert time.utc_ms(moment(20.0, T0 + 11_500)) == T0 + 11_500
    assert time.utc_ms(moment(21.0, T0 + 11_000)) == T0 + 11_000
