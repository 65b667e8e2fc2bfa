"""What an operator does in a real browser: commands to their end, alerts acknowledged; and what roles may not."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from fleetwire.integration import Fleetwire
from fleetwire.server.api.dashboard import FOLDER
from fleetwire.sources.simulator import Simulator
from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import settings, three_experts

pytest.importorskip("playwright")
from playwright.async_api import Page, expect

from tests.browser.seeing import asked, made_token, says, visit

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(not (FOLDER / "index.html").is_file(), reason="needs the dashboard: make web builds it"),
]

SEND = "form.compose > button"
COMMANDS = "[role=grid][aria-label=Commands] .all [role=row]"
OPEN_ALERTS = ".open [data-alert]"


@pytest_asyncio.fixture(loop_scope="module")
async def living() -> AsyncIterator[Fleetwire]:
    """Four simulated experts, which do as they are told."""
    async with Fleetwire(settings(), sources=[Simulator(3, 4)]) as fleet:
        yield fleet


async def compose(page: Page, command: str, *, all_experts: bool = False) -> None:
    """Choose a command, and whom it is for."""
    await page.locator("form.compose select").first.select_option(command)
    if all_experts:
        await page.get_by_label("For whom").select_option("all")


async def given(fleet: Fleetwire, command: str) -> list[dict[str, Any]]:
    return (await asked(fleet, f"GET /api/v1/commands?parts=no&command={command}"))["items"]


async def test_a_command_is_composed_sent_and_followed_until_it_is_executed(
    living: Fleetwire, page: Page, complaints: list[str]
) -> None:
    await visit(page, living, "#/commands")
    await says(page, "Means no expert yet")
    await expect(page.locator(SEND)).to_be_disabled()
    await compose(page, "pause")
    expert = str((await asked(living, "GET /api/v1/experts"))["items"][0]["ea_id"])
    await page.get_by_label("Which expert").select_option(expert)
    await says(page, "Means 1 expert")
    await page.get_by_label("Reason").fill("news in ten minutes")
    await page.locator(SEND).click()
    await expect(page.locator(".sent")).to_contain_text("executed")
    [row] = await given(living, "pause")
    assert (row["ea_id"], row["status"], row["reason"]) == (int(expert), "executed", "news in ten minutes")
    await expect(page.locator(COMMANDS).first).to_contain_text("executed")
    await page.get_by_role("button", name="Follow it").click()
    dialog = page.get_by_role("dialog")
    await dialog.locator("ol li").nth(2).wait_for()
    steps = await dialog.locator("ol .badge").all_inner_texts()
    assert [step.split()[-1] for step in steps][:2] == ["queued", "delivered"]
    assert "executed" in steps[-1]
    audit = dialog.get_by_role("region", name="Audit")
    await expect(audit).to_contain_text("#1")
    await expect(audit).to_contain_text("admin from 127.0.0.1")
    assert complaints == []


async def test_what_closes_has_to_be_typed_says_whom_it_means_and_counts_once(
    living: Fleetwire, page: Page, complaints: list[str]
) -> None:
    await visit(page, living, "#/commands")
    await compose(page, "close_all", all_experts=True)
    await says(page, "Means 4 experts")
    await expect(page.locator(SEND)).to_be_disabled()
    word = page.locator("form.compose .word")
    await word.press_sequentially("clos")
    await expect(page.locator(SEND)).to_be_disabled()
    await word.press_sequentially("e")
    await expect(page.locator(SEND)).to_be_enabled()
    await page.locator(SEND).evaluate("button => { button.click(); button.click(); }")
    await expect(page.locator(".sent")).to_contain_text("executed")
    [row] = await given(living, "close_all")
    assert row["status"] == "executed"
    await expect(word, "the next has to be typed anew").to_have_value("")
    await page.get_by_role("button", name="Follow it").click()
    await says(page, "4 of 4 parts executed")
    assert complaints == []


async def test_what_the_server_wants_confirmed_is_asked_once_more(page: Page) -> None:
    confirming = settings(commands={"confirm": ["resume"]})
    async with Fleetwire(confirming, sources=[Simulator(3, 2)]) as fleet:
        await visit(page, fleet, "#/commands")
        await compose(page, "resume", all_experts=True)
        await page.locator(SEND).click()
        await says(page, "The server asks once more")
        assert await given(fleet, "resume") == []
        await page.locator(SEND).click()
        await expect(page.locator(".sent")).to_contain_text("executed")
        assert len(await given(fleet, "resume")) == 1


async def test_a_refused_command_is_said_in_words_and_can_be_mended(
    living: Fleetwire, page: Page, complaints: list[str]
) -> None:
    await visit(page, living, "#/commands")
    await compose(page, "adjust_risk", all_experts=True)
    await page.locator(SEND).click()
    await says(page, "give risk_percent, volume or volume_max")
    await page.locator("form.compose .params input").first.fill("0,5")
    await says(page, "write decimals behind a point")
    await expect(page.locator(SEND)).to_be_disabled()
    assert await given(living, "adjust_risk") == []
    assert complaints == []


async def test_what_was_told_while_the_page_was_away_is_there_when_it_is_back(tmp_path: Path, page: Page) -> None:
    kept = settings(database=str(tmp_path / "fleet.db"))
    async with Fleetwire(kept) as fleet:
        await fleet.report(*three_experts())
        port = fleet.server.port
        await visit(page, fleet, "#/commands")
        await says(page, "No command has been given")
        await compose(page, "pause")
        await page.get_by_label("Which expert").select_option("1007")
        await expect(page.locator(SEND)).to_be_enabled()
    await says(page, "Commands can be sent when the connection is back")
    await expect(page.locator(SEND)).to_be_disabled()
    async with Fleetwire(kept | {"port": port}) as fleet:
        await asked(
            fleet, "POST /api/v1/commands", '{"target": {"ea_id": 1008}, "command": "resume", "reason": "away"}'
        )
        await expect(page.locator(COMMANDS).first).to_contain_text("away")
        await page.locator(SEND).click()  # what was composed before is still there
        await expect(page.locator(".sent")).to_contain_text("pause")
        [row] = await given(fleet, "pause")
        assert row["ea_id"] == 1007


async def raised(fleet: Fleetwire) -> list[dict[str, Any]]:
    return [row for row in (await asked(fleet, "GET /api/v1/alerts?status=open"))["items"] if row["status"] == "raised"]


async def test_an_alert_is_acknowledged_by_one_key_and_by_one_press(
    fleet: Fleetwire, page: Page, complaints: list[str]
) -> None:
    await visit(page, fleet, "#/alerts")
    await says(page, "No alert is open")
    await fleet.report(*three_experts(profit=-5000))
    alerts = page.locator(OPEN_ALERTS)
    await alerts.nth(1).wait_for()
    levels = await alerts.evaluate_all("all => all.map((one) => one.ariaLabel.split(',')[0])")
    assert levels == sorted(levels), "critical before warning"
    first = int(await alerts.first.get_attribute("data-alert") or 0)
    waiting = len(await raised(fleet))
    await alerts.first.focus()
    await page.keyboard.press("a")
    await expect(page.locator(f'[data-alert="{first}"]')).to_contain_text("seen by admin")
    rows = {row["alert_id"]: row for row in (await asked(fleet, "GET /api/v1/alerts?status=open"))["items"]}
    assert (rows[first]["status"], rows[first]["acknowledged_by"]) == ("acknowledged", "admin")
    assert len(await raised(fleet)) == waiting - 1
    await page.locator(".open .raised button").first.click()
    await expect(page.locator(f"{OPEN_ALERTS}.raised")).to_have_count(waiting - 2)
    assert complaints == []


async def test_sound_and_notifications_are_off_until_chosen_and_then_kept(fleet: Fleetwire, page: Page) -> None:
    await page.add_init_script(
        "window.shown = []; window.Notification = class { constructor(title, more) {"
        " shown.push([title, more.tag]); document.documentElement.dataset.shown = shown.length; }"
        " static permission = 'granted'; static requestPermission = async () => 'granted'; };"
    )
    await visit(page, fleet, "#/alerts")
    await says(page, "No alert is open")
    choices = page.locator("[aria-labelledby=telling] select")
    assert await choices.evaluate_all("all => all.map((one) => one.value)") == ["off", "off"]
    await fleet.report(*three_experts(profit=-5000))
    alerts = page.locator(OPEN_ALERTS)
    await alerts.nth(1).wait_for()
    assert await page.evaluate("shown") == []
    await choices.nth(1).select_option("all")
    assert await page.evaluate("localStorage['fleetwire.desktop']") == "all"
    for profit in (150.75, -6000, -7000, -8000):  # over, raised anew, and told again with other figures
        await fleet.report(*three_experts(profit=profit))
    await expect(page.locator("html[data-shown]")).to_be_visible()
    open_now = await raised(fleet)
    await expect(alerts).to_have_count(len(open_now))
    tags = [tag for _, tag in await page.evaluate("shown")]
    assert len(set(tags)) == len(tags)
    assert len(tags) <= len(open_now)


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_roles_are_not_offered_what_they_may_not_do(
    fleet: Fleetwire, page: Page, complaints: list[str], role: str
) -> None:
    token = (await made_token(fleet, role))["token"]
    await fleet.report(*three_experts(profit=-5000))
    await visit(page, fleet, "#/alerts", token)
    await page.locator(OPEN_ALERTS).nth(1).wait_for()
    may = role == "operator"
    assert (await page.locator(".open .act button").count() > 0) is may
    if not may:
        await page.locator(OPEN_ALERTS).first.focus()
        await page.keyboard.press("a")
        await says(page, "The role viewer may look, and acknowledges nothing.")
    await page.get_by_role("link", name="Commands").click()
    await page.locator(".rest .tools").wait_for()
    assert (await page.locator("form.compose").count() > 0) is may
    await expect(page.locator(".rest .tools")).not_to_contain_text("Audit")
    await page.evaluate("location.hash = '#/connections'")
    await says(page, "Connections are for admins")
    assert len(await raised(fleet)) >= 2, "nobody has acknowledged anything"
    assert complaints == []


async def test_who_is_connected_is_told_with_what_goes_to_and_fro(
    fleet: Fleetwire, page: Page, complaints: list[str]
) -> None:
    await page.set_viewport_size({"width": 1600, "height": 900})
    await visit(page, fleet, "#/connections")
    row = page.locator("[role=grid][aria-label=Connections] .all [role=row]").first
    await expect(row).to_contain_text(re.compile(r"admin[\s\S]*127\.0\.0\.1[\s\S]*live[\s\S]*B/s"))
    for step in range(50):
        await fleet.report(*three_experts(profit=float(step)))
    await expect(row).to_contain_text(re.compile(r"[1-9][0-9.]*\s?k?B/s"))
    assert complaints == []
