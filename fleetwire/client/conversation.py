"""What was said and is wanted, across connections: bytes come in, messages for the program come out."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from fleetwire.client.message import Envelope, Message, ServerClock
from fleetwire.client.protocol import (
    EVERYTHING,
    Losses,
    Options,
    Positions,
    Resubscription,
    Wanted,
    channel_of,
    is_event,
    names_in,
)
from fleetwire.client.requests import Request, Requests
from fleetwire.wire.channels import CHANNELS, Kind

logger = logging.getLogger("fleetwire.client")

_envelopes = msgspec.json.Decoder(Envelope)


class Conversation:
    """Understands a server: answers, positions, losses, the time.

    Args:
        clock: gives monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.requests = Requests()
        self._clock = clock
        self._server_clock = ServerClock(clock)
        self._wanted = Wanted()
        self._positions = Positions()
        self._losses = Losses()

    def welcome(self, payload: bytes, asked_at: float) -> list[Message]:
        """Take the first message of a connection.

        Args:
            payload: the message.
            asked_at: when opening the connection began, in monotonic seconds.
        """
        envelope = _envelopes.decode(payload)
        self._server_clock.learn(envelope.fields.get("server_time"), asked_at, self._clock())
        return [Message.of(envelope, self._server_clock)]

    def take(self, payload: bytes) -> list[Message]:
        """Take a message: give it (unless it was heard before), and what has to be told before it."""
        try:
            envelope = _envelopes.decode(payload)
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
            logger.warning("a message of the server can't be read and is left out: %s", type(error).__name__)
            return []
        if envelope.channel is not None:
            if envelope.position is not None and not self._positions.heard(
                envelope.channel, envelope.key, envelope.position
            ):
                return []
        elif envelope.type == "heartbeat_response":
            self._learn_time(envelope.fields)
        elif envelope.type == "gap":
            until, channel = envelope.fields.get("until"), envelope.fields.get("channel")
            if isinstance(until, int) and isinstance(channel, str):
                self._positions.skip(channel, until)
        elif envelope.type == "snapshot_end":
            self._positions.end_past(names_in(envelope.fields, "channels"))
        due = self._losses.due(envelope.type, envelope.fields, envelope.channel)
        gaps = [self._gap(gap, envelope.timestamp) for gap in due]
        request = self.requests.answered_by(envelope)
        if request is not None:
            envelope = msgspec.structs.replace(envelope, id=request.id)
            self._answered(request, envelope)
        return [*gaps, Message.of(envelope, self._server_clock)]

    def resubscriptions(self) -> list[Resubscription]:
        """Say what a new connection has to be asked for."""
        return self._wanted.resubscriptions(self._positions)

    def _answered(self, request: Request, envelope: Envelope) -> None:
        """Learn from an answer, and give it to whoever waits."""
        if envelope.type == "subscription_response":
            rejected = rejections(envelope.fields)
            for name, why in rejected.items():
                logger.warning("%s of %s was refused: %s", request.type, name, why)
            accepted = accepted_of(request.names, envelope.fields)
            if request.type == "unsubscribe":
                self._wanted.remove(accepted)
                self._positions.forget(accepted)
            else:
                self._subscribed(request, accepted, envelope)
        if not request.answer.done():
            request.answer.set_result(envelope)

    def _subscribed(self, request: Request, accepted: list[str], envelope: Envelope) -> None:
        """Note where subscriptions begin or go on, and what was lost in between."""
        fields = envelope.fields
        epoch, position = fields.get("epoch"), fields.get("position")
        position = position if isinstance(position, int) else None
        if request.restores:
            self._wanted.remove(name for name in request.names if name not in accepted)
            self._owe(accepted, fields)
        else:
            self._wanted.add(accepted, request.options)
            self._positions.forget(accepted)
        self._positions.learn_epoch(epoch if isinstance(epoch, str) else None)
        if "since" in request.data:
            self._positions.resume(accepted, position, _mapping(fields.get("recovered")))
        else:
            self._positions.begin(accepted, position, request.options)

    def _owe(self, accepted: Iterable[str], fields: Mapping[str, Any]) -> None:
        """Note for which event channels the server has not said that nothing is missing."""
        recovered = _mapping(fields.get("recovered"))
        for name in accepted:
            if recovered.get(name) is True:
                continue
            for channel in _events_of(name, recovered):
                gap: dict[str, Any] = {"channel": channel}
                since = self._positions.last(name)
                if since is not None:
                    gap["since"] = since
                    if fields.get("epoch") == self._positions.epoch:
                        gap["until"] = fields.get("position")
                    else:
                        gap["epoch"] = self._positions.epoch
                self._losses.owe(gap)

    def _learn_time(self, fields: Mapping[str, Any]) -> None:
        asked_at = fields.get("client_time")
        if isinstance(asked_at, float):
            self._server_clock.learn(fields.get("server_time"), asked_at, self._clock())

    def _gap(self, data: dict[str, Any], timestamp: str | None) -> Message:
        return Message(type="gap", data=data, timestamp=timestamp, _server_clock=self._server_clock)


class Selection:
    """Chooses the messages of one iteration: from the reply on that answers its subscription, each once.

    Args:
        names: the subscriptions.
    """

    def __init__(self, names: list[str]) -> None:
        self._request_id: int | None = None
        self._names = frozenset(names)
        self._channels = {channel_of(name) for name in names}
        self._positions = Positions()
        self._begun = False

    def expect(self, request_id: int) -> None:
        """Begin with the answer to this question."""
        self._request_id = request_id

    def wants(self, message: Message) -> bool:
        """Tell whether a message belongs to the iteration, and note that it was given."""
        data = message.data if isinstance(message.data, dict) else {}
        if message.type == "subscription_response":
            self._learn(message, data)
            return False
        if not self._begun:
            return False
        if message.type == "gap":
            return EVERYTHING in self._channels or data.get("channel") in self._channels
        if message.type == "snapshot_end":
            return EVERYTHING in self._names or not set(names_in(data, "channels")).isdisjoint(self._names)
        if message.channel is None or not self._names_it(message.channel, message.key):
            return False
        return message.position is None or self._positions.heard(message.channel, message.key, message.position)

    def _names_it(self, channel: str, key: str | None) -> bool:
        names = self._names
        return channel in names or EVERYTHING in names or (key is not None and f"{channel}:{key}" in names)

    def _learn(self, message: Message, data: Mapping[str, Any]) -> None:
        """Begin with the own reply; follow the epochs and the new beginnings of later ones."""
        epoch, position = data.get("epoch"), data.get("position")
        position = position if isinstance(position, int) else None
        if not self._begun and message.id == self._request_id:
            self._begun = True
            self._positions.begin(self._names, None, Options())
        self._positions.learn_epoch(epoch if isinstance(epoch, str) else None)
        recovered = _mapping(data.get("recovered"))
        self._positions.resume((name for name in self._names if name in recovered), position, recovered)


def everything(message: Message) -> bool:
    """Choose what an iteration over the whole client gives: what was published, losses, and ends of snapshots."""
    return message.channel is not None or message.type in ("gap", "snapshot_end")


def accepted_of(names: Iterable[str], fields: Mapping[str, Any]) -> list[str]:
    """Read which subscriptions were accepted ("*" may be answered with all that it stands for)."""
    rejected = rejections(fields)
    if not isinstance(fields.get("channels"), list):
        return [name for name in names if name not in rejected]
    channels = names_in(fields, "channels")
    return [name for name in names if name in channels or (name == EVERYTHING and name not in rejected)]


def rejections(fields: Mapping[str, Any]) -> dict[str, str]:
    """Read which subscriptions were refused, and why."""
    rejected = fields.get("rejected")
    rows = [row for row in rejected if isinstance(row, dict)] if isinstance(rejected, list) else []
    return {str(row.get("channel")): f"{row.get('code')}: {row.get('message')}" for row in rows}


def _events_of(name: str, recovered: Mapping[str, object]) -> list[str]:
    """Name the event channels of a subscription of which something may be missing."""
    if name != EVERYTHING:
        return [channel_of(name)] if is_event(name) else []
    events = [channel.name for channel in CHANNELS if channel.kind is Kind.event]
    return [channel for channel in events if recovered.get(channel) is not True]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
