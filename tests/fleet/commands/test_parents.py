"""A parent's status follows from its children's."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.commands.life import TRANSITIONS, Status
from fleetwire.fleet.commands.parents import in_words, parent_status


@pytest.mark.parametrize(
    ("status", "children", "becomes"),
    [
        ("queued", "queued queued", "queued"),
        ("queued", "rejected queued", "queued"),
        ("queued", "delivered queued", "delivered"),
        ("delivered", "failed queued", "delivered"),
        ("delivered", "accepted queued", "accepted"),
        ("delivered", "executed queued", "accepted"),
        ("accepted", "failed queued", "accepted"),
        ("accepted", "executed executed", "executed"),
        ("accepted", "executed failed", "partial"),
        ("accepted", "partial partial", "partial"),
        ("accepted", "executed unknown", "unknown"),
        ("unknown", "executed accepted", "accepted"),
        ("unknown", "executed failed", "partial"),
        ("delivered", "rejected failed expired", "failed"),
        ("queued", "cancelled cancelled", "cancelled"),
        ("queued", "cancelled expired", "expired"),
        ("queued", "cancelled rejected", "rejected"),
    ],
)
def test_a_parent_is_what_its_children_make_it(status, children, becomes) -> None:
    counts = Counter(Status(each) for each in children.split())
    assert parent_status(Status(status), counts) == becomes


@given(
    st.lists(st.lists(st.integers(0, 9), max_size=8), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_whatever_its_children_go_through_a_parent_goes_by_the_table(walks, random) -> None:
    children, parent = [Status.queued for _ in walks], Status.queued
    while any(walks):
        place = random.choice([place for place, walk in enumerate(walks) if walk])
        following = sorted(TRANSITIONS[children[place]])
        pick = walks[place].pop()
        if not following:
            continue
        children[place] = following[pick % len(following)]
        now = parent_status(parent, Counter(children))
        assert now is parent or now in TRANSITIONS[parent], (parent, children)
        parent = now
    if all(child.is_end for child in children):
        assert parent.is_end
        assert (parent is Status.executed) == (set(children) == {Status.executed})


def test_children_are_told_in_words() -> None:
    assert in_words(Counter({Status.failed: 1, Status.executed: 2, Status.queued: 0})) == "of 3: 2 executed, 1 failed"
