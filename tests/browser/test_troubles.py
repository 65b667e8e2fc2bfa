"""A line, a clock, a tab or a token in trouble: the page says so, shows nothing old as live, and recovers."""

import re
from pathlib import Path

import pytest

from fleetwire.integration import Fleetwire
from fleetwire.server.api.dashboard import FOLDER
from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import TOKEN, settings, three_experts

pytest.importorskip("playwright")
from playwright.async_api import Page, expect

from tests.browser.line import Line
from tests.browser.seeing import ANSWER, NOTICES, OLD, all_well, asked, looks_live, looks_old, made_token, says, visit

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(not (FOLDER / "index.html").is_file(), reason="needs the dashboard: make web builds it"),
]

HOUR_MS = 3_600_000
NO_SIGN = re.compile(r"^Nothing heard of the server for ")
# Looks at every change of the page, and keeps what it ever showed of a text without looking old.
WATCH = """(text) => {
  window.lies = [];
  const look = () => {
    const old = document.querySelector('.shell')?.classList.contains('old') ?? true;
    if (!old && document.querySelector('.page').innerText.includes(text)) lies.push(performance.now());
  };
  const everything = {subtree: true, childList: true, characterData: true, attributes: true};
  new MutationObserver(look).observe(document.body, everything);
}"""


async def test_a_line_that_is_dead_and_does_not_say_so_looks_old_within_seconds_and_is_replaced(
    fleet: Fleetwire, page: Page, line: Line, complaints: list[str]
) -> None:
    await page.clock.install()
    await visit(page, fleet, "#/experts")
    await looks_live(page)
    line.is_deaf = True
    await page.clock.run_for(11_000)  # five of silence, five without an answer
    await looks_old(page)
    await expect(page.locator(ANSWER)).to_have_text(NO_SIGN)
    await expect(page.locator(".link")).to_contain_text("no sign of life")
    assert line.sockets == 1
    line.is_deaf = False
    await fleet.report(*three_experts(profit=-42.5))
    await page.clock.run_for(15_000)
    await looks_live(page)
    await says(page, "−42.50")
    assert complaints == []


async def test_a_tab_that_slept_for_an_hour_shows_nothing_old_as_live_and_wakes_by_itself(
    fleet: Fleetwire, page: Page, line: Line, complaints: list[str]
) -> None:
    await page.clock.install()
    await visit(page, fleet, "#/experts")
    await looks_live(page)
    await says(page, "+150.75")
    line.is_deaf = True
    await fleet.report(*three_experts(profit=-42.5))
    await page.evaluate(WATCH, "+150.75")
    await page.clock.fast_forward(HOUR_MS)  # each timer fires once, as in a laptop that is opened again
    await looks_old(page)
    await expect(page.locator(ANSWER)).to_have_text(
        re.compile(r"^Nothing heard of the server for (1\sh|60\smin|3\s?6\d\d)")
    )
    await says(page, "+150.75")
    line.is_deaf = False
    await page.clock.run_for(20_000)
    await looks_live(page)
    await says(page, "−42.50")
    assert await page.evaluate("lies") == []
    assert complaints == []


async def test_a_page_that_was_frozen_goes_on_where_it_was(fleet: Fleetwire, page: Page, complaints: list[str]) -> None:
    protocol = await page.context.new_cdp_session(page)
    await visit(page, fleet, "#/experts")
    await looks_live(page)
    await says(page, "+150.75")
    await protocol.send("Page.setWebLifecycleState", {"state": "frozen"})
    await fleet.report(*three_experts(profit=-42.5))
    await protocol.send("Page.setWebLifecycleState", {"state": "active"})
    await says(page, "−42.50")
    await looks_live(page)
    assert complaints == []


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_an_hour_off_changes_no_age_and_no_time(
    fleet: Fleetwire, page: Page, complaints: list[str], hours: int
) -> None:
    real_ms = await page.evaluate("Date.now()")
    await page.clock.install(time=(real_ms + hours * HOUR_MS) / 1000)
    await visit(page, fleet)
    await expect(page.locator(ANSWER)).to_have_text(re.compile(r"^All 3 experts reporting, oldest number [\d.]+\s?s$"))
    told = await page.locator(".time > span").first.inner_text()
    await expect(page.locator(".link")).to_contain_text(re.compile(r"heard [\d.]+\s?s ago"))
    assert hours_apart(told, real_ms) < 0.1
    assert complaints == []


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_by_an_hour_meanwhile_changes_no_age_either(
    fleet: Fleetwire, page: Page, complaints: list[str], hours: int
) -> None:
    await page.clock.install()
    await visit(page, fleet)
    await looks_live(page)
    real_ms = await page.evaluate("Date.now()")
    await page.clock.set_system_time((real_ms + hours * HOUR_MS) / 1000)
    await page.clock.run_for(6_000)
    await fleet.report(*three_experts())
    await looks_live(page)
    await expect(page.locator(ANSWER)).to_have_text(re.compile(r"oldest number [\d.]+\s?s$"))
    assert hours_apart(await page.locator(".time > span").first.inner_text(), real_ms) < 0.1
    assert complaints == []


def hours_apart(told: str, real_ms: float) -> float:
    """How far a time of day, UTC, is from a moment."""
    hour, minute, second = (int(part) for part in told.split(":"))
    apart = abs((hour + minute / 60 + second / 3600) - real_ms / HOUR_MS % 24)
    return min(apart, 24 - apart)


async def test_what_was_missed_is_said_in_words_and_lists_are_the_servers_truth_afterwards(
    page: Page, line: Line, complaints: list[str]
) -> None:
    forgetful = settings(limits={"history_count_max": 2})
    async with Fleetwire(forgetful) as fleet:
        await fleet.report(*three_experts())
        await visit(page, fleet, "#/alerts")
        await looks_live(page)
        await line.cut()
        await looks_old(page)
        for profit in (-5000, 150.75, -6000, 150.75, -5500):
            await fleet.report(*three_experts(profit=profit))
        line.is_cut = False
        notice = page.locator(NOTICES)
        await expect(notice).to_contain_text("This page was not told of some alerts")
        await expect(page.locator(".shell")).not_to_have_class(OLD)
        rows = (await asked(fleet, "GET /api/v1/alerts?status=open"))["items"]
        assert len(rows) >= 2
        await expect(page.locator(".open [data-alert]")).to_have_count(len(rows))
        shown = await page.locator(".open [data-alert]").evaluate_all("all => all.map((one) => one.dataset.alert)")
        assert sorted(map(int, shown)) == sorted(row["alert_id"] for row in rows)
        assert complaints == []


async def test_a_server_that_came_back_with_its_memory_leaves_nothing_to_be_missed(tmp_path: Path, page: Page) -> None:
    kept = settings(database=str(tmp_path / "fleet.db"))
    async with Fleetwire(kept) as fleet:
        await fleet.report(*three_experts(profit=-5000))
        port = fleet.server.port
        await visit(page, fleet, "#/alerts")
        await page.locator(".open [data-alert]").nth(1).wait_for()
    await looks_old(page)
    async with Fleetwire(kept | {"port": port}) as fleet:
        await expect(page.locator(".shell")).not_to_have_class(OLD)
        await page.locator(".open [data-alert]").nth(1).wait_for()
        await expect(page.locator(NOTICES)).to_have_text("")


async def test_a_token_that_expires_is_said_to_beforehand_and_asked_for_afterwards(
    fleet: Fleetwire, page: Page
) -> None:
    issued = await made_token(fleet, "operator", lifetime_s=2)
    await visit(page, fleet, "#/experts", token=issued["token"])
    await all_well(page)
    await expect(page.locator(NOTICES)).to_contain_text("This token expires within a minute")
    await expect(page.get_by_role("alert")).to_contain_text("The token has expired: give another one")
    await expect(page.locator("body")).not_to_contain_text("London Breakout")
    await page.get_by_label("Token", exact=True).fill(TOKEN)
    await page.get_by_role("button", name="Show the fleet").click()
    await looks_live(page)
    await says(page, "London Breakout")
    await expect(page.locator(NOTICES)).to_have_text("")
