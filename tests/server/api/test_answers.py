"""Pages by the keys of their rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from fleetwire.server.api.answers import page
from fleetwire.server.api.problem import Problem


class Thing(Struct, frozen=True):
    account: str
    ticket: int


def key(thing: Thing) -> tuple[str, int]:
    return thing.account, thing.ticket


things = st.builds(Thing, st.sampled_from(["A/1", "A/2", "ä ß/3"]), st.integers(0, 60))


@given(st.sets(things, max_size=50), st.sets(things, max_size=20), st.integers(1, 20))
def test_pages_give_every_row_that_stays_once_in_order_whatever_comes_and_goes(
    stay: set[Thing], go: set[Thing], limit: int
) -> None:
    given_out: list[Thing] = []
    cursor = None
    there = stay | go
    while True:
        found = page(list(there), key, limit, cursor)
        assert found.total == len(there)
        given_out += found.items
        there = stay
        if found.next is None:
            break
        cursor = found.next
    assert given_out == sorted(given_out, key=key)
    assert len(set(given_out)) == len(given_out)
    assert stay <= set(given_out)


@pytest.mark.parametrize("cursor", ["x", "AAAA", "!", "ä", "WzEsMl0", "e30", "W1tdXQ", "W" * 2000])
def test_a_cursor_that_nobody_gave_is_refused(cursor: str) -> None:
    with pytest.raises(Problem, match="cursor"):
        page([Thing("A/1", 1)], key, 10, cursor)
