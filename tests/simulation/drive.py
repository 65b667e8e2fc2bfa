"""Drives a fleet with facts and shows what it says: the one place that knows how `fleetwire.fleet` is called."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar

import msgspec

from fleetwire.fleet.account import AccountMemory
from fleetwire.fleet.changes import Change, ExpertChanged, Traded
from fleetwire.fleet.events import Deal, Fact
from fleetwire.fleet.expert import ExpertMemory, ExpertState
from fleetwire.fleet.portfolio import Portfolio
from fleetwire.fleet.rows import expert_row
from fleetwire.fleet.state import Fleet, OutdatedError
from fleetwire.wire.moment import Moment, moment
from tests.simulation import oracle

AccountId = tuple[str, int]
T = TypeVar("T")


class Book(NamedTuple):
    """What the deals of an account add up to: its figures, what was paid in and out, what the day has earned."""

    metrics: dict[str, Any]
    paid: float
    day: int
    earned: float


class Driven:
    """A fleet and its portfolio.

    `traded` has the tickets of the deals that the fleet took, by account, in the order in which it took them; each that
    it takes twice is there twice.
    """

    KNOWS_HANDMADE = True  # deals and positions that are no expert's

    def __init__(self) -> None:
        self.fleet = Fleet()
        self._portfolio = Portfolio(self.fleet)
        self.traded: dict[AccountId, list[int]] = defaultdict(list)
        self._at = _moment(0)
        self._told: dict[int, dict[str, Any]] = {}  # rows, by expert
        self.called_stale: dict[int, int] = {}  # experts, and since when they are (UTC, in milliseconds)

    def take(self, utc_ms: int, facts: Iterable[Fact]) -> list[Fact]:
        """Apply what arrives at a moment; give what was refused because something newer had come before it."""
        at, refused, changes = _moment(utc_ms), [], list[Change]()
        for fact in facts:
            try:
                changes += self.fleet.apply(fact, at)
            except OutdatedError:
                refused.append(fact)
        self._tell([*changes, *self.fleet.settle(at)], at)
        return refused

    def bring_time_to(self, utc_ms: int) -> None:
        """Let the fleet do what time alone brings, each thing at its time."""
        now = _moment(utc_ms)
        while (deadline := self.fleet.liveness.next_deadline()) is not None and deadline <= now.now:
            at = _moment(round(deadline * 1000))
            self._tell([*self.fleet.due(at), *self.fleet.settle(at)], at)
        self._tell([*self.fleet.due(now), *self.fleet.settle(now)], now)

    def _tell(self, changes: list[Change], at: Moment) -> None:
        self._at = at
        changed: dict[int, ExpertState] = {}
        for change in changes:
            if isinstance(change, ExpertChanged):
                changed[change.expert.ea_id] = change.expert
            elif isinstance(change, Traded):
                self.traded[change.account.id].append(change.deal.ticket)
        for ea_id, expert in changed.items():
            self._portfolio.changed(expert)
            self._told[ea_id] = msgspec.to_builtins(expert_row(self.fleet, expert, at))
            if self._told[ea_id]["link"] in ("stale", "lost"):
                self.called_stale.setdefault(ea_id, at.utc_ms)
            else:
                self.called_stale.pop(ea_id, None)

    def restart(self, utc_ms: int) -> bool:
        """Let the fleet be killed, and come back with what a store has kept of it: bytes, and its deals.

        Tells whether it was.
        """
        before, at = self.fleet, _moment(utc_ms)
        self.fleet = Fleet()
        self.fleet.market.restore(before.market.memory(), at)
        for (server, login), state in before.accounts.items():
            self.fleet.restore_account(server, login, _through_bytes(state.memory(), AccountMemory), at)
        for ea_id, expert in before.experts.items():
            self.fleet.restore_expert(ea_id, expert.expert, _through_bytes(expert.memory(), ExpertMemory), at)
        for (server, login), state in before.accounts.items():
            for deal in state.series.deals:
                self.fleet.restore_deal(server, login, state.owners[deal.ticket], deal)
        self.fleet.restored()
        peaks, self._portfolio = self._portfolio.peaks, Portfolio(self.fleet)
        self._portfolio.peaks.update(peaks)
        self._tell([ExpertChanged(expert) for expert in self.fleet.experts.values()], at)
        return True

    def stale_after_s(self, interval_s: float) -> float | None:
        """Tell after which silence an expert that reports so often has to be called stale."""
        return max(15.0, 5 * interval_s)

    # ---------------------------------------------------------------------------------------------------- what it says

    def rows(self) -> list[dict[str, Any]]:
        """Give the row of every expert as it was told last."""
        return list(self._told.values())

    def portfolio(self) -> dict[str, Any]:
        """Give the portfolio's row."""
        found: dict[str, Any] = msgspec.to_builtins(self._portfolio.row())
        return found

    def metrics(self, ea_id: int) -> dict[str, Any]:
        """Give an expert's figures, as its row has them."""
        return self.fleet.experts[ea_id].metrics

    def opening(self, account: AccountId) -> float:
        """Give what its figures begin with."""
        return self.fleet.accounts[account].book.opening

    def book(self, account: AccountId) -> Book | None:
        """Give what the fleet says of all deals of an account."""
        state = self.fleet.accounts[account]
        metrics, today = state.series.statistics.metrics(), state.server_day(self._at)
        return Book(metrics, state.book.paid, today, state.book.profit_today)

    def counted(self, account: AccountId, deals: Iterable[Deal]) -> list[Deal]:
        """Put deals in the order in which figures count them: that of the terminal, however they came."""
        known = self.fleet.accounts[account].owners
        return oracle.in_order(deal for deal in deals if deal.ticket in known)


def _moment(utc_ms: int) -> Moment:
    return moment(utc_ms / 1000, utc_ms)


def _through_bytes(memory: Any, kind: type[T]) -> T:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(memory), type=kind)
