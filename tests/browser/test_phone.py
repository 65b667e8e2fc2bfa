"""At three in the morning on a phone, and as somebody whose token may do only a part."""

import re

import pytest

from fleetwire.integration import Fleetwire
from fleetwire.server.api.dashboard import FOLDER
from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import TOKEN, settings, three_experts, url_of

pytest.importorskip("playwright")
from playwright.async_api import Page, expect

from tests.browser.seeing import ANSWER, OLD, all_well, made_token, says, visit

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(not (FOLDER / "index.html").is_file(), reason="needs the dashboard: make web builds it"),
]

PAGES = ("overview", "experts?ea=1007", "positions", "trades", "alerts", "commands")
# What is drawn beyond the right edge, unless something of it can be scrolled there.
BEYOND = """[...document.querySelectorAll('.page *, dialog[open] *')].filter((one) => {
  const box = one.getBoundingClientRect();
  const scrolls = (at) => at && (/(auto|scroll|hidden|clip)/.test(getComputedStyle(at).overflowX) || scrolls(at.parentElement));
  return box.width > 0 && box.right > innerWidth + 0.5 && !scrolls(one.parentElement);
}).map((one) => one.outerHTML.slice(0, 120))"""  # noqa: E501 (lines of the page's own)


async def test_every_page_is_reached_by_the_bar_or_by_its_sheet(
    fleet: Fleetwire, phone: Page, complaints: list[str]
) -> None:
    await visit(phone, fleet)
    await all_well(phone)
    bar = phone.get_by_role("navigation", name="Pages")
    names = await bar.get_by_role("link").all_inner_texts()
    more = bar.get_by_role("button", name="More")
    await more.click()
    sheet = phone.get_by_role("dialog", name="More")
    names += await sheet.get_by_role("link").all_inner_texts()
    assert [name.strip() for name in names] == [
        "Overview", "Experts", "Positions", "Alerts", "Trades", "News", "Commands", "Clients",
    ]  # fmt: skip
    await phone.keyboard.press("Escape")
    await expect(sheet).to_have_count(0)
    await expect(more).to_be_focused()
    await more.click()
    await sheet.get_by_role("link", name="News").click()
    await expect(sheet).to_have_count(0)
    await expect(phone.locator(".page")).to_contain_text("Next blackout")
    await expect(bar.get_by_role("button", name="More, with the page that is shown")).to_be_visible()
    assert complaints == []


async def test_who_is_silent_and_why_is_read_without_opening_anything(phone: Page) -> None:
    hasty = {"late_after_s": 0.2, "stale_after_s": 0.4, "lost_after_s": 600.0}
    async with Fleetwire(settings(silences=hasty)) as fleet:
        await fleet.report(*three_experts())
        await visit(phone, fleet, "#/experts")
        await expect(phone.locator(ANSWER)).to_have_text(re.compile("^3 experts silent"))
        row = phone.locator("[role=grid] .all [role=row]", has_text="London Breakout")
        await expect(row).to_contain_text("terminal down")
        await expect(row).to_contain_text("+150.75")
        await expect(row).to_contain_text(re.compile(r"\d\ss ago"))


async def test_figures_of_any_length_stay_on_the_page(fleet: Fleetwire, phone: Page) -> None:
    account, *experts = three_experts(profit=-123_456_789.25)
    rich = {"balance": 10_747_262_450.25, "equity": 10_747_262_450.25 - 123_456_789.25}
    await fleet.report(account | rich, *experts)
    await visit(phone, fleet)
    await says(phone, "10\u202f623\u202f805\u202f661.00")
    for name in PAGES:
        await phone.evaluate(f"location.hash = '#/{name}'")
        await expect(phone.locator(".page")).to_contain_text(re.compile(r"\w{5}"))
        assert await phone.evaluate("document.documentElement.scrollWidth") <= 360, name
        assert await phone.evaluate(BEYOND) == [], name


async def test_a_token_for_some_commands_is_offered_these_and_no_emergency_stop(
    fleet: Fleetwire, page: Page, complaints: list[str]
) -> None:
    issued = await made_token(fleet, "operator", scopes={"commands": ["pause", "resume"]})
    await visit(page, fleet, "#/commands", token=issued["token"])
    await all_well(page)
    offered = page.locator("form.compose select").first.locator("option")
    await expect(offered).to_have_text(["pause", "resume"])
    await expect(page.get_by_role("button", name="Emergency stop")).to_have_count(0)
    assert complaints == []


async def test_what_a_ticket_does_not_reach_leads_to_where_the_token_is_given(
    fleet: Fleetwire, phone: Page, complaints: list[str]
) -> None:
    await phone.goto(url_of(fleet, f"#ticket={fleet.server.new_ticket()}"))
    await all_well(phone)
    await phone.get_by_role("button", name="Give the token").first.click()
    token = phone.get_by_label("Token", exact=True)
    await expect(token).to_be_focused()
    await token.fill(TOKEN)
    await phone.keyboard.press("Enter")
    await expect(token).to_have_count(0)
    await says(phone, "No limit is near")
    assert complaints == []


async def test_the_clock_says_utc_where_nobody_has_told_a_broker_s(fleet: Fleetwire, page: Page) -> None:
    await visit(page, fleet)
    await all_well(page)
    clock = page.locator("header").get_by_role("button", name=re.compile(r"\d\d:\d\d:\d\d"))
    await expect(clock).to_contain_text("UTC")
    await expect(clock).not_to_contain_text("broker")


async def test_sparklines_begin_with_what_was_before_the_page(fleet: Fleetwire, page: Page) -> None:
    noted = fleet.service.sparklines
    for step in range(1, 4):
        await fleet.report(*three_experts(profit=float(step)))
        moment = fleet.service.clock.moment()
        noted.due(fleet.service.fleet, moment._replace(now=moment.now + step * 5.0))
    await visit(page, fleet, "#/experts")
    drawn = page.locator("[role=grid] .all [role=row]", has_text="London Breakout").locator("svg path").first
    await expect(drawn).to_have_attribute("d", re.compile(r"^M.*L.*L"))


async def test_ages_grow_while_nothing_is_told(page: Page) -> None:
    await page.clock.install()
    async with Fleetwire(settings()) as fleet:
        await fleet.report(*three_experts())
        await visit(page, fleet, "#/experts")
        await all_well(page)
    await expect(page.locator(".shell")).to_have_class(OLD)
    await page.clock.run_for(120_000)
    row = page.locator("[role=grid] .all [role=row]", has_text="London Breakout")
    await expect(row.get_by_role("gridcell").last).to_have_text(re.compile(r"^2\smin|^1[2-9]\d\ss"))
