"""Pieces, cohorts, and the index that finds who has something to hear."""

from itertools import pairwise
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from fleetwire.hub.cohort import Cohort, Cohorts, join
from fleetwire.hub.log import Entry
from fleetwire.hub.session import Session
from fleetwire.wire.channels import Topic

topics = st.frozensets(
    st.builds(Topic, st.sampled_from(["alerts", "ea_updates"]), st.none() | st.sampled_from("abc")), min_size=1
)


@given(st.lists(st.integers(1, 60), max_size=30), st.integers(1, 50))
def test_pieces_hold_every_frame_in_order_and_are_no_longer_than_they_may_be(sizes: list[int], bytes_max: int) -> None:
    entries = [Entry(n, "a", bytes([n]) * size, 0.0) for n, size in enumerate(sizes, 1)]
    pieces = list(join(entries, bytes_max))
    assert b"".join(piece.buffer for piece in pieces) == b"".join(entry.frame for entry in entries)
    for piece in pieces:
        assert len(piece.buffer) <= bytes_max or len(set(piece.buffer)) == 1
        assert piece.buffer[-1] == piece.position
    for piece, following in pairwise(pieces):
        assert len(piece.buffer) + sizes[piece.position] > bytes_max, "one more frame had room"
        assert following.buffer[0] == piece.position + 1


@given(
    st.lists(topics, min_size=1, max_size=8),
    st.sets(st.tuples(st.sampled_from(["alerts", "ea_updates"]), st.sampled_from("abcd"))),
)
def test_the_index_finds_exactly_those_who_hear_something(
    members: list[frozenset[Topic]], news: set[tuple[str, str]]
) -> None:
    cohorts = Cohorts()
    placed: list[tuple[Session, Cohort]] = []
    for wanted in members:
        session = cast(Session, object())
        placed.append((session, cohorts.admit(session, wanted)))
    assert len(cohorts) == len(set(members))
    by_channel: dict[str, list[Entry]] = {}
    for channel, key in sorted(news):
        by_channel.setdefault(channel, []).append(Entry(1, key, b"", 0.0))
    found = list(cohorts.hearing(by_channel))
    assert len(found) == len(set(found))
    assert {cohort.topics for cohort in found} == {
        wanted
        for wanted in members
        if any(Topic(channel) in wanted or Topic(channel, key) in wanted for channel, key in news)
    }
    for session, cohort in placed:
        cohorts.leave(session, cohort)
    assert len(cohorts) == 0
    assert list(cohorts.hearing(by_channel)) == []
