"""One timer for everybody who waits: each at its time, none forgotten, and nobody kept who is gone."""

import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.server.deadlines import Deadlines
from tests.support import ManualClock


class Patient:
    """Waits; is looked after again every `every_s` seconds, if at all."""

    def __init__(self, clock: ManualClock, every_s: float | None = None) -> None:
        self.due = float("inf")
        self.clock = clock
        self.every_s = every_s
        self.seen: list[float] = []

    def check(self, now: float) -> float | None:
        assert now == self.clock.monotonic()
        self.seen.append(now)
        return None if self.every_s is None else now + self.every_s


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0.0, 100.0)), max_size=40))
def test_everybody_is_looked_after_at_the_earliest_time_asked_for_and_only_once(asked: list[tuple[int, float]]) -> None:
    clock = ManualClock(0.0)
    deadlines = Deadlines(clock)
    patients = [Patient(clock) for _ in range(10)]
    for number, when in asked:
        deadlines.watch(patients[number], when)
        assert clock.waiting == 1, "nobody has a timer of their own"
    clock.advance(200.0)
    for number, patient in enumerate(patients):
        times = [when for asked_for, when in asked if asked_for == number]
        assert patient.seen == ([pytest.approx(min(times))] if times else [])
    assert clock.waiting == 0


def test_who_asks_for_more_is_looked_after_again() -> None:
    clock = ManualClock(0.0)
    patient = Patient(clock, every_s=10.0)
    Deadlines(clock).watch(patient, 10.0)
    clock.advance(35.0)
    assert patient.seen == [10.0, 20.0, 30.0]


def test_a_deadline_in_the_past_does_not_spin() -> None:
    clock = ManualClock(0.0)
    patient = Patient(clock, every_s=-5.0)
    Deadlines(clock).watch(patient, 1.0)
    clock.advance(2.0)
    assert 2 <= len(patient.seen) <= 1002


def test_a_broken_one_costs_nobody_else_their_deadline(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Patient):
        def check(self, now: float) -> float | None:
            raise ZeroDivisionError

    clock = ManualClock(0.0)
    deadlines = Deadlines(clock)
    broken, patient, late = Broken(clock), Patient(clock), Patient(clock)
    for who, when in ((broken, 1.0), (patient, 1.0), (late, 2.0)):
        deadlines.watch(who, when)
    clock.advance(3.0)
    assert (patient.seen, late.seen) == ([1.0], [2.0])
    assert "a deadline could not be kept" in caplog.text


def test_who_is_forgotten_is_never_looked_after_and_can_not_come_back() -> None:
    clock = ManualClock(0.0)
    deadlines = Deadlines(clock)
    patient, other = Patient(clock), Patient(clock)
    deadlines.watch(patient, 1.0)
    deadlines.watch(other, 1.0)
    deadlines.forget(patient)
    deadlines.forget(patient)
    deadlines.watch(patient, 2.0)
    clock.advance(3.0)
    assert (patient.seen, other.seen) == ([], [1.0])


def test_the_forgotten_are_not_kept_until_their_time() -> None:
    clock = ManualClock(0.0)
    deadlines = Deadlines(clock)
    patients = [Patient(clock) for _ in range(1000)]
    gone = [weakref.ref(patient) for patient in patients[10:]]
    for patient in patients:
        deadlines.watch(patient, 3600.0)
    for patient in patients[10:]:
        deadlines.forget(patient)
    del patients[10:], patient
    gc.collect()
    assert sum(reference() is not None for reference in gone) <= 11
    clock.advance(3600.0)
    assert all(patient.seen == [3600.0] for patient in patients)


def test_once_closed_it_looks_after_nobody() -> None:
    clock = ManualClock(0.0)
    deadlines = Deadlines(clock)
    patient = Patient(clock)
    deadlines.watch(patient, 1.0)
    deadlines.close()
    assert clock.waiting == 0
    clock.advance(2.0)
    assert patient.seen == []
