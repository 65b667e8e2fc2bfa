"""The token bucket; and that every bound is one."""

from hypothesis import given
from hypothesis import strategies as st

from fleetwire.hub.limits import Limits, TokenBucket


@given(st.integers(1, 50), st.lists(st.floats(0.0, 30.0), max_size=120))
def test_never_more_than_a_full_bucket_and_its_refill_is_taken(per_minute_max: int, waits_s: list[float]) -> None:
    bucket = TokenBucket(per_minute_max, 0.0)
    now = taken = 0.0
    for wait_s in waits_s:
        now += wait_s
        taken += bucket.take(now)
        assert taken <= per_minute_max + now * per_minute_max / 60 + 1e-6


@given(st.integers(1, 50))
def test_a_full_bucket_can_be_emptied_at_once_and_refills_within_a_minute(per_minute_max: int) -> None:
    bucket = TokenBucket(per_minute_max, 0.0)
    for now in (0.0, 60.001):
        assert all(bucket.take(now) for _ in range(per_minute_max))
        assert not bucket.take(now)


def test_who_is_refused_can_come_again_after_its_share_of_a_minute() -> None:
    bucket = TokenBucket(2, 0.0)
    assert [bucket.take(now) for now in (0.0, 0.0, 0.0, 29.0, 30.0, 30.0)] == [True, True, False, False, True, False]


def test_every_bound_is_above_nothing_and_no_rate_is_asked_of_anybody() -> None:
    limits = Limits()
    bounds = set(Limits.__struct_fields__) - {"default_max_hz"}
    assert all(getattr(limits, name) > 0 for name in bounds)
    assert limits.default_max_hz == 0, "everybody is told at once"
