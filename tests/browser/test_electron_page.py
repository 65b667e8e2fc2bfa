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
ROWS = "[...document.querySelectorAll('#experts tr')].map(r => [...r.children].slice(0, 4).map(c => c.textContent))"
OPACITY = "getComputedStyle(document.querySelector('#experts')).opacity"

needs_page = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(not (WEB / "client/dist/index.js").exists(), reason="needs web/client/dist: make web builds it"),
]


def bridge(port: int, token: str = TOKEN) -> str:
    """What the preload script puts into the page, with its notifications kept."""
    url = json.dumps(f"ws://127.0.0.1:{port}")
    stub = f"{{url: {url}, token: async () => {json.dumps(token)}, notify: (...told) => window.told.push(told)}}"
    return f"window.told = []; window.bridge = {stub};"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    # Electron lets pages of file:// import modules (its fuse GrantFileProtocolExtraPrivileges); the flag does the same.
    async with chromium("--allow-file-access-from-files") as browser, browser.page() as page:
        yield page


@pytest.fixture
async def server() -> AsyncIterator[WebSocketServer]:
    async with WebSocketServer(port=0, auth_token=TOKEN) as running:
        yield running


def expert(ea_id: int, profit: float, **fields: Any) -> dict[str, Any]:
    return {"ea_id": ea_id, "symbol": "EURUSD", "status": "active", "current_profit": profit} | fields


class TestPage:
    pytestmark = needs_page

    async def test_it_shows_live_experts(self, page: Page, server: WebSocketServer) -> None:
        await server.broadcast_ea_update(expert(1, 1.5))
        await page.open((EXAMPLE / "index.html").as_uri(), bridge(server.port))
        await page.becomes(STATE, "live")
        await page.becomes(ROWS, [["1", "EURUSD", "active", "1.50"]])
        await server.broadcast_ea_update(expert(2, -3, symbol="<b>XAUUSD</b>"))
        await server.broadcast_ea_update(expert(1, 2.25))
        await page.becomes(ROWS, [["1", "EURUSD", "active", "2.25"], ["2", "<b>XAUUSD</b>", "active", "-3.00"]])
        await server.broadcast_ea_update({"ea_id": 1, "status": "removed"})
        await page.becomes(ROWS, [["2", "<b>XAUUSD</b>", "active", "-3.00"]])
        assert await page.js("location.protocol") == "file:"

    async def test_alerts_reach_the_page_and_the_critical_ones_the_bridge(
        self, page: Page, server: WebSocketServer
    ) -> None:
        await page.open((EXAMPLE / "index.html").as_uri(), bridge(server.port))
        await page.becomes(STATE, "live")
        for level in ("warning", "critical"):
            await server.broadcast_alert({"level": level, "message": f"a {level} one"})
        await page.becomes(
            "[...document.querySelectorAll('#alerts li')].map(l => l.textContent)",
            ["critical: a critical one", "warning: a warning one"],
        )
        assert await page.js("window.told") == [["fleetwire", "a critical one"]]

    async def test_old_numbers_look_old_and_a_server_that_is_back_is_found_again(self, page: Page) -> None:
        async with WebSocketServer(port=0, auth_token=TOKEN) as first:
            port = first.port
            await first.broadcast_ea_update(expert(1, 1))
            await first.broadcast_ea_update(expert(2, 2))
            await page.open((EXAMPLE / "index.html").as_uri(), bridge(port))
            await page.becomes(f"{ROWS}.length", 2)
            assert await page.js(OPACITY) == "1"
        await page.becomes(f"['offline', 'connecting'].includes({STATE})", True)
        await page.becomes(OPACITY, "0.5")
        assert await page.js(f"{ROWS}.length") == 2
        async with WebSocketServer(port=port, auth_token=TOKEN) as second:
            await second.broadcast_ea_update(expert(2, 22))
            await page.becomes(STATE, "live")
            await page.becomes(ROWS, [["2", "EURUSD", "active", "22.00"]])
            assert await page.js(OPACITY) == "1"

    async def test_a_wrong_token_is_told(self, page: Page, server: WebSocketServer) -> None:
        await page.open((EXAMPLE / "index.html").as_uri(), bridge(server.port, "wrong"))
        await page.becomes(STATE, "refused")
        assert "not known here" in await page.js("document.querySelector('#status').textContent")


@pytest.mark.parametrize("name", ["main.js", "preload.cjs", "renderer.js"])
def test_its_scripts_can_be_read(name: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node")
    done = subprocess.run([node, "--check", EXAMPLE / name], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
