"""The widely used weekly format: a JSON list of `{title, country, date, impact, forecast, previous}`."""

from collections import Counter
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Raw, Struct
from msgspec.json import Decoder

from fleetwire.fleet.events import NewsEvent
from fleetwire.sources.calendar.reading import EVENTS_MAX, REFUSED_MAX, Reading, short_id, short_name
from fleetwire.wire.errors import DataError
from fleetwire.wire.moment import utc_text

_IMPORTANCE: Final = {
    "high": "high",
    "medium": "moderate",
    "moderate": "moderate",
    "low": "low",
    "holiday": "none",
    "non-economic": "none",
    "none": "none",
    "": "none",
}
_LAST_MS: Final = 253_402_300_799_999
_CURRENCY_CHARS_MAX: Final = 16
_FIGURE_CHARS_MAX: Final = 256

Figure = str | float | None


class _Entry(Struct, frozen=True):
    title: str
    country: str
    date: str
    impact: str = ""
    actual: Figure = None
    forecast: Figure = None
    previous: Figure = None


_list: Final = Decoder(list[Raw])
_entry: Final = Decoder(_Entry)


def read_weekly(body: bytes) -> Reading:
    """Read a calendar in the weekly format.

    An event's id is made of its currency, its week, its title and its number among those of the same title in that
    week: moved within the week, or told again with other figures, it is the same event.

    Raises:
        DataError: it is no such calendar, or nothing in it can be taken.
    """
    try:
        entries = _list.decode(body.removeprefix(b"\xef\xbb\xbf").strip())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"the calendar is no JSON list of events: {str(error).replace('`', '')}") from None
    if len(entries) > EVENTS_MAX:
        raise DataError(f"the calendar has {len(entries):,} events, more than {EVENTS_MAX:,}")
    found: list[tuple[datetime, _Entry]] = []
    refused: list[str] = []
    for number, raw in enumerate(entries, 1):
        try:
            found.append(_read(raw))
        except DataError as error:
            refused.append(f"event {number} of the calendar: {error}")
    if refused and not found:
        raise DataError(f"nothing of the calendar can be taken: {refused[0]}")
    return Reading(_numbered(found), refused[:REFUSED_MAX], len(refused))


def _read(raw: Raw) -> tuple[datetime, _Entry]:
    try:
        entry = _entry.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(str(error).replace("`", "")) from None
    if not entry.title.strip():
        raise DataError("it has no title")
    if len(entry.country) > _CURRENCY_CHARS_MAX:
        raise DataError("its country is no currency like USD, nor All")
    if entry.impact.strip().lower() not in _IMPORTANCE:
        raise DataError("its impact is none of High, Medium, Low, Holiday and Non-Economic")
    try:
        when = datetime.fromisoformat(entry.date)
        millisecond = when.timestamp() * 1000
    except (ValueError, OverflowError, OSError):
        raise DataError("its date is no ISO 8601 time, like 2026-12-04T08:30:00-05:00") from None
    if when.tzinfo is None:
        raise DataError("its date does not tell its offset from UTC, like 2026-12-04T08:30:00-05:00 does")
    if not 0 <= millisecond <= _LAST_MS:
        raise DataError("its date is out of range")
    return when, entry


def _numbered(found: list[tuple[datetime, _Entry]]) -> list[NewsEvent]:
    """Make events, those that are listed twice once; equal titles of a week are numbered in order of time."""
    events: dict[tuple[str, str, datetime], NewsEvent] = {}
    counts: Counter[str] = Counter()
    for when, entry in sorted(found, key=lambda item: item[0]):
        currency, name = entry.country.strip().upper(), short_name(entry.title)
        same = (currency, entry.title, when)
        if same in events:
            continue
        year, week, _ = when.isocalendar()
        stem = f"{currency}/{year}-W{week:02}/{entry.title}"
        counts[stem] += 1
        number = "" if counts[stem] == 1 else f"/{counts[stem]}"
        events[same] = NewsEvent(
            id=short_id(f"{stem}{number}"),
            time_utc=utc_text(round(when.timestamp() * 1000)),
            currency=currency,
            importance=_IMPORTANCE[entry.impact.strip().lower()],
            name=name,
            actual=_figure(entry.actual),
            forecast=_figure(entry.forecast),
            previous=_figure(entry.previous),
        )
    return list(events.values())


def _figure(told: Figure) -> Figure:
    """Clean a figure: an empty text is none, and one out of all bounds is shown as text."""
    if isinstance(told, float) and abs(told) > 1e15:
        return str(told)
    return told.strip()[:_FIGURE_CHARS_MAX] or None if isinstance(told, str) else told
