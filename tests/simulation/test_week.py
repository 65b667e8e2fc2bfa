"""A week of a whole fleet with random faults: nothing is lost or doubled, everything adds up, after every step."""

import os
import subprocess
import sys

import pytest

from fleetwire.fleet.events import DealReport, ExpertReport
from tests.simulation.faults import WILD, Rates
from tests.simulation.week import COARSE, Week

ONE_DAY = "from tests.simulation.week import COARSE, Week; print(Week(4, pace=COARSE).run(1).digest)"


@pytest.mark.parametrize(("rates", "days"), [(Rates(), 7), (WILD, 2)], ids=["week", "wild days"])
def test_after_every_step_with_faults_the_fleet_is_right(rates: Rates, days: int) -> None:
    summary = Week(1, rates=rates, pace=COARSE).run(days)
    assert summary.deals > 300 * days
    assert summary.checks > 500 * days
    assert all(count > 0 for name, count in summary.faults.items() if not name.endswith("steps"))


def test_the_same_seed_gives_the_same_bytes_in_another_process() -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "5", "PYTHONPATH": os.pathsep.join(sys.path)}
    there = subprocess.run([sys.executable, "-c", ONE_DAY], env=environment, capture_output=True, text=True)
    assert there.stdout.strip() == Week(4, pace=COARSE).run(1).digest, there.stderr
    assert Week(5, pace=COARSE).run(1).digest != there.stdout.strip()


class Spoiled(Week):
    """A week in which one thing that arrives does not reach the fleet as it was."""

    def __init__(self, kind: type) -> None:
        super().__init__(2, pace=COARSE)
        self._kind = kind
        take = self.driven.take

        def spoil(utc_ms, facts):
            return take(utc_ms, [fact for fact in facts if not isinstance(fact, self._kind)])

        self.driven.take = spoil


@pytest.mark.parametrize("kind", [DealReport, ExpertReport])
def test_the_week_is_able_to_fail(kind: type) -> None:
    with pytest.raises((AssertionError, StopIteration, KeyError)):
        Spoiled(kind).run(1)


@pytest.fixture(scope="module")
def day() -> Week:
    """A day in which everything was right."""
    week = Week(2, pace=COARSE)
    week.run(1)
    return week


def test_one_deal_that_counts_twice_is_seen(day: Week) -> None:
    account = day.simulator.accounts[0]
    taken = day.driven.traded[account.server.name, account.login]
    taken.append(taken[0])
    with pytest.raises(AssertionError, match="count twice"):
        day.compare_statistics()
    taken.pop()
    day.compare_statistics()


def test_one_cent_in_one_figure_is_seen(day: Week, monkeypatch: pytest.MonkeyPatch) -> None:
    ea_id = day.simulator.experts[0].ea_id
    metrics = day.driven.metrics

    def wrong_by_a_cent(of: int) -> dict[str, float]:
        found = metrics(of)
        return {**found, "gross_loss": found["gross_loss"] + 0.01} if of == ea_id else found

    monkeypatch.setattr(day.driven, "metrics", wrong_by_a_cent)
    with pytest.raises(AssertionError, match="gross_loss"):
        day.compare_statistics()
