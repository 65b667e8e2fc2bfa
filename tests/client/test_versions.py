"""What a program hears does not depend on the form in which the server speaks: the real hub, in every form."""

import asyncio
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame
from websockets.protocol import State
from websockets.uri import parse_uri

from fleetwire.client.conversation import Conversation, subscribe_data
from fleetwire.client.dialect import DIALECTS, VERSION_1
from fleetwire.client.message import Message
from fleetwire.client.protocol import Options
from fleetwire.client.subscription import Selection, everything
from fleetwire.hub.access import Access
from fleetwire.hub.guard import Guard
from fleetwire.hub.hub import Hub
from fleetwire.hub.limits import Limits
from fleetwire.hub.session import House, ReportDesk, Session
from fleetwire.wire.forms import FORMS, Form

TOKEN = "canary-7Qd1xv93"
UTC = "2026-11-22T17:31:00.000Z"
TIGHT = Limits(tombstones_max=1, history_count_max=4, piece_bytes_max=500)


class World:
    """A hub and one client; no socket between them."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.house = House(Hub("e1", TIGHT), Access(TOKEN), TIGHT, 30, 60, ReportDesk(), Guard(TIGHT))
        self.now = 1000.0
        self.conversation = Conversation(lambda: 0.0)
        self.selections: list[Selection] = []
        self.heard: list[list[tuple[Any, ...]]] = [[]]  # of a handler, and of each iteration
        self.connect()
        self.publish("trade_update", "c", {})  # position 0 is "everything" in a `since`: no hub stays there
        self.flush()

    def connect(self) -> None:
        self.writes: list[bytes] = []
        self.protocol = ClientProtocol(parse_uri("ws://127.0.0.1/"), state=State.OPEN, max_size=None)
        if self.form.deflated:
            self.protocol.extensions = [PerMessageDeflate(True, True, 15, 15)]
        self.session = Session(self.house, "c1", "127.0.0.1", self.writes.append, self.now, UTC, self.form)
        self.dialect = DIALECTS[self.form.subprotocol] if self.form.subprotocol else VERSION_1
        welcome = self.unframe(self.session.welcome(UTC))
        self.conversation.welcome(welcome[0], 0.0, self.dialect)
        self.say("auth", {"token": TOKEN})

    def unframe(self, buffer: bytes) -> list[bytes]:
        self.protocol.receive_data(buffer)
        assert self.protocol.parser_exc is None
        return [bytes(event.data) for event in self.protocol.events_received() if isinstance(event, Frame)]

    def say(self, message_type: str, data: dict[str, Any], **words: Any) -> None:
        request = self.conversation.requests.open(message_type, data, **words)
        self.send(request.id, message_type, data)

    def send(self, request_id: int, message_type: str, data: dict[str, Any]) -> None:
        payload = self.dialect.write({"type": message_type, "data": data, "id": request_id})
        for output in self.session.receive(payload, self.now, UTC):
            assert isinstance(output, bytes)
            self.writes.append(output)
        self.take()

    def take(self) -> None:
        """Let the client hear everything that was written."""
        writes, self.writes[:] = list(self.writes), []
        for buffer in writes:
            for payload in self.unframe(buffer):
                for message in self.conversation.take(payload):
                    self.hand_over(message)
        assert self.conversation.renewals() == [], "a patch did not fit"

    def hand_over(self, message: Message) -> None:
        shown = tuple(
            deepcopy(getattr(message, name)) for name in message.__struct_fields__ if not name.startswith("_")
        )
        if everything(message) or message.type == "subscription_response":
            self.heard[0].append(shown)
        for selection, heard in zip(self.selections, self.heard[1:], strict=True):
            if selection.wants(message):
                heard.append(shown)
        spoil(message.data)

    def flush(self) -> None:
        while self.house.hub.dirty:
            for delivery in self.house.hub.flush(self.now, UTC):
                for session in delivery.sessions:
                    session.write(delivery.piece.buffer)
            if not self.house.hub.catch_up:
                break

    # ---------------------------------------------------------------------------------------------------------- steps

    def publish(self, message_type: str, key: str, data: dict[str, Any]) -> None:
        name = "account" if message_type == "portfolio_update" else "ea_id"
        self.house.hub.publish(message_type, {**data, name: key}, now=self.now, timestamp=UTC)

    def subscribe(self, names: list[str], options: Options, iterate: bool) -> None:
        data = subscribe_data(names, options)
        request = self.conversation.requests.open("subscribe", data, names=names, options=options)
        if iterate:
            self.selections.append(Selection(names, options))
            self.selections[-1].expect(request.id)
            self.heard.append([])
        self.send(request.id, "subscribe", data)
        self.listen(0.0)  # as the turn of the loop ends

    def unsubscribe(self, names: list[str]) -> None:
        self.say("unsubscribe", {"channels": names}, names=names)

    def listen(self, seconds: float) -> None:
        self.now += seconds
        self.flush()
        self.take()

    def lose(self) -> None:
        """What was written and not heard is gone."""
        self.flush()
        self.house.hub.leave(self.session)
        self.connect()
        for names, options, since in self.conversation.resubscriptions():
            data = subscribe_data(names, options, since)
            self.say("subscribe", data, names=names, options=options, restores=True)
        self.listen(0.0)


def spoil(data: Any) -> None:
    """Change what was handed over: what a program does with it is its own affair."""
    if isinstance(data, dict | list):
        for inner in list(data.values() if isinstance(data, dict) else data):
            spoil(inner)
        data.clear()


names = st.lists(
    st.sampled_from(["ea_updates", "ea_updates:a", "portfolio_updates", "alerts", "trade_updates:b", "*"]),
    min_size=1,
    max_size=3,
    unique=True,
)
values = st.sampled_from([0, 1, 1.5, "x" * 60, True, [1, {"a": 2}], {"a": 1}, {"a": {"b": 1}, "c": 2}, {}, None])
rows = st.dictionaries(st.sampled_from(["balance", "profit", "deep", "more", "name"]), values, max_size=5)
rows = st.one_of(rows.map(lambda row: {**row, "long": "y" * 200}), rows, st.just({"status": "removed"}))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.sampled_from(["ea_update", "portfolio_update"]), st.sampled_from("abc"), rows),
        st.tuples(st.just("publish"), st.just("ea_update"), st.sampled_from("abc"), rows),
        st.tuples(st.just("publish"), st.sampled_from(["alert", "trade_update"]), st.sampled_from("bc"), rows),
        st.tuples(
            st.just("subscribe"),
            names,
            st.builds(
                Options,
                st.none() | st.integers(0, 3),
                st.booleans(),
                st.sampled_from([None, 5.0, (("ea_updates", 2.0),)]),
            ),
            st.booleans(),
        ),
        st.tuples(st.just("unsubscribe"), names),
        st.tuples(st.just("listen"), st.sampled_from([0.0, 0.1, 1.0])),
        st.tuples(st.just("listen"), st.just(0.0)),
        st.tuples(st.just("lose")),
    ),
    max_size=40,
)


def played(form: Form, steps: list[tuple[Any, ...]]) -> World:
    async def play() -> World:
        world = World(form)
        for name, *arguments in [*steps, ("listen", 100.0)]:
            getattr(world, name)(*arguments)
        return world

    return asyncio.run(play())


@given(steps)
@settings(deadline=None, max_examples=300)
def test_every_form_hands_over_the_same(steps: list[tuple[Any, ...]]) -> None:
    expected = played(FORMS[0], steps).heard
    for form in FORMS[1:]:
        world = played(form, steps)
        assert world.heard == expected, form.subprotocol


@pytest.mark.parametrize("form", FORMS[2:])
def test_patches_were_in_it(form: Form) -> None:
    """The comparison compares something: in version 2 an update is smaller than the row that it stands for."""
    row = {"name": "y" * 500, "balance": 1}
    world = played(form, [("publish", "ea_update", "a", row), ("subscribe", ["ea_updates"], Options(), True)])
    world.publish("ea_update", "a", {**row, "balance": 2})
    world.flush()
    assert 0 < len(b"".join(world.writes)) < 300
    world.take()
    assert world.heard[1][-1][1] == {**row, "balance": 2, "ea_id": "a"}
