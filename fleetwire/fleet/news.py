"""The economic calendar, and the times around its events in which nobody should trade."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta, Struct

from fleetwire.fleet.events import NewsEvent
from fleetwire.fleet.symbols import EVERY, currencies_of
from fleetwire.wire.errors import DataError
from fleetwire.wire.moment import Moment, utc_text
from fleetwire.wire.rows import NewsRow

_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000
_PAST_MS: Final = 8 * _DAY_MS  # older events are no news any more; a week's feed is
_AHEAD_MS: Final = 400 * _DAY_MS
_MOVED_MS: Final = 1000  # an event that is told a little earlier or later has not moved
_LOOK_AGAIN_S: Final = 60.0  # the wall clock may be set while nobody looks
_SYMBOLS_MAX: Final = 20_000  # whose currencies are remembered
_SCHEDULES_MAX: Final = 256  # of currencies without any event
_RANK: Final = {"none": 0, "low": 1, "moderate": 2, "high": 3}

Minutes = Annotated[float, Meta(ge=0, le=1440)]


class Blackout(Struct, frozen=True, forbid_unknown_fields=True):
    """For how long trading is blocked around an event: minutes before and after it; none if both are 0."""

    before_min: Minutes = 0.0
    after_min: Minutes = 0.0


class NewsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Blackouts by importance, and what moves a symbol whose name does not tell it.

    `currencies` overrules what a symbol's name tells: `{"DE40.cash": ["EUR", "USD"]}`; no news concern a symbol with an
    empty list. `events_max` is how many events are kept.
    """

    high: Blackout = Blackout(30.0, 30.0)
    moderate: Blackout = Blackout()
    low: Blackout = Blackout()
    none: Blackout = Blackout()
    currencies: dict[str, tuple[str, ...]] = {}
    events_max: Annotated[int, Meta(ge=1, le=20_000)] = 2_000


class NewsMemory(NamedTuple):
    """What has to be kept of an event over a restart; `memory` is this module's own."""

    id: str
    utc_ms: int
    currency: str
    importance: str
    memory: bytes


class _Told(Struct, frozen=True):
    """A window that was told as open, under the id of the event that opened it."""

    since_ms: int  # when it was opened
    from_ms: int
    until_ms: int
    closed: bool = False


class _Entry(Struct):
    """An event of the calendar, and the last window that was told with it."""

    event: NewsEvent
    utc_ms: int
    told: _Told | None = None

    @property
    def key(self) -> str:
        return str(self.event.id)

    @property
    def currency(self) -> str:
        return self.event.currency.upper()


class _Window(NamedTuple):
    """A stretch of time, [from, until), and the event that begins it."""

    from_ms: int
    until_ms: int
    entry: _Entry


class _Open(Struct):
    """The window that is open. `seen_ms` is the latest time seen inside it; `is_told` whether anybody knows of it."""

    entry: _Entry
    from_ms: int
    until_ms: int
    seen_ms: int
    is_told: bool = False


class _Schedule:
    """The blackouts of one currency. Overlapping ones are one window."""

    def __init__(self, settings: NewsSettings) -> None:
        self._settings = settings
        self._own: dict[str, _Window | None] = {}  # each event's, by its key
        self._merged: list[_Window] | None = []  # None if they have to be merged anew
        self.open: _Open | None = None
        self.closed_until_ms = 0  # windows that end by then are not opened again, wherever the wall clock is set

    def put(self, entry: _Entry) -> None:
        """Take an event, or what it is now."""
        before, window = self._own.get(entry.key), self._window(entry)
        self._own[entry.key] = window
        if before is not None and (window is None or before[:2] != window[:2]):
            self._merged = None
        elif before is None and window is not None and self._merged is not None:
            _merge(self._merged, window)

    def drop(self, key: str) -> None:
        """Forget an event."""
        if self._own.pop(key) is not None:
            self._merged = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is lost if it is forgotten."""
        return not self._own and self.open is None

    def at(self, utc_ms: int) -> _Window | None:
        """Give the window of a moment."""
        windows = self._windows()
        index = bisect_right(windows, utc_ms, key=lambda window: window.from_ms) - 1
        return windows[index] if index >= 0 and utc_ms < windows[index].until_ms else None

    def blocked_until(self, utc_ms: int) -> int | None:
        """Tell until when a moment is blocked. A window that is open stays open if the wall clock is set back."""
        window = self.at(utc_ms)
        if window is None and self.open is not None and utc_ms < self.open.seen_ms:
            window = self.at(self.open.seen_ms)
        return window.until_ms if window else None

    def window_of(self, entry: _Entry) -> _Window | None:
        """Give the window that an event's own blackout is a part of."""
        own = self._own[entry.key]
        return self.at(own.from_ms) if own is not None else None

    def turn(self, utc_ms: int) -> _Open | None:
        """Open what is due, after closing what is over; give what was closed."""
        closed = self._close(self.open, utc_ms) if self.open is not None else None
        if self.open is None:
            window = self.at(utc_ms)
            if window is not None and window.until_ms > self.closed_until_ms:
                self.open = _Open(window.entry, window.from_ms, window.until_ms, utc_ms)
        return closed

    def _close(self, opened: _Open, utc_ms: int) -> _Open | None:
        """Close the open window if it is over, or its events have left it; else see how long it lasts."""
        window = self.at(opened.seen_ms)
        opened.seen_ms = max(opened.seen_ms, utc_ms)
        if window is not None and opened.seen_ms < window.until_ms:
            opened.until_ms = window.until_ms
            return None
        self.open = None
        opened.until_ms = window.until_ms if window else opened.seen_ms
        self.closed_until_ms = max(self.closed_until_ms, opened.until_ms)
        return opened

    def next_ms(self, utc_ms: int) -> int | None:
        """Tell when `turn` has something to tell: a time that has come, or one to come."""
        if self.open is not None:
            window = self.at(self.open.seen_ms)
            return window.until_ms if window else utc_ms
        windows = self._windows()
        index = max(0, bisect_right(windows, utc_ms, key=lambda window: window.from_ms) - 1)
        for window in windows[index : index + 2]:
            if window.until_ms > max(utc_ms, self.closed_until_ms):
                return window.from_ms
        return None

    def _windows(self) -> list[_Window]:
        """Give the merged windows, in order of time."""
        if self._merged is None:
            self._merged = []
            for window in self._own.values():
                if window is not None:
                    _merge(self._merged, window)
        return self._merged

    def _window(self, entry: _Entry) -> _Window | None:
        blackout: Blackout = getattr(self._settings, entry.event.importance)
        before_ms, after_ms = round(blackout.before_min * _MINUTE_MS), round(blackout.after_min * _MINUTE_MS)
        if not (before_ms or after_ms) or not entry.currency:
            return None
        return _Window(entry.utc_ms - before_ms, entry.utc_ms + after_ms, entry)


def _merge(windows: list[_Window], window: _Window) -> None:
    """Put a window among others that are in order and apart, as one with those that it overlaps or touches."""
    low = bisect_left(windows, window.from_ms, key=lambda other: other.until_ms)
    high = bisect_right(windows, window.until_ms, key=lambda other: other.from_ms)
    together = [*windows[low:high], window]
    first = min(together, key=_earliest_and_weightiest)
    windows[low:high] = [first._replace(until_ms=max(other.until_ms for other in together))]


def _earliest_and_weightiest(window: _Window) -> tuple[int, int, str]:
    return window.from_ms, -_RANK[window.entry.event.importance], window.entry.key


class News:
    """Keeps the calendar, tells what is new in it, and which symbols are blocked. Pure: no clock, no disk.

    Events are known by their id: told again unchanged, they are not told on. A blackout is told once when it opens and
    once when it closes, whatever happens to the wall clock meanwhile.

    Args:
        settings: the blackouts.
    """

    def __init__(self, settings: NewsSettings | None = None) -> None:
        self._settings = settings or NewsSettings()
        self._entries: dict[str, _Entry] = {}
        self._schedules: dict[str, _Schedule] = {}
        self._currencies: dict[str, frozenset[str]] = {}
        self._overruled = {
            symbol.upper(): frozenset(currency.upper() for currency in currencies)
            for symbol, currencies in self._settings.currencies.items()
        }
        self._unkept: dict[str, None] = {}

    def __len__(self) -> int:
        """How many events are kept."""
        return len(self._entries)

    def apply(self, event: NewsEvent, utc_ms: int, at: Moment) -> list[NewsRow]:
        """Take an event; tell it if it is new or has changed. What opens or closes with it is told by `due`.

        Args:
            event: what a source reports.
            utc_ms: when the event is, whatever clock it was told by.
            at: now.

        Raises:
            DataError: it is too far ahead or too long ago, or the calendar is full of events that come before it.
        """
        known = self._entries.get(str(event.id))
        if known is not None:
            event = _with_what_is_known(event, known)
            if abs(utc_ms - known.utc_ms) < _MOVED_MS:
                utc_ms = known.utc_ms
            if utc_ms == known.utc_ms and _says_the_same(event, known.event):
                return []
        if utc_ms > at.utc_ms + _AHEAD_MS:
            raise DataError(f"the calendar event {event.id} is more than {_AHEAD_MS // _DAY_MS} days ahead")
        if known is not None and (utc_ms < at.utc_ms - _PAST_MS or known.currency != event.currency.upper()):
            self._drop(known)
        if utc_ms < at.utc_ms - _PAST_MS:
            raise DataError(f"the calendar event {event.id} is more than {_PAST_MS // _DAY_MS} days ago: no news")
        if known is None:
            self._make_room(event, utc_ms, at)
        entry = self._put(_Entry(event, utc_ms, known.told if known else None))
        return [self._announced(entry)]

    def shown(self, memory: bytes, symbols: Iterable[str]) -> NewsRow:
        """Show an event that was kept, as the API lists it: with its blackout as it stands now, and whom that concerns.

        Args:
            memory: as it was kept.
            symbols: of the fleet.
        """
        entry = _remembered(memory)
        entry = self._entries.get(entry.key, entry)
        if entry.key not in self._entries:
            return _row(entry, "announced", None, None)
        row = self._announced(entry)
        if row.blackout_from_utc is None:
            return row
        concerned = sorted(symbol for symbol in symbols if entry.currency in self._concerning(symbol))
        return msgspec.structs.replace(row, symbols=concerned)

    def blocked(self, symbol: str, utc_ms: int) -> int | None:
        """Tell until when a symbol is blocked, in UTC milliseconds; None while it is not."""
        schedules = [self._schedules[currency] for currency in self._concerning(symbol) if currency in self._schedules]
        until_ms = utc_ms
        while later := [end for schedule in schedules if (end := schedule.blocked_until(until_ms) or 0) > until_ms]:
            until_ms = max(later)
        return until_ms if until_ms > utc_ms else None

    def due(self, at: Moment, symbols: Iterable[str]) -> list[NewsRow]:
        """Tell the blackouts that close and open now.

        Args:
            at: now.
            symbols: of the fleet; a row names those that are blocked by the opening, or free after the closing. A
                blackout that concerns none of them is told as soon as it does.
        """
        closed, untold = [], []
        for schedule in self._schedules.values():
            window = schedule.turn(at.utc_ms)
            if window is not None and window.is_told:
                closed.append(window)
            if schedule.open is not None and not schedule.open.is_told:
                untold.append(schedule.open)
        if not closed and not untold:
            return []
        known = sorted(set(symbols))
        rows = [self._turned(window, False, self._free(window, known, at.utc_ms)) for window in closed]
        for window in untold:
            if concerned := self._concerned(window, known):
                window.is_told = True
                rows.append(self._turned(window, True, concerned))
        return rows

    def next_deadline(self, at: Moment) -> float | None:
        """Tell when `due` is to be called, in monotonic seconds; None while no blackout is ahead.

        It is never more than a minute away: the wall clock may be set.
        """
        times = [time for schedule in self._schedules.values() if (time := schedule.next_ms(at.utc_ms)) is not None]
        if not times:
            return None
        return at.now + min(_LOOK_AGAIN_S, max(0.0, (min(times) - at.utc_ms) / 1000))

    def changed(self) -> list[NewsMemory]:
        """Give what has to be kept anew since the last call."""
        unkept, self._unkept = self._unkept, {}
        return [_memory(self._entries[key]) for key in unkept if key in self._entries]

    def memory(self, event: NewsEvent) -> NewsMemory | None:
        """Give what has to be kept of an event; None if it is not in the calendar."""
        entry = self._entries.get(str(event.id))
        return _memory(entry) if entry else None

    def restore(self, memories: Iterable[bytes]) -> None:
        """Begin with what was kept: nothing of it is told anew, and a blackout that was open will be told as closed."""
        for memory in memories:
            try:
                entry = _remembered(memory)
            except msgspec.DecodeError:  # of a later version, or damaged: whoever told it will tell it again
                continue
            if len(self._entries) == self._settings.events_max:
                return
            self._put(entry)
            schedule, told = self._schedules[entry.currency], entry.told
            if told is not None and told.closed:
                schedule.closed_until_ms = max(schedule.closed_until_ms, told.until_ms)
            elif told is not None:
                schedule.open = _Open(entry, told.from_ms, told.until_ms, told.since_ms, is_told=True)
        self._unkept.clear()

    def _put(self, entry: _Entry) -> _Entry:
        self._entries[entry.key] = entry
        self._unkept[entry.key] = None
        schedule = self._schedules.get(entry.currency)
        if schedule is None:
            self._forget_idle_schedules()
            schedule = self._schedules[entry.currency] = _Schedule(self._settings)
        schedule.put(entry)
        return entry

    def _forget_idle_schedules(self) -> None:
        """Keep their number bounded; until then each remembers which window it has closed."""
        if len(self._schedules) >= _SCHEDULES_MAX:
            for currency in [name for name, schedule in self._schedules.items() if schedule.is_idle]:
                del self._schedules[currency]

    def _drop(self, entry: _Entry) -> None:
        del self._entries[entry.key]
        self._unkept.pop(entry.key, None)
        self._schedules[entry.currency].drop(entry.key)

    def _make_room(self, event: NewsEvent, utc_ms: int, at: Moment) -> None:
        """Drop the oldest event of a full calendar if it is past; of events to come, the last one."""
        if len(self._entries) < self._settings.events_max:
            return
        oldest = min(self._entries.values(), key=lambda entry: entry.utc_ms)
        last = max(self._entries.values(), key=lambda entry: entry.utc_ms)
        if oldest.utc_ms < at.utc_ms - _DAY_MS:
            self._drop(oldest)
        elif utc_ms < last.utc_ms:
            self._drop(last)
        else:
            raise DataError(
                f"the calendar event {event.id} is not taken: {self._settings.events_max:,} events come before it"
            )

    def _concerning(self, symbol: str) -> frozenset[str]:
        """Tell which currencies' events concern a symbol."""
        found = self._currencies.get(symbol)
        if found is None:
            if len(self._currencies) == _SYMBOLS_MAX:
                self._currencies.clear()
            found = self._overruled.get(symbol.upper())
            if found is None or found:
                found = (currencies_of(symbol) if found is None else found) | {EVERY}
            self._currencies[symbol] = found
        return found

    def _announced(self, entry: _Entry) -> NewsRow:
        window = self._schedules[entry.currency].window_of(entry)
        return _row(entry, "announced", window.from_ms if window else None, window.until_ms if window else None)

    def _concerned(self, window: _Open, symbols: list[str]) -> list[str]:
        return [symbol for symbol in symbols if window.entry.currency in self._concerning(symbol)]

    def _free(self, window: _Open, symbols: list[str], utc_ms: int) -> list[str]:
        """Of the symbols that a window concerned, give those that no other one blocks."""
        return [symbol for symbol in self._concerned(window, symbols) if self.blocked(symbol, utc_ms) is None]

    def _turned(self, window: _Open, is_open: bool, symbols: list[str]) -> NewsRow:
        """Say that a window opened or closed, and remember that it was said."""
        entry = self._entries.get(window.entry.key, window.entry)  # as it stands now
        if entry.currency != window.entry.currency:
            entry = window.entry
        entry.told = _Told(window.seen_ms, window.from_ms, window.until_ms, not is_open)
        self._unkept[entry.key] = None
        status = "blackout_opened" if is_open else "blackout_closed"
        row = _row(entry, status, window.from_ms, window.until_ms)
        return msgspec.structs.replace(row, trading_blocked=is_open, symbols=symbols)


def _with_what_is_known(event: NewsEvent, known: _Entry) -> NewsEvent:
    """Complete an event by what was told of it before: a calendar that does not know a figure yet takes none away."""
    missing = {
        name: getattr(known.event, name) for name in ("actual", "forecast", "previous") if getattr(event, name) is None
    }
    return msgspec.structs.replace(event, **missing) if missing else event


def _says_the_same(event: NewsEvent, known: NewsEvent) -> bool:
    """Whether nothing changed that a reader sees; several terminals tell the same event in several ways."""
    seen = ("currency", "importance", "name", "actual", "forecast", "previous")
    return all(getattr(event, name) == getattr(known, name) for name in seen)


def _row(entry: _Entry, status: str, from_ms: int | None, until_ms: int | None) -> NewsRow:
    event = entry.event
    return NewsRow(
        id=event.id,
        status=status,
        name=event.name,
        currency=entry.currency,
        importance=event.importance,
        time_utc=utc_text(entry.utc_ms),
        actual=event.actual,
        forecast=event.forecast,
        previous=event.previous,
        source=event.source,
        blackout_from_utc=None if from_ms is None else utc_text(from_ms),
        blackout_until_utc=None if until_ms is None else utc_text(until_ms),
    )


def _memory(entry: _Entry) -> NewsMemory:
    packed = msgspec.msgpack.encode(entry)
    return NewsMemory(entry.key, entry.utc_ms, entry.currency, entry.event.importance, packed)


def _remembered(memory: bytes) -> _Entry:
    return msgspec.msgpack.decode(memory, type=_Entry)
