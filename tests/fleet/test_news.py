"""The calendar: what is new is told once, blackouts open and close once, whatever happens to clocks and servers."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.events import NewsEvent
from fleetwire.fleet.news import Blackout, News, NewsSettings
from fleetwire.wire.errors import DataError
from fleetwire.wire.moment import Moment, moment
from fleetwire.wire.rows import NewsRow

MINUTE = 60_000
NOON = 1_796_385_600_000  # 2026-12-04T12:00:00Z
DAY = 86_400_000
SYMBOLS = ("EURUSD", "GBPJPY", "XAUUSD", "GER40", "AAPL")


def at(minutes: float, jump_min: float = 0) -> Moment:
    """A moment some minutes after noon; the wall clock may be wrong by some more."""
    return moment(1000 + minutes * 60, NOON + round((minutes + jump_min) * MINUTE))


def event(id: Any = 1, currency: str = "USD", importance: str = "high", **fields: Any) -> NewsEvent:
    return NewsEvent(id=id, currency=currency, importance=importance, name=fields.pop("name", "Payrolls"), **fields)


def told(rows: list[NewsRow]) -> list[tuple[str, str]]:
    return [(row.currency, row.status) for row in rows]


# --------------------------------------------------------------------------------------------------------- the events


def test_an_event_is_announced_with_its_blackout() -> None:
    (row,) = News().apply(event(7, forecast=180.0, source="MQL5"), NOON + 90 * MINUTE, at(0))
    assert row == NewsRow(
        id=7,
        status="announced",
        name="Payrolls",
        currency="USD",
        importance="high",
        time_utc="2026-12-04T13:30:00.000Z",
        forecast=180.0,
        source="MQL5",
        blackout_from_utc="2026-12-04T13:00:00.000Z",
        blackout_until_utc="2026-12-04T14:00:00.000Z",
    )
    (low,) = News().apply(event(importance="low"), NOON, at(0))
    assert (low.blackout_from_utc, low.trading_blocked, low.symbols) == (None, None, None)


def test_an_event_told_again_unchanged_is_not_announced_again_whoever_tells_it() -> None:
    news = News()
    news.apply(event(7, time_utc="2026-12-04T13:30:00Z", forecast=1.0), NOON, at(0))
    assert news.apply(event(7, time_utc="2026-12-04T13:30:00Z", forecast=1.0), NOON, at(1)) == []
    assert news.apply(event("7", time_msc=5, server="Other", forecast=1.0), NOON + 999, at(1)) == []
    assert len(news) == 1


@pytest.mark.parametrize("changes", [{"actual": 200.0}, {"importance": "low"}, {"name": "NFP"}, {"currency": "EUR"}])
def test_an_event_that_changed_is_announced_again(changes: dict[str, Any]) -> None:
    news = News()
    news.apply(event(7), NOON, at(0))
    (row,) = news.apply(event(**{"id": 7, **changes}), NOON, at(1))
    assert row.status == "announced"
    assert {name: getattr(row, name) for name in changes} == changes
    assert news.apply(event(**{"id": 7, **changes}), NOON, at(2)) == []


def test_an_event_that_moved_is_announced_again_with_its_new_time() -> None:
    news = News()
    news.apply(event(7), NOON, at(0))
    (row,) = news.apply(event(7), NOON + 60 * MINUTE, at(0))
    assert row.time_utc == "2026-12-04T13:00:00.000Z"
    assert news.blocked("EURUSD", NOON) is None, "the old blackout is gone"
    assert news.blocked("EURUSD", NOON + 60 * MINUTE) == NOON + 90 * MINUTE


def test_a_calendar_that_does_not_know_a_figure_yet_takes_none_away() -> None:
    news = News()
    news.apply(event(7, actual=200.0, forecast=180.0), NOON, at(0))
    assert news.apply(event(7, forecast=180.0), NOON, at(1)) == []
    (row,) = news.apply(event(7, forecast=190.0), NOON, at(2))
    assert (row.actual, row.forecast) == (200.0, 190.0)


def test_what_is_old_is_no_news_and_what_is_far_ahead_is_refused() -> None:
    news = News()
    with pytest.raises(DataError, match="calendar event 1 is more than 8 days ago: no news"):
        news.apply(event(1), NOON - 9 * DAY, at(0))
    with pytest.raises(DataError, match="calendar event 2 is more than 400 days ahead"):
        news.apply(event(2), NOON + 500 * DAY, at(0))
    assert len(news) == 0


def test_the_calendar_is_bounded_the_nearest_events_stay() -> None:
    news = News(NewsSettings(events_max=3))
    for number, days in enumerate((1, 5, 9)):
        news.apply(event(number), NOON + days * DAY, at(0))
    news.apply(event("nearer"), NOON + 2 * DAY, at(0))
    with pytest.raises(DataError, match="farther is not taken: 3 events come before it"):
        news.apply(event("farther"), NOON + 6 * DAY, at(0))
    assert len(news) == 3
    assert news.blocked("EURUSD", NOON + 2 * DAY)
    assert not news.blocked("EURUSD", NOON + 9 * DAY)
    assert news.apply(event("next week"), NOON + 8 * DAY, at(7 * 24 * 60)), "what is past makes room"
    assert len(news) == 3


def test_a_full_calendar_is_taken_and_changed_at_a_few_microseconds_an_event() -> None:
    """What it costs does not grow with what is there already."""
    news = News()
    began = time.process_time()
    for actual in (None, 1.0):
        for number in range(2_000):
            news.apply(event(number, actual=actual), NOON + number * MINUTE, at(0))
            news.next_deadline(at(0))
    assert time.process_time() - began < 1.0


def test_hostile_currencies_do_not_pile_up() -> None:
    news = News()
    for number in range(2_000):
        news.apply(event(1, currency=f"C{number}"), NOON, at(0))
    assert len(news._schedules) <= 257


# ------------------------------------------------------------------------------------------------------ the blackouts


def test_a_blackout_opens_and_closes_for_the_symbols_of_its_currency() -> None:
    news = News()
    news.apply(event(7), NOON + 60 * MINUTE, at(0))
    assert news.due(at(29), SYMBOLS) == []
    (opened,) = news.due(at(30), SYMBOLS)
    assert (opened.id, opened.status, opened.trading_blocked) == (7, "blackout_opened", True)
    assert opened.symbols == ["EURUSD", "XAUUSD"]
    assert opened.blackout_until_utc == "2026-12-04T13:30:00.000Z"
    assert news.due(at(89.99), SYMBOLS) == []
    (closed,) = news.due(at(90), SYMBOLS)
    assert (closed.id, closed.status, closed.trading_blocked) == (7, "blackout_closed", False)
    assert closed.symbols == ["EURUSD", "XAUUSD"]
    assert news.next_deadline(at(91)) is None


def test_events_of_one_hour_make_one_blackout() -> None:
    news = News()
    for number, minutes in enumerate((60, 60, 75)):
        news.apply(event(number), NOON + minutes * MINUTE, at(0))
    rows = [row for minute in range(130) for row in news.due(at(minute), SYMBOLS)]
    assert told(rows) == [("USD", "blackout_opened"), ("USD", "blackout_closed")]
    assert rows[0].id == rows[1].id == 0
    assert rows[1].blackout_until_utc == "2026-12-04T13:45:00.000Z"


def test_a_symbol_of_two_currencies_is_free_only_after_both() -> None:
    news = News()
    news.apply(event(1, "USD"), NOON + 30 * MINUTE, at(0))
    news.apply(event(2, "EUR"), NOON + 60 * MINUTE, at(0))
    assert news.blocked("EURUSD", NOON) == NOON + 90 * MINUTE, "both together"
    assert news.blocked("XAUUSD", NOON) == NOON + 60 * MINUTE
    rows = [row for minute in range(100) for row in news.due(at(minute), SYMBOLS)]
    assert [(row.currency, row.trading_blocked, row.symbols) for row in rows] == [
        ("USD", True, ["EURUSD", "XAUUSD"]),
        ("EUR", True, ["EURUSD", "GER40"]),
        ("USD", False, ["XAUUSD"]),
        ("EUR", False, ["EURUSD", "GER40"]),
    ]


def test_an_event_of_all_currencies_blocks_every_symbol() -> None:
    news = News()
    news.apply(event(1, "All"), NOON, at(0))
    (opened,) = news.due(at(0), SYMBOLS)
    assert opened.symbols == sorted(SYMBOLS)
    assert news.blocked("AAPL", NOON)


def test_a_blackout_that_concerns_nobody_is_told_once_it_does() -> None:
    news = News()
    news.apply(event(1), NOON, at(-60))
    assert news.due(at(-30), ["GBPJPY"]) == []
    (opened,) = news.due(at(-10), ["GBPJPY", "EURUSD"])
    assert (opened.status, opened.symbols, opened.blackout_from_utc) == (
        "blackout_opened",
        ["EURUSD"],
        "2026-12-04T11:30:00.000Z",
    )
    assert told(news.due(at(30), ["GBPJPY"])) == [("USD", "blackout_closed")], "what was opened is closed for all"
    news.apply(event(2), NOON + 120 * MINUTE, at(31))
    assert news.due(at(100), []) == news.due(at(200), SYMBOLS) == []


def test_an_event_of_no_currency_blocks_nothing() -> None:
    news = News()
    (row,) = news.apply(event(1, currency=""), NOON, at(-60))
    assert row.blackout_from_utc is None
    assert news.next_deadline(at(-60)) is None


def test_settings_overrule_windows_and_currencies() -> None:
    settings = NewsSettings(
        high=Blackout(5, 10), moderate=Blackout(0, 1), currencies={"aapl": ("USD",), "EURUSD": (), "GBPJPY": ("ALL",)}
    )
    news = News(settings)
    news.apply(event(1), NOON, at(0))
    news.apply(event(2, "GBP", "moderate"), NOON, at(0))
    assert news.blocked("AAPL", NOON - 5 * MINUTE) == NOON + 10 * MINUTE
    assert news.blocked("AAPL", NOON - 5 * MINUTE - 1) is None
    assert news.blocked("EURUSD", NOON) is None
    assert news.blocked("GBPJPY", NOON) is None
    assert news.blocked("GBPUSD", NOON) == NOON + 10 * MINUTE
    assert news.blocked("UK100", NOON + MINUTE - 1) == NOON + MINUTE
    assert news.blocked("UK100", NOON + MINUTE) is None


def test_a_blackout_that_its_event_leaves_is_closed_and_one_that_grows_is_not_opened_again() -> None:
    news = News()
    news.apply(event(1), NOON, at(0))
    assert told(news.due(at(0), SYMBOLS)) == [("USD", "blackout_opened")]
    news.apply(event(2), NOON + 45 * MINUTE, at(1))
    assert news.due(at(30), SYMBOLS) == [], "it goes on"
    news.apply(event(2), NOON + 120 * MINUTE, at(40))
    assert news.next_deadline(at(40)) == at(40).now
    (closed,) = news.due(at(40), SYMBOLS)
    assert (closed.id, closed.status, closed.symbols) == (1, "blackout_closed", ["EURUSD", "XAUUSD"])
    assert told(news.due(at(90), SYMBOLS)) == [("USD", "blackout_opened")]


def test_the_deadline_is_when_the_next_blackout_opens_or_closes_but_no_more_than_a_minute_away() -> None:
    news = News()
    assert news.next_deadline(at(0)) is None
    news.apply(event(1), NOON + 60 * MINUTE, at(0))
    assert news.next_deadline(at(0)) == at(1).now, "the wall clock may be set meanwhile"
    assert news.next_deadline(at(29.5)) == at(30).now
    assert news.next_deadline(at(31)) == at(31).now
    news.due(at(31), SYMBOLS)
    assert news.next_deadline(at(89.5)) == at(90).now


# -------------------------------------------------------------------------------------------------------- wall clocks


def test_a_clock_that_is_set_back_opens_no_blackout_twice() -> None:
    news = News()
    news.apply(event(1), NOON, at(-60))
    assert told(news.due(at(-30), SYMBOLS)) == [("USD", "blackout_opened")]
    assert news.due(at(-29, jump_min=-20), SYMBOLS) == []
    assert news.blocked("EURUSD", at(-29, jump_min=-20).utc_ms) == NOON + 30 * MINUTE, "it is open until it closes"
    assert told(news.due(at(30), SYMBOLS)) == [("USD", "blackout_closed")]
    assert news.due(at(31, jump_min=-20), SYMBOLS) == []
    assert news.due(at(60), SYMBOLS) == []


def test_a_clock_that_is_set_ahead_loses_no_closing() -> None:
    news = News()
    news.apply(event(1), NOON, at(-60))
    news.apply(event(2), NOON + 300 * MINUTE, at(-60))
    news.due(at(-30), SYMBOLS)
    rows = news.due(at(-29, jump_min=329), SYMBOLS)
    assert [(row.id, row.status) for row in rows] == [(1, "blackout_closed"), (2, "blackout_opened")]


# ------------------------------------------------------------------------------------------------------------ restarts


def restarted(news: News, kept: dict[str, bytes]) -> News:
    """A server that begins with what was kept."""
    kept |= {memory.id: memory.memory for memory in news.changed()}
    again = News()
    again.restore(kept.values())
    return again


def test_what_has_to_be_kept_is_told_once() -> None:
    news = News()
    news.apply(event(7), NOON, at(-60))
    (memory,) = news.changed()
    assert (memory.id, memory.utc_ms, memory.currency, memory.importance) == ("7", NOON, "USD", "high")
    assert memory == news.memory(event(7))
    assert news.changed() == []
    news.due(at(-30), SYMBOLS)
    assert [memory.id for memory in news.changed()] == ["7"], "that its blackout was told is kept, too"
    assert news.memory(event(8)) is None


def test_what_can_not_be_read_any_more_is_left_out() -> None:
    news, again = News(), News()
    news.apply(event(7), NOON, at(-60))
    again.restore([b"", b"\xc1", b"\x80", news.changed()[0].memory])
    assert len(again) == 1
    assert again.apply(event(7), NOON, at(0)) == []


def test_what_was_kept_can_be_listed() -> None:
    news = News()
    (row,) = news.apply(event("7", importance="low", actual="3.2%"), NOON, at(-60))
    assert news.shown(news.changed()[0].memory, SYMBOLS) == row


def test_what_is_listed_has_its_blackout_as_it_stands_now_and_the_symbols_that_it_concerns() -> None:
    news = News()
    news.apply(event(1), NOON, at(-60))
    kept = news.changed()[0].memory
    news.apply(event(2), NOON + 1_800_000, at(-60))  # overlaps: both are one blackout now
    row = news.shown(kept, SYMBOLS)
    assert (row.blackout_from_utc, row.blackout_until_utc) == (at(-30).utc, at(60).utc)
    assert row.symbols == ["EURUSD", "XAUUSD"]
    assert News().shown(kept, SYMBOLS).blackout_from_utc is None, "it is in no calendar any more"


def test_after_a_restart_nothing_is_announced_or_opened_again_and_the_closing_is_told() -> None:
    kept: dict[str, bytes] = {}
    news = News()
    news.apply(event(1), NOON, at(-60))
    news.due(at(-30), SYMBOLS)
    news = restarted(news, kept)
    assert news.apply(event(1), NOON, at(-20)) == []
    assert news.due(at(-20), SYMBOLS) == []
    assert news.blocked("EURUSD", NOON) == NOON + 30 * MINUTE
    news = restarted(news, kept)
    assert told(news.due(at(300), SYMBOLS)) == [("USD", "blackout_closed")], "however late"
    news = restarted(news, kept)
    assert news.due(at(301, jump_min=-301), SYMBOLS) == []


# ---------------------------------------------------------------------------------------------------------- properties

CURRENCIES = st.sampled_from(["USD", "EUR", "JPY", "ALL"])
IMPORTANCES = st.sampled_from(["high", "moderate", "low"])
TOLD = st.tuples(st.just("event"), st.integers(0, 5), CURRENCIES, IMPORTANCES, st.integers(-60, 400))
LATER = st.tuples(st.just("later"), st.sampled_from([0.0, 0.5, 1.0, 7.0, 30.0, 100.0]))
BLACKOUTS = {"high": (30, 20), "moderate": (0, 5), "low": (0, 0)}
SETTINGS = NewsSettings(high=Blackout(30, 20), moderate=Blackout(0, 5))
CONCERNS = {"EURUSD": {"EUR", "USD", "ALL"}, "GBPJPY": {"JPY", "GBP", "ALL"}, "XAUUSD": {"USD", "ALL"}}
CONCERNS |= {"GER40": {"EUR", "ALL"}, "AAPL": {"ALL"}}


def covered(calendar: dict[int, tuple[str, str, int]], currencies: set[str], minute: float) -> bool:
    """Whether a minute is in any blackout, the slow way."""
    return any(
        currency in currencies and when - BLACKOUTS[importance][0] <= minute < when + BLACKOUTS[importance][1]
        for currency, importance, when in calendar.values()
    )


@given(st.lists(TOLD | LATER, max_size=30))
def test_a_symbol_is_blocked_exactly_while_a_blackout_of_its_currencies_lasts(steps: list[Any]) -> None:
    news, calendar, minutes = News(SETTINGS), {}, 0.0
    is_open: dict[str, bool] = {}
    for step in steps:
        if step[0] == "later":
            minutes += step[1]
        else:
            _, number, currency, importance, when = step
            news.apply(event(number, currency, importance), NOON + when * MINUTE, at(minutes))
            calendar[number] = (currency, importance, when)
        for row in news.due(at(minutes), SYMBOLS):
            assert row.trading_blocked != is_open.get(row.currency, False), "openings and closings take turns"
            is_open[row.currency] = bool(row.trading_blocked)
        deadline = news.next_deadline(at(minutes))
        assert deadline is None or deadline > at(minutes).now, "what is due was told"
        for currency in ("USD", "EUR", "JPY", "ALL"):
            assert is_open.get(currency, False) == covered(calendar, {currency}, minutes)
        for symbol, currencies in CONCERNS.items():
            until = news.blocked(symbol, at(minutes).utc_ms)
            assert (until is not None) == covered(calendar, currencies, minutes)
            if until is not None:
                end = (until - NOON) / MINUTE
                assert not covered(calendar, currencies, end)
                assert all(covered(calendar, currencies, m) for m in (minutes, end - 0.01, (minutes + end) / 2))


CLOCKS = st.lists(st.tuples(st.sampled_from([0.5, 5.0, 20.0, 60.0]), st.integers(-300, 300)), max_size=40)


@given(st.lists(st.tuples(CURRENCIES, IMPORTANCES, st.integers(-60, 400)), max_size=6), CLOCKS, st.data())
def test_wherever_the_wall_clock_is_set_each_blackout_opens_and_closes_at_most_once(
    events: list[Any], clocks: list[tuple[float, int]], data: st.DataObject
) -> None:
    """And what opened is closed once the clock is right again; restarts at any moment change nothing."""
    news, kept, minutes = News(), {}, 0.0
    for number, (currency, importance, when) in enumerate(events):
        news.apply(event(number, currency, importance), NOON + when * MINUTE, at(0))
    rows: list[NewsRow] = []
    for passed, jump_min in [*clocks, (10_000.0, 0)]:
        minutes += passed
        rows += news.due(at(minutes, jump_min), SYMBOLS)
        if data.draw(st.booleans()):
            news = restarted(news, kept)
    for currency in ("USD", "EUR", "JPY", "ALL"):
        own = [row for row in rows if row.currency == currency]
        assert [row.status for row in own] == ["blackout_opened", "blackout_closed"] * (len(own) // 2)
        windows = [row.blackout_until_utc for row in own[::2]]
        assert len(set(windows)) == len(windows)
        assert windows == [row.blackout_until_utc for row in own[1::2]]
