"""What was published, by position: the last value per key, or a bounded history."""

from collections import deque
from collections.abc import Collection, Iterable
from itertools import islice

from msgspec import Struct


class Entry(Struct, frozen=True, gc=False):
    """One published message.

    Args:
        position: counts everything that the hub publishes.
        key: the subject.
        frame: the whole WebSocket frame, built once.
        at: when it was published, in monotonic seconds.
        seq: counts the messages of an event channel; 0 in a state channel.
        removed: the key does not exist any more.
    """

    position: int
    key: str | None
    frame: bytes
    at: float
    seq: int = 0
    removed: bool = False


class StateLog:
    """The last value per key, in the order of positions, with tombstones for what was deleted.

    Adding never drops a tombstone: `trim` does, once everybody live was told.

    Args:
        tombstones_max: how many deletions are remembered. Who stopped before the oldest that was dropped can't be told
            what is gone, and needs a full snapshot (`forgets`).
    """

    def __init__(self, tombstones_max: int) -> None:
        self._entries: dict[str | None, Entry] = {}  # re-inserted on update: the order is the order of positions
        self._tombstones: dict[str | None, int] = {}  # key -> position, oldest first
        self._tombstones_max = tombstones_max
        self.forgotten_until = 0  # position of the newest tombstone that was dropped

    def __len__(self) -> int:
        """How many keys exist."""
        return len(self._entries) - len(self._tombstones)

    def __contains__(self, key: str | None) -> bool:
        """Whether the key exists."""
        return key in self._entries and key not in self._tombstones

    def add(self, entry: Entry) -> None:
        """Put the newest value of a key, or its tombstone."""
        self._entries.pop(entry.key, None)
        self._tombstones.pop(entry.key, None)
        self._entries[entry.key] = entry
        if entry.removed:
            self._tombstones[entry.key] = entry.position

    def trim(self, now: float) -> None:  # noqa: ARG002  (as `EventLog.trim`)
        """Drop the tombstones over the bound, oldest first."""
        surplus = max(0, len(self._tombstones) - self._tombstones_max)
        for key in list(islice(self._tombstones, surplus)):
            self.forgotten_until = self._tombstones.pop(key)
            del self._entries[key]

    def since(self, position: int) -> list[Entry]:
        """Give every key that changed after a position, once, with its last value; from 0 on, a snapshot."""
        found: list[Entry] = []
        for entry in reversed(self._entries.values()):
            if entry.position <= position:
                break
            found.append(entry)
        found.reverse()
        return found if position else [entry for entry in found if not entry.removed]

    def since_for(self, keys: Collection[str], position: int) -> list[Entry]:
        """As `since`, for some keys only; costs no more than these."""
        found = (self._entries.get(key) for key in keys)
        changed = [e for e in found if e and e.position > position and (position or not e.removed)]
        changed.sort(key=lambda entry: entry.position)
        return changed

    def forgets(self, position: int) -> bool:
        """Tell whether something deleted after this position is remembered no more."""
        return 0 < position < self.forgotten_until


class EventLog:
    """A bounded history with contiguous `seq`. Adding never drops: `trim` does, once everybody live was told.

    Args:
        count_max: messages kept.
        bytes_max: bytes of frames kept.
        age_max_s: seconds that a message is kept.
    """

    def __init__(self, count_max: int, bytes_max: int, age_max_s: float) -> None:
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._count_max = count_max
        self._bytes_max = bytes_max
        self._age_max_s = age_max_s
        self.seq = 0  # of the newest entry
        self.dropped_position = 0  # of the newest entry that was dropped
        self.dropped_seq = 0

    def __len__(self) -> int:
        """How many messages are kept."""
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        """Append the newest message."""
        self._entries.append(entry)
        self._bytes += len(entry.frame)
        self.seq = entry.seq

    def trim(self, now: float) -> None:
        """Drop what is over the bounds, oldest first."""
        entries = self._entries
        while entries and (
            len(entries) > self._count_max or self._bytes > self._bytes_max or entries[0].at < now - self._age_max_s
        ):
            dropped = entries.popleft()
            self._bytes -= len(dropped.frame)
            self.dropped_position, self.dropped_seq = dropped.position, dropped.seq

    def since(self, position: int) -> list[Entry]:
        """Give every message after a position that is kept; `lost_since` tells whether that is all."""
        found: list[Entry] = []
        for entry in reversed(self._entries):
            if entry.position <= position:
                break
            found.append(entry)
        found.reverse()
        return found

    def since_for(self, keys: Collection[str], position: int) -> list[Entry]:
        """As `since`, for some keys only."""
        return only(keys, self.since(position))

    def lost_since(self, position: int) -> bool:
        """Tell whether a message after this position is kept no more."""
        return position < self.dropped_position

    def before_last(self, count: int) -> int | None:
        """Give the position after which the last `count` messages stand; None where none is kept."""
        if not self._entries or count <= 0:
            return None
        return self._entries[-min(count, len(self._entries))].position - 1


def only(keys: Collection[str], entries: Iterable[Entry]) -> list[Entry]:
    """Keep the entries about some keys."""
    return [entry for entry in entries if entry.key in keys]


Log = StateLog | EventLog
