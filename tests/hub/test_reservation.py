"""No position is given away that is not reserved, and little is written for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.hub.hub import Hub
from fleetwire.hub.limits import Limits
from fleetwire.hub.reservation import Reservation


@given(st.integers(2, 50), st.lists(st.integers(0, 30), max_size=60))
def test_at_least_half_a_block_is_reserved_ahead_and_asked_for_once_in_half_a_block(
    block: int, steps: list[int]
) -> None:
    reservation = Reservation(block=block)
    position = asked = 0
    assert reservation.due(0) == block
    for step in steps:
        position += step
        until = reservation.due(position)
        if until is not None:
            asked += 1
            assert until == position + block
        assert reservation.until >= position + block // 2
    assert asked <= position / (block - block // 2)


@pytest.mark.parametrize("published", [0, 1, 7])
def test_restarts_go_on_above_everything_that_was_given_away(published: int) -> None:
    reserved = 0
    seen: set[int] = set()
    for _ in range(4):
        hub = Hub("epoch-0", Limits())
        hub.restore("epoch-1", reserved, [], 0.0)
        reservation = Reservation(reserved, block=10)
        reserved = reservation.due(hub.position) or reserved  # on disk before anything is published
        for _ in range(published):
            position = hub.publish("alert", {}, now=0.0, timestamp="t").position
            assert position <= reserved
            assert position not in seen
            seen.add(position)
            reserved = reservation.due(hub.position) or reserved
    assert len(seen) == 4 * published
