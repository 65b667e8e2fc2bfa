"""The real time."""

import asyncio
import re
import time
from datetime import UTC, datetime

import pytest

from fleetwire.server.clock import SystemClock


def test_the_wall_clock_is_written_in_utc_with_milliseconds() -> None:
    before = datetime.now(UTC)
    text = SystemClock().utc()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert -0.002 <= (datetime.fromisoformat(text) - before).total_seconds() < 5


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_999_999_999, "1970-01-01T00:00:01.999Z"),
        (1_000_000_000, "1970-01-01T00:00:01.000Z"),
        (1_763_832_660_007_000_000, "2025-11-22T17:31:00.007Z"),
    ],
)
def test_it_follows_the_wall_clock_wherever_that_jumps(
    monkeypatch: pytest.MonkeyPatch, time_ns: int, text: str
) -> None:
    clock = SystemClock()
    clock.utc()
    monkeypatch.setattr(time, "time_ns", lambda: time_ns)
    assert clock.utc() == text
    assert clock.utc() == text


def test_monotonic_time_is_the_machines() -> None:
    before = time.monotonic()
    assert before <= SystemClock().monotonic() <= time.monotonic()


async def test_a_call_is_made_at_its_time_and_can_be_taken_back() -> None:
    clock, called = SystemClock(), asyncio.Event()
    clock.call_at(clock.monotonic() + 0.001, lambda: pytest.fail("taken back")).cancel()
    clock.call_at(clock.monotonic() - 5.0, called.set)
    async with asyncio.timeout(5):
        await called.wait()
