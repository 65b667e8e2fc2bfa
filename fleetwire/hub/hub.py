"""Publish, subscribe, flush: nobody has a queue, everybody is a position in shared logs.

The hub decides and does nothing: `flush` tells which buffer goes to whom, and whoever runs it writes them (see
docs/design.md). It knows no socket, no clock, no trading.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple

from fleetwire.hub.beginning import Here, Standing, begin
from fleetwire.hub.catchup import CatchUp
from fleetwire.hub.cohort import Cohort, News, Piece, join
from fleetwire.hub.counts import Counts
from fleetwire.hub.limits import Limits
from fleetwire.hub.log import End, Entry, EventLog, Log, StateLog
from fleetwire.hub.pace import Cursor, Pace, Straggler, rounded_down
from fleetwire.hub.session import NO_RATES, Session
from fleetwire.wire import codec, messages
from fleetwire.wire.channels import CHANNEL_BY_NAME, CHANNELS, REMOVED, Kind, Topic, channel_of_type, field_of
from fleetwire.wire.errors import DataError

logger = logging.getLogger("fleetwire.hub")


class Delivery(NamedTuple):
    """One buffer for some sessions. Whoever writes it must `pause` those whose transport can take no more.

    Args:
        sessions: who gets it; not to be changed while it is walked.
        piece: what is written.
        pace: in which they hear it.
    """

    sessions: Collection[Session]
    piece: Piece
    pace: Pace


class Kept(NamedTuple):
    """A message of an event channel that an earlier run has kept.

    Args:
        channel: its name.
        position: in the epoch of that run.
        seq: in its channel.
        key: the subject.
        at: when it was published, in monotonic seconds of this run.
        payload: the message as JSON.
        labels: who may hear it, among those who may not hear everything; None is everybody.
    """

    channel: str
    position: int
    seq: int
    key: str | None
    at: float
    payload: bytes
    labels: frozenset[str] | None = None


class Hub:
    """The logs, the paces with their cohorts, and those who catch up.

    Args:
        epoch: names this run of positions; a position means nothing in another epoch.
        limits: the bounds.
    """

    def __init__(self, epoch: str, limits: Limits) -> None:
        self.epoch = epoch
        self.limits = limits
        self.position = 0  # of the newest message
        self.flushed = 0  # until where everything was told to those who are told at once
        self._sealed: int | None = None  # until where the next flush tells
        self._sealed_bytes = 0
        self._staged: set[str] = set()  # channels with messages that were published since
        self.keeps_events = False  # whether a flush waits until its events are kept
        self._answers: list[tuple[Session, int, bytes]] = []  # to whoever published, once that position is told
        self.counts = Counts()
        self._aggregates: dict[Callable[[], None], None] = {}  # that publish, at the next flush, what they sum up
        self._logs: dict[str, Log] = {channel.name: _new_log(channel.kind, limits) for channel in CHANNELS}
        self._news: set[str] = set()  # channels with unflushed messages
        self._unflushed_bytes = 0
        self._said_at: list[float] = []  # of the unflushed messages
        self._at_once = Pace(None, 0)
        self._paces: dict[tuple[float | None, Pace | None], Pace] = {(None, None): self._at_once}
        self._patched = 0  # seats that hear patches
        self.catch_up = CatchUp(epoch, self._logs, limits, self.counts)

    def restore(self, epoch: str, position: int, events: Iterable[Kept], now: float, *, unkept_until: int = 0) -> None:
        """Go on where an earlier run ended, before anything is published and anybody is here.

        Args:
            epoch: of that run.
            position: up to which it may have given positions away; what is published goes on above.
            events: what it kept of the event channels, in the order of positions.
            now: monotonic seconds.
            unkept_until: the newest position, of all runs, that may have been told without being kept. A `gap` tells of
                it; 0 if there is none.

        Raises:
            RuntimeError: something was published already.
        """
        if self.position:
            raise RuntimeError("a hub goes on where another ended only before anything is published")
        position = max(position, unkept_until)
        by_channel: dict[str, list[Entry]] = {}
        for kept in events:
            entry = Entry(kept.position, kept.key, kept.payload, kept.at, kept.seq, labels=kept.labels)
            by_channel.setdefault(kept.channel, []).append(entry)
            position = max(position, kept.position)
        # One position stands for the restart itself: who was here before has not heard that one yet.
        self.epoch, self.position = epoch, position + 1
        self.flushed = self._at_once.position = self.position
        for name, log in self._logs.items():
            if isinstance(log, EventLog):
                log.restore(by_channel.get(name, ()), unkept_until)
                log.trim(now)
            else:
                log.forgotten_until = self.position
        self.catch_up = CatchUp(epoch, self._logs, self.limits, self.counts)

    # ------------------------------------------------------------------------------------------------------- publish

    def publish(
        self,
        message_type: str,
        data: Any,
        *,
        now: float,
        timestamp: str,
        as_of: str | None = None,
        key: int | str | None = None,
        labels: frozenset[str] | None = None,
        said_at: float | None = None,
    ) -> Entry:
        """Number a message, encode it once, and keep it. Nobody hears it before the next flush that begins after it.

        Args:
            message_type: as a channel carries it, like "ea_update".
            data: anything with a JSON object's form; passed through as it is.
            now: monotonic seconds.
            timestamp: UTC, as the envelope has it.
            as_of: UTC; when the source said it.
            key: names the subject, where the channel's own field does not.
            labels: who may hear it, among those who may not hear everything; None is everybody.
            said_at: when the source said it, in monotonic seconds, if that was earlier.

        Raises:
            DataError: unknown type, no JSON object, no key for a state row, too long, too many keys. Nothing was
                published.
        """
        channel = channel_of_type(message_type)
        key = channel.key_of(data) if key is None else channel.checked_key(key)
        log = self._logs[channel.name]
        seq = log.seq + 1 if isinstance(log, EventLog) else None
        envelope = {"timestamp": timestamp, "channel": channel.name, "position": self.position + 1, "key": key}
        payload = codec.encode_published(message_type, data=data, seq=seq, as_of=as_of, **envelope)
        if len(payload) > self.limits.publish_bytes_max:
            raise DataError(
                f"{message_type}: {len(payload):,} bytes are more than the {self.limits.publish_bytes_max:,} allowed"
            )
        removed, before, end = False, None, None
        if isinstance(log, StateLog):
            removed = field_of(data, "status") == REMOVED
            if not removed and len(log) >= self.limits.state_keys_max and key not in log:
                raise DataError(f"{channel.name} holds {len(log):,} keys already: no more are taken")
            last = log.last(key)
            if last is not None and (last.labels != labels or last.end is not None):
                gone = codec.encode_published(message_type, data=channel.removed(data), **envelope)
                end = _end_of(last, gone, self.position + 1, labels)
            if self._patched and not removed and key in log and last is not None and last.labels == labels:
                before = last
        self.position += 1
        entry = Entry(
            self.position, key, payload, now, seq or 0, removed=removed, labels=labels, before=before, end=end
        )
        self._said_at.append(now if said_at is None else said_at)
        if self._sealed is None:
            log.add(entry)
            self._news.add(channel.name)
        else:
            log.stage(entry)
            self._staged.add(channel.name)
        self._unflushed_bytes += len(entry.frame)
        self.counts.published += 1
        return entry

    def last(self, channel: str, key: str | None) -> Entry | None:
        """Give the last entry of a key of a state channel, even if that is its end; None in an event channel."""
        log = self._logs[channel]
        return log.last(key) if isinstance(log, StateLog) else None

    def answer_when_told(self, session: Session, position: int, answer: bytes) -> None:
        """Answer whoever published a message once that has been told, and so is kept where events are."""
        self._answers.append((session, position, answer))

    def at_flush(self, aggregate: Callable[[], None]) -> None:
        """Call something back once, at the next flush, to publish what sums up the rows published until then."""
        self._aggregates[aggregate] = None

    @property
    def head(self) -> int:
        """The position of the newest message that sessions know of: what is staged does not exist for them yet."""
        return self.position if self._sealed is None else self._sealed

    @property
    def cohorts(self) -> int:
        """How many cohorts there are."""
        return sum(len(pace.cohorts) for pace in self._paces.values())

    @property
    def dirty(self) -> bool:
        """Whether a flush has something to do."""
        return bool(self._news or self._staged or self.catch_up or self._aggregates)

    @property
    def waits_for_next(self) -> bool:
        """Whether something is left to be told when the flush that is sealed is over."""
        return self._sealed is not None and bool(self._staged or self._aggregates)

    @property
    def must_flush(self) -> bool:
        """Whether so much is unflushed that the next message has to wait for a flush."""
        return (
            self._unflushed_bytes >= self.limits.unflushed_bytes_max
            or self.position - self.flushed >= self.limits.unflushed_count_max
        )

    def next_deadline(self) -> float | None:
        """When those have to be flushed who are not told at once, in monotonic seconds; None while there is nothing."""
        return min((pace.next_at for pace in self._paces.values() if pace.next_at is not None), default=None)

    # ----------------------------------------------------------------------------------------------------- subscribe

    def subscribe(self, session: Session, request: messages.SubscribeData, topics: Iterable[Topic]) -> dict[str, bool]:
        """Begin topics for a session; it catches up in the next flushes.

        Args:
            session: anyone.
            request: from where on, and how often.
            topics: those of the request that exist and are allowed.

        Returns:
            For each topic that was resumed, whether nothing of it is missing.
        """
        cursor = self._cursor(session)
        begun = {topic: at for one in session.stragglers.values() for topic, at in one.begun.items()}
        snapshots = {topic: None for one in session.stragglers.values() for topic in one.snapshots}
        gaps = [gap for one in session.stragglers.values() for gap in one.gaps]
        recovered: dict[str, bool] = {}
        here = Here(self.epoch, self.head)
        for topic in topics:
            before = Standing(cursor.get(topic), begun.get(topic))
            beginning = begin(self._logs[topic.channel], topic, request, session, before, here)
            cursor[topic] = beginning.position
            if beginning.recovered is not None:
                recovered[str(topic)] = beginning.recovered
            if beginning.begun is not None:
                begun[topic] = beginning.begun
            gaps += beginning.gaps
            if beginning.is_anew and (session.form.version > 1 or request.in_words):
                snapshots[topic] = None
            self._note_rate(session, topic.channel, request)
        self._move(session, cursor, begun, snapshots, gaps)
        return recovered

    def unsubscribe(self, session: Session, topics: Iterable[Topic]) -> None:
        """End topics for a session; it hears nothing more of them, from this moment on."""
        gone = set(topics)
        cursor = {topic: at for topic, at in self._cursor(session).items() if topic not in gone}
        ones = list(session.stragglers.values())
        begun = {topic: at for one in ones for topic, at in one.begun.items() if topic in cursor}
        snapshots = {topic: None for one in ones for topic in one.snapshots if topic in cursor}
        channels = {topic.channel for topic in cursor}
        self._move(session, cursor, begun, snapshots, [g for one in ones for g in one.gaps if g.channel in channels])

    def rescope(self, session: Session) -> None:
        """Begin all rows anew for a session whose identity holds other labels than before: a `gap` tells it so.

        From this moment on it hears what the new identity may hear, and nothing else; rows that it may not have any
        more are those that are not given to it again.
        """
        cursor = self._cursor(session)
        begun: dict[Topic, int] = {}
        snapshots: dict[Topic, None] = {}
        gaps = [gap for one in session.stragglers.values() for gap in one.gaps]
        for topic, at in cursor.items():
            if CHANNEL_BY_NAME[topic.channel].kind is Kind.state:
                gaps.append(messages.GapData(channel=topic.channel, since=max(at, 0), epoch=self.epoch))
                cursor[topic], begun[topic], snapshots[topic] = 0, self.head, None
        self._move(session, cursor, begun, snapshots, gaps)

    def leave(self, session: Session) -> None:
        """Forget a session."""
        self._move(session, {}, {}, {}, [])

    def _cursor(self, session: Session) -> Cursor:
        """Tell until which position a session has heard everything, topic by topic."""
        cursor: Cursor = {}
        for cohort in session.cohorts:
            cursor.update(dict.fromkeys(cohort.hearing.topics, cohort.pace.position))
        for one in session.stragglers.values():
            cursor.update(one.cursor)
        return cursor

    def _note_rate(self, session: Session, channel: str, request: messages.SubscribeData) -> None:
        """Remember how often a session wants to be told of a channel. Events are never delayed."""
        if CHANNEL_BY_NAME[channel].kind is Kind.state:
            asked = request.max_hz.get(channel) if isinstance(request.max_hz, dict) else request.max_hz
            if asked is not None:
                session.rates = {**session.rates, channel: rounded_down(asked)}
            elif channel in session.rates:
                session.rates = {name: hz for name, hz in session.rates.items() if name != channel} or NO_RATES

    def _pace(self, session: Session, channel: str, heard: set[str]) -> Pace:
        """Find the pace of a channel: sums are told no more often than the rows that they sum, and after them.

        Args:
            session: who hears it.
            channel: its name.
            heard: all channels that the session hears.
        """
        is_state = CHANNEL_BY_NAME[channel].kind is Kind.state
        hz = session.rates.get(channel, self.limits.default_max_hz if is_state else 0.0) or None
        rows = CHANNEL_BY_NAME[channel].sums
        after = self._pace(session, rows, heard) if rows is not None and rows in heard else None
        if after is not None and (hz is None or (after.hz_max is not None and hz >= after.hz_max)):
            return after
        pace = self._paces.get((hz, after))
        if pace is None:
            pace = self._paces[hz, after] = Pace(hz, self.flushed, after)
        return pace

    def _move(
        self,
        session: Session,
        cursor: Cursor,
        begun: dict[Topic, int],
        snapshots: dict[Topic, None],
        gaps: list[messages.GapData],
    ) -> None:
        """Take a session out of where it is and let it catch up from a cursor."""
        for cohort in session.cohorts:
            cohort.pace.cohorts.leave(session, cohort)
        for one in session.stragglers.values():
            self.catch_up.forget(one)
        by_pace: dict[Pace, Cursor] = {}
        heard = {topic.channel for topic in cursor}
        for topic, at in cursor.items():
            by_pace.setdefault(self._pace(session, topic.channel, heard), {})[topic] = at
        session.cohorts = ()
        session.stragglers = {pace: Straggler(session, pace, of_pace) for pace, of_pace in by_pace.items()}
        for one in session.stragglers.values():
            one.begun = {topic: at for topic, at in begun.items() if topic in one.cursor}
            one.snapshots = {topic: None for topic in snapshots if topic in one.cursor}
            one.gaps = [gap for gap in gaps if any(gap.channel == topic.channel for topic in one.cursor)]
            if not session.paused:
                self.catch_up.add(one)
        self._patched += (session.form.version > 1 and bool(cursor)) - session.is_patched
        session.is_patched = session.form.version > 1 and bool(cursor)

    # ---------------------------------------------------------------------------------------------- slow readers

    def pause(self, session: Session, delivery: Delivery | None = None) -> None:
        """Park a session whose transport takes no more.

        Args:
            session: anyone.
            delivery: the last that it was given, if that made it full.
        """
        session.paused = True
        self.counts.stalls += 1
        for one in session.stragglers.values():
            self.catch_up.pause(one)
        for cohort in session.cohorts:
            pace = cohort.pace
            pace.cohorts.leave(session, cohort)
            at = delivery.piece.position if delivery is not None and delivery.pace is pace else pace.position
            one = Straggler(session, pace, dict.fromkeys(cohort.hearing.topics, at), cohort.hearing)
            session.stragglers = {**session.stragglers, pace: one}
        session.cohorts = ()

    def drained(self, session: Session) -> None:
        """Let a parked session catch up: its transport takes bytes again."""
        session.paused = False
        for one in session.stragglers.values():
            self.catch_up.add(one)

    # --------------------------------------------------------------------------------------------------------- flush

    def seal(self) -> None:
        """Let those publish who sum up, and draw a line: the next flush tells what was published until here.

        What is published from now on is staged until that flush is over: it was not there when the sealed events went
        to be kept.
        """
        if self._sealed is None:
            self._sum_up()
            self._sealed, self._sealed_bytes = self.position, self._unflushed_bytes

    def sealed_events(self) -> list[tuple[str, Entry]]:
        """Give what the next flush tells of event channels, with their names, in the order of positions."""
        logs = [(name, log) for name in self._news if isinstance(log := self._logs[name], EventLog)]
        events = [(name, entry) for name, log in logs for entry in log.since(self.flushed)]
        events.sort(key=lambda event: event[1].position)
        return events

    def flush(self, now: float, timestamp: str) -> Iterator[Delivery]:
        """Tell who gets which bytes, up to the seal. The caller writes each delivery before it asks for the next.

        Args:
            now: monotonic seconds.
            timestamp: UTC, for what the hub itself has to say (a `gap`).
        """
        self.counts.flushes += 1
        self.seal()
        try:
            yield from self._flush(self.head, now, timestamp)
        finally:
            self._release()

    def _flush(self, head: int, now: float, timestamp: str) -> Iterator[Delivery]:
        news, self._news = self._news, set()
        self._unflushed_bytes -= self._sealed_bytes
        forgets = max((log.forgets_next for log in self._logs.values() if isinstance(log, StateLog)), default=0)
        must_tell = any(pace.position < forgets for pace in self._paces.values())
        for pace in list(self._paces.values()):  # one that comes after another is newer than it
            pace.news |= news
            if not pace.news:
                pace.position = head
            elif must_tell or pace.is_due(now):
                yield from self._tell(pace)
                pace.flushed(head, now)
            if pace.position == head:
                self.catch_up.woken(pace)
            if pace.is_empty and pace is not self._at_once:
                del self._paces[pace.hz_max, pace.after]
        count = head - self.flushed
        said_at, self._said_at = self._said_at[:count], self._said_at[count:]
        for at in said_at:
            self.counts.age_s.observe(now - at)
        self.flushed = head
        for one, piece in self.catch_up.flush(head, timestamp):
            yield Delivery((one.session,), piece, one.pace)
        yield from self._give_answers(head)
        for log in self._logs.values():
            log.trim(now)

    def _give_answers(self, head: int) -> Iterator[Delivery]:
        due = [(session, answer) for session, position, answer in self._answers if position <= head]
        del self._answers[: len(due)]
        for session, answer in due:
            if not session.closing:
                yield Delivery((session,), Piece(answer, head, 1), self._at_once)

    def _release(self) -> None:
        """Let in what was published since the seal."""
        self._sealed = None
        for name in self._staged:
            self._logs[name].release()
        self._news |= self._staged
        self._staged.clear()

    def _sum_up(self) -> None:
        aggregates, self._aggregates = self._aggregates, {}
        for aggregate in aggregates:
            try:
                aggregate()
            except Exception:  # a defect in one sum must not keep everything else from everybody
                self.counts.aggregates_failed += 1
                logger.exception("an aggregate failed")

    def _tell(self, pace: Pace) -> Iterator[Delivery]:
        """Tell the cohorts of a pace what is new to them."""
        news = News({name: self._logs[name].since(pace.position) for name in pace.news})
        for cohort in list(pace.cohorts.hearing(news)):
            for piece in self._pieces(cohort, news):
                self.counts.joined += piece.messages
                yield Delivery(cohort.sessions, piece, pace)

    def _pieces(self, cohort: Cohort, news: News) -> Iterator[Piece]:
        form, heard = cohort.hearing.form, cohort.pace.position
        return join(cohort.heard(news), form, heard, self.limits.piece_bytes_max)


def _end_of(last: Entry, payload: bytes, position: int, labels: frozenset[str] | None) -> End | None:
    """Build the end of a row for those who heard it under other labels.

    Args:
        last: the entry of its last value.
        payload: says that it is gone, as JSON.
        position: of its new value.
        labels: of its new value.
    """
    if labels is None:  # everybody hears it
        return None
    before, since = (last.labels, position) if last.labels != labels else (labels, 0)
    if last.end is not None:
        ended = last.end.entry.labels
        before = None if before is None or ended is None else before | ended
        since = since or last.end.since
    return End(Entry(position, last.key, payload, last.at, removed=True, labels=before), since)


def _new_log(kind: Kind, limits: Limits) -> Log:
    if kind is Kind.state:
        return StateLog(limits.tombstones_max)
    return EventLog(limits.history_count_max, limits.history_bytes_max, limits.history_age_max_s)
