"""A ticket is good once, for a while, and there are only so many."""

from hypothesis import given
from hypothesis import strategies as st

from fleetwire.hub.access import Identity, Role
from fleetwire.hub.tickets import Tickets

VIEWER = Identity(Role.viewer)


def test_a_ticket_is_good_once_and_in_time() -> None:
    tickets = Tickets(10, 30.0)
    tickets.give("a", VIEWER, 0.0)
    tickets.give("b", Identity(Role.operator), 1.0)
    assert tickets.take("c", 2.0) is None
    assert tickets.take("a", 29.9) == VIEWER
    assert tickets.take("a", 29.9) is None
    assert tickets.take("b", 31.0) is None
    assert len(tickets) == 0


def test_beyond_so_many_the_oldest_is_good_no_more() -> None:
    tickets = Tickets(2, 30.0)
    for name in "abc":
        tickets.give(name, VIEWER, 0.0)
    assert [tickets.take(name, 1.0) for name in "abc"] == [None, VIEWER, VIEWER]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans(), st.floats(0, 20)), max_size=60))
def test_nobody_comes_in_twice_or_late(moves: list[tuple[str, bool, float]]) -> None:
    tickets, now = Tickets(4, 30.0), 0.0
    given_at: dict[str, float] = {}
    for name, gives, wait_s in moves:
        now += wait_s
        if gives:
            tickets.give(name, VIEWER, now)
            given_at[name] = now
        elif tickets.take(name, now) is not None:
            assert now - given_at.pop(name) < 30.0
        assert len(tickets) <= 4


def test_a_ticket_is_not_kept_as_it_is() -> None:
    tickets = Tickets(2, 30.0)
    tickets.give("canary", VIEWER, 0.0)
    assert "canary" not in repr(vars(tickets))
