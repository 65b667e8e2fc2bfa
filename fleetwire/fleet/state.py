"""The fleet's true state: facts are applied, and what changed comes out."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from fleetwire.fleet.account import AccountId, AccountMemory, AccountState, TerminalState, account_name
from fleetwire.fleet.attribution import by_magic, owner_of_deal, owner_of_position
from fleetwire.fleet.broker_time import BrokerClock, ServerTime
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
from fleetwire.fleet.events import (
    CLOSING,
    TRADE_TYPES,
    Account,
    AccountPositions,
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
from fleetwire.fleet.expert import ExpertMemory, ExpertState
from fleetwire.fleet.liveness import Link, Liveness, Pulse, Silences
from fleetwire.fleet.market import Market
from fleetwire.fleet.series import Series
from fleetwire.wire.errors import DataError
from fleetwire.wire.moment import Moment, utc_text

_FIRST_EA_ID: Final = 1001
_TICK_S: Final = 1.0
_MARKET_TICKS: Final = 10  # sessions are looked at every so many ticks


class OutdatedError(DataError):
    """A report has been overtaken by a newer one: nothing is lost."""


class FleetSettings(Struct, frozen=True, kw_only=True):
    """What the fleet is told beforehand.

    `server_times` are rules of trade servers' clocks, by server. `accounts` are the only ones that are taken, as
    "Server/login"; empty for all.
    """

    silences: Silences = Silences()
    server_times: Mapping[str, ServerTime] = {}
    accounts: frozenset[str] = frozenset()
    experts_max: int = 10_000
    accounts_max: int = 1_000
    deals_max: int = 2_000_000


class Fleet:
    """All accounts, terminals and experts. Pure: no socket, no clock, no disk.

    Facts are applied one by one; `settle` ends a batch of them: what was said apart is then compared, and peaks are
    noted. Figures are right after it.

    Args:
        settings: what is known beforehand.
    """

    def __init__(self, settings: FleetSettings | None = None) -> None:
        self._settings = settings or FleetSettings()
        self.accounts: dict[AccountId, AccountState] = {}
        self.experts: dict[int, ExpertState] = {}
        self.market = Market()
        self.liveness = Liveness(self._settings.silences)
        self.currencies: dict[str, Series] = {}  # the deals of all accounts of a currency
        self._ids: dict[ExpertId, int] = {}
        self._next_id = _FIRST_EA_ID
        self._deals = 0
        self._touched: dict[AccountId, AccountState] = {}  # whose report or deals are new since the last `settle`
        self._doubtful: dict[AccountId, AccountState] = {}  # that did not add up: looked at again with every tick
        self._stirred: dict[int, ExpertState] = {}  # experts likewise
        self._ticked_at: float | None = None
        self._ticks = 0
        self._open: dict[tuple[str, str], bool | None] = {}  # whether a symbol traded when it was last looked at

    # ------------------------------------------------------------------------------------------------------------ facts

    def apply(self, fact: Fact, at: Moment) -> list[Change]:
        """Take one fact; tell what changed.

        Args:
            fact: what a source reports.
            at: when it was received.

        Raises:
            DataError: the fact can't be true, is too old, or there is no room; nothing was changed.
        """
        if isinstance(fact, ExpertReport):
            return self._apply_expert(fact, at)
        if isinstance(fact, Account):
            return self._apply_account(fact, at)
        if isinstance(fact, DealReport):
            return self._apply_deal(fact, at)
        if isinstance(fact, AccountPositions):
            return self._apply_positions(fact, at)
        if isinstance(fact, PriceReport):
            return self._apply_price(fact, at)
        if isinstance(fact, NewsEvent):
            return [Announced(fact, self._news_utc_ms(fact))]
        if isinstance(fact, CommandAck):
            raise DataError("what an expert says of a command is for the queue of commands, not for the fleet")
        return [CommandMoved(fact)]

    def _apply_expert(self, report: ExpertReport, at: Moment) -> list[Change]:
        known = self._ids.get(report.expert)
        if known is not None and (reason := self.experts[known].outdated(report)) is not None:
            raise OutdatedError(reason)
        expert, changes = self._expert(report.expert, report.ea_id)
        if report.is_history:
            return [*changes, *self._apply_past(expert, report, at)]
        expert.account.terminal(report.terminal).expects(expert.ea_id, report.interval_s)
        changes += self._hear_terminal(expert.account, report.terminal, at)
        not_its, others = self._claim(expert, report.positions or ())
        changes += others
        expert.take(report, at, not_its)
        self.liveness.heard(expert.pulse, at.now, report.interval_s)
        self._stirred[expert.ea_id] = expert
        return [*changes, ExpertChanged(expert)]

    def _apply_past(self, expert: ExpertState, report: ExpertReport, at: Moment) -> list[Change]:
        """Take what a file says of an expert: only until it has said something itself."""
        if expert.pulse.heard_at is not None:
            return []
        not_its, changes = self._claim(expert, report.positions or ())
        expert.take(report, at, not_its)
        self._stirred[expert.ea_id] = expert
        return [*changes, ExpertChanged(expert)]

    def _claim(self, expert: ExpertState, positions: Iterable[Position]) -> tuple[set[int], list[Change]]:
        """Find out which positions that an expert lists are another's: each is in one row only.

        It is his who holds it already, unless he is silent, or this expert has opened it.
        """
        state, not_its, changes = expert.account, set[int](), list[Change]()
        for position in positions:
            ticket = position.ticket
            if ticket in state.manual:
                del state.manual[ticket]
                state.version += 1
                changes.append(AccountChanged(state))
            holder = self.experts[state.holders.get(ticket, expert.ea_id)]
            if holder is not expert:
                if holder.pulse.link.is_silent or state.owner_of(position.position_id) == expert.ea_id:
                    holder.let_go(ticket)
                    changes.append(ExpertChanged(holder))
                else:
                    not_its.add(ticket)
        return not_its, changes

    def _apply_account(self, report: Account, at: Moment) -> list[Change]:
        state = self._account(report.server, report.login)
        known = state.account
        if known is not None and known.currency != report.currency:
            raise DataError(
                f"account {account_name(state.id)} is in {known.currency}: a report in {report.currency} can't be of it"
            )
        if report.is_history and state.pulse.heard_at is not None:
            return []
        changes = [] if report.is_history else self._hear_terminal(state, report.terminal, at)
        state.account, state.as_of, state.heard_utc_ms = report, at.utc, at.utc_ms
        if not report.is_history:
            self.liveness.heard(state.pulse, at.now, state.terminal(report.terminal).interval_s)
        self._touched[state.id] = state
        if known is None:
            self._join_currency(state)
        if known is None or (known.trade_expert, known.trade_allowed) != (report.trade_expert, report.trade_allowed):
            changes += self._all_of(state)
        return [*changes, AccountChanged(state)]

    def _join_currency(self, state: AccountState) -> None:
        """Put the deals of an account whose currency has become known with those of the others."""
        for deal in state.series.deals:
            self._count_in_currency(state, deal)

    def _apply_positions(self, report: AccountPositions, at: Moment) -> list[Change]:
        state = self._account(report.server, report.login)
        held: dict[int, dict[int, Position]] = {ea_id: {} for ea_id in state.experts}
        claimed = {
            ticket: ea_id
            for ea_id in state.experts
            if self.experts[ea_id].report.positions is not None
            for ticket in self.experts[ea_id].positions
        }
        state.manual = {}
        for position in report.positions:
            owner = owner_of_position(self.experts, state, position.position_id, position.magic, position.symbol)
            if owner is None:
                owner = claimed.get(position.ticket)
            (state.manual if owner is None else held[owner])[position.ticket] = position
        state.version += 1
        self._touched[state.id] = state
        changes: list[Change] = self._hear_terminal(state, None, at)
        for ea_id, positions in held.items():
            expert = self.experts[ea_id]
            if positions or expert.positions:
                expert.hold(positions)
                self._stirred[ea_id] = expert
                changes.append(ExpertChanged(expert))
        return [*changes, AccountChanged(state)]

    def _apply_price(self, report: PriceReport, at: Moment) -> list[Change]:
        changes: list[Change] = [PriceChanged(report)]
        if self.market.take(report, at):
            changes += [ExpertChanged(expert) for expert in self.experts.values() if self._trades(expert, report)]
            for state in self.accounts.values():
                if state.id[0] == report.server and state.manual:
                    state.version += 1
                    changes.append(AccountChanged(state))
        return changes

    @staticmethod
    def _trades(expert: ExpertState, report: PriceReport) -> bool:
        if expert.expert.server != report.server:
            return False
        return expert.expert.symbol == report.symbol or any(
            position.symbol == report.symbol for position in expert.positions.values()
        )

    def _news_utc_ms(self, event: NewsEvent) -> int | None:
        if event.time_msc is None:
            return None
        account = self.accounts.get((event.server, event.login))
        clocks = iter([account.clock]) if account is not None else self._clocks(event.server)
        for clock in clocks:
            utc_ms = clock.utc_ms(event.time_msc)
            if utc_ms is not None:
                return utc_ms
        raise DataError(
            f"event {event.name!r:.60}: the clock of {event.server or 'its server'} is not known: give time_utc"
        )

    def clock_of(self, server: str) -> BrokerClock | None:
        """Give the clock of a trade server, as one of its accounts knows it; None where there is none."""
        return max(self._clocks(server), key=lambda clock: clock.offset_s(0) is not None, default=None)

    def _is_open(self, account: AccountState, name: str, at: Moment) -> bool | None:
        """Tell whether a symbol trades; an account that has not told its clock has that of its server's others."""
        server = account.id[0]
        symbol = self.market.symbol(server, name)
        if symbol is None or symbol.sessions is None:
            return None
        server_msc = account.clock.server_msc(at.utc_ms)
        if server_msc is None and (clock := self.clock_of(server)) is not None:
            server_msc = clock.server_msc(at.utc_ms)
        return self.market.is_open(server, name, server_msc)

    def _clocks(self, server: str) -> Iterator[BrokerClock]:
        return (state.clock for (name, _), state in self.accounts.items() if name == server)

    # ------------------------------------------------------------------------------------------------------------ deals

    def _apply_deal(self, fact: DealReport, at: Moment) -> list[Change]:
        server, login = fact.account
        if fact.expert is None and not (server and login):
            raise DataError(f"deal {fact.deal.ticket} names neither an expert nor an account (server and login)")
        state = self.accounts.get((server, login))
        deal = fact.deal
        if state is not None and state.knows(deal):
            return []
        if deal.type in TRADE_TYPES and not (deal.entry and deal.symbol and deal.volume > 0):
            raise DataError(f"deal {deal.ticket} is a trade: it needs an entry, a symbol, and a volume above 0")
        if self._deals >= self._settings.deals_max:
            raise DataError(f"there are {self._deals:,} deals already: no more are taken")
        state = self._account(server, login)
        if state.clock.is_future(deal.time_msc, at):
            raise DataError(
                f"deal {deal.ticket} of {account_name(state.id)} is from the future: {utc_text(deal.time_msc)[:19]} on "
                f"the trade server's clock, when it is {at.utc[:19]} in UTC: check both clocks"
            )
        changes: list[Change] = []
        expert = None
        if fact.expert is not None:
            expert, changes = self._expert(fact.expert, fact.ea_id)
            # Its silence is counted from its acquaintance; an old deal ends none.
            if expert.pulse.heard_at is None and not expert.report.is_history:
                self.liveness.heard(expert.pulse, at.now)
        owner = owner_of_deal(self.experts, state, deal, expert)
        self._note_doubt(state, deal, owner, is_said=expert is not None)
        changes += self._take_deal(state, deal, owner)
        if deal.entry == "in" and deal.position_id and owner is not None:
            changes += self._adopt(state, owner, state.early.pop(deal.position_id, {}).values())
        return changes

    @staticmethod
    def _note_doubt(state: AccountState, deal: Deal, owner: ExpertState | None, *, is_said: bool) -> None:
        """Remember a deal whose owner may turn out to be another one: by its entry, or by an expert of its symbol."""
        if deal.entry in CLOSING and deal.position_id and state.owner_of(deal.position_id) is None:
            state.early.setdefault(deal.position_id, {})[deal.ticket] = deal
        elif deal.entry in CLOSING:
            return  # its entry tells
        if owner is not None and not is_said and deal.symbol != owner.expert.symbol:
            state.guessed[deal.ticket] = deal

    def _take_deal(self, state: AccountState, deal: Deal, owner: ExpertState | None) -> list[Change]:
        self._deals += 1
        state.take(deal, owner.ea_id if owner is not None else None)
        if state.account is not None:
            self._count_in_currency(state, deal)
        self._touched[state.id] = state
        if owner is None:
            return [Traded(state, None, deal), AccountChanged(state)]
        owner.count(deal)
        self._stirred[owner.ea_id] = owner
        return [Traded(state, owner, deal), ExpertChanged(owner)]

    def _count_in_currency(self, state: AccountState, deal: Deal) -> None:
        series = self.currencies.get(state.currency)
        if series is None:
            series = self.currencies[state.currency] = Series(state.digits)
        series.add(deal, state.utc_ms(deal.time_msc), state.number)

    def _order_anew(self, currency: str) -> None:
        """Put the deals of all accounts of a currency in order again: the times of some have become others."""
        before = self.currencies[currency]
        self.currencies[currency] = Series(before.digits)
        self.currencies[currency].open_with(before.digits, before.opening_balance)
        for state in self.accounts.values():
            if state.currency == currency:
                self._join_currency(state)

    def _adopt(self, state: AccountState, owner: ExpertState, deals: Iterable[Deal]) -> list[Change]:
        """Give an expert the deals of before that turn out to be its own, whoever had them until now."""
        changes: list[Change] = []
        for deal in list(deals):
            before = state.owners[deal.ticket]
            if before == owner.ea_id:
                continue
            if before is not None:
                self.experts[before].uncount(deal)
                self._stirred[before] = self.experts[before]
                changes.append(ExpertChanged(self.experts[before]))
            state.unowned.pop(deal.ticket, None)
            state.guessed.pop(deal.ticket, None)
            state.owners[deal.ticket] = owner.ea_id
            if deal.entry == "in" and (trade := state.trades.get(deal.position_id)) is not None:
                trade.owner = owner.ea_id
            owner.count(deal)
            changes.append(Attributed(state, owner.ea_id, deal))
        if changes:
            self._stirred[owner.ea_id] = owner
            changes.append(ExpertChanged(owner))
        return changes

    def _adopt_for_new(self, state: AccountState, expert: ExpertState) -> list[Change]:
        """Give a new expert what was nobody's, or another's of its magic for want of a better one."""
        if not expert.expert.magic:
            return []
        open_to = [*state.unowned.values(), *state.guessed.values()]
        theirs = [deal for deal in open_to if by_magic(self.experts, state, deal.magic, deal.symbol) == expert.ea_id]
        changes = self._adopt(state, expert, theirs)
        state.guessed.update((deal.ticket, deal) for deal in theirs if deal.symbol != expert.expert.symbol)
        opened = {deal.position_id for deal in theirs if deal.entry == "in" and deal.position_id}
        if opened:
            its = [deal for deal in state.series.deals if deal.position_id in opened and deal.entry in CLOSING]
            changes += self._adopt(state, expert, its)
        return changes

    # ------------------------------------------------------------------------------------------------------- identities

    def _account(self, server: str, login: int) -> AccountState:
        state = self.accounts.get((server, login))
        if state is None:
            allowed, limit = self._settings.accounts, self._settings.accounts_max
            if allowed and account_name((server, login)) not in allowed:
                raise DataError(f"account {account_name((server, login))} is unknown here: list it in accounts")
            if len(self.accounts) >= limit:
                raise DataError(f"there are {limit:,} accounts already: no more are taken")
            state = self._enter_account(server, login)
        return state

    def _enter_account(self, server: str, login: int) -> AccountState:
        rule = self._settings.server_times.get(server)
        state = self.accounts[server, login] = AccountState(server, login, len(self.accounts), rule)
        return state

    def _expert(self, expert: ExpertId, claimed: int | None) -> tuple[ExpertState, list[Change]]:
        """Find an expert, or make its acquaintance: under the id it claims while that is free, else under a new one."""
        ea_id = self._ids.get(expert)
        if ea_id is not None:
            return self.experts[ea_id], []
        if len(self.experts) >= self._settings.experts_max:
            raise DataError(f"there are {len(self.experts):,} experts already: no more are taken")
        account = self._account(expert.server, expert.login)
        owner = self.experts.get(claimed) if claimed is not None else None
        ea_id = claimed if claimed is not None and owner is None else self._free_id()
        state = self._enter(ea_id, expert, account)
        changes: list[Change] = [ClaimRefused(state, owner)] if owner is not None else []
        changes += self._adopt_for_new(account, state)
        its = {
            p.ticket: p
            for p in account.manual.values()
            if owner_of_position(self.experts, account, p.position_id, p.magic, p.symbol) == ea_id
        }
        if its:
            account.manual = {ticket: p for ticket, p in account.manual.items() if ticket not in its}
            state.hold(its)
            account.version += 1
            changes.append(AccountChanged(account))
        return state, changes

    def _enter(self, ea_id: int, expert: ExpertId, account: AccountState) -> ExpertState:
        state = self.experts[ea_id] = ExpertState(ea_id, expert, account)
        self._ids[expert] = ea_id
        account.experts.append(ea_id)
        return state

    def id_of(self, expert: ExpertId) -> int:
        """Give the id of an expert that is known.

        Raises:
            KeyError: it is not.
        """
        return self._ids[expert]

    def _free_id(self) -> int:
        while self._next_id in self.experts:
            self._next_id += 1
        return self._next_id

    def _all_of(self, state: AccountState) -> Iterator[ExpertChanged]:
        return (ExpertChanged(self.experts[ea_id]) for ea_id in state.experts)

    # ----------------------------------------------------------------------------------------------------------- settle

    def settle(self, at: Moment) -> list[Change]:
        """End a batch: compare accounts with their deals, note peaks; tell whose figures changed by that."""
        changes: list[Change] = []
        touched, self._touched = self._touched, {}
        for state in touched.values():
            day = state.book.day
            began_with = state.book.initial_balance
            if state.settle(at) or began_with != state.began_with:
                changes += self._open_anew(state)
            if day and state.book.day != day:
                changes += self._all_of(state)
            changes.append(AccountChanged(state))
            if not state.book.adds_up:
                self._doubtful[state.id] = state
        stirred, self._stirred = self._stirred, {}
        for expert in stirred.values():
            expert.note_peak()
        return changes

    def _open_anew(self, state: AccountState) -> Iterator[Change]:
        """Let every figure begin with what was on the account before its first known deal."""
        digits, opening = state.digits, state.book.opening
        state.began_with = state.book.initial_balance
        state.series.open_with(digits, opening)
        series = self.currencies.setdefault(state.currency, Series(digits))
        together = (other for other in self.accounts.values() if other.currency == state.currency)
        series.open_with(digits, sum(other.book.opening for other in together))
        for ea_id in state.experts:
            expert = self.experts[ea_id]
            expert.series.open_with(digits, opening if expert.has_money_deals else state.began_with)
            yield ExpertChanged(expert)

    # ------------------------------------------------------------------------------------------------------------- time

    def next_deadline(self) -> float | None:
        """When `due` has something to do, in monotonic seconds; None in an empty fleet."""
        if not self.accounts:
            return None
        tick = (self._ticked_at if self._ticked_at is not None else float("-inf")) + _TICK_S
        silence = self.liveness.next_deadline()
        return tick if silence is None else min(tick, silence)

    def due(self, at: Moment) -> list[Change]:
        """Do what the time brings: silences, the brokers' midnights, markets that open and close."""
        changes: list[Change] = []
        for pulse in self.liveness.due(at):
            changes += self._fell_silent(pulse)
        if self._ticked_at is None or at.now >= self._ticked_at + _TICK_S:
            self._ticked_at = at.now
            self._touched.update(self._doubtful)
            self._doubtful.clear()
            for state in self.accounts.values():
                if state.account is not None and state.book.begin_day(state.server_day(at), at):
                    state.version += 1
                    changes += [AccountChanged(state), *self._all_of(state)]
            if self._ticks % _MARKET_TICKS == 0:
                changes += self._market_moves(at)
            self._ticks += 1
        return changes

    def _fell_silent(self, pulse: Pulse) -> Iterator[Change]:
        subject = pulse.subject
        if isinstance(subject, ExpertState):
            if pulse.link is Link.lost:
                subject.account.terminal(subject.report.terminal).expects(subject.ea_id, None)
            yield ExpertChanged(subject)
        elif isinstance(subject, AccountState):
            subject.version += 1
            yield AccountChanged(subject)
        elif isinstance(subject, TerminalState):
            yield TerminalChanged(subject)
            yield from self._all_of(subject.account)

    def _market_moves(self, at: Moment) -> Iterator[Change]:
        """Tell the experts whose market has opened or closed."""
        now_open: dict[tuple[str, str], bool | None] = {}
        for expert in self.experts.values():
            place = (expert.expert.server, expert.expert.symbol)
            if place not in now_open:
                now_open[place] = self._is_open(expert.account, expert.expert.symbol, at)
            if now_open[place] is not self._open.get(place, now_open[place]):
                yield ExpertChanged(expert)
        self._open = now_open

    def _hear_terminal(self, state: AccountState, said: Terminal | None, at: Moment) -> list[Change]:
        """Note a sign of life of a terminal, and what it says of itself."""
        terminal = state.terminal(said)
        before = terminal.terminal
        woke = self.liveness.heard(terminal.pulse, at.now, terminal.interval_s)
        terminal.as_of = at.utc
        changes: list[Change] = []
        if said is not None:
            terminal.terminal = said
            first = state.clock.offset_s(at.utc_ms) is None
            if state.clock.learn(said, at) and first:
                changes += self._date(state)
        flags = (before.connected, before.trade_allowed)
        if woke or flags != (terminal.terminal.connected, terminal.terminal.trade_allowed):
            changes += [TerminalChanged(terminal), *self._all_of(state)]
        return changes

    def _date(self, state: AccountState) -> Iterator[Change]:
        """Say anew when the deals of an account were, and which day it is, now that its clock is known."""
        state.book.forget_day()
        self._touched[state.id] = state
        if state.account is not None and state.series.deals:
            self._order_anew(state.currency)
        for deal in state.series.deals:
            yield Attributed(state, state.owners[deal.ticket], deal)
        if state.series.deals:
            yield from self._all_of(state)

    def why(self, expert: ExpertState, at: Moment) -> str | None:
        """Say what is in the way of an expert (`liveness.WHY`); None if nothing is known to be."""
        account = expert.account
        terminal = account.terminal(expert.report.terminal)
        is_silent = expert.pulse.link.is_silent
        if is_silent and self.liveness.link_at(terminal.pulse, at.now).is_silent:
            return "terminal_down"
        if not terminal.terminal.connected:
            return "broker_connection_lost"
        if self._is_open(account, expert.expert.symbol, at) is False:
            return "market_closed"
        known = account.account
        allowed = terminal.terminal.trade_allowed and expert.report.trade_allowed
        if not allowed or (known is not None and not (known.trade_allowed and known.trade_expert)):
            return "algo_trading_off"
        return "expert_stopped" if is_silent else None

    # ----------------------------------------------------------------------------------------------------------- memory

    def restore_account(self, server: str, login: int, memory: AccountMemory, at: Moment) -> None:
        """Take an account as it was before a restart; what settings say of accounts is about reports."""
        state = self._enter_account(server, login)
        heard_at = at.now - max(0, at.utc_ms - memory.heard_utc_ms) / 1000
        state.restore(memory, heard_at, utc_text(memory.heard_utc_ms))
        if memory.account is not None and memory.account.is_history:
            return
        self._restore_pulse(state.pulse, heard_at, at)
        for terminal in state.terminals.values():
            self._restore_pulse(terminal.pulse, heard_at, at)

    def restore_expert(self, ea_id: int, expert: ExpertId, memory: ExpertMemory, at: Moment) -> None:
        """Take an expert as it was before a restart; its account was restored before it."""
        account = self._kept_account(expert.server, expert.login)
        state = self._enter(ea_id, expert, account)
        state.restore(memory, utc_text(memory.heard_utc_ms))
        if memory.report.is_history:
            return
        heard_at = at.now - max(0, at.utc_ms - memory.heard_utc_ms) / 1000
        self._restore_pulse(state.pulse, heard_at, at, memory.report.interval_s)
        terminal = account.terminal(memory.report.terminal)
        if terminal.pulse.heard_at is None or terminal.pulse.heard_at < heard_at:
            self._restore_pulse(terminal.pulse, heard_at, at)

    def _restore_pulse(self, pulse: Pulse, heard_at: float, at: Moment, interval_s: float | None = None) -> None:
        """Let a pulse stand as it does after the silence since it was heard; a restart makes nothing fresh."""
        self.liveness.heard(pulse, heard_at, interval_s)
        pulse.link = self.liveness.link_at(pulse, at.now)

    def restore_deal(self, server: str, login: int, ea_id: int | None, deal: Deal) -> None:
        """Take a deal as it was kept; accounts and experts were restored before it, and deals come in order."""
        state = self._kept_account(server, login)
        if state.knows(deal):
            return
        owner = self.experts.get(ea_id) if ea_id is not None else None
        self._deals += 1
        self._note_doubt(state, deal, owner, is_said=True)
        state.take(deal, ea_id if owner is not None else None)
        if state.account is not None:
            self._count_in_currency(state, deal)
        if owner is not None:
            owner.series.add(deal, deal.time_msc)

    def _kept_account(self, server: str, login: int) -> AccountState:
        """Find an account of which something was kept, though not always itself: history may be imported."""
        return self.accounts.get((server, login)) or self._enter_account(server, login)

    def restored(self) -> None:
        """End the restoring: every figure begins with what was there before its first known deal."""
        for state in self.accounts.values():
            state.book.restored()
            if state.account is not None:
                for _ in self._open_anew(state):
                    pass
                if not state.book.fits(state.account):
                    self._doubtful[state.id] = state
        for expert in self.experts.values():
            heard_msc = expert.account.clock.server_msc(expert.heard_utc_ms)
            if heard_msc is not None:
                expert.cut(heard_msc)
