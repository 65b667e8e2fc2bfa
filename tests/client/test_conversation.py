"""Whatever is published, lost, trimmed and restarted: every event comes once and in order, or a gap names it."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetwire.client.conversation import Conversation
from fleetwire.client.dialect import DIALECTS, VERSION_1, Dialect
from fleetwire.client.message import Message
from fleetwire.client.protocol import Options
from fleetwire.client.requests import Request
from fleetwire.client.subscription import Selection, everything

CHANNELS = ["alerts", "ea_updates"]


class Server:
    """A model: two logs, a history that forgets, and what is on its way to the client."""

    def __init__(self, epoch: int = 1) -> None:
        self.epoch = epoch
        self.position = 0
        self.events: list[int] = []
        self.forgotten = 0
        self.rows: dict[str, int] = {}
        self.on_its_way: list[dict[str, Any]] = []

    def publish(self, key: str | None) -> None:
        self.position += 1
        if key is None:
            self.events.append(self.position)
            self._send("alerts", self.position)
        else:
            self.rows[key] = self.position
            self._send("ea_updates", self.position, key)

    def trim(self) -> None:
        if self.events:
            self.forgotten = self.events[-1]
            self.events.clear()

    def restart(self) -> None:
        vars(self).update(vars(Server(self.epoch + 1)))

    def subscribe(self, request_id: int, data: dict[str, Any], tells_gaps: bool) -> None:
        """Answer, then send what was missed."""
        since = data.get("since") or {}
        known = since.get("epoch") == str(self.epoch)
        starts, recovered, gaps = {}, {}, []
        for channel in data["channels"]:
            position = since.get("positions", {}).get(channel)
            if position is None:
                starts[channel] = 0 if channel == "ea_updates" else self.position
            elif channel == "ea_updates":
                starts[channel], recovered[channel] = (position if known else 0), known
            elif known and position >= self.forgotten:
                starts[channel], recovered[channel] = position, True
            else:
                starts[channel], recovered[channel] = (self.forgotten if known else 0), False
                gaps.append({"channel": channel, "since": position} | ({"until": self.forgotten} if known else {}))
        answer = {"status": "subscribed", "channels": data["channels"], "rejected": [], "recovered": recovered}
        answer |= {"epoch": str(self.epoch), "position": self.position}
        self.on_its_way.append({"type": "subscription_response", "id": request_id, "data": answer})
        if tells_gaps:
            self.on_its_way += [{"type": "gap", "data": gap} for gap in gaps]
        missed: list[tuple[str, int, str | None]]
        missed = [("alerts", n, None) for n in self.events if n > starts.get("alerts", self.position)]
        if "ea_updates" in starts:
            missed += [("ea_updates", n, key) for key, n in self.rows.items() if n > starts["ea_updates"]]
        for channel, number, key in sorted(missed, key=lambda row: row[1]):
            self._send(channel, number, key)
        self.on_its_way.append({"type": "snapshot_end", "data": {"channels": data["channels"]}})

    def _send(self, channel: str, number: int, key: str | None = None) -> None:
        data = {"epoch": self.epoch, "n": number}
        self.on_its_way.append({"type": "x", "channel": channel, "position": number, "key": key, "data": data})


class Client:
    """A conversation whose bytes are carried by hand."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.conversation = Conversation(lambda: 0.0)
        self.selection = Selection(CHANNELS)
        self.heard: list[Message] = []
        self.chosen: list[Message] = []

    def ask(self) -> None:
        data = {"channels": CHANNELS}
        request = self.conversation.requests.open("subscribe", data, names=CHANNELS, options=Options())
        self.selection.expect(request.id)
        self.server.subscribe(request.id, data, True)

    def come_back(self, tells_gaps: bool) -> None:
        for messages in (self.heard, self.chosen):
            messages.append(Message(type="a new connection", data=None))
        for names, options, since in self.conversation.resubscriptions():
            data: dict[str, Any] = {"channels": names} | ({"since": since} if since else {})
            request = self.conversation.requests.open("subscribe", data, names=names, options=options, restores=True)
            self.server.subscribe(request.id, data, tells_gaps)

    def take(self, count: int) -> None:
        for _ in range(min(count, len(self.server.on_its_way))):
            payload = json.dumps(self.server.on_its_way.pop(0)).encode()
            for message in self.conversation.take(payload):
                if everything(message):
                    self.heard.append(message)
                if self.selection.wants(message):
                    self.chosen.append(message)


def check(heard: list[Message], server: Server, published: dict[int, list[int]], begins: tuple[int, int]) -> None:
    rows: dict[str | None, int] = {}
    last, excused, epoch, gaps = begins[1], False, begins[0], 0
    for message in heard:
        if message.type == "a new connection":
            gaps = 0
        elif message.type == "gap":
            gaps += 1
            assert gaps == 1, "two gaps for one loss"
            excused = True
        elif message.channel == "ea_updates":
            rows[message.key] = message.data["n"] if message.data["epoch"] == server.epoch else 0
        elif message.channel == "alerts":
            if message.data["epoch"] != epoch:
                assert excused, "an epoch changed without a word"
                epoch, last = message.data["epoch"], 0
            number = message.data["n"]
            assert number > last, "an event came twice"
            if not excused:
                assert [n for n in published[epoch] if last < n < number] == [], "an event was lost without a word"
            last, excused = number, False
    assert {key: n for key, n in rows.items() if n} == server.rows


steps = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.sampled_from([None, None, "1", "2", "3"])),
        st.tuples(st.just("take"), st.integers(1, 6)),
        st.tuples(st.sampled_from(["lose", "restart"]), st.booleans()),
        st.tuples(st.just("trim"), st.none()),
    ),
    max_size=60,
)


@given(steps)
@settings(deadline=None, max_examples=300)
def test_every_event_comes_once_and_in_order_or_a_gap_names_it(steps: list[tuple[str, Any]]) -> None:
    async def play() -> None:
        server = Server()
        server.publish(None)
        server.publish("1")
        server.on_its_way.clear()  # nobody had subscribed yet
        client = Client(server)
        client.ask()
        client.take(1)
        published: dict[int, list[int]] = {1: []}
        for step, value in [*steps, ("publish", None), ("take", 1000)]:
            if step == "publish":
                server.publish(value)
                if value is None:
                    published[server.epoch].append(server.position)
            elif step == "take":
                client.take(value)
            elif step == "trim":
                server.trim()
            else:
                server.on_its_way.clear()
                if step == "restart":
                    server.restart()
                    published[server.epoch] = []
                client.come_back(tells_gaps=value)
        check(client.heard, server, published, (1, 2))
        check(client.chosen, server, published, (1, 2))

    asyncio.run(play())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(
    ["epoch", "position", "recovered", "rejected", "channels", "channel", "until", "server_time", "client_time", "id"]
)
envelopes = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["subscription_response", "gap", "snapshot_end", "heartbeat_response", "error", "x"]),
        "data": json_values | st.dictionaries(fields, json_values, max_size=6),
    },
    optional={"id": st.integers(1, 3), "channel": st.sampled_from(["*", "alerts", "ea_updates"]) | json_values}
    | dict.fromkeys(["position", "key", "timestamp", "seq", "patch", "base"], json_values)
    | {"key": st.sampled_from("ab"), "position": st.integers(0, 3), "base": st.integers(0, 3)},
)


@pytest.mark.parametrize("dialect", [VERSION_1, *DIALECTS.values()])
@given(st.lists(envelopes, max_size=8))
@settings(deadline=None)
def test_nothing_that_a_server_says_breaks_the_conversation(dialect: Dialect, frames: list[dict[str, Any]]) -> None:
    async def play() -> None:
        conversation, selection = Conversation(lambda: 0.0), Selection(["alerts", "*"])
        conversation.welcome(dialect.write({"type": "connection"}), 0.0, dialect)
        selection.expect(1)
        for restores in (False, True, True):
            data: dict[str, Any] = {"channels": ["alerts", "*"]} | ({"since": {}} if restores else {})
            conversation.requests.open("subscribe", data, names=["alerts", "*"], options=Options(), restores=restores)
        for frame in frames:
            for message in conversation.take(dialect.write(frame)):
                selection.wants(message)
                assert message.age_ms is None or message.age_ms >= 0
            conversation.renewals()
        conversation.resubscriptions()

    asyncio.run(play())


# ------------------------------------------------------------------------------------------------- rows told anew


def asked(conversation: Conversation, *names: str, snapshot: bool = True) -> dict[str, Any]:
    """Subscribe, and give the answer that is due."""
    data = {"channels": list(names), "snapshot": snapshot}
    request = conversation.requests.open("subscribe", data, names=list(names), options=Options(snapshot=snapshot))
    return answer(request)


def answer(request: Request) -> dict[str, Any]:
    data = {"status": "subscribed", "channels": request.names, "epoch": "e", "position": 9, "recovered": {}}
    return {"type": "subscription_response", "id": request.id, "data": data}


def row(position: int, base: int | None = None) -> dict[str, Any]:
    message = {"type": "ea_update", "channel": "ea_updates", "key": "a", "position": position}
    return message | ({"data": {"n": position}} if base is None else {"patch": {"n": position}, "base": base})


END = {"type": "snapshot_end", "data": {"channels": ["ea_updates"], "position": 9}}


def told(conversation: Conversation, *messages: dict[str, Any]) -> list[str]:
    frame = json.dumps(messages).encode()
    return [f"{message.type} {message.position or ''}".strip() for message in conversation.take(frame)]


async def test_an_end_that_the_program_waits_for_is_told_though_rows_were_asked_for_anew_meanwhile() -> None:
    conversation = Conversation(lambda: 0.0)
    conversation.welcome(b'[{"type":"connection"}]', 0.0, DIALECTS["fleetwire.v2.json"])
    told(conversation, asked(conversation, "ea_updates"), row(5), END)
    assert told(conversation, row(11, base=4), row(12, base=5)) == []
    (renewal,) = conversation.renewals()
    assert conversation.renewals() == []
    own = asked(conversation, "ea_updates")
    assert told(conversation, own, row(12), answer(renewal), row(12), END) == [
        "subscription_response",
        "ea_update 12",
        "snapshot_end",
    ]
    assert told(conversation, row(13, base=12)) == ["ea_update 13"]


@pytest.mark.parametrize("dialect", [VERSION_1, DIALECTS["fleetwire.v2.json"]])
async def test_rows_that_a_gap_announces_are_handed_over_again(dialect: Dialect) -> None:
    """What has ended in the meantime is not known: a program drops what is not told until the end."""
    conversation, selection = Conversation(lambda: 0.0), Selection(["ea_updates"])
    conversation.welcome(dialect.write({"type": "connection"}), 0.0, dialect)
    selection.expect(1)
    gap = {"type": "gap", "data": {"channel": "ea_updates", "since": 10}}
    messages = [asked(conversation, "ea_updates"), row(5), END, row(10), gap, row(5), row(10), END, row(10), row(11)]
    heard = [message for said in messages for message in conversation.take(dialect.write(said))]
    chosen = [message.position or message.type for message in heard if selection.wants(message)]
    assert chosen == [5, "snapshot_end", 10, "gap", 5, 10, "snapshot_end", 11]
