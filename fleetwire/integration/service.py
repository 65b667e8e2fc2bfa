"""Joins the river: source -> fleet -> channels -> hub."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from msgspec import Struct, structs

from fleetwire.fleet.account import AccountState, TerminalState, account_name
from fleetwire.fleet.alerts import Alerts
from fleetwire.fleet.changes import (
    AccountChanged,
    Announced,
    Attributed,
    Change,
    ClaimRefused,
    CommandMoved,
    ExpertChanged,
    PriceChanged,
    TerminalChanged,
    Traded,
)
from fleetwire.fleet.channels import refused_claim, tell
from fleetwire.fleet.commands import CommandLimits
from fleetwire.fleet.events import CommandAck, CommandReport, ExpertReport, Fact
from fleetwire.fleet.expert import ExpertState
from fleetwire.fleet.figures import ServerFigures
from fleetwire.fleet.lossrules import LossFigures
from fleetwire.fleet.news import News, NewsSettings
from fleetwire.fleet.portfolio import Portfolio
from fleetwire.fleet.rows import account_row, expert_row, terminal_row
from fleetwire.fleet.rules import RuleBook, default_rules
from fleetwire.fleet.state import Fleet, FleetSettings, OutdatedError
from fleetwire.integration.desk import Desk
from fleetwire.integration.doors import Door, SourceDoor
from fleetwire.integration.keeper import Keeper
from fleetwire.integration.keyring import Keyring
from fleetwire.integration.orders import Orders
from fleetwire.integration.parts import labels_of_alert, labels_of_deal, labels_of_expert
from fleetwire.integration.sparklines import Sparklines
from fleetwire.integration.tokens import KeptTokens
from fleetwire.ports import Clock, Report, Source, Store, Timer
from fleetwire.server.clock import SystemClock
from fleetwire.server.server import WebSocketServer
from fleetwire.serverkey import ServerKey
from fleetwire.wire.errors import ConfigError, DataError, StoreError
from fleetwire.wire.moment import Moment, read_utc
from fleetwire.wire.rows import AccountRow, AlertRow, CommandRow, ExpertRow, NewsRow, PortfolioRow

logger = logging.getLogger("fleetwire.integration")

Row = TypeVar("Row")

_TRIM_S: Final = 600.0
_COMPLAIN_S: Final = 60.0  # between two lines of the log about rows that can't be told
_FAILED_S: Final = 1.0  # until what the time brings is tried again after a defect
_ROWS_S: Final = 0.02
"""Rows are told at most so often: under load they leave together. A row on its own leaves at once."""
_PORTFOLIO_PAUSES: Final = 20
"""The portfolio is told with them. Where that takes long, rows are told so many times its time apart,"""
_ROWS_S_MAX: Final = 0.1
"""but never more than this."""
_EXPERT_SAMPLES: Final = 6  # experts are sampled once in so many samples of accounts


class IntegrationSettings(Struct, frozen=True, kw_only=True):
    """What a service is told beforehand.

    `convert_to` is the currency in which the portfolio is summed once more; empty for none. Balance and equity are kept
    each `sample_every_s` seconds. `next_report_s` is what experts are told over HTTP of when to report again.
    """

    fleet: FleetSettings = FleetSettings()
    news: NewsSettings = NewsSettings()
    commands: CommandLimits = CommandLimits()
    convert_to: str = ""
    sample_every_s: float = 10.0
    next_report_s: float = 1.0


class IntegrationService:
    """Watches experts, the portfolio, commands and alerts, and tells a server's clients.

    Args:
        server: who is told; started and stopped by its owner. With a store, the service is started before it.
        sources: where facts come from, besides `report`.
        clock: stamps what is received.
        store: what is kept over a restart; None keeps nothing.
        server_key: seals the keys that sign experts' commands, which the store keeps; one that ends with the process,
            if left out.
        rules: of alerts; the default ones, if left out.
        settings: everything else.
        on_alert: is told every alert as well; must neither wait nor raise.
    """

    def __init__(
        self,
        server: WebSocketServer,
        sources: Sequence[Source] = (),
        clock: Clock | None = None,
        *,
        store: Store | None = None,
        server_key: ServerKey | None = None,
        rules: RuleBook | None = None,
        settings: IntegrationSettings | None = None,
        on_alert: Callable[[AlertRow], None] | None = None,
    ) -> None:
        self.settings = settings or IntegrationSettings()
        self.rules = rules or default_rules()
        self.fleet = Fleet(self.settings.fleet)
        self.alerts = Alerts(self.rules)
        self.news = News(self.settings.news)
        self.sparklines = Sparklines()
        self.version = 0  # changes with everything that is listed from memory
        self.server = server
        self.clock = clock or SystemClock()
        self.keeper = Keeper(store, server) if store is not None else None
        self._server_key = server_key or ServerKey()
        keyring = Keyring(server.access.tokens, self._server_key, self._token_utc_ms)
        self.orders = Orders(self, self.settings.commands, keyring)
        self._keyring = keyring
        self.running = False
        self._on_alert = on_alert
        self._sources = tuple(sources)
        self._sums = Portfolio(self.fleet, self.settings.convert_to)
        self._portfolio = self._sums.row()
        self.portfolio_as_of = ""
        self._portfolio_is_old = False
        self._pause_s = _ROWS_S  # between two tellings of rows, if nobody waits for them
        self._tasks: list[asyncio.Task[None]] = []
        self._trimming: asyncio.Task[None] | None = None
        self._timer: Timer | None = None
        self._timer_at = float("inf")
        self._rows_timer: Timer | None = None
        self._told_at = float("-inf")
        self._complain_at = float("-inf")
        self._sample_at = 0.0
        self._trim_at = 0.0
        self._samples = 0
        self._symbols: dict[str, None] = {}
        self.blocked: dict[str, int] = {}  # symbols inside a news blackout, and until when (UTC ms)
        # What is to be told anew at the next flush.
        self._experts: dict[int, ExpertState] = {}
        self._accounts: dict[tuple[str, int], AccountState] = {}
        self._terminals: dict[str, TerminalState] = {}

    # ------------------------------------------------------------------------------------------------------ start, stop

    async def start(self) -> None:
        """Bring everything back that was kept, tell it, and start the sources.

        Raises:
            StoreError: what was kept can't be read.
            ConfigError: with a store, the server must not run yet: its clients would find another one than before.
        """
        if self.keeper is not None:
            if self.server.running:
                raise ConfigError(
                    "with a store, start the service first and the server then: it goes on where it ended"
                )
            memory = await self.keeper.open(self.fleet, self._sums, self.alerts, self.news, self.clock.moment)
            self.orders.restore(memory, self.clock.moment())
            self.server.keep_events(self.keeper)
            self.server.serve_tokens(self._tokens_in(self.keeper))
        self.running = True
        at = self.clock.moment()
        self._sample_at, self._trim_at = at.now, at.now + _TRIM_S
        for expert in self.fleet.experts.values():
            self._note_expert(expert)
        self._accounts.update(self.fleet.accounts)
        for state in self.fleet.accounts.values():
            self._terminals.update((terminal.name, terminal) for terminal in state.terminals.values())
        self._find_blackouts(at)
        self.server.serve_fleet(Desk(self))
        if (lost := self._keyring.complaint()) is not None:
            self._raise_once("keys_lost", "server:keys", lost, "critical")
        if self.keeper is not None:
            await self.orders.tell_missed(self.keeper.told_until(memory))
        self.server.at_flush(self._tell_all)  # so that a newcomer always finds a portfolio
        await self.server.flushed()
        self._on_time()
        self._tasks = [asyncio.create_task(self._run(source)) for source in self._sources]

    async def stop(self) -> None:
        """Stop the sources, take no more reports, and keep what is left.

        Raises:
            StoreError: it can't be kept.
        """
        self.running = False
        self.server.serve_fleet(None)
        self.server.serve_tokens(None)
        for timer in (self._timer, self._rows_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._rows_timer = None
        tasks = [*self._tasks, *([self._trimming] if self._trimming is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        self.orders.stop()
        if self.keeper is not None:
            await self.keeper.close()

    def _tokens_in(self, keeper: Keeper) -> KeptTokens:
        """Give who makes and keeps tokens: the server knows at once what they become."""
        tokens, review, seal = self.server.access.tokens, self.server.review_sessions, self._server_key.seal
        return KeptTokens(tokens, keeper.commit, keeper.trail, self._token_utc_ms, review, seal)

    def _token_utc_ms(self) -> int:
        return self.server.access.utc_ms(self.clock.moment())

    async def finished(self) -> None:
        """Wait until every source has nothing more to report.

        Raises:
            Exception: what a source failed with.
        """
        await asyncio.gather(*self._tasks)

    async def _run(self, source: Source) -> None:
        try:
            await source.run(self._report_of(source))
        except Exception as error:
            logger.exception("source %s failed", source.name)
            self._raise_once(
                "source_failed", f"source:{source.name}", f"source {source.name} failed: {error}", "critical"
            )
            raise

    def _report_of(self, source: Source) -> Report:
        """Give what a source reports with: one that takes commands is a way to the experts that it reports."""
        give = getattr(source, "give", None)
        if give is None:
            return self.report
        door = SourceDoor(source.name, give)

        async def report(*facts: Fact) -> None:
            await self.report(*facts, door=door)

        return report

    # ----------------------------------------------------------------------------------------------------------- facts

    async def report(self, *facts: Fact, door: Door | None = None) -> None:
        """Apply facts and tell what changed; returns once they are kept, and those who keep up have been written to.

        Args:
            facts: of `fleetwire.fleet.events`; those of one call are told together.
            door: by which they came, if commands can be handed over there.

        Raises:
            DataError: one of them is refused; those before it were taken.
            StoreError: they can't be kept now: report them again.
        """
        try:
            for fact in facts:
                self.apply(fact, door)
        finally:
            await self.acknowledged()

    def apply(self, fact: Fact, door: Door | None = None, own: Iterable[int] = (), by: str = "") -> list[Change]:
        """Apply one fact; what it changes is told at the end of this turn of the event loop.

        Args:
            fact: of `fleetwire.fleet.events`.
            door: by which it came, if commands can be handed over there.
            own: the experts for which an acknowledgement may speak, besides those that were last heard at the door.
            by: the id of the token by which it came, where there is no door.

        Raises:
            DataError: it is refused, and nothing was changed.
            StoreError: nothing more can be taken, since it could not be kept.
        """
        if self.keeper is not None:
            self.keeper.check_room()
        if isinstance(fact, CommandAck):
            self.orders.acknowledge(fact, door, own, by)
            self._schedule(self.clock.moment())
            return []
        at = self.clock.moment()
        try:
            changes = self.fleet.apply(_without_commands(fact), at)
        except OutdatedError:
            raise
        except DataError as error:
            self.refuse(type(fact).__name__, str(error))
            raise
        self._note(changes, at)
        self._tell_soon(at)
        if isinstance(fact, ExpertReport) and self.keeper is not None:
            self.orders.reported(self.fleet.id_of(fact.expert), fact, door)
        return changes

    def refuse(self, what: str, error: str) -> None:
        """Let a person know that a report was refused: who sent it may not look at the answer.

        Args:
            what: which kind of report; one alert is open for each.
            error: what is wrong with it, and where.
        """
        self._raise_once("report_refused", f"report:{what}", f"a report was refused: {error:.500}", "warning")

    def _tell_soon(self, at: Moment) -> None:
        """Tell rows at the end of this turn, or, if rows were told just now, a moment later with those that follow."""
        due = self._told_at + self._pause_s
        if at.now >= due:
            self.server.at_flush(self._tell_all)
        elif self._rows_timer is None:
            self._rows_timer = self.clock.call_at(due, self._tell_now)

    def _tell_now(self) -> None:
        if self._rows_timer is not None:
            self._rows_timer.cancel()
            self._rows_timer = None
        self.server.at_flush(self._tell_all)

    async def acknowledged(self) -> None:
        """Wait until everything that was reported is told, and kept.

        Raises:
            StoreError: it can't be kept now.
        """
        self._tell_now()
        if self.keeper is not None:
            await self.keeper.acknowledged()
        else:
            await self.server.flushed()

    def _note(self, changes: Iterable[Change], at: Moment) -> None:
        """Tell events at once; note whose rows are to be told at the flush, and what is to be kept."""
        keeper = self.keeper
        for change in changes:
            self.version += 1
            if isinstance(change, ExpertChanged):
                self._note_expert(change.expert)
            elif isinstance(change, AccountChanged):
                self._accounts[change.account.id] = change.account
            elif isinstance(change, TerminalChanged):
                self._terminals[change.terminal.name] = change.terminal
            elif isinstance(change, Traded | Attributed):
                owner = change.ea_id if isinstance(change, Attributed) else change.account.owners[change.deal.ticket]
                if keeper is not None:
                    keeper.deal(change.account, owner, change.deal)
            elif isinstance(change, ClaimRefused):
                claimant = change.claimant.ea_id
                message = refused_claim(change)
                self._raise_once("ea_id_claimed_twice", f"ea:{claimant}", message, "warning", claimant)
            elif isinstance(change, Announced):
                self._announce(change, at)
            elif isinstance(change, CommandMoved):
                report = change.report
                self.tell_alerts(self.alerts.observe("command", report.command_id, report, at, {"ea_id": report.ea_id}))
            elif isinstance(change, PriceChanged):
                self._tell_price(change, at)
            told = tell(change)
            if told is not None:
                labels = labels_of_deal(change.account, change.expert) if isinstance(change, Traded) else None
                self.server.publish(told.type, told.data, labels=labels)

    def tell_command(self, row: CommandRow, report: CommandReport | None, number: int) -> None:
        """Tell a step in a command's life, which is on disk.

        Args:
            row: the command as it stands.
            report: what rules of alerts look at; None for nothing.
            number: of the row of the audit that has this step.
        """
        at = self.clock.moment()
        self.version += 1
        if self.keeper is not None:
            self.keeper.told(number)
        self.server.publish("command_update", row, labels=self._labels_of_command(row))
        if report is not None:
            self.tell_alerts(self.alerts.observe("command", report.command_id, report, at, {"ea_id": report.ea_id}))
        self._schedule(at)

    def _labels_of_command(self, row: CommandRow) -> frozenset[str]:
        """Label a command with its expert; one for several with what all of them share, for it tells of all."""
        children = self.orders.commands.children(row.command_id)
        experts = [self.fleet.experts.get(ea_id) for ea_id in (row.ea_id, *(each.ea_id for each in children)) if ea_id]
        labels = [labels_of_expert(each) if each is not None else frozenset[str]() for each in experts]
        if row.ea_id is None and len(children) < sum((row.results or {}).values()):  # some are forgotten already
            return frozenset()
        return frozenset.intersection(*labels) if labels else frozenset()

    def _tell_price(self, change: PriceChanged, at: Moment) -> None:
        server, symbol = change.price.server, change.price.symbol
        row = self.fleet.market.row(server, symbol, self.fleet.clock_of(server), at.utc_ms)
        self.server.publish("price_update", row, as_of=at.utc)
        if self.keeper is not None:
            self.keeper.market(self.fleet.market.memory)

    def _note_expert(self, expert: ExpertState) -> None:
        self._experts[expert.ea_id] = expert
        symbol = expert.expert.symbol
        if symbol and symbol not in self._symbols:
            self._symbols[symbol] = None
            until = self.news.blocked(symbol, self.clock.moment().utc_ms)
            if until is not None:
                self.blocked[symbol] = until

    # ------------------------------------------------------------------------------------------------------------ rows

    def news_row(self, memory: bytes) -> NewsRow:
        """Show a calendar event that was kept, as things stand now."""
        return self.news.shown(memory, self._symbols)

    def _tell_all(self) -> None:
        """At the flush: put right what was said apart, then tell rows, and after them what sums them up."""
        at = self.clock.moment()
        self._told_at = at.now
        self._note(self.fleet.settle(at), at)
        experts, self._experts = self._experts, {}
        accounts, self._accounts = self._accounts, {}
        terminals, self._terminals = self._terminals, {}
        self._tell_each(self._tell_expert, experts, at)
        self._tell_each(self._look_at_terminal, terminals, at)
        self._tell_each(self._look_at_account, accounts, at)
        if experts or accounts or not self.portfolio_as_of:
            # With the rows, always: whoever is told of both at its own pace must not find them apart.
            self._portfolio_is_old = True
            began = self.clock.monotonic()
            self._tell_each(self._tell_portfolio, {"portfolio": self._sums}, at)
            self._pause_s = min(max(_ROWS_S, _PORTFOLIO_PAUSES * (self.clock.monotonic() - began)), _ROWS_S_MAX)
        self._schedule(at)

    def _tell_each(self, tell: Callable[[Row, Moment], None], subjects: Mapping[Any, Row], at: Moment) -> None:
        """Tell rows; one that can't be told must not silence others: an expert may say more than a message holds."""
        for name, subject in subjects.items():
            try:
                tell(subject, at)
            except Exception as error:
                self.server.hub.counts.aggregates_failed += 1
                if at.now >= self._complain_at:
                    self._complain_at = at.now + _COMPLAIN_S
                    logger.exception("the row of %r can't be told: %s", name, error)

    def _tell_expert(self, expert: ExpertState, at: Moment) -> None:
        if self.keeper is not None:
            self.keeper.expert(expert)
        self._sums.changed(expert)
        row = self.expert_row(expert, at)
        self.tell_alerts(self.alerts.observe("expert", expert.ea_id, row, at, {"ea_id": expert.ea_id}))
        self.server.publish("ea_update", row, as_of=row.last_report_utc or None, labels=labels_of_expert(expert))

    def _look_at_terminal(self, terminal: TerminalState, at: Moment) -> None:
        about = {"account": account_name(terminal.account.id)}
        self.tell_alerts(self.alerts.observe("terminal", terminal.name, terminal_row(terminal), at, about))

    def _look_at_account(self, state: AccountState, at: Moment) -> None:
        if self.keeper is not None:
            self.keeper.account(state)
        row = self.account_row(state)
        if row is not None:
            self.tell_alerts(self.alerts.observe("account", row.account, row, at, {"account": row.account}))

    def _tell_portfolio(self, sums: Portfolio, at: Moment) -> None:
        row = self.portfolio
        self.portfolio_as_of = at.utc
        if self.keeper is not None:
            self.keeper.peaks(sums.peaks)
        self.server.publish("portfolio_update", row, labels=())  # of everybody: only for who may hear everything
        for currency, of_it in row.by_currency.items():
            self.tell_alerts(self.alerts.observe("portfolio", currency, of_it, at))

    @property
    def portfolio(self) -> PortfolioRow:
        """The sums of the rows as they were told last."""
        if self._portfolio_is_old:
            self._portfolio, self._portfolio_is_old = self._sums.row(self.blocked), False
        return self._portfolio

    def expert_row(self, expert: ExpertState, at: Moment) -> ExpertRow:
        """Build the row of an expert as it is now."""
        return expert_row(self.fleet, expert, at, self.blocked.get(expert.expert.symbol))

    def account_row(self, state: AccountState) -> AccountRow | None:
        """Build the row of an account as it is now; None while its terminal has said nothing of it."""
        return account_row(self.fleet, state, self._limits_of(state))

    def _limits_of(self, state: AccountState) -> dict[str, float]:
        """Work out what an account has used of its loss limits."""
        book, sound = state.book, state.book.sound
        if sound is None or not len(self.rules.limits):
            return {}
        known = LossFigures(
            balance=sound.balance,
            equity=sound.equity,
            day_open_balance=book.day_open_balance + book.day_open_credit,
            day_open_equity=book.day_open_equity,
            initial_balance=book.initial_balance,
            peak_equity=book.peak_result + sound.cash,
            deposits=sound.cash - book.initial_balance,
            deposits_today=book.paid_today,
        )
        return self.rules.limits.figures(account_name(state.id), known) or {}

    # ---------------------------------------------------------------------------------------------------------- alerts

    def tell_alerts(self, rows: Iterable[AlertRow]) -> None:
        """Tell alerts, and keep them."""
        for row in rows:
            self.version += 1
            if self.keeper is not None:
                self.keeper.alert(row)  # first: what is published may be flushed at once, and both are of one unit
            self.server.publish("alert", row, labels=labels_of_alert(self.fleet, row))
            if self._on_alert is not None:
                self._on_alert(row)

    def _raise_once(self, rule: str, subject: str, message: str, level: str, ea_id: int | None = None) -> None:
        about = {"ea_id": ea_id} if ea_id is not None else None
        rows = self.alerts.once(rule, subject, message, level, self.clock.moment(), about)
        if rows:
            logger.warning("%s", message)
        self.tell_alerts(rows)

    def acknowledge(self, alert_id: int, by: str) -> AlertRow:
        """Note that somebody has seen an alert, and tell everybody.

        Raises:
            NotFoundError: there is no open alert of this id.
        """
        row = self.alerts.acknowledge(alert_id, by, self.clock.moment())
        self.tell_alerts([row])
        self._schedule(self.clock.moment())
        return row

    def trouble(self) -> str | None:
        """Say what is wrong with the service itself; None while all is well."""
        if not self.running:
            return "the service does not run"
        if self.keeper is not None:
            if self.keeper.is_full:
                return "no more reports are taken: what is there already can't be kept"
            if (failing := self.keeper.store.health().failing) is not None:
                return failing
        failed = next((task for task in self._tasks if task.done() and not task.cancelled() and task.exception()), None)
        return f"a source failed: {failed.exception()}" if failed is not None else None

    # ------------------------------------------------------------------------------------------------------------- news

    def _announce(self, change: Announced, at: Moment) -> None:
        utc_ms = change.utc_ms if change.utc_ms is not None else read_utc(change.event.time_utc)
        rows = self.news.apply(change.event, utc_ms, at)
        self._tell_news(rows, at)

    def _tell_news(self, rows: Sequence[NewsRow], at: Moment) -> None:
        """Tell calendar events and blackouts; the experts that these concern are told anew."""
        if self.keeper is not None:
            self.keeper.news(self.news)
        for row in rows:
            self.version += 1
            self.server.publish("news_update", row)
            self.tell_alerts(self.alerts.observe("news", row.id, row, at))
        if rows:
            self._find_blackouts(at)

    def _find_blackouts(self, at: Moment) -> None:
        """Look anew which symbols are inside a blackout."""
        before = self.blocked
        found = {symbol: self.news.blocked(symbol, at.utc_ms) for symbol in self._symbols}
        self.blocked = {symbol: until for symbol, until in found.items() if until is not None}
        changed = {symbol for symbol in self._symbols if before.get(symbol) != self.blocked.get(symbol)}
        if changed:
            self._experts.update(
                (ea_id, expert) for ea_id, expert in self.fleet.experts.items() if expert.expert.symbol in changed
            )
            self.server.at_flush(self._tell_all)

    # ------------------------------------------------------------------------------------------------------------- time

    def _schedule(self, at: Moment, not_before: float = float("-inf")) -> None:
        """Set the timer for the next thing that the time brings."""
        if not self.running:
            return
        deadlines = [self.fleet.next_deadline(), self.alerts.next_deadline(), self.news.next_deadline(at)]
        deadlines += [self.orders.next_deadline(), self.sparklines.next_deadline(self.fleet)]
        if self.keeper is not None:
            deadlines.append(min(self._sample_at, self._trim_at))
        when = min((deadline for deadline in deadlines if deadline is not None), default=float("inf"))
        when = max(when, not_before)
        if when == float("inf") or (self._timer is not None and when >= self._timer_at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = self.clock.call_at(when, self._on_time), when

    def _on_time(self) -> None:
        """Do what the time brings: silences, midnights, alerts, blackouts, samples."""
        self._timer, self._timer_at = None, float("inf")
        at = self.clock.moment()
        not_before = at.now + _FAILED_S  # where this fails, it is tried again, and not at once
        try:
            self._note(self.fleet.due(at), at)
            self.tell_alerts(self.alerts.due(at))
            self._tell_news(self.news.due(at, self._symbols), at)
            self.orders.due(at)
            self.sparklines.due(self.fleet, at)
            if self.keeper is not None:
                self._keep_time(self.keeper, at)
            self.server.at_flush(self._tell_all)
            not_before = float("-inf")
        finally:
            self._schedule(at, not_before)

    def _keep_time(self, keeper: Keeper, at: Moment) -> None:
        """Sample, trim, and look whether the store is well."""
        health = keeper.store.health()
        figures = ServerFigures(
            store_failing=health.failing, store_pending=health.pending, store_pending_max=health.pending_max
        )
        self.tell_alerts(self.alerts.observe("server", "", figures, at))
        if at.now >= self._sample_at:
            self._sample_at = at.now + self.settings.sample_every_s
            keeper.sample(self.fleet, at, experts=self._samples % _EXPERT_SAMPLES == 0)
            self._samples += 1
        if at.now >= self._trim_at and (self._trimming is None or self._trimming.done()):
            self._trim_at = at.now + _TRIM_S
            self._trimming = asyncio.create_task(self._trim(keeper, at.utc_ms))

    @staticmethod
    async def _trim(keeper: Keeper, utc_ms: int) -> None:
        try:
            await keeper.store.trim(utc_ms)
        except StoreError as error:
            logger.warning("what is old could not be dropped from the store: %s", error)


def _without_commands(fact: Fact) -> Fact:
    """Leave out of a report what only the queue of commands wants: it would be kept with the expert."""
    if isinstance(fact, ExpertReport) and fact.commands is not None:
        return structs.replace(fact, commands=None)
    return fact
