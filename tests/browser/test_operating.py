"""What an operator does in a real browser: commands to their end, alerts acknowledged; and what roles may not."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from fleetwire.integration import Fleetwire
from fleetwire.server.api.dashboard import FOLDER
from fleetwire.sources.simulator import Simulator
from tests.browser.chromium import CHROMIUM, Page
from tests.browser.conftest import TOKEN, holding, settings, three_experts, url_of
from tests.browser.test_dashboard import asked, made_token

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(not (FOLDER / "index.html").is_file(), reason="needs the dashboard: make web builds it"),
]

SEND = "form.compose > button"
FIRST = "document.querySelector('[role=grid][aria-label=Commands] .all [role=row]')"
OPEN_ALERTS = "[...document.querySelectorAll('.open [data-alert]')]"


@pytest_asyncio.fixture(loop_scope="module")
async def living() -> AsyncIterator[Fleetwire]:
    """Four simulated experts, which do as they are told."""
    async with Fleetwire(settings(), sources=[Simulator(3, 4)]) as fleet:
        yield fleet


async def choose(page: Page, selector: str, value: str) -> None:
    """Choose from a list, once it offers the value."""
    await page.until(f"document.querySelector({selector!r})?.querySelector('option[value={json.dumps(value)}]')")
    change = f"list.value = {value!r}; list.dispatchEvent(new Event('change', {{bubbles: true}}))"
    await page.js(f"((list) => {{ {change} }})(document.querySelector({selector!r}))")


async def given(fleet: Fleetwire, command: str) -> list[dict[str, Any]]:
    return (await asked(fleet, f"GET /api/v1/commands?parts=no&command={command}"))["items"]


async def test_a_command_is_composed_sent_and_followed_until_it_is_executed(living: Fleetwire, page: Page) -> None:
    await page.open(url_of(living, "#/commands"), holding(TOKEN))
    await page.says("Means no expert yet")
    assert await page.js(f"document.querySelector({SEND!r}).disabled")
    await choose(page, "form.compose select", "pause")
    expert = str((await asked(living, "GET /api/v1/experts"))["items"][0]["ea_id"])
    await choose(page, "select[aria-label='Which expert']", expert)
    await page.says("Means 1 expert")
    await page.type("form.compose .why input", "news in ten minutes")
    await page.press(SEND)
    await page.until("document.querySelector('.sent')?.innerText.includes('executed')")
    [row] = await given(living, "pause")
    assert (row["ea_id"], row["status"], row["reason"]) == (int(expert), "executed", "news in ten minutes")
    await page.until(f"{FIRST}.innerText.includes('executed')")
    await page.press(".sent button")
    await page.until("document.querySelectorAll('dialog[open] ol li').length >= 3")
    steps = await page.js("[...document.querySelectorAll('dialog[open] ol .badge')].map((one) => one.innerText)")
    assert [step.split()[-1] for step in steps][:2] == ["queued", "delivered"]
    assert "executed" in steps[-1]
    await page.until("document.querySelector('dialog[open] section[aria-label=Audit]').innerText.includes('#1')")
    assert "admin from 127.0.0.1" in await page.text("dialog[open] section[aria-label=Audit]")
    assert page.complaints == []


async def test_what_closes_has_to_be_typed_says_whom_it_means_and_counts_once(living: Fleetwire, page: Page) -> None:
    await page.open(url_of(living, "#/commands"), holding(TOKEN))
    await choose(page, "form.compose select", "close_all")
    await choose(page, "select[aria-label='For whom']", "all")
    await page.says("Means 4 experts")
    assert await page.js(f"document.querySelector({SEND!r}).disabled")
    await page.type("form.compose .word", "clos")
    assert await page.js(f"document.querySelector({SEND!r}).disabled")
    await page.type("form.compose .word", "e")
    await page.until(f"!document.querySelector({SEND!r}).disabled")
    await page.js(f"document.querySelector({SEND!r}).click(); document.querySelector({SEND!r}).click()")
    await page.until("document.querySelector('.sent')?.innerText.includes('executed')")
    [row] = await given(living, "close_all")
    assert row["status"] == "executed"
    assert await page.js("document.querySelector('form.compose .word').value") == "", "the next has to be typed anew"
    await page.press(".sent button")
    await page.says("4 of 4 parts executed")
    assert page.complaints == []


async def test_what_the_server_wants_confirmed_is_asked_once_more(page: Page) -> None:
    confirming = settings(commands={"confirm": ["resume"]})
    async with Fleetwire(confirming, sources=[Simulator(3, 2)]) as fleet:
        await page.open(url_of(fleet, "#/commands"), holding(TOKEN))
        await choose(page, "form.compose select", "resume")
        await choose(page, "select[aria-label='For whom']", "all")
        await page.press(SEND)
        await page.says("The server asks once more")
        assert await given(fleet, "resume") == []
        await page.press(SEND)
        await page.until("document.querySelector('.sent')?.innerText.includes('executed')")
        assert len(await given(fleet, "resume")) == 1


async def test_a_refused_command_is_said_in_words_and_can_be_mended(living: Fleetwire, page: Page) -> None:
    await page.open(url_of(living, "#/commands"), holding(TOKEN))
    await choose(page, "form.compose select", "adjust_risk")
    await choose(page, "select[aria-label='For whom']", "all")
    await page.press(SEND)
    await page.says("give risk_percent, volume or volume_max")
    await page.type("form.compose .params input", "0,5")
    await page.says("write decimals behind a point")
    assert await page.js(f"document.querySelector({SEND!r}).disabled")
    assert await given(living, "adjust_risk") == []
    assert page.complaints == []


async def test_what_was_told_while_the_page_was_away_is_there_when_it_is_back(tmp_path: Path, page: Page) -> None:
    kept = settings(database=str(tmp_path / "fleet.db"))
    async with Fleetwire(kept) as fleet:
        await fleet.report(*three_experts())
        port = fleet.server.port
        await page.open(url_of(fleet, "#/commands"), holding(TOKEN))
        await page.says("No command has been given")
        await choose(page, "form.compose select", "pause")
        await choose(page, "select[aria-label='Which expert']", "1007")
        await page.until(f"!document.querySelector({SEND!r}).disabled")
    await page.says("Commands can be sent when the connection is back")
    assert await page.js(f"document.querySelector({SEND!r}).disabled")
    async with Fleetwire(kept | {"port": port}) as fleet:
        await asked(
            fleet, "POST /api/v1/commands", '{"target": {"ea_id": 1008}, "command": "resume", "reason": "away"}'
        )
        await page.until(f"{FIRST}?.innerText.includes('away')")
        await page.press(SEND)  # what was composed before is still there
        await page.until("document.querySelector('.sent')?.innerText.includes('pause')")
        [row] = await given(fleet, "pause")
        assert row["ea_id"] == 1007


async def raised(fleet: Fleetwire) -> list[dict[str, Any]]:
    return [row for row in (await asked(fleet, "GET /api/v1/alerts?status=open"))["items"] if row["status"] == "raised"]


async def test_an_alert_is_acknowledged_by_one_key_and_by_one_press(fleet: Fleetwire, page: Page) -> None:
    await page.open(url_of(fleet, "#/alerts"), holding(TOKEN))
    await page.says("No alert is open")
    await fleet.report(*three_experts(profit=-5000))
    await page.until(f"{OPEN_ALERTS}.length >= 2")
    levels = await page.js(f"{OPEN_ALERTS}.map((one) => one.ariaLabel.split(',')[0])")
    assert levels == sorted(levels), "critical before warning"
    first = await page.js(f"Number({OPEN_ALERTS}[0].dataset.alert)")
    waiting = len(await raised(fleet))
    await page.js(f"{OPEN_ALERTS}[0].focus()")
    await page.key("a", 65)
    await page.until(f"document.querySelector('[data-alert=\"{first}\"]').innerText.includes('seen by admin')")
    rows = {row["alert_id"]: row for row in (await asked(fleet, "GET /api/v1/alerts?status=open"))["items"]}
    assert (rows[first]["status"], rows[first]["acknowledged_by"]) == ("acknowledged", "admin")
    assert len(await raised(fleet)) == waiting - 1
    await page.press(".open .raised button")
    await page.until(f"{OPEN_ALERTS}.filter((one) => one.classList.contains('raised')).length === {waiting - 2}")
    assert page.complaints == []


async def test_sound_and_notifications_are_off_until_chosen_and_then_kept(fleet: Fleetwire, page: Page) -> None:
    count = (
        "window.shown = []; window.Notification = class { constructor(title, more) { shown.push([title, more.tag]); }"
        " static permission = 'granted'; static requestPermission = async () => 'granted'; };"
    )
    await page.open(url_of(fleet, "#/alerts"), holding(TOKEN) + ";" + count)
    await page.says("No alert is open")
    assert await page.js(
        "[...document.querySelectorAll('[aria-labelledby=telling] select')].map((one) => one.value)"
    ) == [
        "off",
        "off",
    ]
    await fleet.report(*three_experts(profit=-5000))
    await page.until(f"{OPEN_ALERTS}.length >= 2")
    assert await page.js("shown") == []
    await choose(page, "[aria-labelledby=telling] label:nth-of-type(2) select", "all")
    assert await page.js("localStorage['fleetwire.desktop']") == "all"
    for profit in (150.75, -6000, -7000, -8000):  # over, raised anew, and told again with other figures
        await fleet.report(*three_experts(profit=profit))
    await page.until("shown.length > 0")
    open_now = await raised(fleet)
    await page.until(f"{OPEN_ALERTS}.length === {len(open_now)}")
    tags = [tag for _, tag in await page.js("shown")]
    assert len(set(tags)) == len(tags)
    assert len(tags) <= len(open_now)


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_roles_are_not_offered_what_they_may_not_do(fleet: Fleetwire, page: Page, role: str) -> None:
    token = (await made_token(fleet, role))["token"]
    await fleet.report(*three_experts(profit=-5000))
    await page.open(url_of(fleet, "#/alerts"), holding(token))
    await page.until(f"{OPEN_ALERTS}.length >= 2")
    may = role == "operator"
    assert await page.js("document.querySelector('.open .act button') !== null") is may
    if not may:
        await page.js(f"{OPEN_ALERTS}[0].focus()")
        await page.key("a", 65)
        await page.says("The role viewer may look, and acknowledges nothing.")
    await page.js("location.hash = '#/commands'")
    await page.until("document.querySelector('.rest .tools')")
    assert await page.js("document.querySelector('form.compose') !== null") is may
    assert "Audit" not in await page.text(".rest .tools")
    await page.js("location.hash = '#/connections'")
    await page.says("Connections are for admins")
    assert len(await raised(fleet)) >= 2, "nobody has acknowledged anything"
    assert page.complaints == []


async def test_who_is_connected_is_told_with_what_goes_to_and_fro(fleet: Fleetwire, page: Page) -> None:
    await page.size(1600, 900)
    await page.open(url_of(fleet, "#/connections"), holding(TOKEN))
    row = "document.querySelector('[role=grid][aria-label=Connections] .all [role=row]')"
    await page.until(f"/admin[^]*127\\.0\\.0\\.1[^]*live[^]*B\\/s/.test({row}?.innerText)")
    for step in range(50):
        await fleet.report(*three_experts(profit=float(step)))
    await page.until(f"/[1-9][0-9.]*\\s?k?B\\/s/.test({row}.innerText)")
    assert page.complaints == []
