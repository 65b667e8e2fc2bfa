"""A browser, a fleet, and the dashboard between them; where one is missing, the tests are skipped with a word."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from fleetwire.integration import Fleetwire
from tests.browser.chromium import WITHIN_S, chromium

if TYPE_CHECKING:
    from playwright.async_api import Browser, ConsoleMessage, Page

    from tests.browser.line import Line

TOKEN = "a-token-of-an-admin"
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> "AsyncIterator[Browser]":
    async with chromium() as browser:
        yield browser


@pytest.fixture
def complaints() -> list[str]:
    """What the page's console has told of errors and warnings: what its policy has refused is among them."""
    return []


@asynccontextmanager
async def watched(browser: "Browser", complaints: list[str], **options: Any) -> "AsyncIterator[Page]":
    """Open a page that shares nothing with others, and note what it complains of."""

    def told(message: "ConsoleMessage") -> None:
        if message.type in ("error", "warning", "assert"):
            complaints.append(f"{message.text} {message.location}")

    context = await browser.new_context(**options)
    context.set_default_timeout(WITHIN_S * 1000)
    page = await context.new_page()
    page.on("console", told)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: "Browser", complaints: list[str]) -> "AsyncIterator[Page]":
    async with watched(browser, complaints, viewport={"width": 1280, "height": 800}) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def phone(browser: "Browser", complaints: list[str]) -> "AsyncIterator[Page]":
    async with watched(
        browser, complaints, viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True
    ) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def line(page: "Page") -> "Line":
    from tests.browser.line import Line  # which needs Playwright

    line = Line()
    await line.lay(page)
    return line


def settings(**more: Any) -> dict[str, Any]:
    """Settings of a server whose experts may be silent for as long as a busy machine takes."""
    patient = {"late_after_s": 600.0, "stale_after_s": 900.0, "lost_after_s": 1200.0}
    return {"port": 0, "auth_token": TOKEN, "database": ":memory:", "silences": patient, **more}


@pytest_asyncio.fixture(loop_scope="module")
async def fleet() -> AsyncIterator[Fleetwire]:
    async with Fleetwire(settings()) as fleet:
        await fleet.report(*three_experts())
        yield fleet


def holding(token: str) -> str:
    """Put a token into the tab's storage, as if it had been entered before."""
    return f"sessionStorage.getItem('fleetwire.token') ?? sessionStorage.setItem('fleetwire.token', {token!r})"


def url_of(fleet: Fleetwire, rest: str = "") -> str:
    return fleet.server.url.replace("ws://", "http://") + "/" + rest


def three_experts(profit: float = 150.75) -> list[dict[str, Any]]:
    """An account, and three experts on it, of which one has a position."""
    account = {"server": "Broker-Demo", "login": 5, "currency": "USD", "balance": 10_000.0, "equity": 10_000.0 + profit}
    names = [(1007, "EURUSD", "London Breakout"), (1008, "XAUUSD", "Grid"), (1009, "GBPUSD", "Trend Rider")]
    return [account, *(expert(magic, symbol, name, profit if magic == 1007 else 0) for magic, symbol, name in names)]


def expert(magic: int, symbol: str, name: str, profit: float) -> dict[str, Any]:
    held = {
        "ticket": magic,
        "time_msc": 1_795_440_600_000,
        "type": "buy",
        "volume": 0.1,
        "price_open": 1.085,
        "profit": profit,
        "symbol": symbol,
    }
    return {
        "expert": {"server": "Broker-Demo", "login": 5, "magic": magic, "symbol": symbol, "name": name},
        "ea_id": magic,
        "strategy_tag": name,
        "positions": [held] if profit else [],
    }
