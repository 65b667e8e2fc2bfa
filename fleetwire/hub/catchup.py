"""Those who are behind: what they miss, what they have lost, and when they have caught up."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from fleetwire.hub.cohort import Hearing, Piece, join
from fleetwire.hub.counts import Counts
from fleetwire.hub.limits import Limits
from fleetwire.hub.log import Entry, EventLog, Log, StateLog
from fleetwire.hub.pace import NOBODY, Cursor, Pace, Straggler
from fleetwire.wire import messages
from fleetwire.wire.channels import Topic

_PIECES_AT_ONCE_MAX = 4
"""How many pieces one session is given in one flush while it catches up: others wait."""
_SNAPSHOTS_KEPT = 8
_SNAPSHOT_AGE = 8
"""A snapshot is given again while less than this part of its rows has changed since it was joined."""


class Missed(NamedTuple):
    """The first of what is missed, joined.

    Args:
        pieces: at most so many as are given at once.
        position: until which everything is in them.
        complete: whether that is all.
        rows: how many messages.
    """

    pieces: list[Piece]
    position: int
    complete: bool
    rows: int


_Shared = dict[tuple[Hearing, frozenset[tuple[Topic, int]]], Missed]


class CatchUp:
    """Those who are behind, and the buffers that they share.

    Args:
        epoch: of the positions.
        logs: by channel.
        limits: the bounds.
        counts: of the hub.
    """

    def __init__(self, epoch: str, logs: Mapping[str, Log], limits: Limits, counts: Counts) -> None:
        self._epoch = epoch
        self._logs = logs
        self._limits = limits
        self._behind: dict[Straggler, None] = {}
        self._snapshots: dict[Hearing, Missed] = {}
        self._given_bytes = 0  # to the one who is being given something
        self._counts = counts

    def __bool__(self) -> bool:
        """Whether somebody has to be given something."""
        return bool(self._behind)

    def __contains__(self, one: Straggler) -> bool:
        """Whether somebody is behind, and can be given something."""
        return one in self._behind

    def add(self, one: Straggler) -> None:
        """Let somebody catch up; where it hears sums, once it is up to date with their rows."""
        if one.pace.after not in one.session.stragglers:
            self._behind[one] = None

    def pause(self, one: Straggler) -> None:
        """Give somebody nothing for now."""
        self._behind.pop(one, None)
        one.pace.waiting.pop(one, None)
        if one.pace.after is not None:
            one.pace.after.waiting.pop(one, None)

    def forget(self, one: Straggler) -> None:
        """Give somebody nothing any more."""
        self.pause(one)
        one.pace.stragglers -= 1

    def flush(self, head: int, timestamp: str) -> Iterator[tuple[Straggler, Piece]]:
        """Give what is missed, within the budget; who has heard everything until `head` takes its place."""
        budget = self._limits.catch_up_bytes_per_flush_max
        shared: _Shared = {}
        line = list(self._behind)
        for one in line:
            if budget <= 0:
                return
            if one not in self._behind:  # its session has become full, or has left
                continue
            rows = one.pace.after
            if rows is not None and rows.position < head:
                del self._behind[one]
                rows.waiting[one] = None
                continue
            # Last in line for the next flush: a long way to go must not keep the others waiting.
            del self._behind[one]
            self._behind[one] = None
            yield from self._tell_losses(one, head, timestamp)
            if one not in self._behind:
                continue
            yield from self._give(one, head, timestamp, shared)
            budget -= self._given_bytes
            # Who has arrived at the rows may be given their sums.
            line += (other for other in one.session.stragglers.values() if other.pace.after is one.pace)

    def _give(self, one: Straggler, head: int, timestamp: str, shared: _Shared) -> Iterator[tuple[Straggler, Piece]]:
        """Give one of them the first of what it misses."""
        self._given_bytes = 0
        complete = True
        while complete and one in self._behind:
            place = (one.hearing, frozenset(one.cursor.items()))
            missed = shared.get(place)
            if missed is None:
                missed = shared[place] = self._missed(one.hearing, one.cursor, head)
            for piece in missed.pieces:
                one.advance(piece.position)
                self._given_bytes += len(piece.buffer)
                yield one, piece
                if one not in self._behind:  # it is full, or gone
                    return
            one.advance(missed.position)
            complete = missed.complete
            if complete and missed.position >= head:
                yield from self._arrived(one, head, timestamp)

    def _arrived(self, one: Straggler, head: int, timestamp: str) -> Iterator[tuple[Straggler, Piece]]:
        """Admit one who has heard everything to the cohort; where that is told less often, it waits for it."""
        del self._behind[one]
        one.begun = {}
        if one.pace.position == head:
            self._admit(one)
        else:
            one.pace.waiting[one] = None
        if one.snapshots:
            names = [str(topic) for topic in one.snapshots]
            one.snapshots = {}
            data = messages.SnapshotEndData(channels=names, position=head)
            yield one, self._said(one, messages.SnapshotEnd(data=data, timestamp=timestamp), head)

    def _admit(self, one: Straggler) -> None:
        self.forget(one)
        session = one.session
        cohort = one.pace.cohorts.admit(session, one.hearing)
        session.cohorts = (*session.cohorts, cohort) if session.cohorts else cohort.alone
        session.stragglers = {pace: other for pace, other in session.stragglers.items() if other is not one} or NOBODY
        for other in session.stragglers.values():
            if other.pace.after is one.pace:
                self.add(other)

    def woken(self, pace: Pace) -> None:
        """Let those catch up who waited for a pace that has been flushed."""
        self._behind.update(pace.waiting)
        pace.waiting.clear()

    # --------------------------------------------------------------------------------------------------- what is missed

    def _missed(self, hearing: Hearing, cursor: Cursor, head: int) -> Missed:
        """Join the first of what was published after a cursor; a snapshot that is hardly older is taken as it is."""
        anew = {topic: at for topic, at in cursor.items() if at == 0}
        others_at = min((at for at in cursor.values() if at != 0), default=head)
        snapshot = hearing._replace(topics=frozenset(anew))
        known = self._snapshots.get(snapshot)
        if known is not None and known.position <= others_at and self._is_fresh(known, snapshot, head):
            return known
        if not anew or others_at < head:
            return self._joined(hearing, cursor, head)
        missed = self._joined(snapshot, anew, head)
        if missed.complete and missed.rows:  # one without rows costs nothing
            self._snapshots.pop(snapshot, None)
            self._snapshots[snapshot] = missed
            if len(self._snapshots) > _SNAPSHOTS_KEPT:
                del self._snapshots[next(iter(self._snapshots))]
        return missed

    def _is_fresh(self, known: Missed, snapshot: Hearing, head: int) -> bool:
        """Tell whether little has changed since a snapshot was joined, and no end of a row in it is forgotten."""
        logs = (self._logs[topic.channel] for topic in snapshot.topics)
        forgotten = any(isinstance(log, StateLog) and log.forgotten_until > known.position for log in logs)
        return not forgotten and (head - known.position) * _SNAPSHOT_AGE <= known.rows

    def _joined(self, hearing: Hearing, cursor: Cursor, head: int) -> Missed:
        entries = self._entries(hearing, cursor)
        # Full values: what this reader has of a row is not known here.
        pieces = list(islice(join(entries, hearing.form, 0, self._limits.piece_bytes_max), _PIECES_AT_ONCE_MAX))
        complete = not entries or pieces[-1].position == entries[-1].position
        return Missed(pieces, head if complete else pieces[-1].position, complete, len(entries))

    def _entries(self, hearing: Hearing, cursor: Cursor) -> list[Entry]:
        """Gather what was published after a cursor, in the order of positions."""
        wanted: dict[tuple[str, int], set[str] | None] = {}  # many keys of a channel cost one walk through its log
        for (channel, key), position in cursor.items():
            if key is None:
                wanted[channel, position] = None
            elif (keys := wanted.setdefault((channel, position), set())) is not None:
                keys.add(key)
        found: dict[int, Entry] = {}
        for (channel, position), keys in wanted.items():
            log = self._logs[channel]
            entries = log.since(position) if keys is None else log.since_for(keys, position)
            told = (entry.told_to(hearing.scope, position) for entry in entries)
            found.update((entry.position, entry) for entry in told if entry is not None)
        return [found[position] for position in sorted(found)]

    # ----------------------------------------------------------------------------------------------------- what is lost

    def _tell_losses(self, one: Straggler, head: int, timestamp: str) -> Iterator[tuple[Straggler, Piece]]:
        """Tell what can't be given any more; rows whose end may be forgotten are given anew."""
        before = one.cursor.copy()
        for topic, position in before.items():
            log = self._logs[topic.channel]
            if isinstance(log, EventLog):
                if log.lost_since(position):
                    one.cursor[topic] = log.dropped_position
                    if topic.key is None or before.get(Topic(topic.channel), position + 1) > position:
                        whole = topic.key is None and one.hearing.scope is None
                        one.gaps.append(self._lost_events(log, topic.channel, position, whole=whole))
            elif _forgotten(log, position, one.begun.get(topic)):
                one.gaps.append(messages.GapData(channel=topic.channel, since=max(position, 0), epoch=self._epoch))
                for other in one.cursor:
                    if other.channel == topic.channel:  # a gap names the channel: all that is heard of it begins anew
                        one.cursor[other], one.begun[other] = 0, head
                        one.snapshots[other] = None
        gaps, one.gaps = one.gaps, []
        for gap in dict.fromkeys(gaps):  # once, however many keys of a channel it concerns
            self._counts.gaps += 1
            yield one, self._said(one, messages.Gap(data=gap, timestamp=timestamp), 0)

    def _lost_events(self, log: EventLog, channel: str, position: int, *, whole: bool) -> messages.GapData:
        """Name what is lost of an event channel: by `seq`, where the reader sees every one."""
        before = log.seq_at(position) if whole else None
        return messages.GapData(
            channel=channel,
            from_seq=None if before is None else before + 1,
            to_seq=log.dropped_seq if whole else None,
            since=position,
            until=log.dropped_position,
            epoch=self._epoch,
        )

    @staticmethod
    def _said(one: Straggler, message: messages.ServerMessage, position: int) -> Piece:
        return Piece(one.session.form.tell(message), position, 1)


def _forgotten(log: StateLog, position: int, begun: int | None) -> bool:
    """Tell whether the end of a row that a reader has may be forgotten.

    Args:
        log: of the channel.
        position: until which the reader has heard everything.
        begun: while it is given all rows anew, the position whose rows it had when that began.
    """
    if position == 0:
        return False
    return log.forgotten_until > (position if begun is None else max(position, begun))
