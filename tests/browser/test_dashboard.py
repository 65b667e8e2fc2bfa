"""What a trader sees and does: with a real server, a real browser, and no error in its console."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fleetwire.integration import Fleetwire
from fleetwire.server.api import dashboard
from fleetwire.server.api.dashboard import FOLDER
from fleetwire.sources.simulator import Simulator
from tests.browser.chromium import CHROMIUM, Page
from tests.browser.conftest import AXE, TOKEN, holding, settings, three_experts, url_of
from tests.server.api.caller import Caller

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),  # one browser for all of them
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(not (FOLDER / "index.html").is_file(), reason="needs the dashboard: make web builds it"),
]

ANSWER = "header h1"
ANSWER_TEXT = "document.querySelector('header h1').innerText"
CELL = "[role=grid] .all [role=row] :nth-child(%d)"
OLD = "document.querySelector('.shell.old') !== null"
FIRST_PAGE_BYTES_MAX = 120 * 1024


async def asked(fleet: Fleetwire, request: str, body: str | None = None) -> Any:
    """Ask the API for something, and give what it answers."""
    caller = await Caller.connect(fleet.server)
    reply = await caller.call(request, body=body, token=TOKEN)
    await caller.end()
    assert reply.status == 200, reply
    return reply.json


async def made_token(fleet: Fleetwire, role: str) -> Any:
    return await asked(fleet, "POST /api/v1/tokens", json.dumps({"role": role, "name": "made for a test"}))


async def grid(page: Page) -> list[list[str]]:
    """The rows of the table that can be seen, without their ages and curves, which are never the same."""
    rows = "[...document.querySelectorAll('[role=grid] .all [role=row]')]"
    return await page.js(f"{rows}.map((row) => [...row.children].slice(0, 8).map((cell) => cell.innerText.trim()))")


async def test_the_first_look_says_in_words_that_all_is_well_and_what_it_is_worth(fleet: Fleetwire, page: Page) -> None:
    await page.open(url_of(fleet), holding(TOKEN))
    await page.until(
        "/^All 3 experts reporting, oldest number [\\d.]+\\s?s$/.test(document.querySelector('h1').innerText)"
    )
    await page.says("10\u202f150.75\u202fUSD")
    assert "live" in await page.text(".link")
    assert not await page.js(OLD)
    assert page.complaints == []


async def test_the_first_page_is_small(fleet: Fleetwire, page: Page) -> None:
    await page.open(url_of(fleet), holding(TOKEN))
    await page.until("document.querySelector('.uplot')")
    scripts = "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('.js'))"
    loaded = await page.js(f"{scripts}.map((one) => one.encodedBodySize)")
    assert len(loaded) >= 2
    assert 0 < sum(loaded) < FIRST_PAGE_BYTES_MAX
    origins = await page.js(
        "[...new Set(performance.getEntriesByType('resource').map((one) => new URL(one.name).origin))]"
    )
    assert origins == [url_of(fleet).rstrip("/")]


async def test_a_number_changes_on_the_page_when_it_changes_in_the_fleet(fleet: Fleetwire, page: Page) -> None:
    await page.open(url_of(fleet, "#/experts"), holding(TOKEN))
    await page.says("+150.75")
    before = await page.js(f"document.querySelector({CELL % 5!r}).getBoundingClientRect().toJSON()")
    await fleet.report(*three_experts(profit=-42.5))
    await page.says("−42.50")
    assert "+150.75" not in await page.text("[role=grid]")
    assert await page.js(f"document.querySelector({CELL % 5!r}).getBoundingClientRect().toJSON()") == before
    assert page.complaints == []


async def test_what_is_not_live_looks_old_and_comes_back_by_itself_with_the_same_state(
    tmp_path: Path, page: Page
) -> None:
    kept = settings(database=str(tmp_path / "fleet.db"))
    async with Fleetwire(kept) as fleet:
        await fleet.report(*three_experts())
        port = fleet.server.port
        await page.open(url_of(fleet, "#/experts"), holding(TOKEN))
        await page.says("+150.75")
        before = await grid(page)
    await page.until(OLD)
    assert "trying again" in await page.text(ANSWER)
    assert "saturate(0)" in await page.js("getComputedStyle(document.querySelector('.page')).filter")
    assert await page.js("document.documentElement.scrollWidth <= innerWidth")
    async with Fleetwire(kept | {"port": port}) as fleet:
        await page.until(f"!({OLD})")
        await fleet.report(*three_experts())
        await page.until("document.querySelector('h1').innerText.startsWith('All 3 experts reporting')")
        assert await grid(page) == before
        await fleet.report(*three_experts(profit=7.25))
        await page.says("+7.25")


async def test_another_version_of_the_page_is_offered_when_the_server_has_come_back_with_it(
    tmp_path: Path, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Fleetwire(settings()) as fleet:
        port = fleet.server.port
        await fleet.report(*three_experts())
        await page.open(url_of(fleet), holding(TOKEN))
        await page.says("All 3 experts reporting")
        await page.until("performance.getEntriesByType('resource').some((one) => one.name === location.origin + '/')")
    other = shutil.copytree(FOLDER, tmp_path / "dashboard")
    (other / "index.html").write_text((FOLDER / "index.html").read_text() + "<!-- another one -->")
    (other / "index.html.gz").unlink()
    monkeypatch.setattr(dashboard, "FOLDER", other)
    async with Fleetwire(settings(port=port)):
        await page.says("The server has another version of this page")


async def test_an_expert_that_is_silent_is_named_and_looks_old(page: Page) -> None:
    hasty = {"late_after_s": 0.2, "stale_after_s": 0.4, "lost_after_s": 600.0}
    async with Fleetwire(settings(silences=hasty)) as fleet:
        await page.open(url_of(fleet, "#/experts"), holding(TOKEN))
        await fleet.report(*three_experts())
        await page.until(f"{ANSWER_TEXT}.startsWith('3 experts silent')")
        await page.until("document.querySelectorAll('[role=grid] .row.old').length === 3")
        assert "saturate(0)" in await page.js("getComputedStyle(document.querySelector('.row.old')).filter")
        assert await page.js("document.querySelector('header').classList.contains('alarm')")
        assert page.complaints == []


async def test_a_viewer_is_not_offered_what_it_may_not_do(fleet: Fleetwire, page: Page) -> None:
    issued = await made_token(fleet, "viewer")
    await page.open(url_of(fleet), holding(issued["token"]))
    await page.says("All 3 experts reporting")
    names = await page.js("[...document.querySelectorAll('button, a')].map((one) => one.innerText)")
    assert not any("top" in name and "mergency" in name for name in names)
    assert not any("Clients" in name for name in names)
    assert any("Experts" in name for name in names)
    assert page.complaints == []


async def test_a_wrong_token_is_said_in_words_and_a_right_one_goes_on(fleet: Fleetwire, page: Page) -> None:
    await page.open(url_of(fleet))
    await page.type("input[type=password]", "wrong")
    await page.press("form button")
    await page.says("This token is not known here")
    assert await page.js("sessionStorage.length + localStorage.length") == 0
    await page.type("input[type=password]", TOKEN)
    await page.press("form button")
    await page.says("All 3 experts reporting")
    assert await page.js("JSON.stringify(localStorage)") == "{}"
    assert TOKEN not in await page.js("location.href + document.cookie")


async def test_a_token_that_is_revoked_is_asked_for_again(fleet: Fleetwire, page: Page) -> None:
    issued = await made_token(fleet, "operator")
    await page.open(url_of(fleet), holding(issued["token"]))
    await page.says("All 3 experts reporting")
    await asked(fleet, f"POST /api/v1/tokens/{issued['about']['token_id']}/revoke")
    await page.until("document.querySelector('input[type=password]')")
    assert "London Breakout" not in await page.text("body")


async def test_a_ticket_opens_the_page_once_and_then_the_token_is_asked_for(fleet: Fleetwire, page: Page) -> None:
    await page.open(url_of(fleet, f"#ticket={fleet.server.new_ticket()}"))
    await page.says("All 3 experts reporting")
    assert "ticket" not in await page.js("location.href")
    await page.until("document.querySelector('header .trigger')")
    await page.says("opened with a ticket")
    await page.type("input[type=password]", TOKEN)
    await page.press("form button")
    await page.until("document.querySelector('input[type=password]') === null")
    await page.says("No limit is near")  # which the API tells, and only to who has the token
    assert page.complaints == []


async def test_an_emergency_stop_takes_two_deliberate_actions_and_shows_what_became_of_it(page: Page) -> None:
    async with Fleetwire(settings(), sources=[Simulator(3, 4)]) as fleet:
        await page.open(url_of(fleet), holding(TOKEN))
        await page.says("experts reporting")
        await page.press("header .trigger")
        await page.press("dialog .hold")  # a touch, and no more
        await page.says("Hold to stop everything")
        await page.key("Escape", 27)
        await page.until("document.querySelector('dialog[open]') === null")
        assert (await asked(fleet, "GET /api/v1/commands"))["items"] == []
        await page.press("header .trigger")
        await page.press("dialog .hold", hold_until="document.querySelector('dialog .parts')")
        await page.says("All 4 experts have executed it")
        statuses = await page.js("[...document.querySelectorAll('.parts .badge')].map((one) => one.innerText)")
        assert len(statuses) == 4
        assert all("executed" in status for status in statuses)
        assert page.complaints == []


async def test_an_emergency_stop_can_be_typed(page: Page) -> None:
    async with Fleetwire(settings(), sources=[Simulator(3, 2)]) as fleet:
        await page.open(url_of(fleet), holding(TOKEN))
        await page.says("experts reporting")
        await page.press("header .trigger")
        await page.type("dialog .word", "stop")
        await page.press("dialog .hold")
        await page.says("All 2 experts have executed it")


async def test_an_expert_in_full_is_reached_and_left_by_keyboard(fleet: Fleetwire, page: Page) -> None:
    await page.open(url_of(fleet, "#/experts"), holding(TOKEN))
    await page.says("+150.75")
    await page.js("document.querySelector('[role=grid]').focus()")
    await page.key("ArrowDown", 40)
    await page.key("Enter", 13)
    await page.until("document.querySelector('dialog[open] h2').innerText === '1008 Grid'")
    await page.says("Statistics")
    await page.key("Escape", 27)
    await page.until("document.querySelector('dialog[open]') === null")
    assert page.complaints == []


@pytest.mark.parametrize(
    "name", ["overview", "experts", "positions", "trades", "alerts", "news", "commands", "connections"]
)
async def test_every_page_fits_on_a_phone(fleet: Fleetwire, page: Page, name: str) -> None:
    await page.size(360, 740, is_phone=True)
    await page.open(url_of(fleet, f"#/{name}"), holding(TOKEN))
    await page.says("All 3 experts reporting")
    assert await page.js("document.documentElement.scrollWidth") <= 360
    stop = await page.js("document.querySelector('header .trigger').getBoundingClientRect().toJSON()")
    assert stop["right"] <= 360
    assert stop["height"] >= 44
    nav = await page.js("document.querySelector('nav').getBoundingClientRect().toJSON()")
    assert nav["bottom"] == 740
    assert page.complaints == []


@pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: make web")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(fleet: Fleetwire, page: Page, scheme: str) -> None:
    await page.theme(scheme)
    await page.open(url_of(fleet), holding(TOKEN))
    await page.says("All 3 experts reporting")
    assert await page.js("document.documentElement.dataset.theme") == scheme
    await page.js(AXE.read_text("utf-8") + ";0")
    for name in ("overview", "experts?ea=1007", "positions", "trades", "alerts", "news", "commands", "connections"):
        await page.js(f"location.hash = '#/{name}'")
        await page.until("document.querySelector('.page').innerText.length > 5")
        assert await serious(page) == [], name
    await page.press("header .trigger")
    await page.until("document.querySelector('dialog .hold')")
    assert await serious(page) == [], "emergency stop"


async def serious(page: Page) -> list[str]:
    """What axe finds that is serious, or worse, by WCAG 2.2 AA."""
    tags = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']"
    found = await page.js(
        f"axe.run(document, {{runOnly: {tags}, resultTypes: ['violations']}}).then((all) => all.violations)"
    )
    return [
        f"{one['id']}: {node['target']} {node['failureSummary'][:300]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


async def test_many_changes_are_one_repaint_a_frame(fleet: Fleetwire, page: Page) -> None:
    await page.open(url_of(fleet, "#/experts"), holding(TOKEN))
    await page.says("+150.75")
    await page.js(
        "window.seen = {frames: 0, changes: 0};"
        "const watched = document.querySelector('[role=grid]');"
        "new MutationObserver(() => seen.changes++).observe(watched, {subtree: true, characterData: true});"
        "(function look() { seen.frames++; requestAnimationFrame(look); })();"
    )
    for step in range(1, 201):
        await fleet.report(*three_experts(profit=float(step)))
        await asyncio.sleep(0)
    await page.says("+200.00")
    seen = await page.js("seen")
    assert 0 < seen["changes"] <= 2 * seen["frames"]  # the rows in one, ages and the clock in another
