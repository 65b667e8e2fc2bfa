"""What was said and is wanted, across connections: bytes come in, messages for the program come out."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fleetwire.client.dialect import VERSION_1, Dialect
from fleetwire.client.message import Envelope, Message, ServerClock
from fleetwire.client.protocol import (
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
from fleetwire.client.rows import Rows
from fleetwire.wire.channels import CHANNEL_BY_NAME, EVERYTHING

logger = logging.getLogger("fleetwire.client")


class Conversation:
    """Understands a server: answers, positions, losses, patches, the time.

    In version 2 a server sends the rows of state channels even to those who asked for none, as patches need them: they
    are kept, and not handed over.

    Args:
        clock: gives monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.requests = Requests()
        self._clock = clock
        self._dialect = VERSION_1
        self._server_clock = ServerClock(clock)
        self._wanted = Wanted()
        self._positions = Positions()
        self._losses = Losses()
        self._rows = Rows()
        self._distrusted: dict[str, bool] = {}  # channel with a patch that did not fit -> whether that was acted upon
        self._ends: dict[str, bool] = {}  # subscription -> whether the end of its snapshot is the program's to hear

    def welcome(self, payload: bytes, asked_at: float, dialect: Dialect = VERSION_1) -> list[Message]:
        """Take the first frame of a connection.

        Args:
            payload: the frame's.
            asked_at: when opening the connection began, in monotonic seconds.
            dialect: in which the server speaks on this connection.
        """
        self._dialect = dialect
        self._distrusted.clear()
        self._ends.clear()
        first, *others = dialect.read(payload)
        self._server_clock.learn(first.fields.get("server_time"), asked_at, self._clock())
        return [Message.of(first, self._server_clock), *(message for other in others for message in self._take(other))]

    def take(self, payload: bytes) -> list[Message]:
        """Take a frame: give its messages (unless they were heard before), and what has to be told before each."""
        return [message for envelope in self._dialect.read(payload) for message in self._take(envelope)]

    def resubscriptions(self) -> list[Resubscription]:
        """Say what a new connection has to be asked for."""
        return self._wanted.resubscriptions(self._positions)

    def renewals(self) -> list[Request]:
        """Open the questions that are due, since a patch did not fit: its channel is silent until the answer."""
        due = [channel for channel, is_asked in self._distrusted.items() if not is_asked]
        leaving = {name for request in self.requests if request.type == "unsubscribe" for name in request.names}
        requests: list[Request] = []
        for channel in due:
            self._distrusted[channel] = True
            names = [name for name in self._wanted if channel_of(name) == channel and name not in leaving]
            if names and EVERYTHING not in leaving:
                options = Options(max_hz=self._wanted.rates_of(names))
                data = subscribe_data(names, options)
                requests.append(self.requests.open("subscribe", data, names=names, options=options, renews=True))
        return requests

    def _take(self, envelope: Envelope) -> list[Message]:
        if envelope.channel is not None:
            if not self._is_news(envelope.channel, envelope):
                return []
        elif envelope.type == "heartbeat_response":
            self._learn_time(envelope.fields)
        elif envelope.type == "gap":
            self._lost(envelope.fields)
        messages: list[Message] = []
        if self._losses:
            due = self._losses.due(envelope.type, envelope.fields, envelope.channel)
            messages += [self._gap(gap, envelope.timestamp) for gap in due]
        if envelope.type == "snapshot_end" and not self._end_snapshots(envelope):
            return messages
        request = self.requests.answered_by(envelope) if envelope.channel is None else None
        if request is not None:
            envelope.id = request.id
            self._answered(request, envelope)
            if request.renews:
                return messages
        messages.append(Message.of(envelope, self._server_clock))
        return messages

    def _is_news(self, channel: str, envelope: Envelope) -> bool:
        """Complete what was published, and tell whether it is to be handed over."""
        if self._dialect.version > 1:
            if channel in self._distrusted:
                return False
            if not self._rows.complete(envelope):
                logger.warning("a patch of %s does not fit the row held: the channel is asked for anew", channel)
                self._distrusted[channel] = False
                return False
        position = envelope.position
        return position is None or self._positions.heard(channel, envelope.key, position)

    def _lost(self, fields: Mapping[str, Any]) -> None:
        """Note a loss that the server tells of: events can't be asked for again, rows are about to be told anew."""
        until, channel = fields.get("until"), fields.get("channel")
        if not isinstance(channel, str):
            return
        if not is_event(channel):
            names = self._positions.renew(channel)
            self._rows.begin(names)
            self._ends.update(dict.fromkeys(names, True))
        elif isinstance(until, int):
            self._positions.skip(channel, until)

    def _end_snapshots(self, envelope: Envelope) -> bool:
        """Note ends of snapshots; leave in the message those that a program waits for, and tell whether there are."""
        names = names_in(envelope.fields, "channels")
        self._positions.end_past(names)
        self._rows.end(names)
        hidden = [name for name in names if not self._ends.pop(name, True)]
        if hidden:
            envelope.data = {**envelope.fields, "channels": [name for name in names if name not in hidden]}
        return len(hidden) < max(1, len(names))

    def _answered(self, request: Request, envelope: Envelope) -> None:
        """Learn from an answer, and give it to whoever waits."""
        if envelope.type == "subscription_response":
            rejected = rejections(envelope.fields)
            for name, why in rejected.items():
                logger.warning("%s of %s was refused: %s", request.type, name, why)
            accepted = accepted_of(request.names, envelope.fields)
            if request.type == "unsubscribe":
                if EVERYTHING in request.names:
                    accepted = [*accepted, *self._wanted]
                self._drop(accepted)
                self._positions.forget(accepted)
            elif request.renews:
                for name in accepted:
                    self._distrusted.pop(channel_of(name), None)
                self._renewed(accepted)
            else:
                self._subscribed(request, accepted, envelope)
        if not request.answer.done():
            request.answer.set_result(envelope)

    def _subscribed(self, request: Request, accepted: list[str], envelope: Envelope) -> None:
        """Note where subscriptions begin or go on, and what was lost in between."""
        fields = envelope.fields
        epoch, position = fields.get("epoch"), fields.get("position")
        position = position if isinstance(position, int) else None
        since = mapping(mapping(request.data.get("since")).get("positions"))
        begun = accepted
        if request.restores:
            refused = rejections(fields)
            self._drop([name for name in request.names if name in refused or name not in (*accepted, EVERYTHING)])
            self._owe([name for name in accepted if name in self._wanted], fields)
            begun = [name for name in accepted if channel_of(name) not in since]
            self._wanted.add([name for name in begun if name not in self._wanted], request.options)
        else:
            everything = EVERYTHING in request.names and EVERYTHING not in rejections(fields)
            if not request.options.snapshot:  # what is heard already just goes on
                begun = [name for name in accepted if is_event(name) or name not in self._wanted]
            self._wanted.add(accepted, request.options, everything=everything)
            self._positions.forget(begun)
        if self._positions.learn_epoch(epoch if isinstance(epoch, str) else None):
            self._rows.clear()
        going_on = [name for name in accepted if name not in begun]
        anew = self._positions.resume(going_on, position, mapping(fields.get("recovered")))
        self._positions.begin(begun, position, request.options)
        if self._dialect.version > 1:
            self._ends.update(dict.fromkeys(anew, True))
            self._ends.update({name: request.options.snapshot or is_event(name) for name in begun})
            self._renewed(anew + begun if request.restores else accepted)

    def _renewed(self, names: list[str]) -> None:
        """Note that rows are about to be told anew; who has heard them before need not hear of its end."""
        for name in names:
            self._ends.setdefault(name, False)
        self._rows.begin(names)

    def _drop(self, names: Iterable[str]) -> None:
        """Want subscriptions no more."""
        self._wanted.remove(names)
        self._rows.keep(lambda channel, key: channel in self._wanted or f"{channel}:{key}" in self._wanted)

    def _owe(self, accepted: Iterable[str], fields: Mapping[str, Any]) -> None:
        """Note for which event channels the server has not said that nothing is missing."""
        recovered = mapping(fields.get("recovered"))
        for name in accepted:
            if not is_event(name) or recovered.get(name) is True:
                continue
            gap: dict[str, Any] = {"channel": channel_of(name)}
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


def accepted_of(names: Iterable[str], fields: Mapping[str, Any]) -> list[str]:
    """Read which subscriptions were accepted; for "*" these are all the channels that it stands for."""
    rejected, listed = rejections(fields), names_in(fields, "channels")
    accepted: dict[str, None] = {}
    for name in names:
        if name == EVERYTHING and name not in rejected:
            channels = [channel for channel in listed if ":" not in channel and channel != EVERYTHING]
            accepted |= dict.fromkeys(channels or CHANNEL_BY_NAME)
        elif name in listed or (name not in rejected and not isinstance(fields.get("channels"), list)):
            accepted[name] = None
    return list(accepted)


def rejections(fields: Mapping[str, Any]) -> dict[str, str]:
    """Read which subscriptions were refused, and why."""
    rejected = fields.get("rejected")
    rows = [row for row in rejected if isinstance(row, dict)] if isinstance(rejected, list) else []
    return {str(row.get("channel")): f"{row.get('code')}: {row.get('message')}" for row in rows}


def subscribe_data(names: list[str], options: Options, since: dict[str, Any] | None = None) -> dict[str, Any]:
    """Write what `subscribe` asks; `snapshot` is said in words, so that the server says where the snapshot ends."""
    data: dict[str, Any] = {"channels": names, "snapshot": options.snapshot}
    if options.history is not None:
        data["history"] = options.history
    if options.max_hz is not None:
        data["max_hz"] = dict(options.max_hz) if isinstance(options.max_hz, tuple) else options.max_hz
    if since is not None:
        data["since"] = since
    return data


def mapping(value: object) -> Mapping[str, Any]:
    """Take an object for what it is, and anything else for an empty one."""
    return value if isinstance(value, dict) else {}
