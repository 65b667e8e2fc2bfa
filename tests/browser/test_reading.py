"""What somebody reads does not move away, and what is counted down is counted down by the server's time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleetwire.integration import Fleetwire
from fleetwire.server.api.dashboard import FOLDER
from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import three_experts

pytest.importorskip("playwright")
from playwright.async_api import Page, expect

from tests.browser.seeing import all_well, visit

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(not (FOLDER / "index.html").is_file(), reason="needs the dashboard: make web builds it"),
]

ROWS = "[role=grid][aria-label^=Trades] .all [role=row]"


def trade(position: int) -> Sequence[dict[str, Any]]:
    """A position that was opened and closed, with as much profit as its number."""
    who = {"server": "Broker-Demo", "login": 5, "magic": 1007, "symbol": "EURUSD", "name": "London Breakout"}
    same = {"magic": 1007, "position_id": position, "volume": 0.1, "price": 1.085, "symbol": "EURUSD"}
    opened = {"ticket": 2 * position, "time_msc": 1_795_440_000_000 + position * 60_000, "type": "buy", "entry": "in"}
    closed = {"ticket": 2 * position + 1, "time_msc": opened["time_msc"] + 30_000, "type": "sell", "entry": "out"}
    deals = (same | opened, same | closed | {"profit": float(position)})
    return [{"type": "deal", "expert": who, "deal": deal} for deal in deals]


async def test_new_trades_wait_while_somebody_points_at_the_list_and_are_shown_on_request(
    fleet: Fleetwire, page: Page, complaints: list[str]
) -> None:
    for position in range(1, 6):
        await fleet.report(*trade(position))
    await visit(page, fleet, "#/trades")
    rows = page.locator(ROWS)
    await expect(rows).to_have_count(5)
    await expect(rows.first).to_contain_text("+5.00")
    await rows.nth(2).hover()
    before = await rows.nth(2).bounding_box()
    for position in (6, 7):
        await fleet.report(*trade(position))
    button = page.get_by_role("button", name="Show 2 new trades")
    await expect(button).to_be_visible()
    await expect(rows).to_have_count(5)
    await expect(rows.nth(2)).to_contain_text("+3.00")
    assert await rows.nth(2).bounding_box() == before
    await button.click()
    await expect(rows).to_have_count(7)
    await expect(rows.first).to_contain_text("+7.00")
    await expect(button).to_have_count(0)
    assert complaints == []


async def test_new_trades_come_by_themselves_where_nobody_points(fleet: Fleetwire, page: Page) -> None:
    await fleet.report(*trade(1))
    await visit(page, fleet, "#/trades")
    rows = page.locator(ROWS)
    await expect(rows).to_have_count(1)
    await fleet.report(*trade(2))
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("+2.00")


@pytest.mark.parametrize("hours", [-1, 1])
async def test_the_next_blackout_is_counted_down_each_second_by_the_servers_time(
    fleet: Fleetwire, page: Page, complaints: list[str], hours: int
) -> None:
    release = datetime.now(UTC) + timedelta(minutes=70)
    begins_ms = (release - timedelta(minutes=30)).timestamp() * 1000  # as the settings have it for those of importance
    news = {"id": 1, "time_utc": release.isoformat(), "currency": "USD", "importance": "high", "name": "Payrolls"}
    await fleet.report({"type": "news_report", **news})
    await page.clock.install(time=datetime.now(UTC) + timedelta(hours=hours))
    await visit(page, fleet, "#/news")
    await all_well(page)
    timer = page.get_by_role("region", name="The next blackout").get_by_role("timer")
    await timer.wait_for()
    await fleet.report(*three_experts())
    await page.clock.pause_at(await page.evaluate("(Date.now() + 500) / 1000"))
    left_s = seconds(await timer.inner_text())
    assert abs(left_s - (begins_ms / 1000 - datetime.now(UTC).timestamp())) < 10
    for passed_s in (1, 2, 3):
        await page.clock.run_for(1_000)
        assert seconds(await timer.inner_text()) == left_s - passed_s
    assert complaints == []


def seconds(countdown: str) -> int:
    """Read "39:59", or "1:05:00"."""
    total = 0
    for part in countdown.split(":"):
        total = total * 60 + int(part)
    return total
