"""Pieces, cohorts, and the index that finds who has something to hear."""

from itertools import pairwise
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from fleetwire.hub.cohort import Cohort, Cohorts, Hearing, News, Scope, join
from fleetwire.hub.log import Entry
from fleetwire.hub.pace import Pace
from fleetwire.hub.session import Session
from fleetwire.wire.channels import Topic
from fleetwire.wire.forms import FORMS, PLAIN, Form
from tests.hub.support import read

labels = st.none() | st.frozensets(st.sampled_from("xy"))
topics = st.frozensets(
    st.builds(Topic, st.sampled_from(["alerts", "ea_updates"]), st.none() | st.sampled_from("abc")), min_size=1
)
hearings = st.builds(Hearing, topics, st.sampled_from(FORMS), labels)


def numbered(number: int, size: int) -> Entry:
    return Entry(number, "a", b'{"n":%d,"fill":"%s"}' % (number, b"x" * size), 0.0)


@given(st.lists(st.integers(0, 300), max_size=30), st.integers(1, 500), st.sampled_from(FORMS))
def test_pieces_hold_every_message_in_order_and_are_no_longer_than_they_may_be(
    sizes: list[int], bytes_max: int, form: Form
) -> None:
    entries = [numbered(number, size) for number, size in enumerate(sizes, 1)]
    lengths = [len(entry.element(form)) for entry in entries]
    pieces = list(join(entries, form, 0, bytes_max))
    told = 0
    for piece in pieces:
        of_piece = range(told, told + piece.messages)
        told += piece.messages
        assert read(piece.buffer) == [{"n": n + 1, "fill": "x" * sizes[n]} for n in of_piece]
        assert piece.position == told
        assert sum(lengths[n] for n in of_piece) <= bytes_max or piece.messages == 1
        if form is PLAIN:
            assert piece.buffer == b"".join(entries[n].frame for n in of_piece)
    assert told == len(entries)
    begin = 0
    for piece, _ in pairwise(pieces):
        end = piece.position
        assert sum(lengths[begin : end + 1]) > bytes_max, "one more message had room"
        begin = end


@given(
    st.lists(hearings, min_size=1, max_size=8),
    st.sets(st.tuples(st.sampled_from(["alerts", "ea_updates"]), st.sampled_from("abcd"))),
)
def test_the_index_finds_exactly_those_who_hear_something(members: list[Hearing], news: set[tuple[str, str]]) -> None:
    cohorts = Cohorts(Pace(None, 0))
    placed: list[tuple[Session, Cohort]] = []
    for wanted in members:
        session = cast(Session, object())
        placed.append((session, cohorts.admit(session, wanted)))
    assert len(cohorts) == len(set(members))
    by_channel: dict[str, list[Entry]] = {}
    for channel, key in sorted(news):
        by_channel.setdefault(channel, []).append(Entry(1, key, b"", 0.0))
    found = list(cohorts.hearing(News(by_channel)))
    assert len(found) == len(set(found))
    assert {cohort.hearing for cohort in found} == {
        wanted
        for wanted in members
        if any(Topic(channel) in wanted.topics or Topic(channel, key) in wanted.topics for channel, key in news)
    }
    for session, cohort in placed:
        cohorts.leave(session, cohort)
    assert len(cohorts) == 0
    assert list(cohorts.hearing(News(by_channel))) == []


@given(topics, labels, st.lists(st.tuples(st.sampled_from(["alerts", "ea_updates"]), st.sampled_from("abcd"), labels)))
def test_a_cohort_hears_its_topics_within_its_scope_in_the_order_of_positions(
    wanted: frozenset[Topic], scope: Scope, published: list[tuple[str, str, Scope]]
) -> None:
    cohort = Cohort(Hearing(wanted, PLAIN, scope), Pace(None, 0))
    news: dict[str, list[Entry]] = {}
    expected: list[int] = []
    for position, (channel, key, held) in enumerate(published, 1):
        news.setdefault(channel, []).append(Entry(position, key, b"{}", 0.0, labels=held))
        if {Topic(channel), Topic(channel, key)} & wanted and (scope is None or held is None or scope & held):
            expected.append(position)
    assert [entry.position for entry in cohort.heard(News(news))] == expected
