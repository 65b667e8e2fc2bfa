"""One deadline for each key, the earliest first, and no memory of those that were moved."""

from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.deadlines import Deadlines


@given(st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 20)), max_size=60), st.integers(0, 20))
def test_those_that_have_passed_come_out_in_order(settings: list[tuple[int, int | None]], now: int) -> None:
    deadlines: Deadlines[int] = Deadlines()
    known: dict[int, int] = {}
    for key, at in settings:
        deadlines.set(key, at)
        known.pop(key, None)
        if at is not None:
            known[key] = at
        assert deadlines.next() == min(known.values(), default=None)
    passed = list(deadlines.passed(now))
    assert [known[key] for key in passed] == sorted(at for at in known.values() if at <= now)
    assert len(deadlines) == len(known) - len(passed)


def test_a_deadline_that_is_moved_all_the_time_takes_no_more_room() -> None:
    deadlines: Deadlines[str] = Deadlines()
    for at in range(10_000):
        deadlines.set("a", float(at))
    assert len(deadlines._heap) < 100
    assert list(deadlines.passed(10_000)) == ["a"]
