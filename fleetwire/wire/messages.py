"""Every message as a frozen Struct, tagged by `type`: the one list of what can be said (see docs/protocol.md)."""

from typing import Annotated, Any, get_args

from msgspec import UNSET, Meta, Struct, UnsetType

from fleetwire.wire.rows import CommandRow


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The envelope that every message shares: `type`, `data`, and where they apply the optional siblings.

    `timestamp` is UTC, like "2026-11-22T17:31:00.123Z"; `id` is a request's own name, echoed in its reply.
    """

    data: Any
    id: int | str | None = None


# ---------------------------------------------------------------------------------------------------- client to server


class AuthData(Struct, frozen=True):
    """The token that says who the client is; it shows in no repr."""

    token: str

    def __repr__(self) -> str:
        """Hide the token."""
        return "AuthData(token='...')"


class Auth(Message, frozen=True, tag="auth"):
    """Says who the client is."""

    data: AuthData


class Since(Struct, frozen=True):
    """Where a client stopped hearing: one position for all channels, or one for each."""

    epoch: str
    position: int | None = None
    positions: dict[str, int] = {}

    def of(self, channel: str) -> int | None:
        """Give the position for a channel, or None where the client names none."""
        return self.positions.get(channel, self.position)


Rate = Annotated[float, Meta(gt=0, le=1000)]
"""Messages a second."""


class SubscribeData(Struct, frozen=True):
    """Which channels, and from where on.

    `snapshot`: begin state channels with their current rows. `history`: begin event channels with their last n
    messages. `since`: go on after this position. `max_hz`: be told of state channels at most so often, each or all of
    them; what changes in between is told once, with its last value.
    """

    channels: list[str]
    since: Since | None = None
    history: Annotated[int, Meta(ge=0)] | None = None
    snapshot: bool | None = None
    max_hz: dict[str, Rate] | Rate | None = None

    @property
    def in_words(self) -> bool:
        """Whether it says from where on, and so is told when that is done."""
        return self.since is not None or self.history is not None or self.snapshot is not None


class Subscribe(Message, frozen=True, tag="subscribe"):
    """Asks to hear channels."""

    data: SubscribeData


class UnsubscribeData(Struct, frozen=True):
    """Which channels."""

    channels: list[str]


class Unsubscribe(Message, frozen=True, tag="unsubscribe"):
    """Asks to hear channels no more."""

    data: UnsubscribeData


class Heartbeat(Message, frozen=True, tag="heartbeat"):
    """A sign of life; `data` may be anything, and its `client_time` is echoed."""

    data: Any = None


class PublishData(Struct, frozen=True):
    """What to tell on a channel. `key` names the subject where the channel's own field does not.

    `ack`: whether it is answered; a refusal always is.
    """

    channel: str
    data: dict[str, Any]
    key: int | str | None = None
    ack: bool = True


class Publish(Message, frozen=True, tag="publish"):
    """Tells all who subscribed to a channel."""

    data: PublishData


class Report(Message, frozen=True):
    """What a source has to say of the fleet; who keeps the fleet knows the fields of its `data`."""

    data: dict[str, Any]


class EaReport(Report, frozen=True, tag="ea_report"):
    """What an expert is doing now."""


class AccountReport(Report, frozen=True, tag="account_report"):
    """What a terminal knows of its account."""


class DealReport(Report, frozen=True, tag="deal"):
    """A deal that an expert made."""


class NewsReport(Report, frozen=True, tag="news_report"):
    """An event of the economic calendar."""


class PriceReport(Report, frozen=True, tag="price_report"):
    """A symbol's price, and what the symbol is."""


class PositionsReport(Report, frozen=True, tag="positions_report"):
    """All open positions of an account, whoever opened them."""


class AlertAckData(Struct, frozen=True):
    """Which alert."""

    alert_id: Annotated[int, Meta(gt=0, le=2**63 - 1)]


class AlertAck(Message, frozen=True, tag="alert_ack"):
    """Acknowledges an open alert; the alert itself answers, on its channel."""

    data: AlertAckData


class TargetData(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """For whom a command is: exactly one of these. `account` is written as Server/login."""

    ea_id: Annotated[int, Meta(gt=0, le=2**63 - 1)] | None = None
    account: Annotated[str, Meta(min_length=3, max_length=160)] | None = None
    group: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    strategy: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    all: bool = False


class CommandData(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is to be done, by whom, and why. Whatever is not meant here is refused: a slip must not move money.

    `idempotency_key`: sent again with the same key, the first answer is given again. `expires_in_s`: seconds after
    which nobody may begin with it. `confirm`: what `command_response` asked to be repeated, where two steps are wanted.
    """

    target: TargetData
    command: Annotated[str, Meta(min_length=1, max_length=64)]
    params: dict[str, Any] = {}
    idempotency_key: Annotated[str, Meta(max_length=128)] = ""
    expires_in_s: Annotated[float, Meta(gt=0, le=604_800)] | None = None
    reason: Annotated[str, Meta(max_length=256)] = ""
    confirm: Annotated[str, Meta(max_length=128)] = ""


class Command(Message, frozen=True, tag="command"):
    """Asks that experts do something; the answer comes once that is on disk."""

    data: CommandData


CommandId = Annotated[str, Meta(min_length=1, max_length=64)]


class CommandCancelData(Struct, frozen=True, forbid_unknown_fields=True):
    """Which command, and why."""

    command_id: CommandId
    reason: Annotated[str, Meta(max_length=256)] = ""


class CommandCancel(Message, frozen=True, tag="command_cancel"):
    """Takes a command back that nobody has been given yet."""

    data: CommandCancelData


class CommandAck(Report, frozen=True, tag="command_ack"):
    """What an expert says of a command that it was given: that it has it, or how it ended."""


ClientMessage = (
    Auth
    | Subscribe
    | Unsubscribe
    | Heartbeat
    | Publish
    | EaReport
    | AccountReport
    | DealReport
    | NewsReport
    | PriceReport
    | PositionsReport
    | AlertAck
    | Command
    | CommandCancel
    | CommandAck
)
CLIENT_TYPES = tuple(str(struct.__struct_config__.tag) for struct in get_args(ClientMessage))


# ---------------------------------------------------------------------------------------------------- server to client


class ServerMessage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every message of the server has (its fields stand in the order in which they are written)."""

    data: Any
    timestamp: str
    id: int | str | None = None


class ConnectionData(Struct, frozen=True, kw_only=True):
    """The welcome. Intervals and deadlines in seconds.

    `role` is there for whom a ticket has let in already; `commands` as in `auth_response`.
    """

    status: str = "connected"
    message: str
    client_id: str
    protocol: int = 1
    epoch: str
    server_time: str
    heartbeat_interval: float
    heartbeat_timeout: float
    auth_deadline: float
    role: str | UnsetType = UNSET
    commands: list[str] | UnsetType = UNSET


class Connection(ServerMessage, frozen=True, kw_only=True, tag="connection"):
    """The first message on every connection."""

    data: ConnectionData


class AuthResponseData(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to `auth`: `status` is "authenticated" or "failed".

    `commands` are those that the token may give, where its scopes name some; without it, all that its role may.
    """

    status: str
    success: bool
    role: str | None = None
    expires_at: str | None = None
    commands: list[str] | None = None
    error: str | None = None
    message: str | None = None


class AuthResponse(ServerMessage, frozen=True, kw_only=True, tag="auth_response"):
    """Answers `auth`."""

    data: AuthResponseData


class Rejected(Struct, frozen=True):
    """Why a channel was not accepted."""

    channel: str
    code: str
    message: str


class SubscriptionResponseData(Struct, frozen=True, kw_only=True):
    """The answer to `subscribe` and `unsubscribe`.

    `channels` are those accepted by this request; `recovered` tells for each channel that was resumed whether nothing
    is missing.
    """

    status: str
    channels: list[str]
    rejected: list[Rejected]
    epoch: str
    position: int
    recovered: dict[str, bool]


class SubscriptionResponse(ServerMessage, frozen=True, kw_only=True, tag="subscription_response"):
    """Answers `subscribe` and `unsubscribe`."""

    data: SubscriptionResponseData


class HeartbeatResponseData(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The server's time, and the client's as it sent it."""

    server_time: str
    client_time: Any = None


class HeartbeatResponse(ServerMessage, frozen=True, kw_only=True, tag="heartbeat_response"):
    """Answers `heartbeat`."""

    data: HeartbeatResponseData


class PublishResponseData(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the message stands: its position, and its `seq` on an event channel."""

    status: str
    channel: str
    position: int
    seq: int | None = None


class PublishResponse(ServerMessage, frozen=True, kw_only=True, tag="publish_response"):
    """Answers `publish`."""

    data: PublishResponseData


class ErrorData(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was refused, why, and whether it may succeed later."""

    code: str
    message: str
    temporary: bool
    id: int | str | None = None


class Error(ServerMessage, frozen=True, kw_only=True, tag="error"):
    """Refuses a message; the connection lives on."""

    data: ErrorData


class OrderData(Struct, frozen=True, kw_only=True):
    """One command for one expert.

    Whoever has a key reads the command from `signed`, and from nowhere else; the fields beside it say the same for
    those who have none, and for people.

    Args:
        id: of the command; an expert carries out each id once.
        target: the id of the expert that it is for.
        command: what to do.
        params: how.
        issued: when it was asked for, in milliseconds since 1970 (UTC).
        expires: from when on nobody may begin with it, likewise.
        nonce: makes it like no other.
        boot_id: the run of the expert that it is for; empty for any.
        signed: the canonical form of all of these, the very text that is signed.
        signature: hexadecimal; empty where the expert has no key, since it uses a token that it shares with others.
        server_time: what time it is for the server, in milliseconds since 1970; `expires` is judged by it.
    """

    id: str
    target: int
    command: str
    params: dict[str, Any]
    issued: int
    expires: int
    nonce: str
    boot_id: str = ""
    signed: str
    signature: str
    server_time: int


class Order(ServerMessage, frozen=True, kw_only=True, tag="command"):
    """Gives a command to the expert that it is for."""

    data: OrderData


class CommandResponseData(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a request: the commands as they stand now, on disk.

    `status` is `accepted`, `cancelled`, or `confirm`: then the same request has to be repeated with this `confirm`
    before `confirm_until`, and `message` says what it would do. `command_id` names what was asked for; `children` are
    its parts, where it is for several experts.
    """

    status: str
    command_id: str | None = None
    command: CommandRow | None = None
    children: list[CommandRow] = []
    message: str | None = None
    confirm: str | None = None
    confirm_until: str | None = None


class CommandResponse(ServerMessage, frozen=True, kw_only=True, tag="command_response"):
    """Answers `command` and `command_cancel`."""

    data: CommandResponseData


class SnapshotEndData(Struct, frozen=True, kw_only=True):
    """The channels whose snapshot is complete: a row that was not in it does not exist."""

    channels: list[str]
    position: int


class SnapshotEnd(ServerMessage, frozen=True, kw_only=True, tag="snapshot_end"):
    """Ends a snapshot, for those who asked for one in words."""

    data: SnapshotEndData


class GapData(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was lost of an event channel: by `seq` where the whole channel is heard, and by position."""

    channel: str
    from_seq: int | None = None
    to_seq: int | None = None
    since: int | None = None
    until: int | None = None
    epoch: str | None = None


class Gap(ServerMessage, frozen=True, kw_only=True, tag="gap"):
    """Names a loss."""

    data: GapData


class Published(ServerMessage, frozen=True, kw_only=True):
    """What channels carry. `data` is passed through as the publisher gave it.

    `position` counts everything that the hub publishes; `seq` the messages of an event channel; `key` is the subject;
    `as_of` is when the source said it (UTC).
    """

    channel: str
    position: int
    seq: int | None = None
    key: str | None = None
    as_of: str | None = None


class EaUpdate(Published, frozen=True, kw_only=True, tag="ea_update"):
    """What an expert is doing."""


class PortfolioUpdate(Published, frozen=True, kw_only=True, tag="portfolio_update"):
    """What the experts are doing together."""


class PriceUpdate(Published, frozen=True, kw_only=True, tag="price_update"):
    """A symbol's price."""


class TradeUpdate(Published, frozen=True, kw_only=True, tag="trade_update"):
    """A deal."""


class NewsUpdate(Published, frozen=True, kw_only=True, tag="news_update"):
    """A calendar event."""


class CommandUpdate(Published, frozen=True, kw_only=True, tag="command_update"):
    """A step in a command's life."""


class Alert(Published, frozen=True, kw_only=True, tag="alert"):
    """Something that a person should know."""


PUBLISHED: dict[str, type[Published]] = {
    str(struct.__struct_config__.tag): struct
    for struct in (EaUpdate, PortfolioUpdate, PriceUpdate, TradeUpdate, NewsUpdate, CommandUpdate, Alert)
}
"""The Struct of each type that channels carry."""
