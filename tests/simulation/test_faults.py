"""The faults are real ones, repeatable, and none of them loses a deal for good."""

from itertools import islice

import msgspec
import pytest

from fleetwire.fleet.events import DealReport, ExpertReport, Fact
from fleetwire.sources.simulator import Pace, Simulator
from tests.simulation.faults import NONE, Faults, Rates

PACE = Pace(step_ms=60_000, report_ms=60_000, positions_ms=600_000, price_ms=600_000, activity=2.0)
START_MSC = 1_741_564_800_000


def carried(seed: int, rates: Rates, steps: int = 400) -> tuple[list[Fact], list[Fact], Faults]:
    """What was told, what arrived, and what carried it."""
    simulator = Simulator(3, 12, start_msc=START_MSC, accounts=4, pace=PACE)
    list(simulator.before())
    faults = Faults(simulator, seed, rates)
    told: list[Fact] = []

    def listen():
        for utc_ms, facts in islice(simulator.moments(), steps):
            told.extend(facts)
            yield utc_ms, facts

    arrived = [fact for _, facts in faults.carry(listen()) for fact in facts]
    return told, arrived, faults


def tickets(facts: list[Fact]) -> list[tuple[object, int]]:
    return [(fact.account, fact.deal.ticket) for fact in facts if isinstance(fact, DealReport)]


def test_without_faults_everything_arrives_as_it_was_told() -> None:
    told, arrived, _ = carried(1, NONE)
    assert arrived == told


def test_the_same_seed_makes_the_same_faults_and_another_seed_others() -> None:
    first, again, other = (msgspec.json.encode(carried(seed, Rates())[1]) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("fault", ["lost", "doubled", "late", "shuffled", "silent", "cut_off", "resync"])
def test_each_fault_shows(fault: str) -> None:
    only = msgspec.structs.replace(NONE, **{fault: 0.05})
    told, arrived, faults = carried(1, only)
    assert faults.counts[fault] > 3
    assert arrived != told


def test_what_was_lost_arrives_with_the_last_words() -> None:
    told, arrived, faults = carried(1, msgspec.structs.replace(Rates(), lost=0.3, resync=0))
    assert set(tickets(told)) - set(tickets(arrived)), "something was lost"
    arrived += faults.last_words()
    assert set(tickets(told)) <= set(tickets(arrived))
    assert len(tickets(arrived)) > len(set(tickets(arrived))), "and something came twice"


def test_a_restarted_expert_comes_back_under_another_boot_id() -> None:
    _, arrived, _ = carried(1, msgspec.structs.replace(NONE, restarted=0.01))
    runs: dict[object, set[str]] = {}
    for fact in arrived:
        if isinstance(fact, ExpertReport):
            runs.setdefault(fact.expert, set()).add(fact.boot_id)
    assert max(map(len, runs.values())) > 2
