"""The doors of the house, as Protocols: what stands behind them can be exchanged."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

from msgspec import Struct

from fleetwire.fleet.events import (
    Account,
    CommandAck,
    Deal,
    DealReport,
    ExpertId,
    ExpertReport,
    Fact,
    NewsEvent,
    Position,
    PriceReport,
    Terminal,
)
from fleetwire.wire.audit import AuditHead, AuditRow
from fleetwire.wire.labels import Labels
from fleetwire.wire.messages import Command, CommandCancel, CommandData, CommandResponseData, ServerMessage
from fleetwire.wire.moment import Moment
from fleetwire.wire.rows import AlertRow, CommandRow, EquityPoint, ExpertRow, FleetRow, Page, SparklinesRow, TradeRow
from fleetwire.wire.tokens import ANYBODY, Commander, Holder, IssuedToken, Reporter, Token, TokenRequest, TokenRow

# ------------------------------------------------------------------------------------------------------------- clock


class Timer(Protocol):
    """A call that will be made."""

    def cancel(self) -> None:
        """Do not make it."""


class Clock(Protocol):
    """Time, as the server gets it; a test brings its own and moves it by hand."""

    def monotonic(self) -> float:
        """Seconds that only go forward."""

    def utc(self) -> str:
        """Wall clock, like "2026-11-22T17:31:00.123Z"."""

    def moment(self) -> Moment:
        """Both clocks at once."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back at a monotonic time."""


# ------------------------------------------------------------------------------------------------------------ source


class Report(Protocol):
    """Takes facts of `fleetwire.fleet.events`."""

    async def __call__(self, *facts: Fact) -> None:
        """Apply them and tell what changed; returns once they are kept, and those who keep up have been written to.

        Raises:
            DataError: one of them is refused; those before it were taken.
            StoreError: they could not be kept, and are not acknowledged.
        """


class Source(Protocol):
    """Where facts come from: a report, a simulator, an expert, a folder, a calendar."""

    name: str

    async def run(self, report: Report) -> None:
        """Report facts until there are no more, or until cancelled."""


class Speaker(Protocol):
    """Somebody on a connection that stays: can be told something out of turn."""

    address: str
    closing: bool
    paused: bool

    @property
    def holder(self) -> Holder:
        """By which token it was let in."""

    @property
    def asks(self) -> Commander:
        """What it may command."""

    def tell(self, message: ServerMessage) -> bool:
        """Say something, without waiting; tells whether it went out."""

    def answer(self, message: ServerMessage) -> None:
        """Answer what it has asked, without waiting, however much it has still to be told."""


# ------------------------------------------------------------------------------------------------------------- store


class KeptAccount(Struct, frozen=True):
    """The last state of an account; `memory` is the fleet's own record of it (opaque to the store)."""

    server: str
    login: int
    memory: bytes


class KeptExpert(Struct, frozen=True):
    """The last state of an expert; `memory` is the fleet's own record of it (opaque to the store)."""

    ea_id: int
    expert: ExpertId
    memory: bytes


class KeptDeal(Struct, frozen=True):
    """A deal, whose it is (None: made by hand), and when it was in UTC. Kept again, it takes the place of the first."""

    server: str
    login: int
    ea_id: int | None
    time_utc_ms: int
    deal: Deal


class Sample(Struct, frozen=True):
    """Balance and equity at a moment. `subject` is `ea:1007`, `account:Server/5`, or `currency:EUR`."""

    subject: str
    utc_ms: int
    balance: float
    equity: float


class KeptEvent(Struct, frozen=True):
    """A message of an event channel, as it was published; `payload` is its JSON, `labels` say who may hear it."""

    channel: str
    position: int
    seq: int
    key: str | None
    utc_ms: int
    payload: bytes
    labels: frozenset[str] | None = None


class KeptAlert(Struct, frozen=True):
    """An alert as it stands now; kept again under its id, it takes the place of the one before."""

    row: AlertRow


class KeptNews(Struct, frozen=True):
    """A calendar event; kept again under its id, it takes the place of the one before. `memory` is the fleet's own."""

    id: str
    utc_ms: int
    currency: str
    importance: str
    memory: bytes


class KeptNote(Struct, frozen=True):
    """Anything small under a name: the epoch, the reserved position, the peaks. Kept again, it replaces."""

    name: str
    value: bytes


class KeptToken(Struct, frozen=True):
    """A token as it stands now, without its secret; kept again under its id, it takes the place of the one before.

    `is_dropped` is true for one that is to be forgotten.
    """

    token: Token
    is_dropped: bool = False


class KeptCommand(Struct, frozen=True, gc=False):
    """A command as it stands now; kept again under its id, it takes the place of the one before.

    `number` is that of its issue, and never another command's. `settled_ms` is when it came to an end or was lost sight
    of; None while it is under way. `memory` is the fleet's own record of it (opaque to the store).
    """

    command_id: str
    number: int
    parent_id: str
    ea_id: int | None
    command: str
    status: str
    by: str
    issued_ms: int
    settled_ms: int | None
    memory: bytes


class KeptAudit(Struct, frozen=True):
    """A row of the audit. Its number is never given twice; it is never changed, and never removed."""

    row: AuditRow


Record = (
    KeptAccount
    | KeptExpert
    | KeptDeal
    | Sample
    | KeptEvent
    | KeptAlert
    | KeptNews
    | KeptNote
    | KeptCommand
    | KeptAudit
    | KeptToken
)


class Memory(Struct, frozen=True):
    """What a restart begins with; deals are read apart (`Store.deals_in_order`).

    `events` are the newest of each event channel, in order of position. `alerts` are those that are not cleared, and
    `last_alert_id` counts all there ever were. `news` are the events of the last two days and of the future. `commands`
    are those under way, the children of their parents, and those that settled last (up to a bound);
    `last_command_number` counts all there ever were. `audit_head` is where the audit's chain ends.
    `tokens` are all that are kept.
    """

    notes: dict[str, bytes]
    accounts: list[KeptAccount]
    experts: list[KeptExpert]
    events: list[KeptEvent]
    alerts: list[AlertRow]
    last_alert_id: int
    news: list[KeptNews]
    commands: list[KeptCommand]
    last_command_number: int
    audit_head: AuditHead
    tokens: list[KeptToken] = []


class StoreHealth(Struct, frozen=True, kw_only=True):
    """How a store is. `failing` says why nothing can be written at the moment; `pending` records wait to be written."""

    open: bool
    failing: str | None
    pending: int
    pending_max: int
    committed: int
    last_commit_ms: float
    schema: int


class FleetPart(Struct, frozen=True):
    """A part of the fleet: only what is of one of these accounts, or of one of these experts."""

    accounts: frozenset[tuple[str, int]]
    ea_ids: frozenset[int]


class TradeQuery(Struct, frozen=True, kw_only=True):
    """Which trades or deals, newest first. `before` is a cursor of an earlier page. Times are UTC milliseconds.

    `part` leaves out what is of another part of the fleet.
    """

    ea_id: int | None = None
    account: tuple[str, int] | None = None
    symbol: str | None = None
    position_id: int | None = None
    status: str | None = None
    from_ms: int | None = None
    until_ms: int | None = None
    before: str | None = None
    limit: int = 100
    part: FleetPart | None = None


class CommandQuery(Struct, frozen=True, kw_only=True):
    """Which commands, newest first. `status` is one of theirs, or `open` for those that are under way.

    Without `parts` those are left out that are parts of a command for several experts. `before` is a command's number:
    those before it. `from_ms` and `until_ms` are of their issue, UTC milliseconds.
    """

    ea_id: int | None = None
    parent_id: str | None = None
    parts: bool = True
    status: str | None = None
    command: str | None = None
    by: str | None = None
    from_ms: int | None = None
    until_ms: int | None = None
    before: int | None = None
    limit: int = 100


class AuditQuery(Struct, frozen=True, kw_only=True):
    """Which rows of the audit, newest first. `subject` is a command's or a token's id, the parts of a command with it.

    `who` is a token's id, "EA 1007" or "server". `before` is a row's number: those before it.
    """

    subject: str | None = None
    who: str | None = None
    before: int | None = None
    limit: int = 100


class Store(Protocol):
    """What is kept. One writer; nothing here blocks the caller: what is handed over is committed in groups."""

    async def open(self) -> Memory:
        """Open or create it, bring its schema up to date, and give what a restart begins with.

        Raises:
            StoreError: it can't be opened, is corrupt, is newer than this program, or another server has it open. Says
                which, and what to do.
        """

    async def close(self) -> None:
        """Commit what waits, and close."""

    def keep(self, records: Sequence[Record], done: Callable[[Exception | None], None] | None = None) -> None:
        """Hand a unit over: all of its records are committed in one transaction, units in the order in which they came.

        Args:
            records: the unit.
            done: called in the event loop once the unit is on disk, with None; or with the `StoreError` that says why
                it is not (it still waits then, and is tried again, as long as there is room).

        Raises:
            StoreError: too much waits already; the unit was not taken.
        """

    async def committed(self) -> None:
        """Wait until everything that was handed over is on disk.

        Raises:
            StoreError: it can't be written.
        """

    def health(self) -> StoreHealth:
        """Tell how it is."""

    def deals_in_order(self) -> AsyncIterator[list[KeptDeal]]:
        """Read all deals, in order of (time_utc_ms, server, login, ticket), some thousand at a time."""

    async def deals(self, query: TradeQuery) -> Page:
        """List deals (`KeptDeal`), newest first."""

    async def trades(self, query: TradeQuery) -> Page:
        """List trades (`TradeRow`), newest first by their last deal."""

    async def trade(self, account: tuple[str, int], position_id: int) -> TradeRow | None:
        """Give one trade."""

    async def equity(self, subject: str, from_ms: int, until_ms: int, points: int) -> list[EquityPoint]:
        """Give a curve in at most `points` points, oldest first."""

    async def alerts(self, status: str | None, before: int | None, limit: int) -> Page:
        """List alerts (`AlertRow`), newest first: `status` `open` for those not cleared; `before` is an alert's id."""

    async def news(self, from_ms: int, until_ms: int, limit: int) -> list[KeptNews]:
        """List calendar events, in order of time."""

    async def commands(self, query: CommandQuery) -> Page:
        """List commands (`KeptCommand`), newest first; the cursor is `CommandQuery.before` as text."""

    async def command(self, command_id: str) -> KeptCommand | None:
        """Give one command."""

    async def audit(self, after: int, limit: int) -> list[AuditRow]:
        """Read the audit, in order of numbers, beginning with the row that follows `after`."""

    async def audit_head(self) -> AuditHead:
        """Tell where the audit's chain ends, as it was noted beside the rows: rows cut off at the end are missed."""

    async def trim(self, now_ms: int) -> None:
        """Drop what retention does not keep, and thin out samples: raw for a day, then minutes, then hours."""

    async def check(self) -> list[str]:
        """Look for damage; give one line for each thing found, none if all is well."""

    async def backup(self, path: str) -> None:
        """Write a consistent copy of everything to a new file, while it is in use."""


# --------------------------------------------------------------------------------------------------------- the hub's


class EventKeeper(Protocol):
    """Keeps what event channels carry before anybody is told of it."""

    def keep_events(self, events: list[KeptEvent], done: Callable[[], None]) -> bool:
        """Keep events; call `done` in the event loop once they are kept, or once it is clear that they can't be.

        Returns:
            Whether the events have to wait for `done`; if not, it is never called.
        """


# ----------------------------------------------------------------------------------------------------------- the API


class ExpertQuery(Struct, frozen=True, kw_only=True):
    """Which experts, in the order of their ids. `text` is looked for in name, symbol, strategy and id."""

    symbol: str | None = None
    strategy: str | None = None
    group: str | None = None
    account: tuple[str, int] | None = None
    status: str | None = None
    link: str | None = None
    text: str | None = None
    after: int | None = None
    limit: int = 100


class ReportBody(Struct, frozen=True, kw_only=True):
    """A report over HTTP: what one terminal knows, in one body. Each part is optional, and is taken as such a fact.

    `positions` are all open positions of `account`. Deals that name nobody are of `account` too. `acks` are what the
    experts of this body say of commands that they were given.
    """

    account: Account | None = None
    terminal: Terminal | None = None
    experts: tuple[ExpertReport, ...] = ()
    positions: tuple[Position, ...] | None = None
    deals: tuple[DealReport, ...] = ()
    events: tuple[NewsEvent, ...] = ()
    prices: tuple[PriceReport, ...] = ()
    acks: tuple[CommandAck, ...] = ()


class Receipt(Struct, frozen=True, kw_only=True):
    """The answer to a report over HTTP: what was taken and is kept, what was refused, and what to do next.

    `commands` are those that wait for the reporting experts. `next_report_s` is when to report again, in seconds.
    `ea_ids` are the ids of the reporting experts, in the order of the report.
    """

    accepted: int
    refused: list[dict[str, Any]]
    commands: list[dict[str, Any]]
    ea_ids: list[int]
    next_report_s: float
    server_time: str


class Readiness(Struct, frozen=True, kw_only=True):
    """Whether the server can do its work; `checks` says for each part whether it is well, or what is wrong with it."""

    ready: bool
    checks: dict[str, str]


class FleetDesk(Protocol):
    """What the API asks of the fleet and the store, and what clients report to it. Rows are those of `wire.rows`.

    `scope` are the labels of what the caller may see (`wire.labels`); None is everything. What it may not see does not
    exist for it.
    """

    def ready(self) -> Readiness:
        """Tell whether it can do its work."""

    def version(self) -> int:
        """Give a number that changes whenever anything that is listed from memory may have changed (for ETags)."""

    def take(
        self, kind: str, data: dict[str, Any], reporter: Reporter = ANYBODY, speaker: Speaker | None = None
    ) -> None:
        """Take what a client reports over the socket; that becomes the way to the experts that it reports.

        Raises:
            DataError: it is refused; says why.
            ForbiddenError: this reporter may not say it.
            StoreError: it could not be kept, and was not taken; it is to be sent again.
            CommandError: likewise, of a word about a command.
        """

    def order(self, message: Command | CommandCancel, speaker: Speaker) -> None:
        """Take a command, or take one back; `speaker` is answered once that is kept.

        Raises:
            CommandError: it is refused.
            StoreError: it can't be kept.
        """

    def refuse(self, what: str, by: str, address: str, why: str) -> None:
        """Put into the audit that somebody asked for a command that he may not give."""

    async def command(self, asked: CommandData, by: Commander, address: str) -> CommandResponseData:
        """Take a command over HTTP; the answer is kept.

        Args:
            asked: what.
            by: who asks, and what it may.
            address: from where.

        Raises:
            CommandError: it is refused.
            StoreError: it can't be kept now.
        """

    async def cancel(self, command_id: str, reason: str, by: Commander, address: str) -> CommandResponseData:
        """Take a command back that no expert has yet; else as `command`."""

    async def commands(self, query: CommandQuery, asks: Commander) -> Page:
        """List commands (`CommandRow`), newest first; those that `asks` may see."""

    async def find_command(self, command_id: str, asks: Commander) -> CommandRow | None:
        """Give one command, if `asks` may see it."""

    async def audit(self, query: AuditQuery) -> Page:
        """List rows of the audit (`AuditedRow`), newest first."""

    async def report(self, body: bytes, reporter: Reporter = ANYBODY) -> Receipt:
        """Take a report over HTTP: JSON with any of `account terminal experts positions deals events prices acks`.

        The answer has the commands that wait for the experts in it, signed as for the token that `reporter` holds.

        Raises:
            DataError: it is no such report; nothing was taken.
            StoreError: it could not be kept; it is to be sent again.
        """

    def fleet(self) -> FleetRow:
        """Give everything at a glance."""

    def experts(self, query: ExpertQuery, scope: Labels = None) -> Page:
        """List experts (`ExpertRow`)."""

    def sparklines(self, scope: Labels = None) -> SparklinesRow:
        """Give what experts have earned in the last minutes."""

    def expert(self, ea_id: int, scope: Labels = None) -> ExpertRow | None:
        """Give one expert."""

    def positions(
        self, ea_id: int | None, account: tuple[str, int] | None, symbol: str | None, scope: Labels = None
    ) -> Page:
        """List open positions (`PositionRow`)."""

    def prices(self, symbol: str | None) -> Page:
        """List prices (`PriceRow`)."""

    async def trades(self, query: TradeQuery, scope: Labels = None, strategy: str | None = None) -> Page:
        """List trades (`TradeRow`), newest first; of the experts of a strategy, where one is named."""

    async def deals(self, query: TradeQuery, scope: Labels = None) -> Page:
        """List deals (`DealRow`), newest first."""

    async def equity(
        self, subject: str, from_ms: int, until_ms: int, points: int, scope: Labels = None
    ) -> list[EquityPoint]:
        """Give a curve. `subject` is `ea:1007`, `account:Server/5`, or `currency:EUR`.

        Raises:
            NotFoundError: it is nothing that the caller may see.
        """

    def statistics(self, subject: str, scope: Labels = None) -> dict[str, Any] | None:
        """Give the figures of the same subjects as `equity`; None where there is no such subject."""

    async def alerts(self, status: str | None, before: int | None, limit: int, scope: Labels = None) -> Page:
        """List alerts (`AlertRow`), newest first. Of a part of the fleet a page may hold fewer than there are."""

    def acknowledge_now(self, alert_id: int, by: str, scope: Labels = None) -> None:
        """Acknowledge an open alert, for the socket: the alert itself is told on its channel once it is kept.

        Raises:
            NotFoundError: there is no open alert of this id.
        """

    async def acknowledge(self, alert_id: int, by: str, scope: Labels = None) -> AlertRow:
        """Acknowledge an open alert; the answer is kept.

        Raises:
            NotFoundError: there is no open alert of this id.
        """

    async def news(self, from_ms: int, until_ms: int, limit: int) -> Page:
        """List calendar events (`NewsRow`), in order of time."""


class TokenDesk(Protocol):
    """Who makes and keeps tokens. What is answered is kept already. `by` and `address` name
    who asks, and from where, in the audit.
    """

    async def create(self, request: TokenRequest, by: str, address: str = "") -> IssuedToken:
        """Make a token.

        Raises:
            DataError: there can be no such token.
            StoreError: it can't be kept; there is none.
        """

    def listed(self) -> list[TokenRow]:
        """List all tokens, oldest first."""

    async def revoke(self, token_id: str, by: str, address: str = "") -> TokenRow:
        """Let a token count no more, from now on; the sessions that it has opened are closed.

        Raises:
            NotFoundError: there is no such token.
            StoreError: this can't be kept; until a restart it counts no more nevertheless.
        """

    async def rotate(self, token_id: str, overlap_s: float, by: str, address: str = "") -> IssuedToken:
        """Give a token another secret; the one before counts for some seconds more.

        Raises:
            NotFoundError: there is no such token.
            DataError: it is over.
            StoreError: this can't be kept; nothing has changed.
        """
