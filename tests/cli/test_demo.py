"""The demo has a past and limits; a fleet that is known already keeps the past that it had."""

from pathlib import Path

from fleetwire.cli.demo import RULES, demo
from fleetwire.config import Settings
from fleetwire.integration import Fleetwire
from fleetwire.integration.desk import Desk
from fleetwire.sources.simulator import Simulator
from fleetwire.wire.rows import EquityPoint
from tests.integration.support import TOKEN
from tests.support import until

DAY_MS = 86_400_000


def whole(path: Path | str) -> tuple[Fleetwire, Simulator]:
    fleet = Simulator(7, 4)
    settings = Settings(port=0, auth_token=TOKEN, database=str(path), rules=str(RULES))
    return demo(settings, fleet), fleet


async def seen(fw: Fleetwire, until_ms: int) -> list[EquityPoint]:
    """Read what was kept of the day before."""
    assert fw.service.keeper is not None
    return await fw.service.keeper.store.equity("currency:USD", until_ms - DAY_MS, until_ms, 500)


async def live_on(fleet: Simulator) -> None:
    """Wait until the past is told."""
    began_ms = fleet.utc_ms
    await until(lambda: fleet.utc_ms > began_ms + 200, within_s=20)


async def test_curves_begin_before_it_was_started_and_a_known_fleet_keeps_those_that_it_had(tmp_path: Path) -> None:
    first, fleet = whole(tmp_path / "demo.db")
    began_ms = fleet.utc_ms
    async with first:
        await live_on(fleet)
        before = await seen(first, began_ms)
    assert len(before) > 100
    assert any(point.equity != point.balance for point in before)
    second, fleet = whole(tmp_path / "demo.db")
    async with second:
        await live_on(fleet)
        assert await seen(second, began_ms) == before


async def test_its_accounts_may_lose_only_so_much() -> None:
    fw, fleet = whole(":memory:")
    async with fw:
        await live_on(fleet)
        limits = [state.limits for state in Desk(fw.service).fleet().accounts]
    assert len(limits) == len(fleet.accounts)
    assert all(limit is not None and limit["daily_loss_max"] > 0 and limit["max_loss_max"] > 0 for limit in limits)
