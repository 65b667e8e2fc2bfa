"""One client: connected -> authenticated -> live -> lagging -> closing. What it says comes in, what to do comes out."""

from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from msgspec import UNSET

from fleetwire.hub.access import Access, Identity, Right
from fleetwire.hub.cohort import Cohort, Scope, Topics
from fleetwire.hub.guard import Guard
from fleetwire.hub.heartbeat import Heartbeat, Verdict
from fleetwire.hub.limits import Limits, TokenBucket
from fleetwire.hub.meter import Meter, rates_of
from fleetwire.hub.meter import Verdict as Amount
from fleetwire.hub.pace import NOBODY, Pace, Straggler
from fleetwire.wire import messages
from fleetwire.wire.channels import CHANNEL_BY_NAME, EVERYTHING, Channel, Topic
from fleetwire.wire.errors import (
    CloseCode,
    CommandError,
    DataError,
    ErrorCode,
    ForbiddenError,
    MessageError,
    NotFoundError,
    StoreError,
)
from fleetwire.wire.forms import PLAIN, Form
from fleetwire.wire.labels import Labels, labels_of
from fleetwire.wire.moment import Moment, read_utc
from fleetwire.wire.tokens import Commander, Holder, Reporter

if TYPE_CHECKING:
    from fleetwire.hub.hub import Hub


# One object for all who have asked for no rate.
NO_RATES: Mapping[str, float] = MappingProxyType({})


class Close(NamedTuple):
    """Close the connection, and why."""

    code: CloseCode
    reason: str


class Ping(NamedTuple):
    """Send a ping."""


class Expiring(NamedTuple):
    """Tell it that its token expires soon (`Session.say_expiring`)."""

    left_s: float


Output = bytes | Close | Ping | Expiring
"""What to do: send a frame, close, ping, or tell that its token expires."""

EXPIRY_NOTICE_S: Final = 60.0
"""How long before its token expires a client is told."""


class State(Enum):
    """Where in its life a session is."""

    connected = "connected"
    authenticated = "authenticated"
    live = "live"
    lagging = "lagging"
    closing = "closing"


_COMMANDING: Final = ("command", "command_cancel", "command_ack")
Order = messages.Command | messages.CommandCancel
"""What an operator asks of experts."""


class ReportDesk:
    """Where reports, acknowledgements and commands of clients go.

    `take` is given the type and the data of a report, what about its reporter may, and the session that says it; it
    raises a `DataError` if that is wrong, a `ForbiddenError` if this one may not say it, or a `StoreError` if it can't
    be kept. `acknowledge` is given the id of an alert, who says so, and the labels of what they may see; it raises a
    `NotFoundError` if no such alert is open. `command` is given a `command` or a `command_cancel`, answers it with
    `Session.answer` once that is kept, or raises a `MessageError`; `refuse` is told of those that their session may not
    ask for: what, who, from where, and why not. All are None while nobody keeps a fleet.
    """

    def __init__(self) -> None:
        self.take: Callable[[str, dict[str, Any], Reporter, Session], None] | None = None
        self.acknowledge: Callable[[int, str, Labels], None] | None = None
        self.command: Callable[[Order, Session], None] | None = None
        self.refuse: Callable[[str, str, str, str], None] | None = None


class House(NamedTuple):
    """What all sessions of a server share. Times in seconds."""

    hub: "Hub"
    access: Access
    limits: Limits
    heartbeat_interval_s: float
    heartbeat_timeout_s: float
    desk: ReportDesk
    guard: Guard


class Session:
    """One client's part of the conversation.

    Args:
        house: what it shares with the others.
        client_id: names it in logs and answers.
        address: where it comes from, for people.
        write: hands bytes to its transport; never waits.
        now: monotonic seconds.
        connected_at: UTC.
        form: in which it is spoken to.
    """

    __slots__ = (
        "_errors",
        "_expiry_told",
        "_house",
        "_meter",
        "_opened_at",
        "_stalled_at",
        "address",
        "auth_failures",
        "client_id",
        "closing",
        "cohorts",
        "connected_at",
        "form",
        "heard_bytes",
        "heard_messages",
        "heartbeat",
        "identity",
        "is_patched",
        "paused",
        "rates",
        "stragglers",
        "told_bytes",
        "told_messages",
        "write",
    )

    def __init__(
        self,
        house: House,
        client_id: str,
        address: str,
        write: Callable[[bytes], None],
        now: float,
        connected_at: str,
        form: Form = PLAIN,
    ) -> None:
        self._house = house
        self.client_id = client_id
        self.address = address
        self.write = write
        self.connected_at = connected_at
        self.identity: Identity | None = None
        self.heartbeat = Heartbeat(house.heartbeat_interval_s, house.heartbeat_timeout_s, now)
        self.closing = False
        self._opened_at = now
        self.auth_failures = 0  # how many wrong tokens were given
        self._errors: TokenBucket | None = None
        self._meter: Meter | None = None  # made when it says something
        self._stalled_at: float | None = None
        self._expiry_told = False
        # What it has said, and what the hub has told it, since it came; what it was answered is not counted.
        self.heard_messages = self.heard_bytes = 0
        self.told_messages = self.told_bytes = 0
        # What the hub keeps of it: the cohorts that it is in, and where it is behind.
        self.form = form
        self.cohorts: tuple[Cohort, ...] = ()
        self.stragglers: Mapping[Pace, Straggler] = NOBODY
        self.rates = NO_RATES  # channel -> how often at most it wants to be told, in messages a second
        self.is_patched = False
        self.paused = False

    @property
    def topics(self) -> Topics:
        """What it hears."""
        if len(self.cohorts) == 1 and not self.stragglers:
            return self.cohorts[0].hearing.topics
        heard = [cohort.hearing.topics for cohort in self.cohorts]
        return frozenset().union(*heard, *(one.topics for one in self.stragglers.values()))

    @property
    def scope(self) -> Scope:
        """The labels that its identity holds; None is all of them."""
        return self.identity.scope if self.identity is not None else frozenset()

    @property
    def message_bytes_max(self) -> int:
        """How long its messages may be: a full report of an expert is long."""
        limits = self._house.limits
        if self.identity is None or not self.identity.may(Right.report):
            return limits.message_bytes_max
        return max(limits.message_bytes_max, limits.report_bytes_max)

    @property
    def state(self) -> State:
        """Where in its life it is."""
        if self.closing:
            return State.closing
        if self.identity is None:
            return State.connected
        if self.paused or self.stragglers:
            return State.lagging
        return State.live if self.cohorts else State.authenticated

    @property
    def behind(self) -> int:
        """How many positions it has still to be told of; those of rows that are given anew not counted."""
        known = [at for one in self.stragglers.values() for at in one.cursor.values() if at > 0]
        return self._house.hub.head - min(known) if known else 0

    @property
    def by(self) -> str:
        """Who it is, for an audit: never the token."""
        return self.identity.by if self.identity is not None else ""

    @property
    def holder(self) -> Holder:
        """By which token it was let in."""
        return self.identity.holder if self.identity is not None else Holder()

    @property
    def asks(self) -> Commander:
        """What it may command."""
        return self.identity.asks if self.identity is not None else Commander()

    # ------------------------------------------------------------------------------------------------- what is said

    def tell(self, message: messages.ServerMessage) -> bool:
        """Say something out of turn; tells whether its transport takes it."""
        if self.closing or self.paused:
            return False
        self.write(self.form.tell(message))
        return True

    def answer(self, message: messages.ServerMessage) -> None:
        """Answer what it has asked, as soon as that is done; though its transport is full.

        Nothing more is read from it meanwhile, so that answers can't pile up; and nobody would say them again.
        """
        if not self.closing:
            self.write(self.form.tell(message))

    def welcome(self, utc: str) -> bytes:
        """Build the first message; whom a ticket has let in it tells the role."""
        house, known = self._house, self.identity
        todo = "authenticate, then subscribe" if known is None else "subscribe"
        data = messages.ConnectionData(
            message=f"connected to fleetwire: {todo}",
            client_id=self.client_id,
            protocol=self.form.version,
            epoch=house.hub.epoch,
            server_time=utc,
            heartbeat_interval=house.heartbeat_interval_s,
            heartbeat_timeout=house.heartbeat_timeout_s,
            auth_deadline=house.limits.auth_deadline_s,
            role=UNSET if known is None else known.role.value,
            commands=UNSET if known is None or known.commands is None else sorted(known.commands),
        )
        return self.form.tell(messages.Connection(data=data, timestamp=utc))

    def receive(self, payload: bytes, now: float, utc: str) -> list[Output]:
        """Take what came in one frame.

        Args:
            payload: valid UTF-8, or msgpack where that was agreed on.
            now: monotonic seconds.
            utc: the wall clock's time, for the answer.
        """
        try:
            said = self.form.decode(payload)
        except MessageError as error:
            if self.identity is not None and error.about in _COMMANDING:
                self._note_refused(error.about, error.message)
            outputs = self.heard(1, len(payload), now, utc)
            return outputs if _is_end(outputs) else [*outputs, *self.refuse(error, now, utc)]
        outputs = self.heard(len(said), len(payload), now, utc)
        if _is_end(outputs):
            return outputs
        for message in said:
            try:
                outputs += self._answer(message, now, utc)
            except MessageError as error:
                outputs += self.refuse(error, now, utc)
            if _is_end(outputs):
                break
        return outputs

    def heard(self, messages_count: int, size: int, now: float, utc: str) -> list[Output]:
        """Count what came, in messages and in bytes; whoever says too much is warned, then closed.

        What it has said until then is done: nothing is dropped without a word.
        """
        self.heard_messages += messages_count
        self.heard_bytes += size
        if self._meter is None:
            self._meter = Meter(rates_of(self.identity, self._house.limits), self._house.limits.burst_s, now)
        amount = self._meter.take(messages_count, size, now)
        if amount is Amount.fine:
            return []
        rates = self._meter.rates
        limit = f"at most {rates.messages:,} messages and {rates.size:,} bytes a second are taken"
        if amount is Amount.over:
            return [Close(CloseCode.rate_limited, f"{limit}; retry_after={self._house.limits.burst_s:g}")]
        text = f"{limit}: go slower, or the connection will be closed"
        data = messages.ErrorData(code=ErrorCode.rate_limited.name, message=text, temporary=True)
        return [self.form.tell(messages.Error(data=data, timestamp=utc))]

    def _answer(self, message: messages.ClientMessage, now: float, utc: str) -> list[Output]:
        if isinstance(message, messages.Heartbeat):
            return [self._answer_heartbeat(message, utc)]
        if isinstance(message, messages.Auth):
            return self._answer_auth(message, now, utc)
        if now >= self._until:
            return [Close(CloseCode.token_expired, CloseCode.token_expired.meaning)]
        if self.identity is None:
            text = 'authenticate first: {"type": "auth", "data": {"token": ...}}'
            raise MessageError(ErrorCode.not_authenticated, text, message.id)
        right = _right_to(message)
        if not self.identity.may(right):
            why_not = self.identity.why_not(right)
            if isinstance(message, Order | messages.CommandAck):
                self._note_refused(_named(message), why_not)
            raise MessageError(ErrorCode.forbidden, why_not, message.id)
        if isinstance(message, messages.Subscribe):
            return [self._answer_subscribe(message, utc)]
        if isinstance(message, messages.Publish):
            return self._answer_publish(message, self.identity, now, utc)
        if isinstance(message, messages.Report):
            return self._take_report(message, self.identity)
        if isinstance(message, messages.AlertAck):
            return self._acknowledge(message, self.identity)
        if isinstance(message, Order):
            return self._pass_on(message)
        return [self._answer_unsubscribe(message, utc)]

    def _note_refused(self, what: str, why: str) -> None:
        """Let it be known that a command, or a word about one, went no further than here."""
        if self._house.desk.refuse is not None:
            self._house.desk.refuse(what, self.by, self.address, why)

    def refuse(self, error: MessageError, now: float, utc: str) -> list[Output]:
        """Answer something that can't be done with an `error`; too many of them end the connection."""
        if self._errors is None:
            self._errors = TokenBucket(self._house.limits.protocol_errors_per_minute_max, now)
        data = messages.ErrorData(
            code=error.code.name, message=error.message, temporary=error.code.temporary, id=error.request_id
        )
        answer = self.form.tell(messages.Error(data=data, timestamp=utc, id=error.request_id))
        if error.code is ErrorCode.not_kept or self._errors.take(now):  # a disk that is full is not the peer's fault
            return [answer]
        return [answer, Close(CloseCode.too_many_errors, CloseCode.too_many_errors.meaning)]

    def _answer_heartbeat(self, message: messages.Heartbeat, utc: str) -> bytes:
        client_time = message.data.get("client_time") if isinstance(message.data, dict) else None
        data = messages.HeartbeatResponseData(server_time=utc, client_time=client_time)
        return self.form.tell(messages.HeartbeatResponse(data=data, timestamp=utc, id=message.id))

    def _answer_auth(self, message: messages.Auth, now: float, utc: str) -> list[Output]:
        identity = self._house.access.identify(message.data.token, Moment(now, read_utc(utc), utc))
        if identity is None:
            return self._refuse_token(message, now, utc)
        if not self.become(identity):
            return [self.too_many()]
        data = messages.AuthResponseData(
            status="authenticated",
            success=True,
            role=identity.role.value,
            expires_at=identity.expires_at,
            commands=None if identity.commands is None else sorted(identity.commands),
        )
        return [self.form.tell(messages.AuthResponse(data=data, timestamp=utc, id=message.id))]

    def become(self, identity: Identity) -> bool:
        """Be somebody from now on, and hear what that one may hear, and nothing else.

        Returns:
            Whether the token may have one more session; if not, nothing has changed.
        """
        guard, before_it = self._house.guard, self.identity
        if before_it is None or before_it.token_id != identity.token_id:
            if self.closing or not guard.enter(identity):
                return False
            if before_it is not None:
                guard.leave(before_it)
        self.renew(identity)
        return True

    def too_many(self) -> Close:
        """Say that its token has as many sessions as it may."""
        limit = self._house.limits.sessions_per_token_max
        return Close(CloseCode.rate_limited, f"this token has {limit:,} sessions already; retry_after=10")

    def renew(self, identity: Identity) -> None:
        """Go on by the same token, which has other rights or another end now: its sessions are not counted anew."""
        before, self.identity = self.scope, identity
        self._meter = None  # of its new role
        self._expiry_told = False
        hub = self._house.hub
        gone = [topic for topic in self.topics if not (identity.may(Right.hear) and identity.may_hear(topic.channel))]
        if gone:
            hub.unsubscribe(self, gone)
        if self.scope != before:
            hub.rescope(self)

    def leave(self) -> None:
        """Hear nothing more, and count no more."""
        if self.closing:
            return
        self.closing = True
        self._house.hub.leave(self)
        if self.identity is not None:
            self._house.guard.leave(self.identity)

    def _refuse_token(self, message: messages.Auth, now: float, utc: str) -> list[Output]:
        """Answer a wrong token. The third ends the connection; the first, where its address has guessed already."""
        too_early = self._house.guard.failed(self.address, now)
        self.auth_failures += 1
        data = messages.AuthResponseData(
            status="failed",
            success=False,
            error=ErrorCode.token_invalid.name,
            message="this token is not known here, or not any more: check it against the server's",
        )
        answer = self.form.tell(messages.AuthResponse(data=data, timestamp=utc, id=message.id))
        if self.auth_failures < self._house.limits.auth_failures_max and not too_early:
            return [answer]
        return [answer, Close(CloseCode.token_invalid, CloseCode.token_invalid.meaning)]

    def _answer_subscribe(self, message: messages.Subscribe, utc: str) -> bytes:
        accepted, rejected = _sort_out(message.data.channels, self.identity)
        channels_max = self._house.limits.channels_max
        if len(message.data.channels) > channels_max or len(self.topics.union(accepted)) > channels_max:
            raise MessageError(
                ErrorCode.too_many_channels, f"one session hears at most {channels_max} channels", message.id
            )
        recovered = self._house.hub.subscribe(self, message.data, accepted)
        return self._subscription_response("subscribed", accepted, rejected, recovered, message.id, utc)

    def _answer_unsubscribe(self, message: messages.Unsubscribe, utc: str) -> bytes:
        channels_max = self._house.limits.channels_max
        if len(message.data.channels) > channels_max:
            raise MessageError(
                ErrorCode.too_many_channels, f"at most {channels_max} channels can be named at once", message.id
            )
        accepted, rejected = _sort_out(message.data.channels)
        if EVERYTHING in message.data.channels:
            accepted = list(dict.fromkeys([*accepted, *self.topics]))
        self._house.hub.unsubscribe(self, accepted)
        return self._subscription_response("unsubscribed", accepted, rejected, {}, message.id, utc)

    def _answer_publish(self, message: messages.Publish, identity: Identity, now: float, utc: str) -> list[Output]:
        asked, hub = message.data, self._house.hub
        channel = CHANNEL_BY_NAME.get(asked.channel)
        if channel is None:
            raise MessageError(ErrorCode.unknown_channel, _no_channel(asked.channel), message.id)
        try:
            labels = published_labels(hub, identity, channel, asked.data, asked.key)
            entry = hub.publish(channel.type, asked.data, now=now, timestamp=utc, key=asked.key, labels=labels)
        except DataError as error:
            raise MessageError(ErrorCode.invalid_data, str(error), message.id) from None
        except ForbiddenError as error:
            raise MessageError(ErrorCode.forbidden, str(error), message.id) from None
        if not asked.ack:
            return []
        data = messages.PublishResponseData(
            status="published", channel=channel.name, position=entry.position, seq=entry.seq or None
        )
        answer = self.form.tell(messages.PublishResponse(data=data, timestamp=utc, id=message.id))
        if not (hub.keeps_events and entry.seq):
            return [answer]
        hub.answer_when_told(self, entry.position, answer)
        return []

    def _take_report(self, message: messages.Report, identity: Identity) -> list[Output]:
        """Pass a report on; only a wrong one is answered."""
        take = self._house.desk.take
        if take is None:
            text = "this server keeps no fleet: start it with --integrated, or use publish"
            raise MessageError(ErrorCode.no_reports_taken, text, message.id)
        try:
            take(str(message.__struct_config__.tag), message.data, identity.reporter, self)
        except DataError as error:
            raise MessageError(ErrorCode.invalid_data, str(error), message.id) from None
        except ForbiddenError as error:
            raise MessageError(ErrorCode.forbidden, str(error), message.id) from None
        except StoreError as error:
            raise MessageError(ErrorCode.not_kept, str(error), message.id) from None
        except CommandError as error:
            raise MessageError(error.code, error.message, message.id) from None
        return []

    def _acknowledge(self, message: messages.AlertAck, identity: Identity) -> list[Output]:
        """Pass an acknowledgement on; the alert itself is the answer."""
        acknowledge = self._house.desk.acknowledge
        if acknowledge is None:
            text = "this server keeps no fleet, and so no alerts: start it with --integrated"
            raise MessageError(ErrorCode.no_reports_taken, text, message.id)
        try:
            acknowledge(message.data.alert_id, identity.by, identity.scope)
        except NotFoundError as error:
            raise MessageError(ErrorCode.not_found, str(error), message.id) from None
        return []

    def _pass_on(self, order: Order) -> list[Output]:
        """Pass a command on; it is answered once it is kept."""
        command = self._house.desk.command
        if command is None:
            text = "this server keeps no fleet, and so gives no commands: start it with --integrated"
            raise MessageError(ErrorCode.no_reports_taken, text, order.id)
        try:
            command(order, self)
        except CommandError as error:
            raise MessageError(error.code, error.message, order.id) from None
        except StoreError as error:
            raise MessageError(ErrorCode.store_unavailable, str(error), order.id) from None
        return []

    def _subscription_response(
        self,
        status: str,
        accepted: list[Topic],
        rejected: list[messages.Rejected],
        recovered: dict[str, bool],
        request_id: int | str | None,
        utc: str,
    ) -> bytes:
        hub = self._house.hub
        data = messages.SubscriptionResponseData(
            status=status,
            channels=[str(topic) for topic in accepted],
            rejected=rejected,
            epoch=hub.epoch,
            position=hub.head,
            recovered=recovered,
        )
        return self.form.tell(messages.SubscriptionResponse(data=data, timestamp=utc, id=request_id))

    # ------------------------------------------------------------------------------------------------- what is due

    def stall(self, now: float) -> None:
        """Note that its transport takes no more."""
        self._stalled_at = now

    def drain(self, now: float) -> None:
        """Note that its transport takes bytes again; while it did not, nothing of it was read either."""
        self._stalled_at = None
        self.heartbeat.seen_at = now

    def say_expiring(self, left_s: float, utc: str) -> bytes:
        """Tell it that its token expires, and what to do."""
        data = messages.ErrorData(
            code=ErrorCode.token_expiring.name,
            message=f"your token expires in {left_s:.0f} s: send another auth, or the connection is closed then",
            temporary=True,
        )
        return self.form.tell(messages.Error(data=data, timestamp=utc))

    @property
    def _until(self) -> float:
        """When its token expires, in monotonic seconds."""
        until = self.identity.until if self.identity is not None else None
        return float("inf") if until is None else until

    def check(self, now: float) -> Output | None:
        """Tell what is due: a ping, a close, word that its token expires, or nothing."""
        limits = self._house.limits
        if now >= self._until:
            return Close(CloseCode.token_expired, CloseCode.token_expired.meaning)
        if self._stalled_at is not None:
            late = now >= self._stalled_at + limits.stall_timeout_s
            return Close(CloseCode.too_slow, f"nothing was read for {limits.stall_timeout_s:g} s") if late else None
        if self.identity is None and now >= self._opened_at + limits.auth_deadline_s:
            return Close(CloseCode.auth_timeout, f"no authentication within {limits.auth_deadline_s:g} s")
        if now >= self._until - EXPIRY_NOTICE_S and not self._expiry_told:
            self._expiry_told = True
            return Expiring(self._until - now)
        verdict = self.heartbeat.check(now)
        if verdict is Verdict.lost:
            return Close(CloseCode.heartbeat_lost, f"no sign of life for {self._house.heartbeat_timeout_s:g} s")
        return Ping() if verdict is Verdict.ping else None

    def next_deadline(self) -> float:
        """When to check again, in monotonic seconds."""
        limits = self._house.limits
        if self._stalled_at is not None:
            return min(self._stalled_at + limits.stall_timeout_s, self._until)
        expiry = self._until if self._expiry_told else self._until - EXPIRY_NOTICE_S
        deadline = min(self.heartbeat.next_deadline(), expiry)
        return deadline if self.identity else min(deadline, self._opened_at + limits.auth_deadline_s)


def _is_end(outputs: list[Output]) -> bool:
    return bool(outputs) and isinstance(outputs[-1], Close)


def _right_to(message: messages.ClientMessage) -> Right:
    """Tell which right a message needs."""
    if isinstance(message, messages.Report):
        return Right.report
    if isinstance(message, messages.Publish):
        return Right.publish
    if isinstance(message, Order):
        return Right.command
    return Right.acknowledge if isinstance(message, messages.AlertAck) else Right.hear


def _named(order: Order | messages.CommandAck) -> str:
    """Name what somebody asked for, for an audit."""
    if isinstance(order, messages.CommandAck):
        return "command_ack"
    if isinstance(order, messages.CommandCancel):
        return f"cancel {order.data.command_id}"
    return order.data.command


def published_labels(
    hub: "Hub", identity: Identity, channel: Channel, data: object, key: int | str | None = None
) -> Labels:
    """Tell who may hear what somebody publishes. Who is limited to a part of the fleet publishes about that part only.

    Raises:
        ForbiddenError: it is about something else, or on a channel that the token does not name.
        DataError: it names no subject, where it must.
    """
    if not identity.may_hear(channel.name):
        raise ForbiddenError(f"this token is not for {channel.name}")
    labels = labels_of(channel, data, key)
    if identity.scope is None:
        return labels
    shared = identity.scope & (labels or frozenset())
    last = hub.last(channel.name, channel.key_of(data) if key is None else channel.checked_key(key))
    if not shared or (last is not None and not last.heard_by(identity.scope)):
        raise ForbiddenError("this token is for a part of the fleet, and this is about another part, or about none")
    return shared


def _sort_out(names: list[str], identity: Identity | None = None) -> tuple[list[Topic], list[messages.Rejected]]:
    """Tell the channels that exist and may be heard, each once, from the others."""
    accepted: dict[Topic, None] = {}
    rejected: list[messages.Rejected] = []
    for name in names:
        topics = Topic.read(name)
        allowed = [topic for topic in topics if identity is None or identity.may_hear(topic.channel)]
        accepted |= dict.fromkeys(allowed)
        if not topics:
            rejected.append(messages.Rejected(name[:256], ErrorCode.unknown_channel.name, _no_channel(name)))
        elif not allowed:
            text = f"this token is not for {topics[0].channel}"
            rejected.append(messages.Rejected(name[:256], ErrorCode.forbidden.name, text))
    return list(accepted), rejected


def _no_channel(name: str) -> str:
    return f"no channel {name!r:.60}: there are {', '.join(CHANNEL_BY_NAME)}"
