"""The weekly format: its events, their ids that stay, and what is refused of it."""

import contextlib
import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.events import NewsEvent
from fleetwire.sources.calendar.weekly import read_weekly
from fleetwire.wire.errors import DataError

PAYROLLS = {
    "title": "Non-Farm Employment Change",
    "country": "USD",
    "date": "2026-12-04T08:30:00-05:00",
    "impact": "High",
    "forecast": "180K",
    "previous": "175K",
}


NO_OFFSET = "its date does not tell its offset from UTC, like 2026-12-04T08:30:00-05:00 does"


def read(*entries: Any) -> list[NewsEvent]:
    reading = read_weekly(json.dumps(entries).encode())
    assert reading.refused == []
    return reading.events


def test_an_event_is_read() -> None:
    assert read(PAYROLLS) == [
        NewsEvent(
            id="USD/2026-W49/Non-Farm Employment Change",
            time_utc="2026-12-04T13:30:00.000Z",
            currency="USD",
            importance="high",
            name="Non-Farm Employment Change",
            forecast="180K",
            previous="175K",
        )
    ]


@pytest.mark.parametrize(
    ("impact", "importance"),
    [("High", "high"), ("Medium", "moderate"), ("Low", "low"), ("Holiday", "none"), ("Non-Economic", "none")],
)
def test_impact_becomes_importance(impact: str, importance: str) -> None:
    (event,) = read({**PAYROLLS, "impact": impact, "country": "All", "forecast": "", "previous": 1.5})
    assert (event.importance, event.currency, event.forecast, event.previous) == (importance, "ALL", None, 1.5)


def test_an_event_that_moves_within_its_week_or_gets_its_figures_is_the_same_event() -> None:
    (first,) = read(PAYROLLS)
    (second,) = read({**PAYROLLS, "date": "2026-12-03T09:00:00-05:00", "actual": "200K", "forecast": "170K"})
    assert first.id == second.id
    assert second.actual == "200K"


def test_equal_titles_of_a_week_are_told_apart_by_their_order_in_time_and_weeks_by_themselves() -> None:
    days = ["2026-12-03", "2026-12-01", "2026-12-08"]
    speeches = [{**PAYROLLS, "title": "Speech", "date": f"{day}T10:00:00+00:00"} for day in days]
    assert [event.id for event in read(*speeches)] == [
        "USD/2026-W49/Speech",
        "USD/2026-W49/Speech/2",
        "USD/2026-W50/Speech",
    ]
    assert read(*speeches) == read(*reversed(speeches))


def test_an_event_that_is_listed_twice_is_one() -> None:
    assert len(read(PAYROLLS, PAYROLLS)) == 1


def test_long_titles_keep_their_ids_apart() -> None:
    one, two = read({**PAYROLLS, "title": "x" * 300 + "1"}, {**PAYROLLS, "title": "x" * 300 + "2"})
    assert one.id != two.id
    assert len(one.id) <= 256
    assert len(one.name) <= 256


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": " "}, "it has no title"),
        ({"title": 3}, "Expected str, got int - at $.title"),
        ({"country": "x" * 17}, "its country is no currency like USD, nor All"),
        ({"impact": "Huge"}, "its impact is none of High, Medium, Low, Holiday and Non-Economic"),
        ({"date": "tomorrow"}, "its date is no ISO 8601 time, like 2026-12-04T08:30:00-05:00"),
        ({"date": "2026-12-04T08:30:00"}, NO_OFFSET),
        ({"date": "1960-12-04T08:30:00Z"}, "its date is out of range"),
    ],
)  # fmt: skip
def test_one_wrong_event_is_left_out_with_the_reason(change: dict[str, Any], said: str) -> None:
    reading = read_weekly(json.dumps([PAYROLLS, {**PAYROLLS, **change}]).encode())
    assert len(reading.events) == 1
    assert (reading.refused, reading.refused_count) == ([f"event 2 of the calendar: {said}"], 1)
    with pytest.raises(DataError, match="nothing of the calendar can be taken: event 1"):
        read_weekly(json.dumps([{**PAYROLLS, **change}]).encode())


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>Too many requests</html>", b"[" * 100_000, b"\xff", b'["\xff"]'])
def test_what_is_no_calendar_is_refused(body: bytes) -> None:
    with pytest.raises(DataError, match="calendar"):
        read_weekly(body)


def test_a_calendar_with_too_many_events_is_refused() -> None:
    with pytest.raises(DataError, match="has 5,001 events, more than 5,000"):
        read_weekly(b"[" + b"0," * 5_000 + b"0]")


def test_an_empty_calendar_is_one() -> None:
    assert read() == []


def test_a_hostile_calendar_is_refused_soon() -> None:
    began = time.process_time()
    for body in (b"[" + b"[]," * 1_300_000 + b"0]", b'[{"a":' * 700_000, b'[{"date":"' + b"1" * 4_000_000 + b'"}]'):
        with pytest.raises(DataError):
            read_weekly(body)
    assert time.process_time() - began < 3


FIELDS = st.sampled_from(["title", "country", "date", "impact", "forecast", "previous", "actual"])
VALUES = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20) | st.datetimes().map(str)


@given(st.lists(st.dictionaries(FIELDS, VALUES).map(lambda change: {**PAYROLLS, **change}) | VALUES, max_size=4))
def test_whatever_is_in_it_events_within_their_bounds_come_out_or_a_data_error(entries: list[Any]) -> None:
    with contextlib.suppress(DataError):
        for event in read_weekly(json.dumps(entries).encode()).events:
            assert msgspec.json.decode(msgspec.json.encode(event), type=NewsEvent) == event
