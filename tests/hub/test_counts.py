"""The histogram puts everything into exactly one bucket."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.hub.counts import BOUNDS_S, Counts, Histogram


@given(st.lists(st.floats(0.0, 100.0)))
def test_everything_is_counted_once_under_the_first_bound_that_is_not_below_it(seconds: list[float]) -> None:
    histogram = Histogram()
    for some in seconds:
        histogram.observe(some)
    assert sum(histogram.counts) == len(seconds)
    assert histogram.sum_s == pytest.approx(sum(seconds))
    edges = [float("-inf"), *BOUNDS_S, float("inf")]
    for (above, until), count in zip(pairwise(edges), histogram.counts, strict=True):
        assert count == sum(above < some <= until for some in seconds)


def test_every_hub_counts_for_itself() -> None:
    one, other = Counts(), Counts()
    one.flush_s.observe(1.0)
    assert sum(other.flush_s.counts) == 0
