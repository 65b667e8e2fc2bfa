"""A week of a simulated fleet with faults, and what has to be true after every step of it."""

import hashlib
import time
from collections import Counter
from itertools import islice
from random import Random
from typing import Any

import msgspec
from msgspec import Struct

from fleetwire.fleet.events import Deal, DealReport, ExpertId, ExpertReport, Fact, Position
from fleetwire.sources.simulator import Pace, Simulator
from fleetwire.sources.simulator.account import SimulatedAccount
from tests.simulation import oracle
from tests.simulation.drive import Driven
from tests.simulation.faults import Faults, Rates

AccountId = tuple[str, int]

STARTS_MSC = (
    1_741_348_800_000,  # Friday 2025-03-07, noon in UTC: America's summer time begins on the Sunday
    1_743_163_200_000,  # Friday 2025-03-28: Europe's
    1_761_307_200_000,  # Friday 2025-10-24: Europe's ends, America's a week later
)
FINE = Pace(step_ms=60_000, report_ms=300_000, positions_ms=600_000, price_ms=900_000, activity=1.0)
COARSE = Pace(step_ms=300_000, report_ms=1_500_000, positions_ms=3_000_000, price_ms=3_600_000, activity=0.25)
DAY_MS = 86_400_000
EXPERTS, ACCOUNTS = 16, 6
_KILLED = 0.005  # in a step


class Summary(Struct):
    """What happened in a week, and what it cost."""

    seed: int
    facts: int = 0
    kinds: dict[str, int] = {}
    deals: int = 0
    checks: int = 0
    silences: int = 0
    kills: int = 0
    faults: dict[str, int] = {}
    cpu_s: float = 0.0
    digest: str = ""

    def line(self) -> str:
        faults = ", ".join(f"{count} {name}" for name, count in self.faults.items() if count)
        return (
            f"seed {self.seed}: {self.facts:,} facts, {self.deals:,} deals, {self.checks:,} figures compared, "
            f"{self.silences:,} times somebody was stale, killed {self.kills} times, "
            f"{self.cpu_s:.1f} s CPU; {faults}; sha256 {self.digest[:16]}"
        )


class Week:
    """Runs a fleet for some days, and looks at it after every step.

    Args:
        seed: of the simulation and of its faults.
        rates: of the faults.
        pace: of the simulation.
    """

    def __init__(self, seed: int, *, rates: Rates | None = None, pace: Pace = FINE) -> None:
        self.simulator = Simulator(
            seed, EXPERTS, start_msc=STARTS_MSC[seed % len(STARTS_MSC)], accounts=ACCOUNTS, pace=pace
        )
        self.faults = Faults(self.simulator, seed, rates or Rates())
        self.driven = Driven()
        self.summary = Summary(seed)
        self._heard: dict[AccountId, dict[int, DealReport]] = {}
        self._spoke: dict[int, tuple[int, float]] = {}  # experts: when they were heard last, and how often they report
        self._steps_a_day = DAY_MS // pace.step_ms
        self._random = Random(f"{seed} kills")
        self._digest = hashlib.sha256()
        self._kinds: Counter[str] = Counter()

    def run(self, days: int) -> Summary:
        """Live for some days, then let everything be told once more; nothing may be wrong at any time.

        Figures are compared with the oracle's at the end of each day, sums after each step.
        """
        steps = days * self._steps_a_day
        began = time.process_time()
        before = [(self.simulator.utc_ms, list(self.simulator.before()))]
        calm = Faults(self.simulator, 0, msgspec.structs.replace(Rates(), **dict.fromkeys(_CHANCES, 0.0)))
        for utc_ms, facts in calm.carry(before):
            self._step(utc_ms, facts)
        self.faults.deals = calm.deals
        for number, (utc_ms, facts) in enumerate(self.faults.carry(islice(self.simulator.moments(), steps)), 1):
            self._step(utc_ms, facts)
            if number % self._steps_a_day == 0:
                self.compare_statistics()
            if self._random.random() < _KILLED:
                self.summary.kills += self.driven.restart(utc_ms)
                self.check_sums()
        self._step(self.simulator.utc_ms, self.faults.last_words())
        self.compare_everything()
        self._digest.update(msgspec.json.encode([self.driven.portfolio(), self.driven.rows()]))
        self.summary.kinds, self.summary.faults = dict(self._kinds), self.faults.counts
        self.summary.deals = sum(map(len, self._heard.values()))
        self.summary.digest = self._digest.hexdigest()
        self.summary.cpu_s = time.process_time() - began
        return self.summary

    def _step(self, utc_ms: int, facts: list[Fact]) -> None:
        self._digest.update(msgspec.json.encode(facts))
        self.summary.facts += len(facts)
        self._kinds.update(type(fact).__name__ for fact in facts)
        for fact in facts:
            if isinstance(fact, DealReport):
                self._heard.setdefault(fact.account, {})[fact.deal.ticket] = fact
        self.driven.bring_time_to(utc_ms)
        self.check_silence(utc_ms)
        refused = {id(fact) for fact in self.driven.take(utc_ms, facts)}
        for fact in facts:
            if isinstance(fact, ExpertReport) and fact.ea_id and id(fact) not in refused:
                self._spoke[fact.ea_id] = (utc_ms, fact.interval_s or 0.0)
        self.check_sums()

    # -------------------------------------------------------------------------------------------- what has to be true

    def check_sums(self) -> None:
        """The portfolio's row is the sum of the experts' rows as they were told last, in all of its parts."""
        rows, portfolio = self.driven.rows(), self.driven.portfolio()
        assert portfolio["total_eas"] == len(rows)
        assert portfolio["active_eas"] == sum(row["status"] == "active" for row in rows)
        assert portfolio["total_positions"] == sum(row["open_positions"] for row in rows)
        for currency, sums in portfolio["by_currency"].items():
            mine = [row for row in rows if row["currency"] == currency]
            _same(sums["total_profit"], (row["current_profit"] for row in mine))
            _same(sums["net_profit"], (row["performance_metrics"]["total_net_profit"] for row in mine))
        for dimension, name_of in _DIMENSIONS.items():
            groups = portfolio["breakdown"][dimension]
            assert set(groups) == {name_of(row) for row in rows}
            for name, group in groups.items():
                mine = [row for row in rows if name_of(row) == name]
                assert (group["eas"], group["positions"]) == (len(mine), sum(row["open_positions"] for row in mine))
                for currency, profit in group["profit"].items():
                    _same(profit, (row["current_profit"] for row in mine if row["currency"] == currency))

    def check_silence(self, utc_ms: int) -> None:
        """Whoever has been silent for too long was called so within his deadline, and nobody else is."""
        for ea_id, (spoke_ms, interval_s) in self._spoke.items():
            after_s = self.driven.stale_after_s(interval_s)
            if after_s is not None:
                is_stale = utc_ms - spoke_ms >= after_s * 1000
                told_ms = self.driven.called_stale.get(ea_id)
                assert (told_ms is not None) == is_stale, f"EA {ea_id}, heard {(utc_ms - spoke_ms) / 1000:g} s ago"
                assert told_ms is None or told_ms == spoke_ms + after_s * 1000
                self.summary.silences += is_stale

    def compare_statistics(self) -> None:
        """Every figure of every expert is the oracle's, and no deal was taken twice."""
        for account in self.simulator.accounts:
            place = (account.server.name, account.login)
            taken = self.driven.traded[place]
            assert len(taken) == len(set(taken)), f"{place} has deals that count twice"
            by_owner = self._deals_by_owner(place)
            self._compare_book(account)
            for expert in self.simulator.experts:
                if expert.account is account:
                    deals = self.driven.counted(place, by_owner.get(expert.expert, []))
                    truth = oracle.figures(deals, self.driven.opening(place))
                    printed = self.driven.metrics(expert.ea_id)
                    wrong = oracle.differences(printed, truth, account.digits)
                    assert not wrong, f"{expert.expert}: {wrong}"
                    self.summary.checks += len(printed)

    def _compare_book(self, account: SimulatedAccount) -> None:
        """The figures of the account, with all of its deals, are the oracle's too."""
        place = (account.server.name, account.login)
        book, opening = self.driven.book(place), self.driven.opening(place)
        if book is not None:
            deals = oracle.in_order(fact.deal for fact in self._heard[place].values())
            wrong = oracle.differences(book.metrics, oracle.figures(deals, opening), account.digits)
            assert not wrong, f"{place}: {wrong}"
            assert round(float(oracle.paid_of(deals)), 2) == round(book.paid, 2)
            assert round(float(oracle.days_of(deals).get(book.day, 0)), 2) == round(book.earned, 2)
            self.summary.checks += len(book.metrics) + 2

    def _deals_by_owner(self, place: AccountId) -> dict[ExpertId | None, list[Deal]]:
        """Find out whose the deals are that arrived: of who opened their position, else of who is said to have it."""
        heard = self._heard.get(place, {}).values()
        opened = {fact.deal.position_id: fact.expert for fact in heard if fact.deal.entry == "in"}
        found: dict[ExpertId | None, list[Deal]] = {}
        for fact in heard:
            owner = opened.get(fact.deal.position_id, fact.expert) if fact.deal.entry else None
            found.setdefault(owner, []).append(fact.deal)
        return found

    def compare_everything(self) -> None:
        """All that ever happened is known, once; and what is shown is what there is."""
        self.compare_statistics()
        rows = {row["ea_id"]: row for row in self.driven.rows()}
        everything: list[Position] = []
        for account in self.simulator.accounts:
            place = (account.server.name, account.login)
            known = list(self._heard[place])
            assert sorted(known) == list(range(1, len(known) + 1)), f"{place} has holes"
            counting = set(known) if self.driven.KNOWS_HANDMADE else self._of_experts(place)
            assert set(self.driven.traded[place]) == counting, f"{place} has lost deals"
            assert self.driven.opening(place) == account.opening_balance
            deals = oracle.in_order(fact.deal for fact in self._heard[place].values())
            assert float(oracle.balance_of(deals, account.opening_balance)) == account.balance
            is_open = {held.identifier for held in account.held}
            closed = {trade.position_id for trade in oracle.trades_of(deals).values() if trade.is_closed}
            assert is_open.isdisjoint(closed)
            everything += account.positions_report().positions
        for expert in self.simulator.experts:
            positions = expert.report().positions or ()
            row = rows[expert.ea_id]
            assert row["open_positions"] == len(positions)
            assert round(float(oracle.open_profit(positions)), 2) == row["current_profit"]
        shown = [p for p in everything if p.magic or self.driven.KNOWS_HANDMADE]
        exposure = {symbol: float(lots) for symbol, lots in oracle.exposure_of(shown).items()}
        assert self.driven.portfolio()["exposure_by_symbol"] == exposure
        sums = oracle.sums_of(account.report() for account in self.simulator.accounts)
        for currency, of_it in sums.items():
            told = self.driven.portfolio()["by_currency"][currency]
            assert {name: told[name] for name in of_it} == {name: float(money) for name, money in of_it.items()}

    def _of_experts(self, place: AccountId) -> set[int]:
        by_owner = self._deals_by_owner(place)
        return {deal.ticket for owner, deals in by_owner.items() if owner is not None for deal in deals}


_CHANCES = ("lost", "doubled", "late", "shuffled", "silent", "cut_off", "restarted", "resync")
_DIMENSIONS: dict[str, Any] = {
    "symbol": lambda row: row["symbol"],
    "strategy": lambda row: row["strategy_tag"] or row["name"],
    "account": lambda row: f"{row['server']}/{row['login']}",
}


def _same(total: float, parts: Any) -> None:
    assert round(total, 2) == round(sum(parts), 2) + 0.0
