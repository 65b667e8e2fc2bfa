"""iCalendar (RFC 5545), through the package `icalendar`: an extra of this one, `fleetwire[ics]`.

A calendar says neither currency nor importance by itself. The currency is a category that is one (`USD`, `All`), else
one that begins the summary (`USD: Payrolls`, `[USD] Payrolls`, `USD Payrolls`) or ends it (`Payrolls (USD)`). The
importance is a category (`High`, `Medium`, `Low`), else such a word in brackets in the summary, else the priority (1 to
4 high, 5 moderate, 6 to 9 low), else none.
"""

import re
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from fleetwire.fleet.events import NewsEvent
from fleetwire.sources.calendar.reading import EVENTS_MAX, REFUSED_MAX, Reading, short_id, short_name
from fleetwire.wire.errors import ConfigError, DataError
from fleetwire.wire.moment import utc_text

BODY_BYTES_MAX: Final = 2**20

_WORDS: Final = {"high": "high", "medium": "moderate", "moderate": "moderate", "low": "low", "holiday": "none"}
_currency: Final = re.compile(r"all|[A-Za-z]{3}", re.IGNORECASE)
_at_the_start: Final = re.compile(r"\s*(?:\[(All|[A-Z]{3})\]|\((All|[A-Z]{3})\)|(All|[A-Z]{3})(?=:| ))")
_at_the_end: Final = re.compile(r"[\[(](All|[A-Z]{3})[\])]\s*$")
_in_brackets: Final = re.compile(r"[\[(](high|medium|moderate|low|holiday)(?: impact)?[\])]", re.IGNORECASE)
_LAST_MS: Final = 253_402_300_799_999


def read_ics(body: bytes) -> Reading:
    """Read an iCalendar.

    Times have their zone, or are in UTC; without either they are in the calendar's own (X-WR-TIMEZONE), else UTC. An
    event of a whole day is told at 0:00 UTC and blocks nothing. Recurring events are refused: list each occurrence.

    Raises:
        DataError: it is no calendar, or nothing in it can be taken.
        ConfigError: the extra is not installed.
    """
    if len(body) > BODY_BYTES_MAX:
        raise DataError(f"the iCalendar is longer than {BODY_BYTES_MAX // 1024:,} KiB")
    calendar = _parsed(body)
    zone = _zone(calendar)
    components = calendar.walk("VEVENT")
    if len(components) > EVENTS_MAX:
        raise DataError(f"the calendar has {len(components):,} events, more than {EVENTS_MAX:,}")
    events: dict[int | str, NewsEvent] = {}
    refused: list[str] = []
    for number, component in enumerate(components, 1):
        try:
            event = _event(component, zone)
        except DataError as error:
            refused.append(f"event {number} of the calendar: {error}")
        else:
            events[event.id] = event
    if refused and not events:
        raise DataError(f"nothing of the calendar can be taken: {refused[0]}")
    return Reading(list(events.values()), refused[:REFUSED_MAX], len(refused))


def _parsed(body: bytes) -> Any:
    try:
        import icalendar
    except ImportError:
        raise ConfigError('iCalendar files need the package icalendar: pip install "fleetwire[ics]"') from None
    try:
        calendar = icalendar.Calendar.from_ical(body)
    except Exception as error:  # whatever a foreign parser stumbles over, it is the file's fault
        raise DataError(f"it is no iCalendar that can be read: {_one_line(error)}") from None
    if getattr(calendar, "name", None) != "VCALENDAR":
        raise DataError("it is no iCalendar: it does not begin with BEGIN:VCALENDAR")
    return calendar


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _zone(calendar: Any) -> Any:
    """Give the zone of times without one."""
    try:
        return ZoneInfo(str(calendar.get("X-WR-TIMEZONE", "UTC")))
    except Exception:  # no such zone, or nothing that could be the name of one
        return UTC


def _event(component: Any, zone: Any) -> NewsEvent:
    try:
        return _read(component, zone)
    except DataError:
        raise
    except Exception as error:  # a property that is broken shows it when it is looked at, in many ways
        raise DataError(_one_line(error)) from None


def _read(component: Any, zone: Any) -> NewsEvent:
    name = short_name(str(component.get("SUMMARY", "")))
    if not name:
        raise DataError("it has no SUMMARY")
    if "RRULE" in component or "RDATE" in component:
        raise DataError(f"{name}: recurring events are not taken, list each occurrence")
    if str(component.get("STATUS", "")).upper() == "CANCELLED":
        raise DataError(f"{name}: it is cancelled")
    millisecond, is_whole_day = _time(component, name, zone)
    categories = _categories(component)
    identity = f"ics/{component.get('UID') or f'{millisecond}/{name}'}"
    if "RECURRENCE-ID" in component:
        identity += f"/{component['RECURRENCE-ID'].to_ical().decode()}"
    return NewsEvent(
        id=short_id(identity),
        time_utc=utc_text(millisecond),
        currency=_currency_of(categories, name),
        importance="none" if is_whole_day else _importance_of(categories, name, component.get("PRIORITY")),
        name=name,
    )


def _time(component: Any, name: str, zone: Any) -> tuple[int, bool]:
    """Tell when an event begins, in UTC milliseconds, and whether it is of a whole day."""
    start = component.get("DTSTART")
    if start is None:
        raise DataError(f"{name}: it has no DTSTART")
    when = start.dt
    is_whole_day = not isinstance(when, datetime)
    if is_whole_day:
        when = datetime(when.year, when.month, when.day, tzinfo=UTC)
    elif when.tzinfo is None:
        if "TZID" in start.params:
            raise DataError(f"{name}: its time zone {start.params['TZID']} is not known")
        when = when.replace(tzinfo=zone)
    millisecond = round(when.timestamp() * 1000)
    if not 0 <= millisecond <= _LAST_MS:
        raise DataError(f"{name}: its time is out of range")
    return millisecond, is_whole_day


def _categories(component: Any) -> list[str]:
    told = component.get("CATEGORIES") or []
    lists = told if isinstance(told, list) else [told]
    return [str(category).strip() for one in lists for category in one.cats]


def _currency_of(categories: list[str], name: str) -> str:
    for category in categories:
        if _currency.fullmatch(category) and category.lower() not in _WORDS:
            return category.upper()
    found = _at_the_start.match(name) or _at_the_end.search(name)
    return next(filter(None, found.groups())).upper() if found else ""


def _importance_of(categories: list[str], name: str, priority: int | None) -> str:
    for category in categories:
        word = category.lower().removesuffix(" impact")
        if word in _WORDS:
            return _WORDS[word]
    found = _in_brackets.search(name)
    if found:
        return _WORDS[found[1].lower()]
    if not priority:
        return "none"
    return "high" if priority <= 4 else "moderate" if priority == 5 else "low"
