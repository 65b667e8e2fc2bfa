"""Sessions that hear the same thing: one joined buffer for all of them, found through an index of who hears what."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from fleetwire.hub.log import Entry
from fleetwire.wire.channels import Topic

if TYPE_CHECKING:
    from fleetwire.hub.session import Session

Topics = frozenset[Topic]
Cursor = dict[Topic, int]
"""For each topic of a session, the position until which it has heard everything."""


class Piece(NamedTuple):
    """Some frames, joined: what is written at once.

    Args:
        buffer: whole frames.
        position: of the last message in it.
    """

    buffer: bytes
    position: int


def join(entries: Iterable[Entry], piece_bytes_max: int) -> Iterator[Piece]:
    """Join the frames of entries into pieces of at most `piece_bytes_max` (one longer frame is a piece of its own)."""
    frames: list[bytes] = []
    size = position = 0
    for entry in entries:
        if frames and size + len(entry.frame) > piece_bytes_max:
            yield Piece(b"".join(frames), position)
            frames, size = [], 0
        frames.append(entry.frame)
        size += len(entry.frame)
        position = entry.position
    if frames:
        yield Piece(b"".join(frames), position)


class Cohort:
    """The caught-up sessions with the same topics. All cohorts stand at one position: that of the last flush.

    Args:
        topics: what its sessions hear.
    """

    __slots__ = ("keys_of", "sessions", "topics")

    def __init__(self, topics: Topics) -> None:
        self.topics = topics
        self.sessions: dict[Session, None] = {}
        self.keys_of: dict[str, set[str] | None] = {}  # channel -> its keys, or None for the whole channel
        for channel, key in topics:
            keys = self.keys_of.setdefault(channel, set())
            if key is None:
                self.keys_of[channel] = None
            elif keys is not None:
                keys.add(key)


class Cohorts:
    """All cohorts, and the index that finds those who have something to hear."""

    def __init__(self) -> None:
        self._by_topics: dict[Topics, Cohort] = {}
        self._by_channel: dict[str, dict[Cohort, None]] = {}
        self._by_key: dict[str, dict[str, dict[Cohort, None]]] = {}

    def __len__(self) -> int:
        """How many there are; empty ones do not exist."""
        return len(self._by_topics)

    def admit(self, session: "Session", topics: Topics) -> Cohort:
        """Let a caught-up session in."""
        cohort = self._by_topics.get(topics)
        if cohort is None:
            cohort = self._by_topics[topics] = Cohort(topics)
            for channel, keys in cohort.keys_of.items():
                if keys is None:
                    self._by_channel.setdefault(channel, {})[cohort] = None
                else:
                    by_key = self._by_key.setdefault(channel, {})
                    for key in keys:
                        by_key.setdefault(key, {})[cohort] = None
        cohort.sessions[session] = None
        return cohort

    def leave(self, session: "Session", cohort: Cohort) -> None:
        """Let a session out; the last one takes the cohort with it."""
        del cohort.sessions[session]
        if cohort.sessions:
            return
        del self._by_topics[cohort.topics]
        for channel, keys in cohort.keys_of.items():
            if keys is None:
                del self._by_channel[channel][cohort]
                continue
            by_key = self._by_key[channel]
            for key in keys:
                del by_key[key][cohort]
                if not by_key[key]:
                    del by_key[key]

    def hearing(self, news: dict[str, list[Entry]]) -> Iterable[Cohort]:
        """Find the cohorts that hear something of what is new, each once.

        Args:
            news: channel -> its new entries.
        """
        found: dict[Cohort, None] = {}
        for channel, entries in news.items():
            found.update(self._by_channel.get(channel, {}))
            by_key = self._by_key.get(channel)
            if by_key:
                for entry in entries:
                    if entry.key in by_key:
                        found.update(by_key[entry.key])
        return found
