"""The page of the Electron example, opened from a file in a real browser, with a stub in place of its bridge."""

import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fleetwire import WebSocketServer
from tests.browser.chromium import CHROMIUM, chromium
from tests.browser.conftest import watched

pytest.importorskip("playwright")
from playwright.async_api import Page, expect

WEB = Path(__file__).parents[2] / "web"
EXAMPLE = WEB / "examples" / "electron"
TOKEN = "a-token-for-the-test"
# Electron lets pages of file:// import modules (its fuse GrantFileProtocolExtraPrivileges); the flag does the same.
AS_ELECTRON = "--allow-file-access-from-files"


@pytest.fixture
def complaints() -> list[str]:
    """What the page's console has told of errors and warnings."""
    return []


@pytest.fixture
async def page(complaints: list[str]) -> AsyncIterator[Page]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    if not (WEB / "client" / "dist" / "index.js").exists():
        pytest.skip("needs web/client/dist: make web builds it")
    async with chromium(AS_ELECTRON) as browser, watched(browser, complaints) as page:
        yield page


@pytest.fixture
async def server() -> AsyncIterator[WebSocketServer]:
    async with WebSocketServer(port=0, auth_token=TOKEN) as running:
        yield running


async def show(page: Page, port: int, token: str = TOKEN) -> None:
    """Open the page, with what the preload script would put into it; what it notifies of is kept."""
    url = json.dumps(f"ws://127.0.0.1:{port}")
    stub = f"{{url: {url}, token: async () => {json.dumps(token)}, notify: (...told) => window.told.push(told)}}"
    await page.add_init_script(f"window.told = []; window.bridge = {stub};")
    await page.goto((EXAMPLE / "index.html").as_uri())


def expert(ea_id: int, profit: float, **fields: Any) -> dict[str, Any]:
    return {"ea_id": ea_id, "symbol": "EURUSD", "status": "active", "current_profit": profit} | fields


async def shows(page: Page, *rows: str) -> None:
    """Wait until the table has these rows, without their ages."""
    lines = page.locator("#experts tr")
    await expect(lines).to_have_count(len(rows))
    await expect(lines).to_have_text([re.compile(rf"^{re.escape(row)}\s*([\d.]+ s|\?)?$") for row in rows])


async def is_in_state(page: Page, state: str) -> None:
    await expect(page.locator("body")).to_have_attribute("data-state", re.compile(f"^({state})$"))


async def test_it_shows_live_experts(page: Page, server: WebSocketServer, complaints: list[str]) -> None:
    await server.broadcast_ea_update(expert(1, 1.5))
    await show(page, server.port)
    await shows(page, "1EURUSDactive1.50")
    await is_in_state(page, "live")
    await server.broadcast_ea_update(expert(2, -3, symbol="<b>XAUUSD</b>"))
    await server.broadcast_ea_update(expert(1, 2.25))
    await shows(page, "1EURUSDactive2.25", "2<b>XAUUSD</b>active-3.00")
    await server.broadcast_ea_update({"ea_id": 1, "status": "removed"})
    await shows(page, "2<b>XAUUSD</b>active-3.00")
    assert page.url.startswith("file:")
    assert complaints == []


async def test_alerts_reach_the_page_and_the_critical_ones_the_bridge(page: Page, server: WebSocketServer) -> None:
    await show(page, server.port)
    await is_in_state(page, "live")
    for level in ("warning", "critical"):
        await server.broadcast_alert({"level": level, "message": f"a {level} one"})
    await expect(page.locator("#alerts li")).to_have_text(["critical: a critical one", "warning: a warning one"])
    assert await page.evaluate("window.told") == [["fleetwire", "a critical one"]]


async def test_old_numbers_look_old_and_a_server_that_is_back_is_found_again(page: Page) -> None:
    experts = page.locator("#experts")
    async with WebSocketServer(port=0, auth_token=TOKEN) as first:
        port = first.port
        await first.broadcast_ea_update(expert(1, 1))
        await first.broadcast_ea_update(expert(2, 2))
        await show(page, port)
        await expect(experts.locator("tr")).to_have_count(2)
        await expect(experts).to_have_css("opacity", "1")
    await is_in_state(page, "offline|connecting")
    await expect(experts).to_have_css("opacity", "0.5")
    await expect(experts.locator("tr")).to_have_count(2)
    async with WebSocketServer(port=port, auth_token=TOKEN) as second:
        await second.broadcast_ea_update(expert(2, 22))
        await shows(page, "2EURUSDactive22.00")
        await is_in_state(page, "live")
        await expect(experts).to_have_css("opacity", "1")


async def test_a_wrong_token_is_told(page: Page, server: WebSocketServer) -> None:
    await show(page, server.port, "wrong")
    await is_in_state(page, "refused")
    await expect(page.get_by_role("status")).to_contain_text("not known here")


@pytest.mark.parametrize("name", ["main.js", "preload.cjs", "renderer.js"])
def test_its_scripts_can_be_read(name: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node")
    done = subprocess.run([node, "--check", EXAMPLE / name], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
