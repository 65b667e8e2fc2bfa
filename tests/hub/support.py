"""A hub with readers: everything that a server would do between hub and client, without a socket or a clock."""

import json
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from fleetwire.hub.access import Access, Identity, Role
from fleetwire.hub.cohort import Scope
from fleetwire.hub.guard import Guard
from fleetwire.hub.hub import Hub
from fleetwire.hub.limits import Limits
from fleetwire.hub.log import Entry
from fleetwire.hub.session import Close, House, Output, ReportDesk, Session
from fleetwire.wire.forms import PLAIN, Form
from fleetwire.wire.moment import Moment

TEXT, BINARY = 0x1, 0x2
TOKEN = "s3cret"
UTC = "2026-11-22T17:31:00.123Z"


class Tokens(Access):
    """Knows the admin's token, and one for every scope."""

    def identify(self, token: str, at: Moment) -> Identity | None:
        kind, colon, labels = token.partition(":")
        if kind == "scope" and colon:
            return Identity(Role.admin, frozenset(filter(None, labels.split(","))))
        return super().identify(token, at)


def token_of(scope: Scope) -> str:
    return TOKEN if scope is None else f"scope:{','.join(sorted(scope))}"


def new_house(limits: Limits | None = None, *, interval_s: float = 30, timeout_s: float = 60) -> House:
    limits = limits or Limits()
    return House(Hub("epoch-1", limits), Tokens(TOKEN), limits, interval_s, timeout_s, ReportDesk(), Guard(limits))


class Read(NamedTuple):
    """A frame that was read, inflated."""

    opcode: int
    deflated: bool
    payload: bytes


def frames_of(buffer: bytes) -> list[Read]:
    """Read whole, unmasked frames (RFC 6455 section 5.2), each inflated by itself (RFC 7692 section 7.2.2)."""
    frames: list[Read] = []
    at = 0
    while at < len(buffer):
        first, size, at = buffer[at], buffer[at + 1], at + 2
        assert first & 0xB0 == 0x80, "a frame is whole, and has no unknown bits"
        assert size < 128, "a server masks nothing"
        if size > 125:
            more = 2 if size == 126 else 8
            size, at = int.from_bytes(buffer[at : at + more], "big"), at + more
        payload, at = buffer[at : at + size], at + size
        assert len(payload) == size, "a frame is not whole"
        if first & 0x40:
            payload = zlib.decompressobj(wbits=-15).decompress(payload + b"\x00\x00\xff\xff")
        frames.append(Read(first & 0xF, bool(first & 0x40), payload))
    return frames


def read(buffer: bytes) -> list[Any]:
    """Read the messages of whole frames, whatever their form."""
    messages: list[Any] = []
    for frame in frames_of(buffer):
        said = json.loads(frame.payload) if frame.opcode == TEXT else msgspec.msgpack.decode(frame.payload)
        messages += said if isinstance(said, list) else [said]
    return messages


unframe = read


class Reader:
    """One session, and everything it was written."""

    def __init__(self, room: "Room", *, authenticated: bool = True, form: Form = PLAIN, scope: Scope = None) -> None:
        self.room = room
        self.writes: list[bytes] = []
        self.session = Session(room.house, f"client-{len(room.readers)}", "127.0.0.1", self._write, room.now, UTC, form)
        self.full = False  # the next write fills its transport
        if authenticated:
            self.say("auth", token=token_of(scope))
            self.writes.clear()

    def _write(self, buffer: bytes) -> None:
        assert not self.session.closing, "written to after the end"
        self.writes.append(buffer)
        if self.full:
            self.full = False
            self.room.pause(self)

    @property
    def heard(self) -> list[dict[str, Any]]:
        """Everything it was written, as messages."""
        return [message for buffer in self.writes for message in unframe(buffer)]

    def take(self) -> list[dict[str, Any]]:
        """Give what it was written since the last time."""
        heard = self.heard
        self.writes.clear()
        return heard

    def outputs(self, message_type: str, /, **data: Any) -> list[Output]:
        message = {"type": message_type, "data": data}
        payload = msgspec.msgpack.encode(message) if self.session.form.binary else json.dumps(message).encode()
        return self.session.receive(payload, self.room.now, UTC)

    def say(self, message_type: str, /, **data: Any) -> dict[str, Any]:
        """Send a message; give the answer, which is written to it as well."""
        (answer,) = self.outputs(message_type, **data)
        assert isinstance(answer, bytes)
        self._write(answer)
        return unframe(answer)[0]

    def subscribe(self, *channels: str, **words: Any) -> dict[str, Any]:
        response = self.say("subscribe", channels=list(channels), **words)
        assert response["type"] == "subscription_response", response
        data: dict[str, Any] = response["data"]
        return data

    def unsubscribe(self, *channels: str) -> None:
        assert self.say("unsubscribe", channels=list(channels))["data"]["status"] == "unsubscribed"


class Room:
    """A hub, its readers, and what a pump does."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.house = new_house(limits)
        self.hub = self.house.hub
        self.now = 1000.0
        self.readers: list[Reader] = []
        self._flushing = False
        self._full: list[Reader] = []
        self.deliveries = 0
        self.keep: Callable[[list[tuple[str, Entry]]], None] = list[tuple[str, Entry]]  # given what is about to be told

    def reader(self, *channels: str, form: Form = PLAIN, scope: Scope = None, **words: Any) -> Reader:
        reader = Reader(self, form=form, scope=scope)
        self.readers.append(reader)
        if channels:
            reader.subscribe(*channels, **words)
        return reader

    def publish(self, message_type: str, /, labels: Scope = None, **data: Any) -> int:
        return self.hub.publish(message_type, data, now=self.now, timestamp=UTC, labels=labels).position

    def flush(self, before_each: Callable[[int], None] | None = None) -> None:
        """Write what is due, once; `before_each` is told the number of each delivery."""
        self.hub.seal()
        self.keep(self.hub.sealed_events())
        self._flushing = True
        for delivery in self.hub.flush(self.now, UTC):
            if before_each is not None:
                before_each(self.deliveries)
            self.deliveries += 1
            for session in delivery.sessions:
                session.write(delivery.piece.buffer)
            full, self._full = self._full, []
            for reader in full:
                self.hub.pause(reader.session, delivery)
        self._flushing = False

    def settle(self, flushes_max: int = 10_000) -> None:
        """Flush until there is nothing more to do."""
        while self.hub.dirty:
            flushes_max -= 1
            assert flushes_max, "it never comes to an end"
            self.flush()

    def finish(self) -> None:
        """As `settle`, and let the time come of those who are not told at once."""
        self.settle()
        while (deadline := self.hub.next_deadline()) is not None:
            self.now = max(self.now, deadline)
            self.flush()
            self.settle()

    def pause(self, reader: Reader) -> None:
        reader.session.paused = True
        if self._flushing:
            self._full.append(reader)
        else:
            self.hub.pause(reader.session)

    def drained(self, reader: Reader) -> None:
        self.hub.drained(reader.session)

    def leave(self, reader: Reader) -> None:
        self.hub.leave(reader.session)
        reader.session.closing = True
        self.readers.remove(reader)


def closes(outputs: list[Output]) -> list[int]:
    """The codes of the closes among what is to be done."""
    return [output.code.code for output in outputs if isinstance(output, Close)]


def told(reader: Reader) -> list[tuple[str, Any]]:
    """What a reader was told since the last time: types, and what each is about."""
    subject = {"gap": "channel", "snapshot_end": "channels", "subscription_response": "status", "alert": "n"}
    return [(m["type"], m["data"].get(subject.get(m["type"], "ea_id"))) for m in reader.take()]
