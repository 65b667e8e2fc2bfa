"""iCalendar files: when an event is, what it concerns, and what is refused."""

import contextlib
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.events import NewsEvent
from fleetwire.sources.calendar import ics
from fleetwire.sources.calendar.ics import read_ics
from fleetwire.wire.errors import ConfigError, DataError

pytest.importorskip("icalendar")


def calendar(*events: str, head: str = "") -> bytes:
    """A calendar; an event is written as its lines."""
    blocks = [f"BEGIN:VEVENT\n{event}\nEND:VEVENT" for event in events]
    return "\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *filter(None, [head]), *blocks, "END:VCALENDAR", ""]).encode()


def read(*lines: str, head: str = "") -> NewsEvent:
    (event,) = read_ics(calendar("\n".join(lines), head=head)).events
    return event


RECURRING = "recurring events are not taken, list each occurrence"
NFP = ("UID:nfp@example", "SUMMARY:USD: Payrolls", "DTSTART:20261204T133000Z")


def test_an_event_is_read() -> None:
    assert read(*NFP, "CATEGORIES:High") == NewsEvent(
        id="ics/nfp@example",
        time_utc="2026-12-04T13:30:00.000Z",
        currency="USD",
        importance="high",
        name="USD: Payrolls",
    )


@pytest.mark.parametrize(
    ("start", "head", "utc"),
    [
        ("DTSTART;TZID=America/New_York:20261204T083000", "", "2026-12-04T13:30:00.000Z"),
        ("DTSTART;TZID=America/New_York:20260704T083000", "", "2026-07-04T12:30:00.000Z"),
        ("DTSTART:20261204T083000", "", "2026-12-04T08:30:00.000Z"),
        ("DTSTART:20261204T083000", "X-WR-TIMEZONE:Europe/Berlin", "2026-12-04T07:30:00.000Z"),
        ("DTSTART:20261204T083000", "X-WR-TIMEZONE:../../etc/passwd", "2026-12-04T08:30:00.000Z"),
        ("DTSTART;VALUE=DATE:20261204", "", "2026-12-04T00:00:00.000Z"),
    ],
)
def test_time_zones_are_honoured(start: str, head: str, utc: str) -> None:
    assert read("UID:1", "SUMMARY:Payrolls", start, head=head).time_utc == utc


def test_an_event_of_a_whole_day_blocks_nothing() -> None:
    assert read("UID:1", "SUMMARY:USD Holiday", "DTSTART;VALUE=DATE:20261225", "CATEGORIES:High").importance == "none"


@pytest.mark.parametrize(
    ("lines", "currency", "importance"),
    [
        (["SUMMARY:Payrolls", "CATEGORIES:USD,High"], "USD", "high"),
        (["SUMMARY:Payrolls", "CATEGORIES:Medium Impact", "CATEGORIES:eur"], "EUR", "moderate"),
        (["SUMMARY:OPEC meets", "CATEGORIES:All,Low"], "ALL", "low"),
        (["SUMMARY:[JPY] Rate decision (High)"], "JPY", "high"),
        (["SUMMARY:GBP CPI y/y [medium impact]", "PRIORITY:1"], "GBP", "moderate"),
        (["SUMMARY:Payrolls (USD)", "PRIORITY:1"], "USD", "high"),
        (["SUMMARY:USD: Payrolls", "PRIORITY:5"], "USD", "moderate"),
        (["SUMMARY:USD: Payrolls", "PRIORITY:9"], "USD", "low"),
        (["SUMMARY:USD: Payrolls", "PRIORITY:0"], "USD", "none"),
        (["SUMMARY:Rate decision"], "", "none"),
        (["SUMMARY:USD: Payrolls", "CATEGORIES:Low,Trading"], "USD", "low"),
    ],
)
def test_currency_and_importance_follow_the_rule(lines: list[str], currency: str, importance: str) -> None:
    event = read("UID:1", "DTSTART:20261204T133000Z", *lines)
    assert (event.currency, event.importance) == (currency, importance)


def test_ids_stay_and_are_told_apart_by_occurrence() -> None:
    moved = read("UID:nfp@example", "SUMMARY:USD: Payrolls", "DTSTART:20261205T133000Z")
    assert moved.id == read(*NFP).id
    other = read(*NFP, "RECURRENCE-ID:20261204T133000Z")
    assert other.id == "ics/nfp@example/20261204T133000Z"
    assert len(read("UID:" + "x" * 999, *NFP[1:]).id) <= 256
    assert read(*NFP[1:]).id == "ics/1796391000000/USD: Payrolls"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["SUMMARY:a", "DTSTART:20261204T133000Z", "RRULE:FREQ=SECONDLY"], f"a: {RECURRING}"),
        (["SUMMARY:a", "DTSTART:20261204T133000Z", "STATUS:CANCELLED"], "a: it is cancelled"),
        (["SUMMARY:a"], "a: it has no DTSTART"),
        (["DTSTART:20261204T133000Z"], "it has no SUMMARY"),
        (["SUMMARY:a", "DTSTART;TZID=Mars/Base:20261204T133000"], "a: its time zone Mars/Base is not known"),
        (["SUMMARY:a", "DTSTART:19001204T133000Z"], "a: its time is out of range"),
    ],
)  # fmt: skip
def test_one_wrong_event_is_left_out_with_the_reason(lines: list[str], said: str) -> None:
    reading = read_ics(calendar("\n".join(NFP), "\n".join(["UID:2", *lines])))
    assert [event.id for event in reading.events] == ["ics/nfp@example"]
    assert reading.refused == [f"event 2 of the calendar: {said}"]


def test_a_broken_date_is_left_out() -> None:
    reading = read_ics(calendar("\n".join(NFP), "UID:2\nSUMMARY:a\nDTSTART:20261304T133000Z"))
    assert reading.refused_count == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"BEGIN:VCALENDAR",
        b"BEGIN:VEVENT\nEND:VEVENT\n",
        b"BEGIN:VCALENDAR\n" * 20_000,
        b"\xff" * 100,
        calendar("SUMMARY:nothing else"),
    ],
)
def test_what_is_no_calendar_is_refused(body: bytes) -> None:
    with pytest.raises(DataError):
        read_ics(body)


def test_too_long_a_calendar_is_refused_unread() -> None:
    with pytest.raises(DataError, match="longer than 1,024 KiB"):
        read_ics(b" " * (ics.BODY_BYTES_MAX + 1))


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "icalendar", None)
    with pytest.raises(ConfigError, match=r'pip install "fleetwire\[ics\]"'):
        read_ics(calendar())


BROKEN = ("DTSTART;VALUE=DATE:2026", "DTSTART;TZID=:x", "CATEGORIES:,,", "PRIORITY:x", "RECURRENCE-ID:y", "END:VEVENT")
CLUTTER = ("BEGIN:VEVENT", "BEGIN:VALARM", "END:VCALENDAR", "SUMMARY;X=:", ":", "UID", "X-WR-TIMEZONE:\x00")
LINES = st.sampled_from([*NFP, *BROKEN, *CLUTTER])


@given(st.lists(LINES | st.text(max_size=12), max_size=8))
def test_whatever_is_in_it_events_within_their_bounds_come_out_or_a_data_error(lines: list[Any]) -> None:
    body = "\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *NFP, *lines, "END:VEVENT", "END:VCALENDAR", ""])
    with contextlib.suppress(DataError):
        for event in read_ics(body.encode("utf-8", "surrogatepass")).events:
            assert msgspec.json.decode(msgspec.json.encode(event), type=NewsEvent) == event
