"""The fleet's true state: facts are applied, and what changed comes out."""

from collections import deque
from typing import Any, NamedTuple

from fleetwire.fleet.events import (
    TRADE_TYPES,
    Account,
    CommandReport,
    Deal,
    DealReport,
    ExpertId,
    ExpertReport,
    Fact,
    NewsEvent,
)
from fleetwire.fleet.rows import deal_row, without_nothing
from fleetwire.fleet.statistics import Statistics
from fleetwire.wire.errors import DataError

_LAST_TRADES = 5
_TICKETS_KEPT = 100_000
_FIRST_EA_ID = 1001
_EXPERTS_MAX = 10_000
_ACCOUNTS_MAX = 1_000
_DAY_MSC = 86_400_000
_NO_DECIMALS = frozenset({"JPY", "KRW", "CLP", "VND", "IDR"})

AccountId = tuple[str, int]
"""(server, login)."""


class AccountState:
    """One account: what its terminal says, and what its deals add up to.

    Known from its first mention on; `account` is None until its terminal has said something.
    """

    def __init__(self) -> None:
        self.account: Account | None = None
        self._tickets: dict[int, None] = {}  # of the newest deals, so that a deal told twice counts once
        self.day = 0  # of the newest deal, in days of the broker's clock
        self.profit_today = 0.0
        self.deposits = 0.0  # money in and out since the account is known here: it moves the equity, not the result

    def count(self, deal: Deal) -> bool:
        """Add a deal to the day's result, which begins anew at the broker's midnight; tell whether it is a new one."""
        if deal.ticket in self._tickets:
            return False
        self._tickets[deal.ticket] = None
        if len(self._tickets) > _TICKETS_KEPT:
            del self._tickets[next(iter(self._tickets))]
        amount = deal.profit + deal.swap + deal.commission + deal.fee
        if deal.type not in TRADE_TYPES:
            self.deposits += amount
            return True
        day = deal.time_msc // _DAY_MSC
        if day > self.day:
            self.day, self.profit_today = day, 0.0
        if day == self.day:
            self.profit_today += amount
        return True


class ExpertState:
    """One expert: its last report, its positions, its statistics.

    Args:
        ea_id: the fleet's own id of it.
        expert: who it is.
    """

    def __init__(self, ea_id: int, expert: ExpertId) -> None:
        self.ea_id = ea_id
        self.expert = expert
        self.currency = ""
        self.report = ExpertReport(expert=expert)
        self.statistics = Statistics()
        self.note_metrics()
        self.last_trades: deque[dict[str, Any]] = deque(maxlen=_LAST_TRADES)  # as rows show them
        self.last_report_utc = ""
        self.current_profit = 0.0  # floating result of its open positions, swap included, in the account's currency
        self.peak_result = 0.0

    def trades_on(self, account: Account) -> None:
        """Learn the account's currency, and what was on it before the first deal."""
        self.currency = account.currency
        if not self.last_trades:
            self.statistics = Statistics(0 if account.currency in _NO_DECIMALS else 2, account.balance)
            self.note_metrics()

    def note_metrics(self) -> None:
        """Work the figures out anew."""
        self.metrics = self.statistics.metrics()
        self.known_metrics = without_nothing(self.metrics)  # as rows show them

    def count(self, deal: Deal, utc: str) -> None:
        """Add a deal to the statistics."""
        self.statistics.add(deal)
        self.note_metrics()
        self.last_trades.append(deal_row(deal))
        self.last_report_utc = utc
        self.note_peak()

    def take(self, report: ExpertReport, utc: str) -> None:
        """Put a report in the place of the last one."""
        self.report = report
        self.current_profit = round(
            sum((position.profit + position.swap for position in report.positions or ()), 0.0), 2
        )
        self.last_report_utc = utc
        self.note_peak()

    @property
    def fall(self) -> float:
        """How far its result (closed and floating) stands below its peak, in money."""
        return max(0.0, self.peak_result - self._result)

    @property
    def _result(self) -> float:
        return self.statistics.net_profit + self.current_profit

    def note_peak(self) -> None:
        """Remember the best result so far."""
        self.peak_result = max(self.peak_result, self._result)


class ExpertChanged(NamedTuple):
    """An expert's row has to be told anew."""

    expert: ExpertState


class Traded(NamedTuple):
    """A deal happened."""

    expert: ExpertState
    deal: Deal


class ClaimRefused(NamedTuple):
    """An expert claims an id that another one owns."""

    claimant: ExpertState
    owner: ExpertState


class AccountChanged(NamedTuple):
    """An account's figures changed, and the portfolio with them."""

    state: AccountState


class Announced(NamedTuple):
    """A calendar event."""

    event: NewsEvent


class CommandMoved(NamedTuple):
    """A command took a step."""

    report: CommandReport


Change = ExpertChanged | Traded | ClaimRefused | AccountChanged | Announced | CommandMoved


class Fleet:
    """All accounts and experts. Pure: no socket, no clock, no disk."""

    def __init__(self) -> None:
        self.accounts: dict[AccountId, AccountState] = {}
        self.experts: dict[int, ExpertState] = {}
        self._ids: dict[ExpertId, int] = {}
        self._next_id = _FIRST_EA_ID

    def apply(self, fact: Fact, utc: str) -> list[Change]:
        """Take one fact; tell what changed.

        Args:
            fact: what a source reports.
            utc: when it was received.

        Raises:
            DataError: there are too many experts or accounts already; nothing was changed.
        """
        if isinstance(fact, Account):
            return self._apply_account(fact)
        if isinstance(fact, ExpertReport):
            expert, changes = self._expert(fact.expert, fact.ea_id)
            expert.take(fact, utc)
            return [*changes, ExpertChanged(expert)]
        if isinstance(fact, DealReport):
            return self._apply_deal(fact, utc)
        if isinstance(fact, NewsEvent):
            return [Announced(fact)]
        return [CommandMoved(fact)] if isinstance(fact, CommandReport) else []

    def _apply_deal(self, fact: DealReport, utc: str) -> list[Change]:
        if fact.expert is None:
            return []
        expert, changes = self._expert(fact.expert, fact.ea_id)
        if not self.account_of(expert).count(fact.deal):
            return changes
        expert.count(fact.deal, utc)
        return [*changes, Traded(expert, fact.deal), ExpertChanged(expert)]

    def _apply_account(self, account: Account) -> list[Change]:
        state = self._account(account.server, account.login)
        changes: list[Change] = [AccountChanged(state)]
        if state.account is None:  # its experts may have been known before it
            for expert in self.experts.values():
                if (expert.expert.server, expert.expert.login) == (account.server, account.login):
                    expert.trades_on(account)
                    changes.append(ExpertChanged(expert))
        state.account = account
        return changes

    def _account(self, server: str, login: int) -> AccountState:
        state = self.accounts.get((server, login))
        if state is None:
            if len(self.accounts) >= _ACCOUNTS_MAX:
                raise DataError(f"there are {_ACCOUNTS_MAX:,} accounts already: no more are taken")
            state = self.accounts[server, login] = AccountState()
        return state

    def _expert(self, expert: ExpertId, claimed: int | None) -> tuple[ExpertState, list[Change]]:
        """Find an expert, or make its acquaintance: under the id it claims while that is free, else under a new one."""
        ea_id = self._ids.get(expert)
        if ea_id is not None:
            return self.experts[ea_id], []
        if len(self.experts) >= _EXPERTS_MAX:
            raise DataError(f"there are {_EXPERTS_MAX:,} experts already: no more are taken")
        account = self._account(expert.server, expert.login).account
        owner = self.experts.get(claimed) if claimed is not None else None
        ea_id = claimed if claimed is not None and owner is None else self._free_id()
        state = self.experts[ea_id] = ExpertState(ea_id, expert)
        self._ids[expert] = ea_id
        if account is not None:
            state.trades_on(account)
        return state, [ClaimRefused(state, owner)] if owner is not None else []

    def _free_id(self) -> int:
        while self._next_id in self.experts:
            self._next_id += 1
        return self._next_id

    def account_of(self, expert: ExpertState) -> AccountState:
        """Give the account that an expert trades on."""
        return self.accounts[expert.expert.server, expert.expert.login]

    def drawdown_pct(self, expert: ExpertState) -> float:
        """Tell how far an expert stands below its peak, in percent of what the account would hold without that fall."""
        account, fall = self.account_of(expert).account, expert.fall
        base = (account.equity if account else 0.0) + fall
        return round(100 * fall / base, 2) if account and base > 0 else 0.0
