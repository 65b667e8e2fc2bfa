"""What a careful client makes of what it hears, and what it may demand of the hub. Knows the protocol, not the hub."""

from typing import Any

from fleetwire.wire.channels import CHANNEL_BY_NAME, Kind, Topic
from tests.hub.support import Reader

Position = int


class World:
    """Everything that was ever published, by position."""

    def __init__(self) -> None:
        self.published: dict[Position, tuple[str, str | None]] = {}  # position -> channel, key
        self.rows: dict[tuple[str, str], Any] = {}  # what a fresh snapshot holds

    @property
    def position(self) -> Position:
        return len(self.published)


def _is_state(channel: str) -> bool:
    return CHANNEL_BY_NAME[channel].kind is Kind.state


class Viewer:
    """Keeps rows as a client does, and books about events as an auditor does."""

    def __init__(self, world: World, reader: Reader) -> None:
        self.world = world
        self.reader = reader
        self.topics: set[Topic] = set()
        self.rows: dict[tuple[str, str], Any] = {}
        self.count = 0  # of the rows heard
        self.heard_at: dict[tuple[str, str], int] = {}  # row -> when it was heard last, in this count
        self.begins: dict[Topic, int] = {}  # topic -> when its snapshot began
        self.owed_after: dict[Topic, Position] = {}
        self.last: dict[str, Position] = {}  # event channel -> of its newest message
        self.heard: dict[str, set[Position]] = {}
        self.gaps: dict[str, list[tuple[Position, Position]]] = {}

    # ---------------------------------------------------------------------------------------------------- what it asks

    def subscribe(self, topics: list[Topic], **words: Any) -> None:
        self.listen()
        response = self.reader.subscribe(*map(str, topics), **words)
        assert response["channels"] == [str(topic) for topic in dict.fromkeys(topics)]
        newest: list[dict[str, Any]] = self.reader.take()
        assert [message["type"] for message in newest] == ["subscription_response"], "the reply comes first"
        since = words.get("since")
        foreign = since is not None and since["epoch"] != response["epoch"]
        for topic in topics:
            if _is_state(topic.channel):
                self.begins.setdefault(topic, self.count)
                if words.get("snapshot") is not False or since is not None:
                    if response["recovered"].get(str(topic)) is not True:
                        self.begins[topic] = self.count
                elif topic not in self.topics:
                    self._expect_nothing_old(topic)
                continue
            owed_after = self.world.position
            if since is not None and not foreign and 0 <= since["position"] <= self.world.position:
                owed_after = since["position"]
            self.owed_after[topic] = min(owed_after, self.owed_after.get(topic, owed_after))
            if words:
                self.last[topic.channel] = 0  # history, or what it says to have missed: it asked for it again
        self.topics |= set(topics)

    def _expect_nothing_old(self, topic: Topic) -> None:
        """Take the rows for known: who asks for no snapshot has them from elsewhere."""
        for place, row in self.world.rows.items():
            if _matches(topic, *place):
                self.rows.setdefault(place, row)

    def unsubscribe(self, topics: list[Topic]) -> None:
        self.listen()
        self.reader.unsubscribe(*map(str, topics))
        self.reader.take()
        self.topics -= set(topics)
        for topic in topics:
            self.owed_after.pop(topic, None)
            self.begins.pop(topic, None)
        self.rows = {place: row for place, row in self.rows.items() if self._hears(*place)}

    # ---------------------------------------------------------------------------------------------------- what it hears

    def listen(self) -> None:
        for message in self.reader.take():
            data = message["data"]
            if message["type"] == "gap":
                self._take_gap(data)
            elif message["type"] == "snapshot_end":
                self._take_snapshot_end([Topic.parse(name) for name in data["channels"]])
            else:
                channel, key = message["channel"], message.get("key")
                assert self._hears(channel, key), f"not subscribed to {channel}:{key}"
                assert self.world.published[message["position"]] == (channel, key)
                if _is_state(channel):
                    self._take_row((channel, key), data)
                else:
                    self._take_event(channel, message["position"])

    def _take_row(self, place: tuple[str, str], data: Any) -> None:
        self.count += 1
        self.heard_at[place] = self.count
        if data.get("status") == "removed":
            self.rows.pop(place, None)
        else:
            self.rows[place] = data

    def _take_event(self, channel: str, position: Position) -> None:
        assert position > self.last.get(channel, 0), "out of order, or twice"
        self.last[channel] = position
        self.heard.setdefault(channel, set()).add(position)

    def _take_gap(self, data: dict[str, Any]) -> None:
        if _is_state(data["channel"]):
            self.begins.update((topic, self.count) for topic in self.topics if topic.channel == data["channel"])
        elif data["epoch"] == self.reader.room.hub.epoch and "until" in data:
            assert data["since"] < data["until"] <= self.world.position
            self.gaps.setdefault(data["channel"], []).append((data["since"], data["until"]))

    def _take_snapshot_end(self, topics: list[Topic | None]) -> None:
        for topic in topics:
            assert topic in self.topics
            if not _is_state(topic.channel):
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
        assert self.rows == {place: row for place, row in self.world.rows.items() if self._hears(*place)}
        for topic, owed_after in self.owed_after.items():
            heard, gaps = self.heard.get(topic.channel, set()), self.gaps.get(topic.channel, [])
            for position, (channel, key) in self.world.published.items():
                if position > owed_after and _matches(topic, channel, key) and position not in heard:
                    assert any(since < position <= until for since, until in gaps), f"a silent hole at {position}"


def _matches(topic: Topic, channel: str, key: str | None) -> bool:
    return topic.channel == channel and topic.key in (None, key)
