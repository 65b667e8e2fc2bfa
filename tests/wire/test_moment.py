"""Both clocks in one, and the text of the one that people read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.wire.moment import moment, read_utc, utc_text


def test_a_moment_tells_both_clocks_and_the_text() -> None:
    at = moment(12.5, 1_795_440_600_123)
    assert (at.now, at.utc_ms, at.utc) == (12.5, 1_795_440_600_123, "2026-11-23T13:30:00.123Z")


@given(st.integers(0, 253_402_300_799_999))
def test_what_is_written_is_read_again_to_the_millisecond(utc_ms: int) -> None:
    assert read_utc(utc_text(utc_ms)) == utc_ms


def test_a_time_without_a_zone_is_utc_and_another_zone_is_converted() -> None:
    assert read_utc("2026-11-23T13:30:00") == read_utc("2026-11-23T15:30:00+02:00") == 1_795_440_600_000


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError):
        read_utc("soon")
