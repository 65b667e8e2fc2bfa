"""What was published, by position: the last value per key, or a bounded history."""

from collections import deque
from collections.abc import Collection, Iterable
from itertools import islice, takewhile
from typing import NamedTuple

import msgspec

from fleetwire.wire.forms import PLAIN, Form
from fleetwire.wire.patch import merge_patch

_row = msgspec.json.Decoder(dict[str, object])


class Entry:
    """One published message. Its frame is built once, at publication; its other forms once, when somebody wants them.

    Args:
        position: counts everything that the hub publishes.
        key: the subject.
        payload: the message as JSON.
        at: when it was published, in monotonic seconds.
        seq: counts the messages of an event channel; 0 in a state channel.
        removed: the key does not exist any more.
        labels: who may hear it, among those who may not hear everything; None is everybody.
        before: the entry that it takes the place of, while somebody wants patches.
        end: the end of the row, for those who may have heard an earlier value and may not hear this one.
    """

    __slots__ = (
        "_before",
        "_elements",
        "_patch",
        "at",
        "base",
        "end",
        "frame",
        "key",
        "labels",
        "position",
        "removed",
        "seq",
    )

    def __init__(
        self,
        position: int,
        key: str | None,
        payload: bytes,
        at: float,
        seq: int = 0,
        *,
        removed: bool = False,
        labels: frozenset[str] | None = None,
        before: "Entry | None" = None,
        end: "End | None" = None,
    ) -> None:
        self.position = position
        self.key = key
        self.at = at
        self.seq = seq
        self.removed = removed
        self.labels = labels
        self.end = end
        self.frame = PLAIN.element(payload)
        self.base = before.position if before is not None else 0
        self._before = before.payload if before is not None else b""
        self._patch: bytes | None = None
        self._elements: dict[tuple[Form, bool], bytes] | None = None

    @property
    def payload(self) -> bytes:
        """The message as JSON, without the frame's head (RFC 6455 section 5.2)."""
        return self.frame[{126: 4, 127: 10}.get(self.frame[1], 2) :]

    def element(self, form: Form, heard: int = 0) -> bytes:
        """Give it in a form, ready to be joined.

        Args:
            form: the reader's.
            heard: the position until which the reader has heard everything; 0 if its rows are not known.
        """
        if form is PLAIN:
            return self.frame
        patched = form.version > 1 and 0 < self.base <= heard and bool(self.patch)
        if self._elements is None:
            self._elements = {}
        element = self._elements.get((form, patched))
        if element is None:
            element = self._elements[form, patched] = form.element(self.patch if patched else self.payload)
        return element

    @property
    def patch(self) -> bytes:
        """The message with a patch in the place of its data; empty where that would not be shorter."""
        if self._patch is None:
            self._patch = self._patched() if self._before else b""
            self._before = b""
        return self._patch

    def _patched(self) -> bytes:
        try:
            message, old = _row.decode(self.payload), _row.decode(self._before)
        except msgspec.ValidationError:  # a number that is JSON, but beyond a double
            return b""
        data, before = message.pop("data"), old["data"]
        patch = merge_patch(before, data) if isinstance(data, dict) and isinstance(before, dict) else None
        if patch is None:
            return b""
        head = {"type": message.pop("type"), "patch": patch, "base": self.base}
        patched = msgspec.json.encode(head | message)
        return patched if len(patched) < len(self.payload) else b""

    def heard_by(self, scope: frozenset[str] | None) -> bool:
        """Tell whether an identity may hear it.

        Args:
            scope: the labels that the identity holds; None is all of them.
        """
        return scope is None or self.labels is None or not self.labels.isdisjoint(scope)

    def told_to(self, scope: frozenset[str] | None, heard: int) -> "Entry | None":
        """Choose what an identity is told: this, the end of the row that it had, or nothing.

        Args:
            scope: the labels that the identity holds; None is all of them.
            heard: the position until which it has heard everything; 0 if it has no rows.
        """
        if self.heard_by(scope):
            return self
        end = self.end
        return end.entry if end is not None and heard and end.since > heard and end.entry.heard_by(scope) else None


class End(NamedTuple):
    """The end of a row for those who do not hold its labels any more.

    Args:
        entry: says so, to those who hold one of the labels that the row had before.
        since: the position at which its labels changed last.
    """

    entry: Entry
    since: int


class StateLog:
    """The last value per key, in the order of positions, with tombstones for what was deleted.

    Adding never drops a tombstone: `trim` does, once everybody live was told. What is staged counts for whoever
    publishes, and is there for nobody who hears.

    Args:
        tombstones_max: how many deletions are remembered. Who stopped before the oldest that was dropped can't be told
            what is gone, and needs a full snapshot (`forgets`).
    """

    def __init__(self, tombstones_max: int) -> None:
        self._entries: dict[str | None, Entry] = {}  # re-inserted on update: the order is the order of positions
        self._tombstones: dict[str | None, int] = {}  # key -> position, oldest first
        self._tombstones_max = tombstones_max
        self._staged: dict[str | None, Entry] = {}
        self._staged_growth = 0  # how many keys more there will be
        self.forgotten_until = 0  # position of the newest tombstone that was dropped

    def __len__(self) -> int:
        """How many keys exist, counting what is staged."""
        return len(self._entries) - len(self._tombstones) + self._staged_growth

    def __contains__(self, key: str | None) -> bool:
        """Whether the key exists, counting what is staged."""
        if self._staged and key in self._staged:
            return not self._staged[key].removed
        return key in self._entries and key not in self._tombstones

    def stage(self, entry: Entry) -> None:
        """Put the newest value of a key aside: nobody is given it before it is released."""
        self._staged_growth += (not entry.removed) - (entry.key in self)
        self._staged.pop(entry.key, None)
        self._staged[entry.key] = entry

    def release(self) -> None:
        """Add what is staged."""
        staged, self._staged, self._staged_growth = self._staged, {}, 0
        for entry in staged.values():
            self.add(entry)

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

    def get(self, key: str | None) -> Entry | None:
        """Give the last value of a key that exists."""
        return self.last(key) if key in self else None

    def last(self, key: str | None) -> Entry | None:
        """Give the last entry of a key, even if that is its end, or staged."""
        if self._staged and key in self._staged:
            return self._staged[key]
        return self._entries.get(key)

    @property
    def forgets_next(self) -> int:
        """The position of the newest tombstone that `trim` is about to drop; 0 if none."""
        surplus = len(self._tombstones) - self._tombstones_max
        return next(islice(self._tombstones.values(), surplus - 1, None)) if surplus > 0 else 0

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


class Hole(NamedTuple):
    """A stretch of positions, after `since` and up to `until`, of which messages may be missing."""

    since: int
    until: int


class EventLog:
    """A bounded history with contiguous `seq`. Adding never drops: `trim` does, once everybody live was told.

    What is staged is numbered already, and is there for nobody who hears.

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
        self._staged: list[Entry] = []
        self.holes: deque[Hole] = deque()  # in what an earlier run kept, oldest first
        self.seq = 0  # of the newest entry, counting what is staged
        self.dropped_position = 0  # of the newest entry that was dropped
        self.dropped_seq = 0
        self._dropped: deque[int] = deque(maxlen=count_max)  # positions of the newest that were dropped

    def __len__(self) -> int:
        """How many messages are kept."""
        return len(self._entries)

    def restore(self, events: Iterable[Entry], unkept_until: int) -> None:
        """Fill an empty log with what an earlier run kept of it.

        Where `seq` has a hole, something was told that is not there any more. So is perhaps what stood between the last
        of them and `unkept_until`: nobody knows how much, so `seq` goes on as if every position there had been one.

        Args:
            events: in the order of positions.
            unkept_until: the newest position that may have been told without being kept; 0 if there is none.
        """
        last = 0
        for entry in events:
            if entry.seq != self.seq + 1 and last:
                self.holes.append(Hole(last, entry.position - 1))
            elif entry.seq != 1 and not last:  # those before it are kept no more
                self.dropped_position, self.dropped_seq = entry.position - 1, entry.seq - 1
            self.add(entry)
            last = entry.position
        if unkept_until > last:
            self.holes.append(Hole(last, unkept_until))
            self.seq += unkept_until - last

    def stage(self, entry: Entry) -> None:
        """Put the newest message aside: nobody is given it before it is released."""
        self._staged.append(entry)
        self.seq = entry.seq

    def release(self) -> None:
        """Add what is staged."""
        staged, self._staged = self._staged, []
        for entry in staged:
            self.add(entry)

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
            if dropped.seq != self.dropped_seq + 1:  # behind a hole: positions are counted from here on
                self._dropped.clear()
            self.dropped_position, self.dropped_seq = dropped.position, dropped.seq
            self._dropped.append(dropped.position)
        while self.holes and self.holes[0].until <= self.dropped_position:
            self.holes.popleft()

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

    def seq_at(self, position: int) -> int | None:
        """Give the `seq` of the newest message until a position that is not kept any more; None if it is long gone."""
        if len(self._dropped) < self.dropped_seq and (not self._dropped or position < self._dropped[0]):
            return None
        return self.dropped_seq - sum(1 for _ in takewhile(lambda dropped: dropped > position, reversed(self._dropped)))

    def before_last(self, count: int, key: str | None = None, scope: frozenset[str] | None = None) -> int | None:
        """Give the position after which the last `count` messages stand; None where none is kept.

        Args:
            count: how many are wanted.
            key: that they are about; None for all.
            scope: the labels of who may hear them; None is all of them.
        """
        about = (entry for entry in reversed(self._entries) if key is None or entry.key == key)
        found = (entry.position for entry in about if entry.heard_by(scope))
        positions = list(islice(found, max(0, min(count, len(self._entries)))))
        return positions[-1] - 1 if positions else None


def only(keys: Collection[str], entries: Iterable[Entry]) -> list[Entry]:
    """Keep the entries about some keys."""
    return [entry for entry in entries if entry.key in keys]


Log = StateLog | EventLog
