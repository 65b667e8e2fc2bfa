"""What a trader sees and does: with a real server, a real browser, and no error in its console."""

import asyncio
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from fleetwire.integration import Fleetwire
from fleetwire.server.api import dashboard
from fleetwire.server.api.dashboard import FOLDER
from fleetwire.sources.simulator import Simulator
from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import AXE, TOKEN, settings, three_experts, url_of

pytest.importorskip("playwright")
from playwright.async_api import Page, expect

from tests.browser.seeing import ANSWER, OLD, all_well, asked, made_token, says, visit

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),  # one browser for all of them
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(not (FOLDER / "index.html").is_file(), reason="needs the dashboard: make web builds it"),
]

ROWS = "[role=grid] .all [role=row]"
GREY = re.compile(r"saturate\(0\)")
FIRST_PAGE_BYTES_MAX = 120 * 1024


async def grid(page: Page) -> list[list[str]]:
    """The rows of the table that can be seen, without their ages and curves, which are never the same."""
    rows = "rows => rows.map((row) => [...row.children].slice(0, 8).map((cell) => cell.innerText.trim()))"
    return await page.locator(ROWS).evaluate_all(rows)


async def test_the_first_look_says_in_words_that_all_is_well_and_what_it_is_worth(
    fleet: Fleetwire, page: Page, complaints: list[str]
) -> None:
    await visit(page, fleet)
    await expect(page.locator(ANSWER)).to_have_text(re.compile(r"^All 3 experts reporting, oldest number [\d.]+\s?s$"))
    await says(page, "10\u202f150.75\u202fUSD")
    await expect(page.locator(".link")).to_contain_text("live")
    await expect(page.locator(".shell")).not_to_have_class(OLD)
    assert complaints == []


async def test_the_first_page_is_small(fleet: Fleetwire, page: Page) -> None:
    await visit(page, fleet)
    await page.locator(".uplot").first.wait_for()
    loaded = await page.evaluate("performance.getEntriesByType('resource').map((one) => one.toJSON())")
    scripts = [one["encodedBodySize"] for one in loaded if one["name"].endswith(".js")]
    assert len(scripts) >= 2
    assert 0 < sum(scripts) < FIRST_PAGE_BYTES_MAX
    assert all(one["name"].startswith(url_of(fleet)) for one in loaded), "nothing is loaded from anywhere else"


async def test_a_number_changes_on_the_page_when_it_changes_in_the_fleet(
    fleet: Fleetwire, page: Page, complaints: list[str]
) -> None:
    await visit(page, fleet, "#/experts")
    cell = page.locator(f"{ROWS} :nth-child(5)").first
    await says(page, "+150.75")
    before = await cell.bounding_box()
    await fleet.report(*three_experts(profit=-42.5))
    await says(page, "−42.50")
    await expect(page.get_by_role("grid")).not_to_contain_text("+150.75")
    assert await cell.bounding_box() == before
    assert complaints == []


async def test_what_is_not_live_looks_old_and_comes_back_by_itself_with_the_same_state(
    tmp_path: Path, page: Page
) -> None:
    kept = settings(database=str(tmp_path / "fleet.db"))
    async with Fleetwire(kept) as fleet:
        await fleet.report(*three_experts())
        port = fleet.server.port
        await visit(page, fleet, "#/experts")
        await says(page, "+150.75")
        before = await grid(page)
    await expect(page.locator(".shell")).to_have_class(OLD)
    await expect(page.locator(ANSWER)).to_contain_text("trying again")
    await expect(page.locator(".page")).to_have_css("filter", GREY)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    async with Fleetwire(kept | {"port": port}) as fleet:
        await expect(page.locator(".shell")).not_to_have_class(OLD)
        await fleet.report(*three_experts())
        await all_well(page)
        assert await grid(page) == before
        await fleet.report(*three_experts(profit=7.25))
        await says(page, "+7.25")


async def test_another_version_of_the_page_is_offered_when_the_server_has_come_back_with_it(
    tmp_path: Path, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Fleetwire(settings()) as fleet:
        port = fleet.server.port
        await fleet.report(*three_experts())
        async with page.expect_response(lambda response: response.request.method == "HEAD"):
            await visit(page, fleet)
            await all_well(page)
    other = shutil.copytree(FOLDER, tmp_path / "dashboard")
    (other / "index.html").write_text((FOLDER / "index.html").read_text() + "<!-- another one -->")
    (other / "index.html.gz").unlink()
    monkeypatch.setattr(dashboard, "FOLDER", other)
    async with Fleetwire(settings(port=port)):
        await expect(page.get_by_role("alert")).to_contain_text("The server has another version of this page")


async def test_an_expert_that_is_silent_is_named_and_looks_old(page: Page, complaints: list[str]) -> None:
    hasty = {"late_after_s": 0.2, "stale_after_s": 0.4, "lost_after_s": 600.0}
    async with Fleetwire(settings(silences=hasty)) as fleet:
        await visit(page, fleet, "#/experts")
        await fleet.report(*three_experts())
        await expect(page.locator(ANSWER)).to_have_text(re.compile("^3 experts silent"))
        await expect(page.locator("[role=grid] .row.old")).to_have_count(3)
        await expect(page.locator(".row.old").first).to_have_css("background-image", re.compile("repeating-linear"))
        await expect(page.locator("header")).to_have_class(re.compile(r"\balarm\b"))
        assert complaints == []


async def test_a_viewer_is_not_offered_what_it_may_not_do(fleet: Fleetwire, page: Page, complaints: list[str]) -> None:
    await visit(page, fleet, token=(await made_token(fleet, "viewer"))["token"])
    await all_well(page)
    await expect(page.get_by_role("link", name="Experts", exact=True)).to_be_visible()
    await expect(page.get_by_role("button", name="Emergency stop")).to_have_count(0)
    await expect(page.get_by_role("link", name="Clients")).to_have_count(0)
    names = await page.locator("button, a").evaluate_all("all => all.map((one) => one.innerText)")
    assert not any("mergency" in name or "top" in name or "Clients" in name for name in names)
    assert complaints == []


async def test_a_wrong_token_is_said_in_words_and_a_right_one_goes_on(fleet: Fleetwire, page: Page) -> None:
    await page.goto(url_of(fleet))
    await page.get_by_label("Token", exact=True).fill("wrong")
    await page.get_by_role("button", name="Show the fleet").click()
    await expect(page.get_by_role("alert")).to_contain_text("This token is not known here")
    assert await page.evaluate("sessionStorage.length + localStorage.length") == 0
    await page.get_by_label("Token", exact=True).fill(TOKEN)
    await page.get_by_role("button", name="Show the fleet").click()
    await all_well(page)
    assert await page.evaluate("JSON.stringify(localStorage)") == "{}"
    assert TOKEN not in await page.evaluate("location.href + document.cookie")


async def test_a_token_that_is_revoked_is_asked_for_again(fleet: Fleetwire, page: Page) -> None:
    issued = await made_token(fleet, "operator")
    await visit(page, fleet, token=issued["token"])
    await all_well(page)
    await asked(fleet, f"POST /api/v1/tokens/{issued['about']['token_id']}/revoke")
    await expect(page.get_by_label("Token", exact=True)).to_be_visible()
    await expect(page.locator("body")).not_to_contain_text("London Breakout")


async def test_a_ticket_opens_the_page_once_and_then_the_token_is_asked_for(
    fleet: Fleetwire, page: Page, complaints: list[str]
) -> None:
    await page.goto(url_of(fleet, f"#ticket={fleet.server.new_ticket()}"))
    await all_well(page)
    assert "ticket" not in page.url
    await expect(page.get_by_role("button", name="Emergency stop")).to_be_visible()
    await says(page, "opened with a ticket")
    await page.get_by_label("Token", exact=True).fill(TOKEN)
    await page.get_by_role("button", name="Show everything").click()
    await expect(page.get_by_label("Token", exact=True)).to_have_count(0)
    await says(page, "No limit is near")  # which the API tells, and only to who has the token
    assert complaints == []


async def test_an_emergency_stop_takes_two_deliberate_actions_and_shows_what_became_of_it(
    page: Page, complaints: list[str]
) -> None:
    async with Fleetwire(settings(), sources=[Simulator(3, 4)]) as fleet:
        await visit(page, fleet)
        await says(page, "experts reporting")
        await page.get_by_role("button", name="Emergency stop").click()
        dialog = page.get_by_role("dialog")
        await dialog.locator(".hold").click()  # a touch, and no more
        await expect(dialog.locator(".hold")).to_have_text("Hold to stop everything")
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        assert (await asked(fleet, "GET /api/v1/commands"))["items"] == []
        await page.get_by_role("button", name="Emergency stop").click()
        await dialog.locator(".hold").hover()
        await page.mouse.down()
        await dialog.locator(".parts").wait_for()
        await page.mouse.up()
        await expect(dialog).to_contain_text("All 4 experts have executed it")
        await expect(dialog.locator(".parts .badge")).to_contain_text(["executed"] * 4)
        assert complaints == []


async def test_an_emergency_stop_can_be_typed(page: Page) -> None:
    async with Fleetwire(settings(), sources=[Simulator(3, 2)]) as fleet:
        await visit(page, fleet)
        await says(page, "experts reporting")
        await page.get_by_role("button", name="Emergency stop").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("type STOP").fill("stop")
        await dialog.locator(".hold").click()
        await expect(dialog).to_contain_text("All 2 experts have executed it")


async def test_an_expert_in_full_is_reached_and_left_by_keyboard(
    fleet: Fleetwire, page: Page, complaints: list[str]
) -> None:
    await visit(page, fleet, "#/experts")
    await says(page, "+150.75")
    await page.get_by_role("grid").focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.locator("h2").first).to_have_text("1008 Grid")
    await expect(dialog).to_contain_text("Statistics")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    assert complaints == []


@pytest.mark.parametrize(
    "name", ["overview", "experts", "positions", "trades", "alerts", "news", "commands", "connections"]
)
async def test_every_page_fits_on_a_phone(fleet: Fleetwire, phone: Page, complaints: list[str], name: str) -> None:
    await visit(phone, fleet, f"#/{name}")
    await all_well(phone)
    assert await phone.evaluate("document.documentElement.scrollWidth") <= 360
    stop = await phone.get_by_role("button", name="Emergency stop").bounding_box()
    assert stop is not None
    assert stop["x"] + stop["width"] <= 360
    assert stop["height"] >= 44
    nav = await phone.get_by_role("navigation").bounding_box()
    assert nav is not None
    assert nav["y"] + nav["height"] == 740
    assert complaints == []


@pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: make web")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(fleet: Fleetwire, page: Page, scheme: Any) -> None:
    await page.emulate_media(color_scheme=scheme)
    await visit(page, fleet)
    await all_well(page)
    await expect(page.locator("html")).to_have_attribute("data-theme", scheme)
    await page.evaluate(AXE.read_text("utf-8") + ";0")
    for name in ("overview", "experts?ea=1007", "positions", "trades", "alerts", "news", "commands", "connections"):
        await page.evaluate(f"location.hash = '#/{name}'")
        await expect(page.locator(".page")).to_contain_text(re.compile(r"\w{5}"))
        assert await serious(page) == [], name
    await page.get_by_role("button", name="Emergency stop").click()
    await page.locator("dialog .hold").wait_for()
    assert await serious(page) == [], "emergency stop"


async def serious(page: Page) -> list[str]:
    """What axe finds that is serious, or worse, by WCAG 2.2 AA."""
    tags = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']"
    found = await page.evaluate(
        f"axe.run(document, {{runOnly: {tags}, resultTypes: ['violations']}}).then((all) => all.violations)"
    )
    return [
        f"{one['id']}: {node['target']} {node['failureSummary'][:300]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


async def test_many_changes_are_one_repaint_a_frame(fleet: Fleetwire, page: Page) -> None:
    await visit(page, fleet, "#/experts")
    await says(page, "+150.75")
    await page.evaluate(
        "window.seen = {frames: 0, changes: 0};"
        "const watched = document.querySelector('[role=grid]');"
        "new MutationObserver(() => seen.changes++).observe(watched, {subtree: true, characterData: true});"
        "(function look() { seen.frames++; requestAnimationFrame(look); })();"
    )
    for step in range(1, 201):
        await fleet.report(*three_experts(profit=float(step)))
        await asyncio.sleep(0)
    await says(page, "+200.00")
    seen = await page.evaluate("seen")
    assert 0 < seen["changes"] <= 2 * seen["frames"]  # the rows in one, ages and the clock in another
