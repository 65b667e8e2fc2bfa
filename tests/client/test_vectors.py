"""The vectors of spec/vectors that every client has to pass: web/client runs the same ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from fleetwire.client.conversation import Conversation
from fleetwire.client.dialect import DIALECTS, VERSION_1, Dialect
from fleetwire.client.message import Message
from fleetwire.client.protocol import Backoff, Options, channel_of, is_event
from fleetwire.client.requests import Request
from fleetwire.wire.patch import apply_patch

FOLDER = Path(__file__).parents[2] / "spec" / "vectors"
BACKOFF, MESSAGES, STREAM = (
    json.loads((FOLDER / name).read_text("utf-8")) for name in ("backoff.json", "messages.json", "stream.json")
)
VERSION_2 = DIALECTS["fleetwire.v2.json"]
WELCOME = {"type": "connection", "data": {"server_time": "2026-11-24T12:00:00.000Z"}}


@pytest.mark.parametrize("outage", BACKOFF["outages"], ids=lambda outage: outage["name"])
def test_when_a_client_comes_back(outage: dict[str, Any]) -> None:
    backoff = Backoff()
    for step in outage["steps"]:
        if "found_s" in step:
            backoff.found(step["found_s"])
        else:
            found = backoff.next_delay_s(step["lost_s"], step["chance"], step["code"], step["reason"])
            assert found == step["delay_s"]


@pytest.mark.parametrize("frame", MESSAGES["frames"], ids=lambda frame: frame["name"])
def test_what_a_client_reads(frame: dict[str, Any]) -> None:
    dialect: Dialect = VERSION_1 if frame["version"] == 1 else VERSION_2
    read = [envelope.type for envelope in dialect.read(frame["text"].encode())]
    assert read == (frame["types"] or [])


@pytest.mark.parametrize("vector", MESSAGES["patches"], ids=lambda vector: json.dumps(vector["patch"]))
def test_merge_patches(vector: dict[str, Any]) -> None:
    assert apply_patch(vector["row"], vector["patch"]) == vector["result"]


class Program:
    """A conversation, and a program that keeps rows as docs/protocol.md says."""

    def __init__(self) -> None:
        self.conversation = Conversation(lambda: 0.0)
        self.asked: list[Request] = []
        self.rows: dict[str | None, Any] = {}
        self.unnamed: set[str | None] = set()
        self.heard: list[Any] = []

    def connect(self, channels: list[str]) -> None:
        self.conversation.welcome(VERSION_2.write(WELCOME), 0.0, VERSION_2)
        requests = self.conversation.requests
        for names, options, since in self.conversation.resubscriptions():
            data = {"since": since} if since else {}
            self.asked.append(requests.open("subscribe", data, names=names, options=options, restores=True))
        new = [name for name in channels if name not in self._restored()]
        if new:
            self.asked.append(requests.open("subscribe", {}, names=new, options=Options()))

    def asks(self) -> dict[str, int | None]:
        return {
            name: request.data.get("since", {}).get("positions", {}).get(channel_of(name))
            for request in self.asked
            for name in request.names
        }

    def answer(self, answer: dict[str, Any]) -> None:
        for request in self.asked:
            data = answer | {"status": "subscribed", "channels": request.names, "rejected": []}
            if not all(answer["recovered"].get(name) for name in request.names):
                self.unnamed = set(self.rows)
            self.say([{"type": "subscription_response", "id": request.id, "data": data}])
            self.conversation.requests.close(request)
        self.asked = []

    def say(self, messages: list[dict[str, Any]]) -> None:
        for message in self.conversation.take(json.dumps(messages).encode()):
            self._take(message)
        self.asked += self.conversation.renewals()

    def lost(self) -> None:
        for request in (*self.asked, *tuple(self.conversation.requests)):
            self.conversation.requests.close(request)
        self.asked = []

    def _restored(self) -> set[str]:
        return {name for request in self.asked for name in request.names}

    def _take(self, message: Message) -> None:
        if message.type == "gap" and not is_event(message.data["channel"]):
            self.unnamed = set(self.rows)
        elif message.type == "gap":
            self.heard.append({name: message.data[name] for name in ("since", "until") if name in message.data})
        elif message.type == "snapshot_end":
            for key in self.unnamed:
                self.rows.pop(key, None)
            self.unnamed = set()
        elif message.channel == "alerts":
            self.heard.append(message.position)
        elif message.channel == "ea_updates":
            self.unnamed.discard(message.key)
            self.rows[message.key] = message.data
            if message.data.get("status") == "removed":
                del self.rows[message.key]


@pytest.mark.parametrize("conversation", STREAM["conversations"], ids=lambda conversation: conversation["name"])
async def test_what_a_client_makes_of_a_conversation(conversation: dict[str, Any]) -> None:
    program = Program()
    for step in conversation["steps"]:
        match step:
            case {"connect": channels}:
                program.connect(channels)
            case {"asks": positions}:
                assert program.asks() == positions
            case {"answer": answer}:
                program.answer(answer)
            case {"say": messages}:
                program.say(messages)
            case {"lost": _}:
                program.lost()
            case {"rows": rows}:
                assert program.rows == rows
            case {"heard": heard}:
                assert program.heard == heard
                program.heard = []
            case _:
                pytest.fail(f"no such step: {step}")
