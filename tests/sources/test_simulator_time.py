"""The clocks and hours of the simulated trade servers, in the weeks in which summer time begins and ends."""

from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.events import Account, DealReport, PriceReport, Session
from fleetwire.sources.simulator import Pace, Simulator
from fleetwire.sources.simulator.brokers import ALWAYS, BROKERS, daily_hours, week_hours

LIVE, PROP, LONDON, ATHENS = BROKERS
HOUR_MS = 3_600_000
WEEK_OF_MINUTES = Pace(step_ms=60_000, report_ms=300_000, positions_ms=600_000, price_ms=600_000, activity=1.0)


def utc(*parts: int) -> int:
    return round(datetime(*parts, tzinfo=UTC).timestamp() * 1000)


@given(st.integers(utc(2007, 4, 1), utc(2037, 12, 1)))
def test_offsets_are_those_of_the_zones_that_brokers_follow(at_ms: int) -> None:
    """The live server keeps seven hours ahead of New York, as brokers do whose day ends with New York's."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    for broker, zone, ahead_h in (
        (LIVE, "America/New_York", 7),
        (LONDON, "Europe/London", 0),
        (ATHENS, "Europe/Athens", 0),
    ):
        offset = moment.astimezone(ZoneInfo(zone)).utcoffset()
        assert offset is not None
        assert broker.offset_ms(at_ms) == offset.total_seconds() * 1000 + ahead_h * HOUR_MS
    assert PROP.offset_ms(at_ms) == 0


def test_between_the_american_and_the_european_sunday_two_servers_differ_by_an_hour_more() -> None:
    winter, between, summer = utc(2025, 3, 3), utc(2025, 3, 20), utc(2025, 4, 7)
    assert [LIVE.offset_ms(at) - ATHENS.offset_ms(at) for at in (winter, between, summer)] == [0, HOUR_MS, 0]


@pytest.mark.parametrize("hours", [week_hours(24), week_hours(22), daily_hours(24), daily_hours(22), ALWAYS])
def test_the_sessions_that_are_told_are_the_hours_that_are_kept(hours) -> None:
    sessions = hours.sessions()
    for minute in range(0, 7 * 1440, 7):
        day, second = minute // 1440, minute % 1440 * 60
        is_told = any(s.day == day and s.from_s <= second < s.to_s for s in sessions)
        sunday_ms = 3 * 86_400_000  # 1970-01-04
        assert hours.are_open(sunday_ms + minute * 60_000) == is_told


def test_currencies_trade_from_sunday_evening_to_friday_evening_in_utc() -> None:
    on_utc = week_hours(PROP.close_h).sessions()
    assert on_utc[0] == Session(0, 22 * 3600, 86_400)
    assert on_utc[-1] == Session(5, 0, 22 * 3600)
    assert [session.day for session in week_hours(LIVE.close_h).sessions()] == [1, 2, 3, 4, 5]


@given(st.integers(0, 14 * 86_400_000))
def test_what_holds_until_a_change_holds_until_then(at_ms: int) -> None:
    for hours in (week_hours(22), daily_hours(24), ALWAYS):
        until = hours.until_change_ms(at_ms)
        assert until > 0
        assert hours.are_open(at_ms + until - 1) == hours.are_open(at_ms)


def test_a_fleet_that_is_first_seen_a_minute_after_the_opening_has_not_traded_before_it() -> None:
    fleet = Simulator(7, 40, start_msc=utc(2025, 3, 9, 22, 1), accounts=6, pace=Pace(activity=400.0))
    deals = [fact.deal for fact in fleet.before() if isinstance(fact, DealReport) and fact.account[0] == PROP.name]
    mine = [deal for deal in deals if deal.symbol.startswith(("EUR", "GBP", "USD")) and deal.time_msc > utc(2025, 3, 9)]
    assert mine
    assert min(deal.time_msc for deal in mine) >= utc(2025, 3, 9, 22)


@pytest.mark.parametrize(
    ("monday", "offsets_h"), [((2025, 3, 7), {2, 3}), ((2025, 3, 28), {3}), ((2025, 10, 31), {2, 3})]
)
def test_nobody_trades_outside_the_sessions_in_weeks_in_which_the_clock_changes(monday, offsets_h) -> None:
    fleet = Simulator(7, 16, start_msc=utc(*monday, 12), accounts=6, pace=WEEK_OF_MINUTES)
    sessions: dict[tuple[str, str], tuple[Session, ...]] = {}
    offsets, traded = set(), 0
    for facts in ([*fleet.before()], *islice(fleet.steps(), 4 * 1440)):
        for fact in facts:
            if isinstance(fact, PriceReport) and fact.sessions is not None:
                sessions[fact.server, fact.symbol] = fact.sessions
            elif isinstance(fact, DealReport) and fact.deal.entry:
                day = (fact.deal.time_msc // 86_400_000 + 4) % 7
                second = fact.deal.time_msc // 1000 % 86_400
                mine = sessions[fact.account[0], fact.deal.symbol]
                assert any(s.day == day and s.from_s <= second < s.to_s for s in mine), fact
                traded += 1
            elif isinstance(fact, Account) and fact.server == LIVE.name:
                assert fact.terminal
                assert fact.terminal.time_msc is not None
                assert fact.terminal.time_gmt_msc is not None
                offsets.add((fact.terminal.time_msc - fact.terminal.time_gmt_msc) // HOUR_MS)
    assert traded > 500
    assert offsets == offsets_h
