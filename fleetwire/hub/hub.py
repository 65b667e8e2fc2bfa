"""Publish, subscribe, flush: nobody has a queue, everybody is a position in shared logs.

The hub decides and does nothing: `flush` tells which buffer goes to whom, and whoever runs it writes them (see
docs/design.md). It knows no socket, no clock, no trading.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from fleetwire.hub.cohort import Cohorts, Cursor, Piece, Topics, join
from fleetwire.hub.limits import Limits
from fleetwire.hub.log import Entry, EventLog, Log, StateLog, only
from fleetwire.hub.session import Session
from fleetwire.wire import codec, messages
from fleetwire.wire.channels import CHANNELS, REMOVED, Kind, Topic, channel_of_type, field_of
from fleetwire.wire.errors import DataError

logger = logging.getLogger("fleetwire.hub")

_PIECES_AT_ONCE_MAX = 4
"""How many pieces one session is given in one flush while it catches up: others wait."""


class Delivery(NamedTuple):
    """One buffer for some sessions. Whoever writes it must `park` those whose transport can take no more."""

    sessions: Iterable[Session]
    piece: Piece


class Hub:
    """The logs, the cohorts, and the sessions that catch up.

    Args:
        epoch: names this run of positions; a position means nothing in another epoch.
        limits: the bounds.
    """

    def __init__(self, epoch: str, limits: Limits) -> None:
        self.epoch = epoch
        self.limits = limits
        self.position = 0  # of the newest message
        self.flushed = 0  # where every cohort stands
        self._aggregates: dict[Callable[[], None], None] = {}  # that publish, at the next flush, what they sum up
        self.cohorts = Cohorts()
        self._logs: dict[str, Log] = {channel.name: _new_log(channel.kind, limits) for channel in CHANNELS}
        self._news: set[str] = set()  # channels with unflushed messages
        self._unflushed_bytes = 0
        self._catching_up: dict[Session, None] = {}

    # ------------------------------------------------------------------------------------------------------- publish

    def publish(
        self,
        message_type: str,
        data: Any,
        *,
        now: float,
        timestamp: str,
        as_of: str | None = None,
        key: str | None = None,
    ) -> Entry:
        """Number a message, encode it once, and keep it. Nobody hears it before the next flush.

        Args:
            message_type: as a channel carries it, like "ea_update".
            data: anything with a JSON object's form; passed through as it is.
            now: monotonic seconds.
            timestamp: UTC, as the envelope has it.
            as_of: UTC; when the source said it.
            key: names the subject, where the channel's own field does not.

        Raises:
            DataError: unknown type, no JSON object, no key for a state row, too long, too many keys. Nothing was
                published.
        """
        channel = channel_of_type(message_type)
        key = channel.key_of(data) if key is None else channel.checked_key(key)
        log = self._logs[channel.name]
        is_event = isinstance(log, EventLog)
        seq = log.seq + 1 if isinstance(log, EventLog) else None
        position = self.position + 1
        payload = codec.encode_published(
            message_type,
            data=data,
            timestamp=timestamp,
            channel=channel.name,
            position=position,
            seq=seq,
            key=key,
            as_of=as_of,
        )
        if len(payload) > self.limits.publish_bytes_max:
            raise DataError(
                f"{message_type}: {len(payload):,} bytes are more than the {self.limits.publish_bytes_max:,} allowed"
            )
        removed = not is_event and field_of(data, "status") == REMOVED
        if isinstance(log, StateLog) and key not in log and not removed and len(log) >= self.limits.state_keys_max:
            raise DataError(f"{channel.name} holds {len(log):,} keys already: no more are taken")
        entry = Entry(position, key, codec.text_frame(payload), now, seq or 0, removed)
        self.position = position
        log.add(entry)
        self._news.add(channel.name)
        self._unflushed_bytes += len(entry.frame)
        return entry

    @property
    def dirty(self) -> bool:
        """Whether a flush has something to do."""
        return bool(self._news or self._catching_up or self._aggregates)

    def at_flush(self, aggregate: Callable[[], None]) -> None:
        """Call something back once, at the next flush, to publish what sums up the rows published until then."""
        self._aggregates[aggregate] = None

    @property
    def must_flush(self) -> bool:
        """Whether so much is unflushed that the next message has to wait for a flush."""
        return (
            self._unflushed_bytes >= self.limits.unflushed_bytes_max
            or self.position - self.flushed >= self.limits.unflushed_count_max
        )

    # ----------------------------------------------------------------------------------------------------- subscribe

    def subscribe(self, session: Session, request: messages.SubscribeData, topics: Iterable[Topic]) -> dict[str, bool]:
        """Begin topics for a session; it catches up in the next flushes.

        Args:
            session: anyone.
            request: from where on.
            topics: those of the request that exist and are allowed.

        Returns:
            For each topic that was resumed, whether nothing of it is missing.
        """
        starts: Cursor = {}
        recovered: dict[str, bool] = {}
        in_words = request.since is not None or request.history is not None or request.snapshot is not None
        anew: list[Topic] = []
        heard = self._heard_until(session)
        for topic in topics:
            resumed = self._resume(session, topic, request.since)
            if resumed is not None:
                start, recovered[str(topic)] = resumed
            else:
                start = self._start(topic, request)
            is_event = isinstance(self._logs[topic.channel], EventLog)
            if start == 0 or is_event:
                anew.append(topic)
            # What it hears already may not have reached it yet: whatever it asks for now, it is told that, too.
            if topic in session.topics:
                start = min(start, self.flushed if session.cohort is not None else session.cursor[topic])
            if not is_event and topic.channel in heard:
                if start == 0:
                    session.again.setdefault(topic, heard[topic.channel])
                else:
                    start = min(start, heard[topic.channel])
            starts[topic] = start
        if in_words:
            session.snapshots |= dict.fromkeys(anew)
        self._move(session, session.topics.union(starts), starts)
        return recovered

    def _heard_until(self, session: Session) -> dict[str, int]:
        """Tell for each channel from where on a session may hold rows whose end it has not heard."""
        heard: dict[str, int] = {}
        for topic in session.topics:
            position = self.flushed if session.cohort is not None else session.cursor[topic]
            position = position or session.again.get(topic, 0)
            if position:
                heard[topic.channel] = min(position, heard.get(topic.channel, position))
        return heard

    def _start(self, topic: Topic, request: messages.SubscribeData) -> int:
        """Choose the position of a topic that is heard anew: 0 begins with a snapshot, the newest with what comes."""
        log = self._logs[topic.channel]
        if isinstance(log, StateLog):
            return self.position if request.snapshot is False else 0
        position = log.before_last(request.history or 0)
        return self.position if position is None else position

    def _resume(self, session: Session, topic: Topic, since: messages.Since | None) -> tuple[int, bool] | None:
        """Choose the position of a topic that goes on, and tell whether nothing is missing; None if it does not."""
        position = since.of(topic.channel) if since else None
        if since is None or position is None:
            return None
        log = self._logs[topic.channel]
        known = since.epoch == self.epoch and 0 <= position <= self.position
        if isinstance(log, StateLog):
            return (position, True) if known and not log.forgets(position) else (0, False)
        if known:
            return position, not log.lost_since(position)  # what is lost is told while it catches up
        # Nobody can tell what followed that position where it was given; all that is kept here is new to the session.
        session.gaps.append(messages.GapData(channel=topic.channel, since=position, epoch=since.epoch))
        return (0 if since.epoch != self.epoch else self.position), False

    def unsubscribe(self, session: Session, topics: Iterable[Topic]) -> None:
        """End topics for a session; it hears nothing more of them, from this moment on."""
        self._move(session, session.topics.difference(topics), {})

    def leave(self, session: Session) -> None:
        """Forget a session."""
        self._move(session, frozenset(), {})

    def _move(self, session: Session, topics: Topics, starts: Cursor) -> None:
        """Take a session out of where it is and let it catch up with its new topics."""
        if session.cohort is not None:
            self.cohorts.leave(session, session.cohort)
            session.cohort = None
            session.cursor = dict.fromkeys(session.topics, self.flushed)
        self._catching_up.pop(session, None)
        session.cursor = {topic: starts.get(topic, session.cursor.get(topic, self.flushed)) for topic in topics}
        session.topics = topics
        session.snapshots = {topic: None for topic in session.snapshots if topic in topics}
        session.again = {topic: heard for topic, heard in session.again.items() if topic in topics}
        session.gaps = [gap for gap in session.gaps if any(gap.channel == topic.channel for topic in topics)]
        if topics and not session.paused:
            self._catching_up[session] = None

    # ---------------------------------------------------------------------------------------------- slow readers

    def pause(self, session: Session, position: int) -> None:
        """Park a session whose transport takes no more.

        Args:
            session: anyone.
            position: of the last message it was given, if it stood in a cohort.
        """
        session.paused = True
        if session.cohort is not None:
            self.cohorts.leave(session, session.cohort)
            session.cohort = None
            session.cursor = dict.fromkeys(session.topics, position)
        self._catching_up.pop(session, None)

    def drained(self, session: Session) -> None:
        """Let a parked session catch up: its transport takes bytes again."""
        session.paused = False
        if session.topics and session.cohort is None:
            self._catching_up[session] = None

    # --------------------------------------------------------------------------------------------------------- flush

    def flush(self, now: float, timestamp: str) -> Iterator[Delivery]:
        """Tell who gets which bytes. The caller writes each delivery before it asks for the next.

        Args:
            now: monotonic seconds.
            timestamp: UTC, for what the hub itself has to say (a `gap`).
        """
        aggregates, self._aggregates = self._aggregates, {}
        for aggregate in aggregates:
            try:
                aggregate()
            except Exception:  # a defect in one sum must not keep everything else from everybody
                logger.exception("an aggregate failed")
        news = {name: self._logs[name].since(self.flushed) for name in self._news}
        head, self._news, self._unflushed_bytes = self.position, set(), 0
        for cohort in list(self.cohorts.hearing(news)):
            for piece in join(_heard(cohort.keys_of, news), self.limits.piece_bytes_max):
                yield Delivery(cohort.sessions, piece)
        self.flushed = head
        yield from self._catch_up(timestamp)
        for log in self._logs.values():
            log.trim(now)

    def _catch_up(self, timestamp: str) -> Iterator[Delivery]:
        """Give those who are behind what they miss, within the budget, and admit those who reach the head."""
        budget = self.limits.catch_up_bytes_per_flush_max
        shared: dict[tuple[frozenset[tuple[Topic, int]], ...], tuple[list[Piece], bool]] = {}
        for session in list(self._catching_up):
            if budget <= 0:
                return
            for frame in self._own_news(session, timestamp):
                yield Delivery((session,), Piece(frame, 0))
            if session not in self._catching_up:
                continue
            place = frozenset(session.cursor.items()), frozenset(session.again.items())
            if place not in shared:
                shared[place] = self._first_pieces(session)
            pieces, complete = shared[place]
            for piece in pieces:
                session.cursor = {topic: max(at, piece.position) for topic, at in session.cursor.items()}
                session.again = {}
                budget -= len(piece.buffer)
                yield Delivery((session,), piece)
                if session not in self._catching_up:  # it is full, or gone
                    break
            else:
                if complete:
                    self._admit(session)
                    yield from self._end_snapshot(session, timestamp)

    def _first_pieces(self, session: Session) -> tuple[list[Piece], bool]:
        """Join the first of what a session has missed, and tell whether that is all."""
        missed = self._missed(session)
        pieces = list(islice(join(missed, self.limits.piece_bytes_max), _PIECES_AT_ONCE_MAX))
        return pieces, not missed or pieces[-1].position == missed[-1].position

    def _admit(self, session: Session) -> None:
        """Let a session that has heard everything into its cohort."""
        self._catching_up.pop(session, None)
        session.cursor, session.again = {}, {}
        session.cohort = self.cohorts.admit(session, session.topics)
        session.topics = session.cohort.topics  # equal, but one object for all of them

    def _missed(self, session: Session) -> list[Entry]:
        """Gather what was published after a session's cursor, in the order of positions."""
        wanted: dict[tuple[str, int], set[str] | None] = {}  # many keys of a channel cost one walk through its log
        for (channel, key), position in session.cursor.items():
            if key is None:
                wanted[channel, position] = None
            elif (keys := wanted.setdefault((channel, position), set())) is not None:
                keys.add(key)
        missed: dict[int, Entry] = {}
        for (channel, position), keys in wanted.items():
            log = self._logs[channel]
            entries = log.since(position) if keys is None else log.since_for(keys, position)
            missed.update((entry.position, entry) for entry in entries)
        for (
            channel,
            key,
        ), position in session.again.items():  # a snapshot holds no ends: who holds rows must hear them
            log = self._logs[channel]
            entries = log.since(position) if key is None else log.since_for((key,), position)
            missed.update((entry.position, entry) for entry in entries if entry.removed)
        return [missed[position] for position in sorted(missed)]

    def _own_news(self, session: Session, timestamp: str) -> Iterator[bytes]:
        """Tell a session what it has lost, and let it begin anew where a row's end was forgotten."""
        for topic, position in session.cursor.items():
            log = self._logs[topic.channel]
            if isinstance(log, EventLog) and log.lost_since(position):
                whole = topic.key is None
                session.gaps.append(
                    messages.GapData(
                        channel=topic.channel,
                        to_seq=log.dropped_seq if whole else None,
                        since=position,
                        until=log.dropped_position,
                        epoch=self.epoch,
                    )
                )
                session.cursor[topic] = log.dropped_position
            elif isinstance(log, StateLog) and log.forgets(position or session.again.get(topic, 0)):
                since = position or session.again[topic]
                session.gaps.append(messages.GapData(channel=topic.channel, since=since, epoch=self.epoch))
                for other in session.cursor:
                    if other.channel == topic.channel:  # a gap names the channel: all that is heard of it begins anew
                        session.cursor[other] = 0
                        session.snapshots[other] = None
                        session.again.pop(other, None)
        gaps, session.gaps = session.gaps, []
        for gap in dict.fromkeys(gaps):  # once, however many keys of a channel it concerns
            yield codec.text_frame(codec.encode(messages.Gap(data=gap, timestamp=timestamp)))

    def _end_snapshot(self, session: Session, timestamp: str) -> Iterator[Delivery]:
        """Tell a session that asked for it that its snapshots are complete."""
        if session.snapshots:
            data = messages.SnapshotEndData(channels=[str(topic) for topic in session.snapshots], position=self.flushed)
            session.snapshots = {}
            frame = codec.text_frame(codec.encode(messages.SnapshotEnd(data=data, timestamp=timestamp)))
            yield Delivery((session,), Piece(frame, self.flushed))


def _new_log(kind: Kind, limits: Limits) -> Log:
    if kind is Kind.state:
        return StateLog(limits.tombstones_max)
    return EventLog(limits.history_count_max, limits.history_bytes_max, limits.history_age_max_s)


def _heard(keys_of: dict[str, set[str] | None], news: dict[str, list[Entry]]) -> list[Entry]:
    """Pick from what is new what a cohort hears, in the order of positions."""
    heard: list[Entry] = []
    parts = 0
    for channel, keys in keys_of.items():
        entries = news.get(channel)
        if entries:
            heard += entries if keys is None else only(keys, entries)
            parts += 1
    if parts > 1:
        heard.sort(key=lambda entry: entry.position)
    return heard
