"""Hands on the keyboard, hasty presses and fingers that slide away; and figures that follow what was closed."""

import re

import pytest

from fleetwire.integration import Fleetwire
from fleetwire.server.api.dashboard import FOLDER
from fleetwire.sources.simulator import Simulator
from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import expert, settings, three_experts

pytest.importorskip("playwright")
from playwright.async_api import Page, expect

from tests.browser.seeing import ANSWER, asked, looks_live, visit

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(not (FOLDER / "index.html").is_file(), reason="needs the dashboard: make web builds it"),
]

TRIGGER, HOLD = ".trigger", ".hold"


async def test_the_overview_counts_no_position_that_is_closed(fleet: Fleetwire, page: Page) -> None:
    await fleet.report(expert(1010, "EURUSD", "Closes soon", 3.5))
    await visit(page, fleet)
    of_them = page.locator("section[aria-label='Accounts in USD'] > .row > .stat:last-child").locator(".value")
    await expect(of_them).to_have_text("2")
    await fleet.report(expert(1010, "EURUSD", "Closes soon", 0))
    await expect(of_them).to_have_text("1")
    for row in three_experts(profit=0)[1:]:
        await fleet.report(row)
    await expect(of_them).to_have_text("0")


async def test_positions_opened_by_hand_are_told_beside_those_of_experts(fleet: Fleetwire, page: Page) -> None:
    by_hand = {
        "ticket": 5005,
        "time_msc": 1_795_440_600_000,
        "type": "sell",
        "volume": 0.5,
        "price_open": 1.1,
        "profit": 7.75,
        "symbol": "EURUSD",
    }
    await fleet.report({"server": "Broker-Demo", "login": 5, "positions": [by_hand]})
    await visit(page, fleet)
    await expect(page.locator("section[aria-label='Accounts in USD']")).to_contain_text(re.compile(r"by hand \+7\.75"))
    await expect(page.locator(".answer")).to_contain_text("1 by hand")


async def test_the_table_is_sorted_by_keys_alone(fleet: Fleetwire, page: Page) -> None:
    await visit(page, fleet, "#/experts")
    await looks_live(page)
    await page.get_by_role("grid").focus()
    for key in ("ArrowUp", "Home", "ArrowRight", "Enter"):
        await page.keyboard.press(key)
    name = page.get_by_role("columnheader").nth(1)
    await expect(name).to_have_attribute("aria-sort", "ascending")
    at = await page.get_by_role("grid").get_attribute("aria-activedescendant")
    assert at == await name.get_attribute("id")
    await expect(page.locator("[role=row].opens").first).to_contain_text("Grid")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog[open]")).to_contain_text("1008")


async def test_a_drawer_that_closes_gives_the_focus_back(fleet: Fleetwire, page: Page) -> None:
    await visit(page, fleet, "#/experts")
    await looks_live(page)
    grid = page.get_by_role("grid")
    await grid.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Close", exact=True)).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(grid).to_be_focused()


async def test_escape_closes_what_is_in_front_and_nothing_behind_it(fleet: Fleetwire, page: Page) -> None:
    await visit(page, fleet, "#/experts?ea=1007")
    await looks_live(page)
    await page.locator(TRIGGER).click()
    await expect(page.locator("dialog:modal")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog:modal")).to_have_count(0)
    await expect(page.locator("dialog.drawer[open]")).to_contain_text("1007")


async def test_a_double_click_opens_the_emergency_stop_and_does_no_more(fleet: Fleetwire, page: Page) -> None:
    await visit(page, fleet)
    await looks_live(page)
    await page.locator(TRIGGER).dblclick()
    await expect(page.locator(HOLD)).to_be_visible()
    assert await stops(fleet) == 0


async def test_a_finger_that_slides_away_stops_nothing(fleet: Fleetwire, phone: Page) -> None:
    await phone.clock.install()
    await visit(phone, fleet)
    await looks_live(phone)
    await phone.locator(TRIGGER).tap()
    box = await phone.locator(HOLD).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    protocol = await phone.context.new_cdp_session(phone)

    async def touch(kind: str, *points: dict[str, float]) -> None:
        await protocol.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    await touch("touchStart", {"x": x, "y": y})
    await expect(phone.locator(HOLD)).to_have_class(re.compile(r"\bholding\b"))
    for step in range(1, 11):
        await touch("touchMove", {"x": x, "y": y - 25 * step})
    await expect(phone.locator(HOLD)).not_to_have_class(re.compile(r"\bholding\b"))
    await phone.clock.run_for(3_000)
    await touch("touchEnd")
    assert await stops(fleet) == 0


async def test_a_name_that_turns_the_direction_turns_nothing_else(fleet: Fleetwire, page: Page) -> None:
    await fleet.report(expert(1011, "EURUSD", "\u202eevil", 0))
    await visit(page, fleet, "#/experts?q=1011")
    row = page.locator("[role=row].opens")
    await expect(row).to_contain_text("evil")
    assert "\u202e" not in await row.inner_text()


async def test_an_emergency_stop_that_is_changed_before_it_is_sent_again_is_another_one(page: Page) -> None:
    confirming = settings(commands={"confirm": ["emergency_stop"]})
    async with Fleetwire(confirming, sources=[Simulator(3, 2)]) as fleet:
        await visit(page, fleet)
        await expect(page.locator(ANSWER)).to_contain_text("reporting")
        await page.locator(TRIGGER).click()
        dialog = page.get_by_role("dialog")
        await dialog.locator(".word").fill("stop")
        await dialog.locator(HOLD).click()
        await expect(dialog).to_contain_text("once more")
        assert await stops(fleet) == 0
        await dialog.get_by_label(re.compile("^Reason")).fill("the broker is down")
        await dialog.locator(HOLD).click()
        await expect(dialog).to_contain_text("once more")
        assert await stops(fleet) == 0
        await dialog.locator(HOLD).click()
        await expect(dialog).to_contain_text("have executed it")
        assert await stops(fleet) == 1


async def stops(fleet: Fleetwire) -> int:
    rows = (await asked(fleet, "GET /api/v1/commands?parts=no"))["items"]
    return sum(row["command"] == "emergency_stop" for row in rows)
