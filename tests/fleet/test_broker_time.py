"""The trade server's clock: rules with summer time, what terminals say, and clocks that are wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.broker_time import BrokerClock, ServerTime, server_text
from fleetwire.fleet.events import Terminal
from fleetwire.wire.moment import moment, read_utc
from tests.fleet.support import NOW_MS, at, terminal

ATHENS_BY_NEW_YORK = ServerTime(7200, "us")


@pytest.mark.parametrize(
    ("rule", "utc", "hours"),
    [
        (ATHENS_BY_NEW_YORK, "2026-03-08T06:59:59Z", 2),
        (ATHENS_BY_NEW_YORK, "2026-03-08T07:00:00Z", 3),
        (ATHENS_BY_NEW_YORK, "2026-11-01T05:59:59Z", 3),
        (ATHENS_BY_NEW_YORK, "2026-11-01T06:00:00Z", 2),
        (ServerTime(0, "eu"), "2026-03-29T00:59:59Z", 0),
        (ServerTime(0, "eu"), "2026-03-29T01:00:00Z", 1),
        (ServerTime(0, "eu"), "2026-10-25T00:59:59Z", 1),
        (ServerTime(0, "eu"), "2026-10-25T01:00:00Z", 0),
        (ServerTime(10_800), "2026-07-01T00:00:00Z", 3),
    ],
)
def test_a_rule_changes_the_clock_to_the_second(rule: ServerTime, utc: str, hours: int) -> None:
    assert rule.offset_s(read_utc(utc)) == hours * 3600


@pytest.mark.parametrize("wrong", [(1, "none"), (86_400, "none"), (7200, "mars")])
def test_a_rule_that_no_broker_has_is_refused(wrong: tuple[int, str]) -> None:
    with pytest.raises(ValueError, match=r"utc_offset_s must be|dst must be one of"):
        ServerTime(*wrong)


def test_an_offset_is_learned_in_quarters_of_an_hour_and_a_slow_report_does_not_move_it() -> None:
    clock = BrokerClock()
    assert (clock.offset_s(NOW_MS), clock.utc_ms(NOW_MS), clock.server_msc(NOW_MS)) == (None, None, None)
    assert clock.learn(Terminal(time_msc=NOW_MS + 7_200_000 - 3000), at())
    assert not clock.learn(Terminal(time_msc=NOW_MS + 7_200_000 - 60_000), at(1))
    assert (clock.offset_s(NOW_MS), clock.skew_s) == (7200, -61.0)


def test_a_terminal_whose_clock_is_an_hour_off_still_tells_the_offset_and_is_found_out() -> None:
    clock = BrokerClock()
    clock.learn(terminal(3600, offset_s=7200), at())
    assert (clock.offset_s(NOW_MS), clock.skew_s) == (7200, 3600.0)


def test_an_offset_that_no_place_on_earth_has_is_not_believed() -> None:
    clock = BrokerClock()
    assert not clock.learn(Terminal(time_msc=NOW_MS + 40 * 3_600_000), at())
    assert (clock.offset_s(NOW_MS), clock.skew_s) == (None, 40 * 3600.0)


def test_a_change_of_the_clocks_is_learned_and_what_was_before_it_stays() -> None:
    clock = BrokerClock()
    clock.learn(terminal(offset_s=10_800), at())
    clock.learn(terminal(86_400, offset_s=7200), at(86_400))
    assert clock.utc_ms(NOW_MS + 10_800_000) == NOW_MS
    later = NOW_MS + 90_000_000
    assert clock.utc_ms(later + 7_200_000) == later


def test_a_rule_goes_before_what_a_terminal_says() -> None:
    clock = BrokerClock(ServerTime(3600))
    assert not clock.learn(terminal(offset_s=7200), at())
    assert clock.offset_s(NOW_MS) == 3600


@given(st.integers(1_500_000_000, 2_500_000_000), st.sampled_from(["none", "us", "eu"]), st.integers(-48, 56))
def test_a_time_is_the_same_after_there_and_back(second: int, dst: str, quarters: int) -> None:
    """But for the hour that a clock shows twice, or never."""
    clock = BrokerClock(ServerTime(quarters * 900, dst))
    server_msc = clock.server_msc(second * 1000)
    assert server_msc is not None
    assert clock.utc_ms(server_msc) in (second * 1000, second * 1000 - 3_600_000, second * 1000 + 3_600_000)
    days = 86_400_000
    if clock.offset_s(second * 1000 - days) == clock.offset_s(second * 1000 + days):
        assert clock.utc_ms(server_msc) == second * 1000


def test_a_time_is_from_the_future_if_it_can_be_nowhere_yet() -> None:
    clock = BrokerClock()
    assert not clock.is_future(NOW_MS + 14 * 3_600_000, at())
    assert clock.is_future(NOW_MS + 16 * 3_600_000, at())
    clock.learn(terminal(), at())
    assert not clock.is_future(NOW_MS + 3_600_000, at()), "the clocks may just have changed"
    assert clock.is_future(NOW_MS + 2 * 3_600_000, at())


def test_a_servers_time_is_written_as_metatrader_does() -> None:
    assert server_text(1_753_441_858_999) == "2025.07.25 11:10:58"
    assert moment(0.0, 0).utc == "1970-01-01T00:00:00.000Z"
