"""What a careful client makes of what it hears, and what it may demand of the hub. Knows the protocol, not the hub."""

from typing import Any, NamedTuple

from fleetwire.hub.cohort import Scope
from fleetwire.wire.channels import CHANNEL_BY_NAME, EVERYTHING, Kind, Topic
from fleetwire.wire.patch import apply_patch
from tests.hub.support import Reader, token_of

Position = int
Place = tuple[str, str]  # channel, key


class Publication(NamedTuple):
    """What an auditor notes of a message."""

    channel: str
    key: str
    labels: Scope
    seq: int


class World:
    """Everything that was ever published, by position."""

    def __init__(self) -> None:
        self.position = 0  # of the newest message
        self.published: dict[Position, Publication] = {}
        self.lost: set[Position] = set()  # events that were told, and that no restart has kept
        self.rows: dict[Place, tuple[Any, Scope]] = {}  # what a fresh snapshot holds, and for whom

    def publish(self, position: Position, one: Publication) -> None:
        assert position > self.position, "no position names two messages"
        self.position = position
        self.published[position] = one

    def before(self, position: Position, place: Place) -> list[Publication]:
        """What was published in a place until a position."""
        return [one for at, one in self.published.items() if at <= position and (one.channel, one.key) == place]


def may_hear(scope: Scope, labels: Scope) -> bool:
    return scope is None or labels is None or bool(scope & labels)


def is_state(channel: str) -> bool:
    return CHANNEL_BY_NAME[channel].kind is Kind.state


class Viewer:
    """Keeps rows as a client does, and books about events as an auditor does."""

    def __init__(self, world: World, reader: Reader, scope: Scope = None) -> None:
        self.world = world
        self.reader = reader
        self.scopes: list[tuple[Position, Scope]] = [(0, scope)]  # and from which position on
        self.topics: set[Topic] = set()
        self.rows: dict[Place, Any] = {}
        self.row_at: dict[Place, Position] = {}  # of the value that it holds, or of its end
        self.count = 0  # of the rows heard
        self.heard_at: dict[Place, int] = {}  # row -> when it was heard last, in this count
        self.begins: dict[Topic, int] = {}  # topic -> when its snapshot began
        self.owed_after: dict[Topic, Position] = {}
        self.owed: dict[Topic, set[Position]] = {}  # of the past
        self.last: dict[str, Position] = {}  # event channel -> of its newest message
        self.newest: dict[str, Position] = {}  # channel -> the newest position heard in it
        self.heard: dict[str, set[Position]] = {}
        self.gaps: dict[str, list[tuple[Position, Position]]] = {}
        self.asked_again: set[str] = set()  # event channels of which it may be told again what it has heard

    @property
    def scope(self) -> Scope:
        return self.scopes[-1][1]

    # ---------------------------------------------------------------------------------------------------- what it asks

    def subscribe(self, names: list[Topic | str], **words: Any) -> None:
        self.listen()
        topics = list(dict.fromkeys(topic for name in names for topic in Topic.read(str(name))))
        past = {topic: self._past(topic, words.get("history", 0)) for topic in topics}
        response = self.reader.subscribe(*map(str, names), **words)
        assert response["channels"] == [str(topic) for topic in topics]
        newest: list[dict[str, Any]] = self.reader.take()
        assert [message["type"] for message in newest] == ["subscription_response"], "the reply comes first"
        since = words.get("since")
        head = response["position"]
        foreign = since is not None and since["epoch"] != response["epoch"]
        before = {topic.channel for topic in self.topics}
        for topic in topics:
            at = since and since.get("positions", {}).get(topic.channel, since.get("position"))
            if is_state(topic.channel):
                self._begin_rows(topic, response, words, at)
                continue
            known = at is not None and not foreign and 0 <= at <= head
            owed_after = at if known else head
            self.owed_after[topic] = min(owed_after, self.owed_after.get(topic, owed_after))
            if at is None:
                self.owed.setdefault(topic, set()).update(past[topic])
            if since is not None or words.get("history") is not None:
                # History, or what it says to have missed: it asked for it again.
                self.last[topic.channel] = at if known and topic.channel not in before else 0
                self.asked_again.add(topic.channel)
        self.topics |= set(topics)

    def _past(self, topic: Topic, count: int) -> list[Position]:
        """The last messages that are kept of a topic, and that it may hear."""
        if is_state(topic.channel) or not count:
            return []
        hub = self.reader.room.hub
        kept_from = hub._logs[topic.channel].dropped_position
        return [
            position
            for position, one in self.world.published.items()
            if kept_from < position <= hub.head
            and position not in self.world.lost
            and _matches(topic, one.channel, one.key)
            and may_hear(self.scope, one.labels)
        ][-count:]

    def _begin_rows(self, topic: Topic, response: dict[str, Any], words: dict[str, Any], at: Position | None) -> None:
        self.begins.setdefault(topic, self.count)
        patched = self.reader.session.form.version > 1
        if words.get("snapshot") is not False or at is not None or patched:
            if response["recovered"].get(str(topic)) is not True:
                self.begins[topic] = self.count
        elif topic not in self.topics:
            # Take the rows for known: who asks for no snapshot has them from elsewhere.
            for place, (row, labels) in self.world.rows.items():
                if _matches(topic, *place) and may_hear(self.scope, labels) and place not in self.rows:
                    self.rows[place] = row
                    self.row_at[place] = max(
                        at for at, one in self.world.published.items() if (one.channel, one.key) == place
                    )

    def unsubscribe(self, names: list[Topic | str]) -> None:
        self.listen()
        self.reader.unsubscribe(*map(str, names))
        self.reader.take()
        topics = self.topics if EVERYTHING in names else set(names)
        for topic in list(topics):
            self.owed_after.pop(topic, None)
            self.owed.pop(topic, None)
            self.begins.pop(topic, None)
        self.topics = self.topics - topics
        self.rows = {place: row for place, row in self.rows.items() if self._hears(*place)}
        still = {topic.channel for topic in self.topics}
        self.newest = {channel: at for channel, at in self.newest.items() if channel in still}

    def authenticate(self, scope: Scope) -> None:
        """Become somebody else: from now on it hears what that identity may hear."""
        self.listen()
        assert self.reader.say("auth", token=token_of(scope))["data"]["success"]
        self.reader.take()
        self.scopes.append((self.world.position + 1, scope))

    # ---------------------------------------------------------------------------------------------------- what it hears

    def listen(self) -> None:
        for message in self.reader.take():
            data = message.get("data")
            if message["type"] == "gap":
                self._take_gap(data)
            elif message["type"] == "snapshot_end":
                self._take_snapshot_end([Topic.parse(name) for name in data["channels"]])
            else:
                self._take_published(message)

    def _take_published(self, message: dict[str, Any]) -> None:
        channel, key, position = message["channel"], message["key"], message["position"]
        assert self._hears(channel, key), f"not subscribed to {channel}:{key}"
        known = self.world.published[position]
        assert known[:2] == (channel, key)
        assert message.get("seq", 0) == known.seq
        if not may_hear(self.scope, known.labels):
            self._check_end(message)
        self.newest[channel] = max(position, self.newest.get(channel, 0))
        if is_state(channel):
            self._take_row((channel, key), message)
        else:
            self._take_event(channel, position)

    def _check_end(self, message: dict[str, Any]) -> None:
        """What it may not hear may only take a row away, of which it may have heard, and says nothing but this."""
        place = message["channel"], message["key"]
        assert is_state(message["channel"]), "it may not hear this"
        assert message["data"].pop("status") == "removed", "it may not hear this"
        assert list(message["data"].values()) == [message["key"]]
        message["data"]["status"] = "removed"
        earlier = self.world.before(message["position"], place)
        assert any(may_hear(scope, one.labels) for one in earlier for _, scope in self.scopes), "it never had this row"

    def _take_row(self, place: Place, message: dict[str, Any]) -> None:
        self.count += 1
        if "patch" in message:
            assert self.reader.session.form.version == 2
            assert "data" not in message
            assert message["base"] == self.row_at[place], "a patch of something else than it holds"
            data = apply_patch(self.rows[place], message["patch"])
        else:
            data = message["data"]
        self.heard_at[place] = self.count
        self.row_at[place] = message["position"]
        if data.get("status") == "removed":
            self.rows.pop(place, None)
        else:
            self.rows[place] = data
        if "sums" in data:
            self._check_sums(data["sums"], data["gone"])

    def _check_sums(self, sums: dict[str, Position], gone: dict[str, Position]) -> None:
        """A sum is never newer than the rows that it sums: for each key it names the position of its last change."""
        for key, position in sums.items():
            place = ("ea_updates", key)
            if self._hears(*place) and may_hear(self.scope, self.world.published[position].labels):
                assert self.row_at.get(place, 0) >= position, f"a sum before the row {key}"
        for key, position in gone.items():
            place = ("ea_updates", key)
            if self._hears(*place) and place in self.rows and self.row_at[place] < position:
                begin = max(at for topic, at in self.begins.items() if _matches(topic, *place))
                assert self.heard_at.get(place, 0) <= begin, f"a sum before the end of the row {key}"

    def _take_event(self, channel: str, position: Position) -> None:
        assert position > self.last.get(channel, 0), "out of order, or twice"
        self.last[channel] = position
        self.heard.setdefault(channel, set()).add(position)

    def _take_gap(self, data: dict[str, Any]) -> None:
        channel = data["channel"]
        assert any(topic.channel == channel for topic in self.topics)
        if is_state(channel):
            self.begins.update((topic, self.count) for topic in self.topics if topic.channel == channel)
        elif data["epoch"] == self.reader.room.hub.epoch and "until" in data:
            assert data["since"] < data["until"] <= self.world.position
            self._check_seqs(data)
            self.gaps.setdefault(channel, []).append((data["since"], data["until"]))

    def _check_seqs(self, gap: dict[str, Any]) -> None:
        """Where it hears the whole channel, the gap names what is missing exactly."""
        if "from_seq" not in gap and "to_seq" not in gap:
            return
        channel, since, until = gap["channel"], gap["since"], gap["until"]
        assert self.scope is None
        assert Topic(channel) in self.topics
        lost = [at for at, one in self.world.published.items() if one.channel == channel and since < at <= until]
        if not self.world.lost:
            assert gap["to_seq"] == self.world.published[lost[-1]].seq
        if "from_seq" in gap:
            seqs = [self.world.published[at].seq for at in lost]
            assert seqs == list(range(gap["from_seq"], gap["to_seq"] + 1))
            assert channel in self.asked_again or not self.heard.get(channel, set()) & set(lost), "it has heard these"

    def _take_snapshot_end(self, topics: list[Topic | None]) -> None:
        for topic in topics:
            assert topic in self.topics
            if not is_state(topic.channel):
                continue
            begin = self.begins[topic]
            for place in [place for place in self.rows if _matches(topic, *place)]:
                if self.heard_at.get(place, 0) <= begin:
                    del self.rows[place]

    def _hears(self, channel: str, key: str | None) -> bool:
        return Topic(channel) in self.topics or Topic(channel, key) in self.topics

    # -------------------------------------------------------------------------------------------------- what must hold

    def audit(self) -> None:
        """Check, once everything is delivered, that nothing is missing and nothing is too much."""
        self.listen()
        assert self.rows == {
            place: row
            for place, (row, labels) in self.world.rows.items()
            if self._hears(*place) and may_hear(self.scope, labels)
        }
        for topic, owed_after in self.owed_after.items():
            heard, gaps = self.heard.get(topic.channel, set()), self.gaps.get(topic.channel, [])
            past = self.owed.get(topic, set())
            for position, one in self.world.published.items():
                if (position > owed_after or position in past) and _matches(topic, one.channel, one.key):
                    owed = position not in heard and self._always_might_hear(position, one.labels)
                    assert not owed or any(since < position <= until for since, until in gaps), f"a hole at {position}"

    def _always_might_hear(self, position: Position, labels: Scope) -> bool:
        """Whether it might hear a message when it was published, and ever since."""
        ends = [begin for begin, _ in self.scopes[1:]] + [float("inf")]
        scopes = [scope for (_, scope), end in zip(self.scopes, ends, strict=True) if end > position]
        return all(may_hear(scope, labels) for scope in scopes)


def _matches(topic: Topic, channel: str, key: str | None) -> bool:
    return topic.channel == channel and topic.key in (None, key)
