"""Sessions that hear the same thing: one joined buffer for all of them, found through an index of who hears what."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from fleetwire.hub.log import Entry
from fleetwire.wire.channels import Topic
from fleetwire.wire.forms import Form

if TYPE_CHECKING:
    from fleetwire.hub.pace import Pace
    from fleetwire.hub.session import Session

Topics = frozenset[Topic]
Scope = frozenset[str] | None
"""The labels that an identity holds; None is all of them."""


class News:
    """What is new, by channel, and by key where somebody asks for that.

    Args:
        by_channel: channel -> entries, in the order of positions.
    """

    __slots__ = ("_by_key", "by_channel")

    def __init__(self, by_channel: Mapping[str, list[Entry]]) -> None:
        self.by_channel = by_channel
        self._by_key: dict[str, dict[str, list[Entry]]] = {}

    def by_key(self, channel: str) -> dict[str, list[Entry]]:
        """Sort the entries of a channel by their keys, once for all who hear only some of them."""
        found = self._by_key.get(channel)
        if found is None:
            found = self._by_key[channel] = {}
            for entry in self.by_channel[channel]:
                if entry.key is not None:
                    found.setdefault(entry.key, []).append(entry)
        return found


class Piece(NamedTuple):
    """Some messages, joined: what is written at once.

    Args:
        buffer: whole frames.
        position: of the last message in it.
        messages: how many.
    """

    buffer: bytes
    position: int
    messages: int


class Hearing(NamedTuple):
    """What a session hears, and in which form: who agrees in this, and is caught up, is of one cohort."""

    topics: Topics
    form: Form
    scope: Scope


def join(entries: Iterable[Entry], form: Form, heard: int, piece_bytes_max: int) -> Iterator[Piece]:
    """Join entries into pieces of at most `piece_bytes_max` (one longer message is a piece of its own).

    Args:
        entries: in the order of positions.
        form: the readers'.
        heard: the position until which they have heard everything; 0 if their rows are not known.
        piece_bytes_max: before compression.
    """
    elements: list[bytes] = []
    size = position = 0
    for entry in entries:
        element = entry.element(form, heard)
        if elements and size + len(element) > piece_bytes_max:
            yield Piece(form.join(elements), position, len(elements))
            elements, size = [], 0
        elements.append(element)
        size += len(element)
        position = entry.position
    if elements:
        yield Piece(form.join(elements), position, len(elements))


class Cohort:
    """The caught-up sessions of one hearing and one pace. All cohorts of a pace stand at one position: the pace's.

    Args:
        hearing: what its sessions hear.
        pace: how often they are told.
    """

    __slots__ = ("_keys_of", "alone", "hearing", "pace", "sessions")

    def __init__(self, hearing: Hearing, pace: "Pace") -> None:
        self.hearing = hearing
        self.pace = pace
        self.alone = (self,)  # what a session keeps that is in no other cohort: one object for all of them
        self.sessions: dict[Session, None] = {}
        self._keys_of: dict[str, frozenset[str] | None] = {}  # channel -> its keys, or None for the whole channel
        for channel, key in hearing.topics:
            keys = self._keys_of.get(channel, frozenset())
            self._keys_of[channel] = None if key is None or keys is None else keys | {key}

    def heard(self, news: News) -> list[Entry]:
        """Pick from what is new what its sessions hear, in the order of positions."""
        heard: list[Entry] = []
        parts = 0
        for channel, keys in self._keys_of.items():
            if not news.by_channel.get(channel):
                continue
            if keys is None:
                heard += news.by_channel[channel]
                parts += 1
                continue
            by_key = news.by_key(channel)
            for key in keys & by_key.keys():
                heard += by_key[key]
                parts += 1
        if parts > 1:
            heard.sort(key=_position)
        scope = self.hearing.scope
        if scope is None:
            return heard
        told = (entry.told_to(scope, self.pace.position) for entry in heard)
        return [entry for entry in told if entry is not None]

    def places(self) -> Iterator[tuple[str, str | None]]:
        """Give where the index finds it: channels, and keys of channels."""
        for channel, keys in self._keys_of.items():
            if keys is None:
                yield channel, None
            else:
                yield from ((channel, key) for key in keys)


class Cohorts:
    """All cohorts of a pace, and the index that finds those who have something to hear.

    Args:
        pace: how often they are told.
    """

    def __init__(self, pace: "Pace") -> None:
        self._pace = pace
        self._by_hearing: dict[Hearing, Cohort] = {}
        self._index: dict[str, dict[str | None, dict[Cohort, None]]] = {}  # channel -> key, or None for all -> cohorts

    def __len__(self) -> int:
        """How many there are; empty ones do not exist."""
        return len(self._by_hearing)

    def admit(self, session: "Session", hearing: Hearing) -> Cohort:
        """Let a caught-up session in."""
        cohort = self._by_hearing.get(hearing)
        if cohort is None:
            cohort = self._by_hearing[hearing] = Cohort(hearing, self._pace)
            for channel, key in cohort.places():
                self._index.setdefault(channel, {}).setdefault(key, {})[cohort] = None
        cohort.sessions[session] = None
        return cohort

    def leave(self, session: "Session", cohort: Cohort) -> None:
        """Let a session out; the last one takes the cohort with it."""
        del cohort.sessions[session]
        if cohort.sessions:
            return
        del self._by_hearing[cohort.hearing]
        for channel, key in cohort.places():
            by_key = self._index[channel]
            del by_key[key][cohort]
            if not by_key[key]:
                del by_key[key]
                if not by_key:
                    del self._index[channel]

    def hearing(self, news: News) -> Iterable[Cohort]:
        """Find the cohorts that hear something of what is new, each once."""
        found: dict[Cohort, None] = {}
        for channel in news.by_channel:
            index = self._index.get(channel)
            if index is None:
                continue
            found.update(index.get(None, {}))
            if len(index) > (None in index):
                for key in index.keys() & news.by_key(channel).keys():
                    found.update(index[key])
        return found


def _position(entry: Entry) -> int:
    return entry.position
