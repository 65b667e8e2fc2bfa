"""What a client has to decide: when to come back, what was heard already, what to ask for again, what was lost.

No socket, no clock, no randomness: time and chance are arguments.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from fleetwire.wire.channels import CHANNEL_BY_NAME, EVERYTHING, Kind
from fleetwire.wire.errors import Return, comes_back

FIRST_RETRY_S_MAX = 1.0
EARLY_OUTAGE_S = 60.0
EARLY_RETRY_S_MAX = 5.0
LATE_RETRY_S_MAX = 30.0
RETRY_AFTER_S_MAX = 600.0
"""A server that asks for more patience than this is asked again anyway."""
STEADY_S = 5.0
"""A server that sends a client away (4xxx) sooner than this after it was found is left alone for longer each time."""

_RETRY_AFTER = re.compile(r"\bretry_after\s*[=:]\s*(\d{1,9}(?:\.\d{1,9})?)")


class Backoff:
    """Chooses how long to wait before the next try: full jitter under a ceiling that grows with every try."""

    def __init__(self) -> None:
        self._began_at: float | None = None  # of the outage
        self._found_at: float | None = None
        self._tries = 0

    def found(self, now: float) -> None:
        """Note that the connection works again.

        Args:
            now: monotonic seconds.
        """
        self._found_at = now

    def next_delay_s(self, now: float, chance: float, code: int | None = None, reason: str = "") -> float | None:
        """Tell how long to wait before the next try.

        Args:
            now: monotonic seconds.
            chance: drawn evenly from 0 to 1.
            code: the server's close code, where it gave one.
            reason: its text; `retry_after=3` in it is respected.

        Returns:
            Seconds, or None where the server says not to come back.
        """
        when = Return.later if code is None else comes_back(code)
        if when is Return.never:
            return None
        sent_away = code is not None and code >= 4000
        over = self._found_at is not None and (not sent_away or now - self._found_at >= STEADY_S)
        if self._began_at is None or over:
            self._began_at, self._tries = now, 0
        self._found_at = None
        tries, self._tries = self._tries, self._tries + 1
        if when is Return.at_once and tries == 0:
            return 0.0
        cap_s = EARLY_RETRY_S_MAX if now - self._began_at < EARLY_OUTAGE_S else LATE_RETRY_S_MAX
        ceiling_s = min(cap_s, FIRST_RETRY_S_MAX * (1 << min(tries, 16)))
        return _retry_after_s(reason) + chance * ceiling_s


def _retry_after_s(reason: str) -> float:
    """Read how long the server asks to be left alone."""
    found = _RETRY_AFTER.search(reason)
    return min(float(found[1]), RETRY_AFTER_S_MAX) if found else 0.0


class Options(NamedTuple):
    """How a subscription begins, and how often it is told.

    Args:
        history: begin event channels with their last n messages.
        snapshot: begin state channels with their current rows.
        max_hz: how often at most, in messages a second: for all channels, or (channel, rate) for some.
    """

    history: int | None = None
    snapshot: bool = True
    max_hz: float | tuple[tuple[str, float], ...] | None = None

    def rate_of(self, channel: str) -> float | None:
        """Give the rate that is asked for a channel."""
        return dict(self.max_hz).get(channel) if isinstance(self.max_hz, tuple) else self.max_hz

    def begins_with_past(self, name: str) -> bool:
        """Tell whether messages older than the reply come first."""
        return bool(self.history) if is_event(name) else self.snapshot


class Resubscription(NamedTuple):
    """One request that a new connection needs.

    Args:
        names: the subscriptions.
        options: how those begin that have not begun yet.
        since: where those stopped that go on; None for the others.
    """

    names: list[str]
    options: Options
    since: dict[str, Any] | None


class _Place:
    """Where one subscription stands.

    Args:
        last: the position of the last message heard; 0 before the first.
        past_until: until where the snapshot or history reaches that still comes; None when it is over.
    """

    __slots__ = ("last", "past_until")

    def __init__(self, last: int = 0, past_until: int | None = None) -> None:
        self.last = last
        self.past_until = past_until

    def end_past(self) -> None:
        """Note that everything older has been heard."""
        self.last = max(self.last, self.past_until or 0)
        self.past_until = None


class Positions:
    """Until where each subscription has been heard, so that nothing is asked for or handed over twice.

    A subscription is a channel ("ea_updates") or one key of it ("ea_updates:12345"); "*" is the channels it stands for.
    """

    def __init__(self) -> None:
        self.epoch: str | None = None
        self._places: dict[str, _Place] = {}
        self._has_keys = False

    def begin(self, names: Iterable[str], position: int | None, options: Options) -> None:
        """Note where subscriptions begin that the server has accepted; what was heard of them stays known.

        Args:
            names: the subscriptions.
            position: the newest one when the server answered.
            options: what was asked for.
        """
        for name in names:
            place = self._places.setdefault(name, _Place())
            place.past_until = position
            if position is None or not options.begins_with_past(name):
                place.end_past()
        self._has_keys = any(":" in name for name in self._places)

    def forget(self, names: Iterable[str]) -> None:
        """Forget subscriptions: they are over, or asked for anew."""
        for name in names:
            self._places.pop(name, None)

    def learn_epoch(self, epoch: str | None) -> bool:
        """Take the server's epoch; a position means nothing in another one, so that all begin anew. Tell if so."""
        if epoch == self.epoch:
            return False
        is_new = self.epoch is not None
        if is_new:
            self._places = {name: _Place() for name in self._places}
        self.epoch = epoch
        return is_new

    def resume(self, names: Iterable[str], position: int | None, recovered: Mapping[str, object]) -> list[str]:
        """Take the server's answer to `since`.

        Args:
            names: the subscriptions.
            position: the newest one when the server answered.
            recovered: for each subscription whether nothing is missing.

        Returns:
            Those that begin anew, as the server could not go on with them.
        """
        begun: list[str] = []
        for name in names:
            place = self._places.get(name)
            if place is None:
                continue
            anew = not is_event(name) and recovered.get(name) is False
            went_back = position is not None and place.last > position
            if anew or went_back:
                self._places[name] = _Place(0, position)
                begun.append(name)
        return begun

    def renew(self, channel: str) -> list[str]:
        """Note that a channel's rows are about to be told anew; tell of which subscriptions."""
        names = [name for name in self._places if channel_of(name) == channel]
        for name in names:
            self._places[name] = _Place(0, self._places[name].last)
        return names

    def heard(self, channel: str, key: str | None, position: int) -> bool:
        """Note a message; tell whether it is new to any subscription (or belongs to none, so that nobody can tell)."""
        known = new = False
        for place in self._of(channel, key):
            known = True
            if position > place.last:
                new = True
                place.last = position
                if place.past_until is not None and position > place.past_until:
                    place.past_until = None
        return new or not known

    def end_past(self, names: Iterable[str]) -> None:
        """Note that snapshots and histories are complete (`snapshot_end`)."""
        for name in names:
            if name in self._places:
                self._places[name].end_past()

    def skip(self, channel: str, until: int) -> None:
        """Note that the server told of a loss up to a position: it can't be asked for again."""
        for name, place in self._places.items():
            if channel_of(name) == channel:
                place.last = max(place.last, until)

    def last(self, name: str) -> int | None:
        """Give the position after which a subscription goes on; None where it can't be resumed."""
        place = self._places.get(name)
        if place is None or self.epoch is None:
            return None
        return None if place.past_until is not None and not place.last else place.last

    def since(self, names: Iterable[str]) -> dict[str, Any]:
        """Say where subscriptions go on, one position for each channel (the lowest of its subscriptions)."""
        positions: dict[str, int] = {}
        for name in names:
            last, channel = self.last(name) or 0, channel_of(name)
            positions[channel] = min(last, positions.get(channel, last))
        return {"epoch": self.epoch, "positions": positions}

    def _of(self, channel: str, key: str | None) -> Iterable[_Place]:
        """Find the places that a message belongs to."""
        places = self._places
        if channel in places:
            yield places[channel]
        if self._has_keys and (place := places.get(f"{channel}:{key}")) is not None:
            yield place


class Wanted:
    """The subscriptions that a client has, and with which options each was asked for."""

    def __init__(self) -> None:
        self._options: dict[str, Options] = {}
        self._rates: dict[str, float] = {}  # channel -> the rate that was asked for last: a session has one for each
        self._everything: Options | None = None  # "*" is wanted: channels that a server comes to have are heard, too

    def __contains__(self, name: object) -> bool:
        """Whether a subscription is wanted."""
        return name in self._options

    def __iter__(self) -> Iterator[str]:
        """Give the subscriptions."""
        return iter(self._options)

    def add(self, names: Iterable[str], options: Options, *, everything: bool = False) -> None:
        """Want subscriptions.

        Args:
            names: without "*", but with all that it stands for.
            options: how they were asked for.
            everything: "*" was among them.
        """
        if everything:
            self._everything = options
        for name in names:
            self._options[name] = options
            rate = options.rate_of(channel_of(name))
            if rate is None:
                self._rates.pop(channel_of(name), None)
            else:
                self._rates[channel_of(name)] = rate

    def remove(self, names: Iterable[str]) -> None:
        """Want them no more; "*" less something is only what is left of it."""
        for name in names:
            if name == EVERYTHING or self._options.pop(name, None) is not None:
                self._everything = None

    def rates_of(self, names: Iterable[str]) -> tuple[tuple[str, float], ...] | None:
        """Give the rates of the channels of some subscriptions; of all, where "*" is among them."""
        channels = {channel_of(name) for name in names}
        rates = {c: rate for c, rate in self._rates.items() if c in channels or EVERYTHING in channels}
        return tuple(rates.items()) or None

    def resubscriptions(self, positions: Positions) -> list[Resubscription]:
        """Say what a new connection has to be asked for: first what goes on, then what has not begun yet."""
        going_on = [name for name in self._options if positions.last(name) is not None]
        anew: dict[Options, list[str]] = {}
        for name, options in self._options.items():
            if name not in going_on:
                anew.setdefault(options, []).append(name)
        requests = [Resubscription(names, options, None) for options, names in anew.items()]
        if going_on:
            names, options = going_on, Options()
            if self._everything is not None and not anew:  # "*" would begin as well what goes on elsewhere
                names, options = [*going_on, EVERYTHING], self._everything
            requests.insert(0, Resubscription(names, options, positions.since(going_on)))
        return [request._replace(options=self._paced(request)) for request in requests]

    def _paced(self, request: Resubscription) -> Options:
        return request.options._replace(max_hz=self.rates_of(request.names))


class Losses:
    """What the server could not give back and has not told of yet.

    A server tells of a loss with a `gap` right after its reply. Where it does not, the client has to say so itself,
    before anything newer of the channel is heard, and never beside the server's own word.
    """

    def __init__(self) -> None:
        self._owed: dict[str, dict[str, Any]] = {}

    def __bool__(self) -> bool:
        """Whether there is something to tell."""
        return bool(self._owed)

    def owe(self, gap: dict[str, Any]) -> None:
        """Note a loss: the `data` of a gap. An older one of the same channel reaches further back and stays."""
        self._owed.setdefault(gap["channel"], gap)

    def due(self, message_type: str, data: Mapping[str, Any], channel: str | None) -> list[dict[str, Any]]:
        """Tell which losses have to be told before a message, given that the server has said nothing so far."""
        if message_type == "gap":
            self._owed.pop(str(data.get("channel")), None)
            return []
        if message_type == "heartbeat_response":  # an answer to a later question: no word will come any more
            return self._take(lambda _: True)
        if message_type == "snapshot_end":
            ended = {channel_of(name) for name in names_in(data, "channels")}
            return self._take(lambda name: name in ended or EVERYTHING in ended)
        return self._take(lambda name: name == channel)

    def _take(self, chosen: Callable[[str], bool]) -> list[dict[str, Any]]:
        found = [name for name in self._owed if chosen(name)]
        return [self._owed.pop(name) for name in found]


def names_in(data: Mapping[str, Any], field: str) -> list[str]:
    """Read a list of names from a message, however strange."""
    names = data.get(field)
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def channel_of(name: str) -> str:
    """Give the channel of a subscription: "ea_updates" of "ea_updates:12345"."""
    return name.partition(":")[0]


def is_event(name: str) -> bool:
    """Tell whether every message of a subscription matters; of an unknown channel, all do."""
    channel = CHANNEL_BY_NAME.get(channel_of(name))
    return channel is None or channel.kind is Kind.event
