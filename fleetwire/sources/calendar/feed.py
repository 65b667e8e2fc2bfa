"""A calendar as a source: looked at again and again, what is new or has changed is reported."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from typing import Final

import msgspec

from fleetwire.fleet.events import NewsEvent
from fleetwire.ports import Report
from fleetwire.sources.calendar.ics import read_ics
from fleetwire.sources.calendar.places import FilePlace, Place, PlaceError, UrlPlace
from fleetwire.sources.calendar.reading import Reading
from fleetwire.sources.calendar.weekly import read_weekly
from fleetwire.wire.errors import DataError, StoreError
from fleetwire.wire.moment import read_utc

FACTS_PER_CALL: Final = 500
POLL_URL_S: Final = 1800.0
POLL_FILE_S: Final = 5.0
FIRST_RETRY_S: Final = 60.0
PAST_MS: Final = 7 * 86_400_000  # calendars may hold years: what is over, or far ahead, is nobody's business
AHEAD_MS: Final = 390 * 86_400_000

logger = logging.getLogger("fleetwire.sources.calendar")


def _utc_ms() -> int:
    return time.time_ns() // 1_000_000


class CalendarFeed:
    """Reports the events of a calendar: in the weekly JSON format, or an iCalendar; which one shows in its content.

    Events that are over for a week, or more than a year ahead, are left out. What fails is logged once and tried again,
    and the events that are known stay.

    Args:
        where: an http or https URL, or a file.
        poll_s: seconds between two looks; half an hour for a URL and five seconds for a file, if left out.
        utc_ms: tells the time, in milliseconds since 1970.

    Raises:
        ConfigError: the URL is none.
    """

    def __init__(
        self, where: str | os.PathLike[str], poll_s: float | None = None, utc_ms: Callable[[], int] = _utc_ms
    ) -> None:
        is_url = isinstance(where, str) and "://" in where
        self._place: Place = UrlPlace(str(where)) if is_url else FilePlace(where)
        self._poll_s = poll_s or (POLL_URL_S if is_url else POLL_FILE_S)
        self._utc_ms = utc_ms
        self.name = f"calendar {self._place.name}"
        self.failing: str | None = None
        """Why it can't be read at the moment; what was read before stays good."""
        self.refused: list[str] = []
        """What could not be taken of the last reading: a sentence each, the first few."""
        self._told: dict[int | str, NewsEvent] = {}
        self._failures = 0

    @property
    def events(self) -> int:
        """How many events the last good reading had."""
        return len(self._told)

    async def run(self, report: Report) -> None:
        """Look, report and wait, until cancelled."""
        while True:
            pause_s = await self.turn(report)
            await asyncio.sleep(pause_s)

    async def turn(self, report: Report) -> float:
        """Look once; tell in how many seconds to look again.

        Raises:
            ConfigError: it is an iCalendar, and the extra for these is not installed.
        """
        try:
            body = await self._place.fetch()
            if body is not None:
                reading = await asyncio.to_thread(_read, body)
                await self._tell(reading, report)
                self._place.accept()
        except PlaceError as error:
            return self._failed(str(error), error.retry_after_s)
        except DataError as error:
            if not self._place.is_settled():  # it is being written
                return self._poll_s
            return self._failed(f"{self._place.name}: {error}")
        except StoreError as error:
            return self._failed(f"{self._place.name}: {error}")
        if self.failing is not None:
            logger.info("%s can be read again", self.name)
        self.failing, self._failures = None, 0
        return self._poll_s

    def _failed(self, why: str, retry_after_s: float = 0.0) -> float:
        if why != self.failing:
            logger.error("%s: the events known so far stay, it is tried again: %s", self.name, why)
        self.failing = why
        self._failures += 1
        pause_s = min(self._poll_s, FIRST_RETRY_S * 2.0 ** min(self._failures - 1, 20))
        return max(pause_s, retry_after_s)

    async def _tell(self, reading: Reading, report: Report) -> None:
        """Report what is new or has changed.

        Raises:
            StoreError: it was not kept; all that was not is told again.
        """
        now_ms = self._utc_ms()
        events = {
            event.id: msgspec.structs.replace(event, source=self._place.name)
            for event in reading.events
            if now_ms - PAST_MS <= read_utc(event.time_utc) <= now_ms + AHEAD_MS
        }
        changed = [event for event in events.values() if self._told.get(event.id) != event]
        refused = list(reading.refused)
        for begin in range(0, len(changed), FACTS_PER_CALL):
            refused += await _reported(changed[begin : begin + FACTS_PER_CALL], report)
        if refused and refused != self.refused:
            count = reading.refused_count + len(refused) - len(reading.refused)
            logger.warning("%s: %d events are left out: %s", self.name, count, refused[0])
        self._told, self.refused = events, refused


async def _reported(events: list[NewsEvent], report: Report) -> list[str]:
    try:
        await report(*events)
    except DataError:  # one of them is refused: those behind it have not been taken
        return [said for event in events for said in await _reported_alone(event, report)]
    return []


async def _reported_alone(event: NewsEvent, report: Report) -> list[str]:
    try:
        await report(event)
    except DataError as error:
        return [str(error)]
    return []


def _read(body: bytes) -> Reading:
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].upper() == b"BEGIN:VCALENDAR":
        return read_ics(body)
    return read_weekly(body)
