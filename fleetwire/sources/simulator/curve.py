"""What the simulated fleet was worth while it did what is told of its past: balance and equity, as servers sample them.

A report of the past has deals only. In between, what was open is made up: it wavers, and ends at what its deal says.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import pi, sin
from typing import Final, NamedTuple

from fleetwire.fleet.events import DealReport
from fleetwire.ports import Sample
from fleetwire.sources.simulator.account import SimulatedAccount

_STEP_MS: Final = 60_000
_SAMPLES_MAX: Final = 20_000  # of all subjects together: a large fleet has fewer of each
_WAVERS: Final = 9.0  # how often: radians of a position's life
_CENT: Final = 2


class _Move(NamedTuple):
    """A deal's part in the curves of an account and an expert: open since `begin_ms`, booked at `end_ms`."""

    begin_ms: int
    end_ms: int
    profit: float
    amount: float
    subjects: tuple[str, ...]

    def open_profit(self, utc_ms: int) -> float:
        """What was open of it at a time of its life."""
        lived = (utc_ms - self.begin_ms) / (self.end_ms - self.begin_ms)
        return self.profit * lived + abs(self.profit) * sin(pi * lived) * sin(self.profit + _WAVERS * lived)


def samples(accounts: Sequence[SimulatedAccount], told: Sequence[DealReport], until_ms: int) -> Iterator[Sample]:
    """Sample accounts, their currencies, and experts, from the first deal on.

    Args:
        accounts: of the fleet.
        told: all of their deals.
        until_ms: UTC, in milliseconds since 1970.
    """
    moves = _moves(accounts, told)
    if not moves:
        return
    balances: dict[str, float] = defaultdict(float)
    for account in accounts:
        for subject in _subjects(account):
            balances[subject] += account.opening_balance
    for move in moves:
        for subject in move.subjects:
            balances.setdefault(subject, 0.0)
    first_ms = moves[0].end_ms
    step_ms = max(_STEP_MS, (until_ms - first_ms) * len(balances) // _SAMPLES_MAX)
    booked = 0
    for utc_ms in range(first_ms, until_ms, step_ms):
        while booked < len(moves) and moves[booked].end_ms <= utc_ms:
            for subject in moves[booked].subjects:
                balances[subject] += moves[booked].amount
            booked += 1
        held: dict[str, float] = defaultdict(float)
        for move in moves[booked:]:
            if move.begin_ms < utc_ms:
                for subject in move.subjects:
                    held[subject] += move.open_profit(utc_ms)
        for subject, balance in balances.items():
            yield Sample(subject, utc_ms, round(balance, _CENT), round(balance + held[subject], _CENT))


def _moves(accounts: Sequence[SimulatedAccount], told: Sequence[DealReport]) -> list[_Move]:
    """Read the deals, in the order in which they were booked."""
    by_id = {(account.server.name, account.login): account for account in accounts}
    opened: dict[tuple[str, int, int], int] = {}
    moves = []
    for report in told:
        account, deal = by_id[report.account], report.deal
        utc_ms = deal.time_msc - account.server.broker.offset_ms(deal.time_msc)
        begin_ms = opened.setdefault((*report.account, deal.position_id), utc_ms)
        own = (f"ea:{report.ea_id}",) if report.ea_id is not None else ()
        subjects = (*_subjects(account), *own)
        moves.append(_Move(begin_ms, utc_ms, deal.profit, deal.amount, subjects))
    return sorted(moves, key=lambda move: move.end_ms)


def _subjects(account: SimulatedAccount) -> tuple[str, str]:
    return f"account:{account.server.name}/{account.login}", f"currency:{account.currency}"
