"""The desk: answers what the API asks of the fleet and the store, and takes what clients report."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from fleetwire.fleet import commands as fleet_commands
from fleetwire.fleet.account import AccountState, account_name
from fleetwire.fleet.commands import CommandRequest, Target, command_row, read_memory
from fleetwire.fleet.events import CommandAck, ExpertReport, Position
from fleetwire.fleet.expert import ExpertState
from fleetwire.fleet.portfolio import exposure_of
from fleetwire.fleet.rows import deal_row, position_row, terminal_row
from fleetwire.fleet.series import Series
from fleetwire.integration.auditing import audit_page
from fleetwire.integration.doors import SessionDoor
from fleetwire.integration.orders import Asker
from fleetwire.integration.parts import (
    check_reporter,
    labels_of_account,
    labels_of_alert,
    labels_of_expert,
    part_of,
    sees_subject,
)
from fleetwire.ports import (
    AuditQuery,
    CommandQuery,
    ExpertQuery,
    FleetPart,
    KeptDeal,
    Readiness,
    Receipt,
    Speaker,
    Store,
    TradeQuery,
)
from fleetwire.sources.expert import fact_of, facts_of, read_report
from fleetwire.wire.errors import (
    CommandError,
    ConfirmationError,
    DataError,
    ErrorCode,
    ForbiddenError,
    NotFoundError,
    StoreError,
)
from fleetwire.wire.labels import Labels, may_see
from fleetwire.wire.messages import (
    Command,
    CommandCancel,
    CommandData,
    CommandResponse,
    CommandResponseData,
    Error,
    ErrorData,
)
from fleetwire.wire.moment import utc_text
from fleetwire.wire.rows import (
    AlertRow,
    CommandRow,
    EquityPoint,
    ExpertRow,
    FleetRow,
    Page,
    PositionRow,
    SparklinesRow,
    TradeRow,
)
from fleetwire.wire.tokens import ANYBODY, Commander, Reporter

if TYPE_CHECKING:
    from fleetwire.integration.service import IntegrationService

Item = TypeVar("Item")
_ALERTS_LOOKED_AT: Final = 1000
"""How many kept alerts a page is picked from, for who may see only some of them."""
_COMMANDS_LOOKED_AT: Final = 1000
"""Likewise commands."""
_WORD: Final = "command_ack"
_WORDS: Final = "acks"
"""How words about commands are called, on the socket and in a report."""

CHILDREN_TOLD_MAX: Final = 1000
"""Parts of a command for several experts that its answer lists; the API lists all."""


class Desk:
    """`fleetwire.ports.FleetDesk` of a service.

    Args:
        service: whose fleet and store it is.
    """

    def __init__(self, service: "IntegrationService") -> None:
        self._service = service
        self._fleet = service.fleet

    def ready(self) -> Readiness:
        """Tell whether it can do its work."""
        keeper = self._service.keeper
        if keeper is None:
            return Readiness(ready=True, checks={"store": "none: nothing is kept"})
        health = keeper.store.health()
        store = health.failing or ("ok" if health.open else "not open")
        full = "full: no more reports are taken" if keeper.is_full else "ok"
        checks = {"store": store, "migrations": f"ok: schema {health.schema}", "reports": full}
        return Readiness(ready=health.open and health.failing is None and not keeper.is_full, checks=checks)

    def version(self) -> int:
        """Give a number that changes with everything that is listed from memory."""
        return self._service.version

    # ---------------------------------------------------------------------------------------------------------- reports

    def take(
        self, kind: str, data: dict[str, Any], reporter: Reporter = ANYBODY, speaker: Speaker | None = None
    ) -> None:
        """Take what a client reports over the socket; that is then the way to the experts that it reports."""
        try:
            fact = fact_of(kind, data)
        except DataError as error:
            self._service.refuse(kind, str(error))
            if kind == _WORD and speaker is not None:
                self._refuse_word(str(error), speaker.holder.token_id, speaker.address)
            raise
        check_reporter(self._fleet, reporter, fact)
        self._service.apply(fact, SessionDoor(speaker) if speaker is not None else None)

    async def report(self, body: bytes, reporter: Reporter = ANYBODY) -> Receipt:
        """Take a report over HTTP; give the commands that wait for the experts in it."""
        try:
            said = read_report(body)
        except DataError as error:
            self._service.refuse("body", str(error))
            raise
        for entry in said.refused:
            part = entry["where"].partition("[")[0]
            self._service.refuse(part, entry["error"])
            if part == _WORDS:
                self._refuse_word(entry["error"], reporter.holder.token_id)
        refused, accepted = list(said.refused), 0
        experts: dict[int, str] = {}
        for fact in facts_of(said):
            try:
                check_reporter(self._fleet, reporter, fact)
                self._service.apply(fact, own=experts, by=reporter.holder.token_id)
            except (DataError, CommandError, ForbiddenError) as error:
                refused.append({"where": _named(fact), "error": str(error)})
                continue
            accepted += 1
            if isinstance(fact, ExpertReport):
                experts[self._fleet.id_of(fact.expert)] = fact.boot_id
        ids = list(experts)
        await self._service.acknowledged()
        keeps = self._service.keeper is not None
        commands = await self._service.orders.collect(experts, reporter.holder) if keeps else []
        return Receipt(
            accepted=accepted,
            refused=refused,
            commands=[msgspec.to_builtins(command) for command in commands],
            ea_ids=ids,
            next_report_s=self._service.settings.next_report_s,
            server_time=self._service.clock.utc(),
        )

    # --------------------------------------------------------------------------------------------------------- commands

    def _refuse_word(self, why: str, by: str, address: str = "") -> None:
        """Put into the audit that a word about a command could not even be read."""
        self._service.orders.refuse(Asker(by or "an expert", address), "word_refused", "", why)

    def order(self, message: Command | CommandCancel, speaker: Speaker) -> None:
        """Take a command, or take one back; the answer goes out once that is on disk.

        Raises:
            CommandError: it is refused.
        """
        asker, orders = self._asker(speaker.asks, speaker.address), self._service.orders

        def answer(error: StoreError | None, status: str, command_id: str) -> None:
            utc = self._service.clock.utc()
            if error is not None:
                said = ErrorData(code="store_unavailable", message=str(error), temporary=True, id=message.id)
                speaker.answer(Error(data=said, timestamp=utc, id=message.id))
                return
            data = self._response(status, orders.known(command_id, asker))
            speaker.answer(CommandResponse(data=data, timestamp=utc, id=message.id))

        if isinstance(message, CommandCancel):
            command_id = message.data.command_id
            orders.take_back(
                command_id, asker, message.data.reason, lambda error: answer(error, "cancelled", command_id)
            )
            return
        try:
            given: list[str] = []
            request = self._request(message.data, asker)
            submission = orders.submit(request, asker, lambda error: answer(error, "accepted", given[0]))
            given.append(submission.command.command_id)
        except ConfirmationError as error:
            speaker.answer(
                CommandResponse(data=self._to_confirm(error), timestamp=self._service.clock.utc(), id=message.id)
            )

    def refuse(self, what: str, by: str, address: str, why: str) -> None:
        """Put into the audit that somebody asked for a command that he may not give."""
        self._service.orders.refuse(Asker(by, address), "command_refused", what, why)

    async def command(self, asked: CommandData, by: Commander, address: str) -> CommandResponseData:
        """Take a command over HTTP; the answer is on disk."""
        asker = self._asker(by, address)
        try:
            submission = await self._service.orders.command(self._request(asked, asker), asker)
        except ConfirmationError as error:
            return self._to_confirm(error)
        return self._response("accepted", submission.command)

    async def cancel(self, command_id: str, reason: str, by: Commander, address: str) -> CommandResponseData:
        """Take a command back over HTTP; the answer is on disk."""
        command = await self._service.orders.cancel(command_id, self._asker(by, address), reason)
        return self._response("cancelled", command)

    async def commands(self, query: CommandQuery, asks: Commander) -> Page:
        """List commands, newest first."""
        if asks.scope is None:
            page = await self._store.commands(query)
            return Page(items=[command_row(read_memory(kept.memory)) for kept in page.items], next=page.next)
        page = await self._store.commands(msgspec.structs.replace(query, limit=_COMMANDS_LOOKED_AT))
        found = [command for kept in page.items if self._sees_command(asks, command := read_memory(kept.memory))]
        shown = found[: query.limit]
        more = str(shown[-1].number) if len(found) > len(shown) else page.next
        return Page(items=[command_row(each) for each in shown], next=more)

    async def find_command(self, command_id: str, asks: Commander) -> CommandRow | None:
        """Give one command: from memory, or, if it ended long ago, from the store."""
        command = self._service.orders.commands.get(command_id)
        if command is None:
            kept = await self._store.command(command_id)
            command = read_memory(kept.memory) if kept is not None else None
        return command_row(command) if command is not None and self._sees_command(asks, command) else None

    def _sees_command(self, asks: Commander, command: fleet_commands.Command) -> bool:
        return asks.scope is None or self._service.orders.is_seen(command, self._asker(asks, ""))

    def _request(self, asked: CommandData, asker: Asker) -> CommandRequest:
        """Make what the queue understands of what was said.

        Raises:
            CommandError: the target is none, or more than one.
        """
        try:
            return _request(asked, asker)
        except CommandError as error:
            self._service.orders.refuse(asker, "command_refused", asked.command, str(error))
            raise

    async def audit(self, query: AuditQuery) -> Page:
        """List rows of the audit, newest first."""
        return await audit_page(self._store, query)

    def _asker(self, asks: Commander, address: str) -> Asker:
        return Asker(asks.by, address, lambda expert: _sees(asks.scope, expert), asks.may)

    def _response(self, status: str, command: fleet_commands.Command) -> CommandResponseData:
        children = self._service.orders.commands.children(command.command_id)[:CHILDREN_TOLD_MAX]
        return CommandResponseData(
            status=status,
            command_id=command.command_id,
            command=command_row(command),
            children=[command_row(each) for each in children],
        )

    def _to_confirm(self, error: ConfirmationError) -> CommandResponseData:
        until = self._service.clock.moment().utc_ms + round(error.valid_s * 1000)
        return CommandResponseData(
            status="confirm", message=error.message, confirm=error.confirm, confirm_until=utc_text(until)
        )

    # ------------------------------------------------------------------------------------------------------ from memory

    def fleet(self) -> FleetRow:
        """Give everything at a glance."""
        service = self._service
        rows = (service.account_row(state) for state in self._fleet.accounts.values())
        terminals = (each for state in self._fleet.accounts.values() for each in state.terminals.values())
        return FleetRow(
            portfolio=service.portfolio,
            accounts=[row for row in rows if row is not None],
            terminals=[terminal_row(each) for each in terminals if each.pulse.heard_at is not None],
            alerts_open=service.alerts.open_count,
            as_of=service.portfolio_as_of,
            server_time=service.clock.utc(),
        )

    def experts(self, query: ExpertQuery, scope: Labels = None) -> Page:
        """List experts, in the order of their ids."""
        found = [
            expert
            for ea_id, expert in sorted(self._fleet.experts.items())
            if (query.after is None or ea_id > query.after) and _sees(scope, expert) and _fits(expert, query)
        ]
        at = self._service.clock.moment()
        rows = [self._service.expert_row(expert, at) for expert in found[: query.limit]]
        return Page(items=rows, next=str(rows[-1].ea_id) if len(found) > len(rows) else None)

    def sparklines(self, scope: Labels = None) -> SparklinesRow:
        """Give what experts have earned in the last minutes."""
        seen = self._fleet.experts if scope is None else part_of(self._fleet, scope).ea_ids
        return self._service.sparklines.row(seen)

    def expert(self, ea_id: int, scope: Labels = None) -> ExpertRow | None:
        """Give one expert."""
        expert = self._fleet.experts.get(ea_id)
        if expert is None or not _sees(scope, expert):
            return None
        return self._service.expert_row(expert, self._service.clock.moment())

    def positions(
        self, ea_id: int | None, account: tuple[str, int] | None, symbol: str | None, scope: Labels = None
    ) -> Page:
        """List open positions."""
        rows = [
            row
            for row in self._positions(scope)
            if (ea_id is None or row.ea_id == ea_id)
            and (account is None or row.account == account_name(account))
            and (symbol is None or row.symbol == symbol)
        ]
        return Page(items=rows, total=len(rows))

    def _positions(self, scope: Labels) -> Iterator[PositionRow]:
        for expert in self._fleet.experts.values():
            if not _sees(scope, expert):
                continue
            for position in expert.positions.values():
                yield self._position_row(expert.account, expert, position)
        for state in self._fleet.accounts.values():
            if not may_see(scope, labels_of_account(state)):
                continue
            for position in state.manual.values():
                yield self._position_row(state, None, position)

    def _position_row(self, state: AccountState, expert: ExpertState | None, position: Position) -> PositionRow:
        return position_row(state, expert, position, exposure_of(state.id[0], position, self._fleet.market))

    def prices(self, symbol: str | None) -> Page:
        """List prices."""
        clocks = {server: state.clock for (server, _), state in self._fleet.accounts.items()}
        rows = list(self._fleet.market.rows(clocks, symbol, self._service.clock.moment().utc_ms))
        return Page(items=rows, total=len(rows))

    def statistics(self, subject: str, scope: Labels = None) -> dict[str, Any] | None:
        """Give the figures of an expert, an account, or all accounts of a currency; what is not defined is left out."""
        series = self._series(subject) if sees_subject(self._fleet, scope, subject) else None
        if series is None:
            return None
        figures = series.statistics.metrics()
        return {name: value for name, value in figures.items() if value is not None}

    def _series(self, subject: str) -> Series | None:
        kind, _, name = subject.partition(":")
        if kind == "currency":
            return self._fleet.currencies.get(name)
        if kind == "account":
            server, _, login = name.rpartition("/")
            state = self._fleet.accounts.get((server, int(login))) if login.isdecimal() else None
            return state.series if state is not None else None
        expert = self._fleet.experts.get(int(name)) if kind == "ea" and name.isdecimal() else None
        return expert.series if expert is not None else None

    # ------------------------------------------------------------------------------------------------------- from store

    @property
    def _store(self) -> Store:
        if self._service.keeper is None:
            raise NotFoundError("this server keeps no history: start it with a database")
        return self._service.keeper.store

    async def trades(self, query: TradeQuery, scope: Labels = None, strategy: str | None = None) -> Page:
        """List trades, newest first."""
        return await self._store.trades(self._of_part(query, scope, strategy))

    def _of_part(self, query: TradeQuery, scope: Labels, strategy: str | None = None) -> TradeQuery:
        if strategy is not None:
            experts = [one for one in self._fleet.experts.values() if _strategy(one) == strategy and _sees(scope, one)]
            part = FleetPart(frozenset(), frozenset(one.ea_id for one in experts))
            return msgspec.structs.replace(query, part=part)
        return query if scope is None else msgspec.structs.replace(query, part=part_of(self._fleet, scope))

    async def trade(self, account: tuple[str, int], position_id: int) -> TradeRow | None:
        """Give one trade."""
        return await self._store.trade(account, position_id)

    async def deals(self, query: TradeQuery, scope: Labels = None) -> Page:
        """List deals, newest first."""
        page = await self._store.deals(self._of_part(query, scope))
        rows = [self._deal_row(kept) for kept in page.items]
        return Page(items=rows, total=page.total, next=page.next)

    def _deal_row(self, kept: KeptDeal) -> object:
        account: AccountState = self._fleet.accounts[kept.server, kept.login]
        return deal_row(account, self._fleet.experts.get(kept.ea_id or 0), kept.deal)

    async def equity(
        self, subject: str, from_ms: int, until_ms: int, points: int, scope: Labels = None
    ) -> list[EquityPoint]:
        """Give a curve."""
        if not sees_subject(self._fleet, scope, subject):
            raise NotFoundError(f"nothing is known of {subject}: /api/v1/experts lists what there is")
        return await self._store.equity(subject, from_ms, until_ms, points)

    async def alerts(self, status: str | None, before: int | None, limit: int, scope: Labels = None) -> Page:
        """List alerts, newest first; the open ones from memory."""
        if status == "open" or self._service.keeper is None:
            rows = [
                row
                for row in reversed(self._service.alerts.open())
                if (before is None or row.alert_id < before) and self._sees_alert(scope, row)
            ]
            return _page(rows, limit, lambda row: row.alert_id)
        page = await self._store.alerts(status, before, limit if scope is None else _ALERTS_LOOKED_AT)
        if scope is None:
            return page
        rows = [row for row in page.items if self._sees_alert(scope, row)]
        shown = rows[:limit]
        return Page(items=shown, next=str(shown[-1].alert_id) if len(rows) > limit else page.next)

    def _sees_alert(self, scope: Labels, row: AlertRow) -> bool:
        return scope is None or may_see(scope, labels_of_alert(self._fleet, row))

    async def acknowledge(self, alert_id: int, by: str, scope: Labels = None) -> AlertRow:
        """Acknowledge an open alert; returns once that is kept."""
        row = self._acknowledge(alert_id, by, scope)
        await self._service.acknowledged()
        return row

    def acknowledge_now(self, alert_id: int, by: str, scope: Labels = None) -> None:
        """Acknowledge an open alert; everybody is told."""
        self._acknowledge(alert_id, by, scope)

    def _acknowledge(self, alert_id: int, by: str, scope: Labels) -> AlertRow:
        if scope is not None:
            seen = (row for row in self._service.alerts.open() if self._sees_alert(scope, row))
            if all(row.alert_id != alert_id for row in seen):
                alert_id = 0  # what it may not see does not exist, in the same words
        return self._service.acknowledge(alert_id, by)

    async def news(self, from_ms: int, until_ms: int, limit: int) -> Page:
        """List calendar events, in order of time."""
        kept = await self._store.news(from_ms, until_ms, limit)
        return Page(items=[self._service.news_row(one.memory) for one in kept])


def _page(rows: Iterable[Item], limit: int, key: "Any") -> Page:
    found = list(rows)
    shown = found[:limit]
    return Page(items=shown, next=str(key(shown[-1])) if len(found) > len(shown) else None)


def _request(asked: CommandData, asker: Asker) -> CommandRequest:
    """Make what the queue understands of what was said.

    Raises:
        CommandError: the target is none, or more than one.
    """
    try:
        target = Target(**msgspec.structs.asdict(asked.target))
    except ValueError as error:
        raise CommandError(ErrorCode.invalid_data, f"target: {error}") from None
    more = {"expires_in_s": asked.expires_in_s} if asked.expires_in_s is not None else {}
    return CommandRequest(
        command=asked.command,
        target=target,
        params=asked.params,
        by=asker.by,
        address=asker.address,
        reason=asked.reason,
        idempotency_key=asked.idempotency_key or None,
        confirm=asked.confirm or None,
        **more,
    )


def _named(fact: object) -> str:
    """Name a fact for who reported it."""
    if isinstance(fact, CommandAck):
        return f"ack of {fact.command_id}"
    deal = getattr(fact, "deal", None)
    if deal is not None:
        return f"deal {deal.ticket}"
    expert = getattr(fact, "expert", None)
    name = getattr(expert, "name", None) or getattr(fact, "symbol", None) or getattr(fact, "name", None)
    kind = type(fact).__name__
    return f"{kind} {name}" if name else kind


def _sees(scope: Labels, expert: ExpertState) -> bool:
    return scope is None or may_see(scope, labels_of_expert(expert))


def _strategy(expert: ExpertState) -> str:
    return expert.report.strategy_tag or expert.expert.name


def _fits(expert: ExpertState, query: ExpertQuery) -> bool:
    """Tell whether an expert is one of those that are asked for."""
    who, report = expert.expert, expert.report
    exact = (
        (query.symbol, who.symbol),
        (query.strategy, _strategy(expert)),
        (query.group, report.group),
        (query.account, expert.account.id),
        (query.status, expert.status),
        (query.link, expert.pulse.link.value),
    )
    if any(wanted is not None and wanted != has for wanted, has in exact):
        return False
    if query.text is None:
        return True
    text = query.text.casefold()
    return any(text in part.casefold() for part in (who.name, who.symbol, report.strategy_tag, str(expert.ea_id)))
