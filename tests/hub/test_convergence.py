"""What must hold, whatever the order of publish, subscribe, stall, drain, leave, resume, and of everybody's rates,
forms and rights."""

from typing import Any

from hypothesis import assume, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fleetwire.hub import catchup
from fleetwire.hub.cohort import Scope
from fleetwire.hub.hub import Kept
from fleetwire.hub.limits import Limits
from fleetwire.hub.log import Entry
from fleetwire.wire.channels import CHANNEL_BY_NAME, EVERYTHING, Topic
from fleetwire.wire.forms import FORMS, PLAIN, Form
from tests.hub.support import UTC, Room
from tests.hub.viewer import Publication, Viewer, World, is_state

TINY = Limits(
    piece_bytes_max=400,
    catch_up_bytes_per_flush_max=1000,
    history_count_max=5,
    history_age_max_s=100.0,
    tombstones_max=2,
    unflushed_count_max=6,
)
AGE = catchup._SNAPSHOT_AGE
LONGEST_BYTES = 1000  # of one message
VIEWERS_MAX = 5
STATE_CHANNELS = ("ea_updates", "portfolio_updates")
keys = st.sampled_from("abcd")
state_channels = st.sampled_from(STATE_CHANNELS)
event_channels = st.sampled_from(["alerts", "trade_updates"])
some_topics = st.lists(
    st.builds(Topic, state_channels | event_channels, st.none() | keys), min_size=1, max_size=4, unique=True
)
both = st.just([Topic("ea_updates"), Topic("portfolio_updates")])  # the rows, and their sums
topics = some_topics | both | st.just([EVERYTHING])
hz = st.sampled_from([0.5, 2.0, 3.0, 10.0])
rates = st.none() | hz | st.dictionaries(state_channels, hz, max_size=2)
scopes = st.none() | st.frozensets(st.sampled_from("xy"))
labels = st.none() | st.frozensets(st.sampled_from("xy"), min_size=1)
pick = st.integers(0, VIEWERS_MAX - 1)


def words_of(**words: Any) -> dict[str, Any]:
    return {word: value for word, value in words.items() if value is not None}


class Conversation(RuleBasedStateMachine):
    """Readers come, stall, drain and go while rows and events are published in the tightest of rooms."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.viewers: list[Viewer] = []
        self.left: list[tuple[list[Topic], dict[str, Any], Viewer]] = []  # who left: what they heard, and until where
        self.gone: dict[str, int] = {}  # experts that were removed, and at which position
        self.kept: list[Kept] = []
        self.unkept_until = 0
        self.disk_works = True

    @initialize(default_max_hz=st.sampled_from([0.0, 0.0, 2.0]), snapshot_age=st.sampled_from([AGE, 0]))
    def open(self, default_max_hz: float, snapshot_age: int) -> None:
        """Begin; snapshots are joined anew in good time, or are given again for ever."""
        catchup._SNAPSHOT_AGE = snapshot_age
        names = {name: getattr(TINY, name) for name in TINY.__struct_fields__}
        self.limits = Limits(**{**names, "default_max_hz": default_max_hz})
        self.room = Room(self.limits)
        self.room.keep = self._keep

    def _keep(self, events: list[tuple[str, Entry]]) -> None:
        """Keep what is about to be told, if it can be, and who may hear it."""
        for channel, one in events:
            if self.disk_works:
                self.kept.append(Kept(channel, one.position, one.seq, one.key, one.at, one.payload, one.labels))
            else:
                self.unkept_until = self.room.hub.head

    def viewer(self, number: int) -> Viewer:
        assume(self.viewers)
        return self.viewers[number % len(self.viewers)]

    # -------------------------------------------------------------------------------------------------------- publish

    def _publish(self, channel: str, key: str, data: dict[str, Any], held: Scope) -> int:
        name = "account" if channel == "portfolio_updates" else "ea_id"
        data = {**data, "n": self.world.position + 1, name: key}
        message_type = CHANNEL_BY_NAME[channel].type
        entry = self.room.hub.publish(message_type, data, now=self.room.now, timestamp=UTC, labels=held)
        self.world.publish(entry.position, Publication(channel, key, held, entry.seq))
        removed = data.get("status") == "removed"
        if removed:
            self.world.rows.pop((channel, key), None)
        elif channel in STATE_CHANNELS:
            self.world.rows[channel, key] = (data, held)
        if channel == "ea_updates":
            self.gone.pop(key, None)
            if removed:
                self.gone[key] = entry.position
            self.room.hub.at_flush(self._total)
        return entry.position

    def _room_for_one(self) -> None:
        while self.room.hub.must_flush:
            self.room.flush()

    def _total(self) -> None:
        """Sum up the rows: at which position each was changed last."""
        sums = {key: data["n"] for (channel, key), (data, _) in self.world.rows.items() if channel == "ea_updates"}
        self._publish("portfolio_updates", "total", {"sums": sums, "gone": dict(self.gone)}, None)

    @rule(channel=state_channels, key=keys, size=st.sampled_from([0, 0, 300]), held=labels)
    def publish_row(self, channel: str, key: str, size: int, held: Scope) -> None:
        self._room_for_one()
        self._publish(channel, key, {"fill": "x" * size, "of": {"a": size, "key": key}}, held)

    @rule(key=keys, times=st.integers(1, 3))
    def publish_row_for_everybody(self, key: str, times: int) -> None:
        for _ in range(times):
            self._room_for_one()
            self._publish("ea_updates", key, {"text": "always the same, so that patches are shorter"}, None)

    @rule(channel=state_channels, some=st.lists(keys, min_size=1, max_size=4, unique=True), held=labels)
    def remove_rows(self, channel: str, some: list[str], held: Scope) -> None:
        for key in some:
            self._room_for_one()
            self._publish(channel, key, {"status": "removed"}, held)

    @rule(channel=event_channels, key=keys, count=st.integers(1, 8), size=st.sampled_from([0, 300]), held=labels)
    def publish_events(self, channel: str, key: str, count: int, size: int, held: Scope) -> None:
        for _ in range(count):
            self._room_for_one()
            self._publish(channel, key, {"fill": "x" * size}, held)

    @rule(seconds=st.sampled_from([0.05, 0.3, 1.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.room.now += seconds
        deadline = self.room.hub.next_deadline()
        if deadline is not None and deadline <= self.room.now:
            self.room.flush()
            deadline = self.room.hub.next_deadline()
            assert deadline is None or deadline > self.room.now, "it would be flushed for ever"

    # -------------------------------------------------------------------------------------------------------- readers

    @precondition(lambda self: len(self.viewers) < VIEWERS_MAX)
    @rule(what=topics, form=st.sampled_from(FORMS), scope=scopes, max_hz=rates)
    def come(self, what: list[Topic | str], form: Form, scope: Scope, max_hz: Any) -> None:
        self.viewers.append(Viewer(self.world, self.room.reader(form=form, scope=scope), scope))
        self.viewers[-1].subscribe(what, **words_of(max_hz=max_hz))

    @rule(number=pick, what=topics, max_hz=rates)
    def subscribe(self, number: int, what: list[Topic | str], max_hz: Any) -> None:
        self.viewer(number).subscribe(what, **words_of(max_hz=max_hz))

    @rule(
        number=pick,
        what=topics,
        history=st.none() | st.integers(0, 3) | st.just(9),
        snapshot=st.none() | st.booleans(),
        max_hz=rates,
    )
    def subscribe_in_words(
        self, number: int, what: list[Topic | str], history: int | None, snapshot: bool | None, max_hz: Any
    ) -> None:
        self.viewer(number).subscribe(what, **words_of(history=history, snapshot=snapshot, max_hz=max_hz))

    @rule(number=pick, what=topics, epoch=st.sampled_from(["epoch-0", "epoch-1"]), ahead=st.integers(0, 9))
    def subscribe_from_nowhere(self, number: int, what: list[Topic | str], epoch: str, ahead: int) -> None:
        """A position of another epoch, or one that does not exist yet."""
        position = ahead if epoch == "epoch-0" else self.world.position + 1 + ahead
        self.viewer(number).subscribe(what, since={"epoch": epoch, "position": position})

    @rule(number=pick, what=topics, back=st.integers(0, 3), max_hz=rates)
    def subscribe_from_where_it_is(self, number: int, what: list[Topic | str], back: int, max_hz: Any) -> None:
        """It resumes what it has; of what it has not, it may have nothing."""
        viewer = self.viewer(number)
        viewer.listen()
        heard = [topic for name in what for topic in Topic.read(str(name)) if topic in viewer.topics]
        assume(heard)
        positions = {t.channel: max(0, viewer.newest.get(t.channel, 0) - back) for t in heard}
        since = {"epoch": self.room.hub.epoch, "positions": positions}
        viewer.subscribe(heard, since=since, **words_of(max_hz=max_hz))

    @rule(number=pick, what=topics)
    def unsubscribe(self, number: int, what: list[Topic | str]) -> None:
        viewer = self.viewer(number)
        viewer.unsubscribe(what)

    @rule(number=pick, scope=scopes)
    def authenticate_again(self, number: int, scope: Scope) -> None:
        """It gets more rights, or loses some."""
        self.viewer(number).authenticate(scope)

    @rule(number=pick)
    def stall(self, number: int) -> None:
        viewer = self.viewer(number)
        if not viewer.reader.session.paused:
            self.room.pause(viewer.reader)

    @rule(number=pick)
    def drain(self, number: int) -> None:
        viewer = self.viewer(number)
        if viewer.reader.session.paused:
            self.room.drained(viewer.reader)

    @rule(number=pick, one_for_all=st.booleans())
    def leave(self, number: int, one_for_all: bool) -> None:
        """Go; who has been given everything may come back, with one position for all channels or one for each."""
        viewer = self.viewer(number)
        viewer.listen()
        session = viewer.reader.session
        heard_all = not session.stragglers
        position = min((cohort.pace.position for cohort in session.cohorts), default=0)
        self.room.leave(viewer.reader)
        self.viewers.remove(viewer)
        if not heard_all:
            return
        since: dict[str, Any] = {"epoch": self.room.hub.epoch, "position": position}
        if not one_for_all:
            since["positions"] = {
                channel: at for channel, at in viewer.newest.items() if any(t.channel == channel for t in viewer.topics)
            }
        self.left.append((sorted(viewer.topics, key=str), since, viewer))

    @precondition(lambda self: self.left and len(self.viewers) < VIEWERS_MAX)
    @rule(form=st.sampled_from(FORMS), max_hz=rates)
    def resume(self, form: Form, max_hz: Any) -> None:
        """Come back and go on: with the rows from before, after the last position."""
        what, since, before = self.left.pop()
        viewer = Viewer(self.world, self.room.reader(form=form, scope=before.scope), before.scope)
        viewer.rows, viewer.row_at = before.rows, before.row_at
        viewer.subscribe([*what], since=since, **words_of(max_hz=max_hz))
        self.viewers.append(viewer)

    # -------------------------------------------------------------------------------------------------------- restart

    @rule()
    def disk_breaks_or_is_mended(self) -> None:
        self.disk_works = not self.disk_works

    @precondition(lambda self: any(viewer.newest for viewer in self.viewers))
    @rule(
        calm=st.booleans(),
        meanwhile=st.lists(st.booleans(), max_size=3),
        sealed_are_kept=st.booleans(),
        retained=st.integers(1, 8),
        reserved=st.sampled_from([0, 10]),
        all_come_back=st.booleans(),
    )
    def restart(
        self,
        calm: bool,
        meanwhile: list[bool],
        sealed_are_kept: bool,
        retained: int,
        reserved: int,
        all_come_back: bool,
    ) -> None:
        """End at any moment, and begin with nothing but what was kept; everybody is gone, and may come back."""
        if calm:
            self.settle()
        for flushed in meanwhile:
            self.publish_events("alerts", "a", 1, 0, None)
            if flushed:
                self.room.flush()
        for number in reversed(range(len(self.viewers))):
            self.leave(number, one_for_all=bool(number % 2))
        old = self.room.hub
        if sealed_are_kept and old._sealed is not None and self.disk_works:
            self._keep(old.sealed_events())
        kept = {one.position for one in self.kept}
        for position, one in list(self.world.published.items()):
            if not is_state(one.channel) and position not in kept:
                if position <= old.flushed:
                    self.world.lost.add(position)
                else:  # nobody has heard of it
                    del self.world.published[position]
        for channel in {one.channel for one in self.kept}:
            of_channel = [one for one in self.kept if one.channel == channel]
            self.kept = [one for one in self.kept if one.channel != channel or one in of_channel[-retained:]]
        now, deliveries = self.room.now, self.room.deliveries
        self.room = Room(self.limits)
        self.room.now, self.room.deliveries, self.room.keep = now, deliveries, self._keep
        unkept_until = self.unkept_until
        self.room.hub.restore(old.epoch, old.position + reserved, self.kept, now, unkept_until=unkept_until)
        self.world.position = self.room.hub.position
        self.world.rows.clear()
        self.gone.clear()
        while all_come_back and self.left and len(self.viewers) < VIEWERS_MAX:
            self.resume(PLAIN, None)

    # ---------------------------------------------------------------------------------------------------------- flush

    @rule()
    def seal(self) -> None:
        """Hand over what is to be kept; until the next flush everything else happens meanwhile."""
        self.room.hub.seal()
        self._room_for_one()

    @rule(stalls=st.dictionaries(st.integers(0, 7), pick, max_size=4))
    def flush(self, stalls: dict[int, int]) -> None:
        """Flush once; some become full in the middle of it."""
        first = self.room.deliveries

        def fill(delivery: int) -> None:
            if delivery - first in stalls and self.viewers:
                reader = self.viewers[stalls[delivery - first] % len(self.viewers)].reader
                reader.full = not reader.session.paused

        self.room.flush(fill)
        for viewer in self.viewers:
            viewer.reader.full = False

    @rule()
    def settle(self) -> None:
        """Let everybody read: then everybody has what a newcomer would get."""
        for viewer in self.viewers:
            if viewer.reader.session.paused:
                self.room.drained(viewer.reader)
        self.room.finish()
        self.room.flush()  # paces that everybody has left end with the next flush
        for viewer in self.viewers:
            note(f"audit {viewer.reader.session.client_id}")
            viewer.audit()
            assert not viewer.reader.session.stragglers
        paces = {cohort.pace for viewer in self.viewers for cohort in viewer.reader.session.cohorts}
        assert set(self.room.hub._paces.values()) <= paces | {self.room.hub._at_once}, "a pace is left over"

    # ----------------------------------------------------------------------------------------------------- invariants

    @invariant()
    def everybody_hears_what_it_may_and_nothing_else(self) -> None:
        for viewer in self.viewers:
            viewer.listen()

    @invariant()
    def caught_up_sessions_keep_nothing_but_their_cohorts(self) -> None:
        for viewer in self.viewers:
            session = viewer.reader.session
            assert session.topics == viewer.topics
            assert session.scope == viewer.scope
            for cohort in session.cohorts:
                assert session in cohort.sessions
                assert not session.paused
                assert (cohort.hearing.form, cohort.hearing.scope) == (session.form, session.scope)
            for pace, one in session.stragglers.items():
                assert one.pace is pace
                assert one.cursor.keys() == one.topics
                assert (one.hearing.form, one.hearing.scope) == (session.form, session.scope)
            if len(session.cohorts) == 1 and not session.stragglers:
                assert session.cohorts is session.cohorts[0].alone

    @invariant()
    def memory_is_bounded(self) -> None:
        hub = self.room.hub
        for log in hub._logs.values():
            assert len(log.since(-1)) <= 5 + 5 + TINY.tombstones_max + TINY.unflushed_count_max
        sessions = [viewer.reader.session for viewer in self.viewers]
        live = {cohort for session in sessions for cohort in session.cohorts}
        behind = {one for session in sessions for one in session.stragglers.values()}
        for pace in hub._paces.values():
            cohorts = set(pace.cohorts._by_hearing.values())
            assert cohorts == {cohort for cohort in live if cohort.pace is pace}
            assert all(cohort.sessions for cohort in cohorts)
            index = pace.cohorts._index
            assert {cohort for by in index.values() for some in by.values() for cohort in some} == cohorts
            assert all(some for by in index.values() for some in by.values()), "an empty place is left over"
            assert all(index.values()), "an empty place is left over"
            assert pace.stragglers == sum(one.pace is pace for one in behind)
            assert set(pace.waiting) <= behind
        assert {cohort.pace for cohort in live} | {one.pace for one in behind} <= set(hub._paces.values())
        assert set(hub.catch_up._behind) <= behind
        assert len(hub.catch_up._snapshots) <= 8
        for snapshot in hub.catch_up._snapshots.values():
            assert sum(len(piece.buffer) for piece in snapshot.pieces) <= 4 * max(TINY.piece_bytes_max, LONGEST_BYTES)
        assert hub._patched == sum(session.form.version > 1 and bool(session.topics) for session in sessions)
        assert len(hub._said_at) == hub.position - hub.flushed <= TINY.unflushed_count_max

    def teardown(self) -> None:
        if not hasattr(self, "room"):
            return
        try:
            self._close()
        finally:
            catchup._SNAPSHOT_AGE = AGE

    def _close(self) -> None:
        self.settle()
        for viewer in list(self.viewers):
            self.room.leave(viewer.reader)
        self.room.finish()
        self.room.flush()  # paces that everybody has left end with the next flush
        assert not self.room.hub.catch_up
        assert [len(pace.cohorts) for pace in self.room.hub._paces.values()] == [0]


class Restarts(Conversation):
    """The same with fewer words, so that most of what happens is to publish, to keep, to restart and to come back."""

    subscribe = subscribe_in_words = subscribe_from_nowhere = subscribe_from_where_it_is = unsubscribe = None
    authenticate_again = stall = drain = wait = remove_rows = publish_row = open = None

    @initialize(what=some_topics | both)
    def open_for_two(self, what: list[Topic | str]) -> None:
        Conversation.open(self, 0.0, AGE)
        self.come(what, PLAIN, None, None)
        self.come([EVERYTHING], FORMS[2], None, None)


TestRestarts = Restarts.TestCase
TestRestarts.settings = settings(max_examples=100, report_multiple_bugs=False, stateful_step_count=30)
TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=150, report_multiple_bugs=False, stateful_step_count=40)
