"""The fleet's true state: facts are applied, and what changed comes out."""

from collections import deque
from typing import NamedTuple

from fleetwire.fleet.events import (
    Account,
    CommandReport,
    Deal,
    DealReport,
    ExpertId,
    ExpertReport,
    Fact,
    NewsEvent,
)
from fleetwire.fleet.statistics import Statistics

_LAST_TRADES = 5
_TICKETS_KEPT = 100_000
_FIRST_EA_ID = 1001
_DAY_MSC = 86_400_000
_NO_DECIMALS = frozenset({"JPY", "KRW", "CLP", "VND", "IDR"})

AccountId = tuple[str, int]
"""(server, login)."""


class AccountState:
    """One account: what its terminal says, and what its deals add up to.

    Args:
        account: the newest report.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
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
        if deal.type not in ("buy", "sell"):
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
        currency: of its account.
        opening_balance: of its account, before its first deal.
    """

    def __init__(self, ea_id: int, expert: ExpertId, currency: str, opening_balance: float) -> None:
        self.ea_id = ea_id
        self.expert = expert
        self.currency = currency
        self.report = ExpertReport(expert=expert)
        self.statistics = Statistics(0 if currency in _NO_DECIMALS else 2, opening_balance)
        self.metrics = self.statistics.metrics()
        self.last_trades: deque[Deal] = deque(maxlen=_LAST_TRADES)
        self.last_report_utc = ""
        self.peak_result = 0.0

    def count(self, deal: Deal, utc: str) -> None:
        """Add a deal to the statistics."""
        self.statistics.add(deal)
        self.metrics = self.statistics.metrics()
        self.last_trades.append(deal)
        self.last_report_utc = utc

    @property
    def current_profit(self) -> float:
        """The floating result of its open positions, swap included, in the account's currency."""
        return round(sum((position.profit + position.swap for position in self.report.positions), 0.0), 2)

    @property
    def fall(self) -> float:
        """How far its result (closed and floating) stands below its peak, in money."""
        result = self.statistics.net_profit + self.current_profit
        self.peak_result = max(self.peak_result, result)
        return self.peak_result - result


class ExpertChanged(NamedTuple):
    """An expert's row has to be told anew."""

    expert: ExpertState


class Traded(NamedTuple):
    """A deal happened."""

    expert: ExpertState
    deal: Deal


class AccountChanged(NamedTuple):
    """An account's figures changed, and the portfolio with them."""

    state: AccountState


class Announced(NamedTuple):
    """A calendar event."""

    event: NewsEvent


class CommandMoved(NamedTuple):
    """A command took a step."""

    report: CommandReport


Change = ExpertChanged | Traded | AccountChanged | Announced | CommandMoved


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
        """
        if isinstance(fact, Account):
            return [AccountChanged(self._account(fact))]
        if isinstance(fact, ExpertReport):
            expert = self._expert(fact.expert, fact.ea_id)
            expert.report = fact
            expert.last_report_utc = utc
            return [ExpertChanged(expert)]
        if isinstance(fact, DealReport):
            return self._apply_deal(fact, utc)
        if isinstance(fact, NewsEvent):
            return [Announced(fact)]
        return [CommandMoved(fact)]

    def _apply_deal(self, fact: DealReport, utc: str) -> list[Change]:
        account = self.accounts.get((fact.expert.server, fact.expert.login))
        expert = self._expert(fact.expert, fact.ea_id)
        if account is not None and not account.count(fact.deal):
            return []
        expert.count(fact.deal, utc)
        return [Traded(expert, fact.deal), ExpertChanged(expert)]

    def _account(self, account: Account) -> AccountState:
        state = self.accounts.setdefault((account.server, account.login), AccountState(account))
        state.account = account
        return state

    def _expert(self, expert: ExpertId, claimed: int | None) -> ExpertState:
        """Find an expert, or make its acquaintance: under the id it claims while that is free, else under a new one."""
        ea_id = self._ids.get(expert)
        if ea_id is not None:
            return self.experts[ea_id]
        if claimed is not None and claimed not in self.experts:
            ea_id = claimed
        else:
            while self._next_id in self.experts:
                self._next_id += 1
            ea_id = self._next_id
        account = self.accounts.get((expert.server, expert.login))
        currency, balance = (account.account.currency, account.account.balance) if account else ("", 0.0)
        self._ids[expert] = ea_id
        self.experts[ea_id] = ExpertState(ea_id, expert, currency, balance)
        return self.experts[ea_id]

    def account_of(self, expert: ExpertState) -> AccountState | None:
        """Give the account that an expert trades on."""
        return self.accounts.get((expert.expert.server, expert.expert.login))

    def drawdown_pct(self, expert: ExpertState) -> float:
        """Tell how far an expert stands below its peak, in percent of what the account would hold without that fall."""
        account, fall = self.account_of(expert), expert.fall
        base = (account.account.equity if account else 0.0) + fall
        return round(100 * fall / base, 2) if base > 0 else 0.0
