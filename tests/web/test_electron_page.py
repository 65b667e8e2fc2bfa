"""The page of the Electron example, opened from a file in a real browser, with a stub in place of its bridge."""

import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fleetwire import WebSocketServer
from tests.browser.chromium import CHROMIUM, Page, chromium

WEB = Path(__file__).parents[2] / "web"
EXAMPLE = WEB / "examples" / "electron"
TOKEN = "a-token-for-the-test"
STATE = "document.body.dataset.state"
EXPERTS = "[...document.querySelectorAll('#experts tr')].map(r => [...r.children].slice(0, 4).map(c => c.textContent))"
ALERTS = "[...document.querySelectorAll('#alerts li')].map(l => l.textContent)"
OPACITY = "getComputedStyle(document.querySelector('#experts')).opacity"
# Electron lets pages of file:// import modules (its fuse GrantFileProtocolExtraPrivileges); the flag does the same.
AS_ELECTRON = "--allow-file-access-from-files"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    if not (WEB / "client" / "dist" / "index.js").exists():
        pytest.skip("needs web/client/dist: make web builds it")
    async with chromium(AS_ELECTRON) as browser, browser.page() as page:
        yield page


@pytest.fixture
async def server() -> AsyncIterator[WebSocketServer]:
    async with WebSocketServer(port=0, auth_token=TOKEN) as running:
        yield running


async def show(page: Page, port: int, token: str = TOKEN) -> None:
    """Open the page, with what the preload script would put into it; what it notifies of is kept."""
    url = json.dumps(f"ws://127.0.0.1:{port}")
    stub = f"{{url: {url}, token: async () => {json.dumps(token)}, notify: (...told) => window.told.push(told)}}"
    await page.open((EXAMPLE / "index.html").as_uri(), f"window.told = []; window.bridge = {stub};")


def expert(ea_id: int, profit: float, **fields: Any) -> dict[str, Any]:
    return {"ea_id": ea_id, "symbol": "EURUSD", "status": "active", "current_profit": profit} | fields


async def test_it_shows_live_experts(page: Page, server: WebSocketServer) -> None:
    await server.broadcast_ea_update(expert(1, 1.5))
    await show(page, server.port)
    await page.becomes(EXPERTS, [["1", "EURUSD", "active", "1.50"]])
    await page.becomes(STATE, "live")
    await server.broadcast_ea_update(expert(2, -3, symbol="<b>XAUUSD</b>"))
    await server.broadcast_ea_update(expert(1, 2.25))
    await page.becomes(EXPERTS, [["1", "EURUSD", "active", "2.25"], ["2", "<b>XAUUSD</b>", "active", "-3.00"]])
    await server.broadcast_ea_update({"ea_id": 1, "status": "removed"})
    await page.becomes(EXPERTS, [["2", "<b>XAUUSD</b>", "active", "-3.00"]])
    assert await page.js("location.protocol") == "file:"
    assert page.complaints == []


async def test_alerts_reach_the_page_and_the_critical_ones_the_bridge(page: Page, server: WebSocketServer) -> None:
    await show(page, server.port)
    await page.becomes(STATE, "live")
    for level in ("warning", "critical"):
        await server.broadcast_alert({"level": level, "message": f"a {level} one"})
    await page.becomes(ALERTS, ["critical: a critical one", "warning: a warning one"])
    assert await page.js("window.told") == [["fleetwire", "a critical one"]]


async def test_old_numbers_look_old_and_a_server_that_is_back_is_found_again(page: Page) -> None:
    async with WebSocketServer(port=0, auth_token=TOKEN) as first:
        port = first.port
        await first.broadcast_ea_update(expert(1, 1))
        await first.broadcast_ea_update(expert(2, 2))
        await show(page, port)
        await page.becomes(f"{EXPERTS}.length", 2)
        await page.becomes(OPACITY, "1")
    await page.until(f"['offline', 'connecting'].includes({STATE})")
    await page.becomes(OPACITY, "0.5")
    assert await page.js(f"{EXPERTS}.length") == 2
    async with WebSocketServer(port=port, auth_token=TOKEN) as second:
        await second.broadcast_ea_update(expert(2, 22))
        await page.becomes(EXPERTS, [["2", "EURUSD", "active", "22.00"]])
        await page.becomes(STATE, "live")
        await page.becomes(OPACITY, "1")


async def test_a_wrong_token_is_told(page: Page, server: WebSocketServer) -> None:
    await show(page, server.port, "wrong")
    await page.becomes(STATE, "refused")
    assert "not known here" in await page.text("#status")


@pytest.mark.parametrize("name", ["main.js", "preload.cjs", "renderer.js"])
def test_its_scripts_can_be_read(name: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node")
    done = subprocess.run([node, "--check", EXAMPLE / name], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
