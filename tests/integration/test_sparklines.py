"""The last minutes of each expert's result: bounded, in steps, without what a silent expert once said."""

from collections.abc import Callable
from typing import Any

import pytest

from fleetwire.fleet.events import Account, ExpertId, ExpertReport, Fact, Position
from fleetwire.fleet.state import Fleet
from fleetwire.integration.sparklines import POINTS_MAX, STEP_S, Sparklines
from fleetwire.wire.moment import Moment, moment
from tests.integration.support import whole
from tests.integration.test_orders import Web

START_MS = 1_795_440_600_000


def at(seconds: float) -> Moment:
    return moment(1000.0 + seconds, START_MS + round(seconds * 1000))


def said(ea_id: int, profit: float) -> list[Fact]:
    held = Position(
        ticket=ea_id, time_msc=START_MS, type="buy", volume=0.1, price_open=1.08, symbol="EURUSD", profit=profit
    )
    who = ExpertId("Broker-Demo", 5, ea_id, "EURUSD", "Grid")
    account = Account(server="Broker-Demo", login=5, currency="USD", balance=1000.0, equity=1000.0 + profit)
    return [account, ExpertReport(expert=who, ea_id=ea_id, positions=(held,))]


@pytest.fixture
def step() -> Callable[..., Any]:
    """Let a fleet live from second to second, and tell its sparklines."""
    fleet, lines = Fleet(), Sparklines()

    def live(seconds: float, *facts: Fact) -> dict[str, list[float | None]]:
        fleet.due(at(seconds))
        for fact in facts:
            fleet.apply(fact, at(seconds))
        lines.due(fleet, at(seconds))
        return lines.row(fleet.experts).experts

    return live


def test_nothing_is_due_for_a_fleet_without_experts() -> None:
    assert Sparklines().next_deadline(Fleet()) is None


def test_each_step_has_one_point_however_often_it_is_asked(step: Callable[..., Any]) -> None:
    assert step(0, *said(7, 1.0)) == {"7": [1.0]}
    assert step(1, *said(7, 2.0)) == {"7": [1.0]}
    assert step(STEP_S, *said(7, 3.0), *said(8, -4.0)) == {"7": [1.0, 3.0], "8": [-4.0]}


def test_only_the_last_minutes_are_kept(step: Callable[..., Any]) -> None:
    for number in range(POINTS_MAX + 5):
        kept = step(number * STEP_S, *said(7, float(number)))
    assert kept == {"7": [float(number) for number in range(5, POINTS_MAX + 5)]}


def test_what_a_silent_expert_said_last_is_no_point(step: Callable[..., Any]) -> None:
    step(0, *said(7, 1.0))
    assert step(60) == {"7": [1.0, None]}
    assert step(60 + STEP_S, *said(7, 2.0)) == {"7": [1.0, None, 2.0]}


async def test_the_api_gives_them_to_whom_they_are_visible() -> None:
    async with whole(":memory:") as fw:
        await fw.report(*said(7, 1.5))
        answer = await Web(fw).get("experts/sparklines")
        assert answer["step_ms"] == 5000
        assert answer["experts"]["7"][-1] == 1.5
        assert fw.service.sparklines.row({8}).experts == {}
