"""What must hold, whatever the order of publish, subscribe, stall, drain, leave and resume."""

from typing import Any

from hypothesis import assume, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fleetwire.hub.limits import Limits
from fleetwire.wire.channels import Topic
from tests.hub.support import Room
from tests.hub.viewer import Viewer, World

TINY = Limits(
    piece_bytes_max=400,
    catch_up_bytes_per_flush_max=1000,
    history_count_max=5,
    history_age_max_s=100.0,
    tombstones_max=2,
    unflushed_count_max=6,
)
VIEWERS_MAX = 5
keys = st.sampled_from("abcd")
state_channels = st.sampled_from(["ea_updates", "portfolio_updates"])
event_channels = st.sampled_from(["alerts", "trade_updates"])
topics = st.lists(
    st.builds(Topic, state_channels | event_channels, st.none() | keys), min_size=1, max_size=4, unique=True
)
pick = st.integers(0, VIEWERS_MAX - 1)
TYPES = {"ea_updates": "ea_update", "portfolio_updates": "portfolio_update", "alerts": "alert"}
TYPES["trade_updates"] = "trade_update"


class Conversation(RuleBasedStateMachine):
    """Readers come, stall, drain and go while rows and events are published in the tightest of rooms."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Room(TINY)
        self.world = World()
        self.viewers: list[Viewer] = []
        self.left: list[tuple[list[Topic], int, Viewer]] = []  # who left: what they heard, and until where
        self.count = 0

    def viewer(self, number: int) -> Viewer:
        assume(self.viewers)
        return self.viewers[number % len(self.viewers)]

    # -------------------------------------------------------------------------------------------------------- publish

    def _publish(self, channel: str, key: str, data: dict[str, Any]) -> None:
        if self.room.hub.must_flush:
            self.room.flush()
        self.count += 1
        data["n"] = self.count
        name = "account" if channel == "portfolio_updates" else "ea_id"
        position = self.room.publish(TYPES[channel], **data, **{name: key})
        self.world.published[position] = (channel, key)

    @rule(channel=state_channels, key=keys, size=st.sampled_from([0, 0, 300]))
    def publish_row(self, channel: str, key: str, size: int) -> None:
        data: dict[str, Any] = {"fill": "x" * size}
        self._publish(channel, key, data)
        name = "account" if channel == "portfolio_updates" else "ea_id"
        self.world.rows[channel, key] = {**data, name: key}

    @rule(channel=state_channels, some=st.lists(keys, min_size=1, max_size=4, unique=True))
    def remove_rows(self, channel: str, some: list[str]) -> None:
        for key in some:
            self._publish(channel, key, {"status": "removed"})
            self.world.rows.pop((channel, key), None)

    @rule(channel=event_channels, key=keys, count=st.integers(1, 8), size=st.sampled_from([0, 300]))
    def publish_events(self, channel: str, key: str, count: int, size: int) -> None:
        for _ in range(count):
            self._publish(channel, key, {"fill": "x" * size})

    @rule(seconds=st.sampled_from([1.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.room.now += seconds

    # -------------------------------------------------------------------------------------------------------- readers

    @precondition(lambda self: len(self.viewers) < VIEWERS_MAX)
    @rule(what=topics)
    def come(self, what: list[Topic]) -> None:
        self.viewers.append(Viewer(self.world, self.room.reader()))
        self.viewers[-1].subscribe(what)

    @rule(number=pick, what=topics)
    def subscribe(self, number: int, what: list[Topic]) -> None:
        self.viewer(number).subscribe(what)

    @rule(number=pick, what=topics, history=st.none() | st.integers(0, 9), snapshot=st.none() | st.booleans())
    def subscribe_in_words(self, number: int, what: list[Topic], history: int | None, snapshot: bool | None) -> None:
        words = {"history": history, "snapshot": snapshot}
        self.viewer(number).subscribe(what, **{word: value for word, value in words.items() if value is not None})

    @rule(number=pick, what=topics, epoch=st.sampled_from(["epoch-0", "epoch-1"]), ahead=st.integers(0, 9))
    def subscribe_from_nowhere(self, number: int, what: list[Topic], epoch: str, ahead: int) -> None:
        """A position of another epoch, or one that does not exist yet."""
        position = ahead if epoch == "epoch-0" else self.world.position + 1 + ahead
        self.viewer(number).subscribe(what, since={"epoch": epoch, "position": position})

    @rule(number=pick, what=topics)
    def unsubscribe(self, number: int, what: list[Topic]) -> None:
        viewer = self.viewer(number)
        viewer.unsubscribe(what)

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

    @rule(number=pick)
    def leave(self, number: int) -> None:
        viewer = self.viewer(number)
        viewer.listen()
        heard_all = not viewer.reader.session.stragglers
        self.room.leave(viewer.reader)
        self.viewers.remove(viewer)
        if heard_all:
            self.left.append((sorted(viewer.topics, key=str), self.room.hub.flushed, viewer))

    @precondition(lambda self: self.left and len(self.viewers) < VIEWERS_MAX)
    @rule()
    def resume(self) -> None:
        """Come back and go on: with the rows from before, after the last position."""
        what, position, before = self.left.pop()
        viewer = Viewer(self.world, self.room.reader())
        viewer.rows = before.rows
        viewer.subscribe(what, since={"epoch": self.room.hub.epoch, "position": position})
        for topic in viewer.owed_after:
            viewer.owed_after[topic] = position
        self.viewers.append(viewer)

    # ---------------------------------------------------------------------------------------------------------- flush

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
        self.room.settle()
        for viewer in self.viewers:
            note(f"audit {viewer.reader.session.client_id}")
            viewer.audit()
            assert not viewer.reader.session.stragglers

    # ----------------------------------------------------------------------------------------------------- invariants

    @invariant()
    def caught_up_sessions_keep_nothing_but_their_cohorts(self) -> None:
        for viewer in self.viewers:
            session = viewer.reader.session
            assert session.topics == viewer.topics
            for cohort in session.cohorts:
                assert session in cohort.sessions
                assert not session.paused
            for pace, one in session.stragglers.items():
                assert one.pace is pace
                assert one.cursor.keys() == one.topics
            if len(session.cohorts) == 1 and not session.stragglers:
                assert session.cohorts is session.cohorts[0].alone

    @invariant()
    def memory_is_bounded(self) -> None:
        hub = self.room.hub
        for log in hub._logs.values():
            assert len(log.since(-1)) <= 5 + 4 + TINY.tombstones_max + TINY.unflushed_count_max
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
        assert set(hub.catch_up._behind) <= behind
        assert len(hub.catch_up._snapshots) <= 8

    def teardown(self) -> None:
        self.settle()
        for viewer in list(self.viewers):
            self.room.leave(viewer.reader)
        self.room.settle()
        assert not self.room.hub.catch_up
        assert [len(pace.cohorts) for pace in self.room.hub._paces.values()] == [0]


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=150, report_multiple_bugs=False, stateful_step_count=40)
