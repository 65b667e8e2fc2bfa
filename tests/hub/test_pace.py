"""When a pace is due, and where a straggler stands."""

from hypothesis import given
from hypothesis import strategies as st

from fleetwire.hub.pace import Pace, Straggler, rounded_down
from fleetwire.wire.channels import Topic
from tests.hub.support import Room


def test_the_first_news_are_told_at_once_and_the_next_after_their_time() -> None:
    pace = Pace(4.0, 0)
    assert pace.next_at is None
    pace.news.add("ea_updates")
    assert pace.is_due(1000.0)
    pace.flushed(7, 1000.0)
    assert (pace.position, pace.next_at) == (7, None), "there is nothing new"
    assert not pace.is_due(1000.2)
    pace.news.add("ea_updates")
    assert pace.next_at == 1000.25
    assert pace.is_due(1000.25)


def test_without_a_rate_it_is_always_due() -> None:
    pace = Pace(None, 0)
    pace.flushed(1, 1000.0)
    assert pace.is_due(1000.0)


@given(
    st.dictionaries(st.builds(Topic, st.just("alerts"), st.sampled_from("abc")), st.integers(-1, 9)), st.integers(0, 9)
)
def test_a_straggler_never_goes_back(cursor: dict[Topic, int], position: int) -> None:
    pace = Pace(None, 0)
    one = Straggler(Room().reader().session, pace, cursor)
    assert one.topics == cursor.keys()
    assert not pace.is_empty
    one.advance(position)
    assert one.cursor == {topic: max(at, position) for topic, at in cursor.items()}


@given(st.floats(1e-300, 1000))
def test_a_rate_is_rounded_down_to_one_of_a_few(hz: float) -> None:
    rounded = rounded_down(hz)
    assert rounded <= max(hz, 0.01) * (1 + 1e-6)
    assert rounded >= 0.9 * hz
    assert float(f"{rounded:.2g}") == rounded
    assert rounded_down(rounded) == rounded
