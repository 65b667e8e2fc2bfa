"""A browser, a fleet, and the dashboard between them; where one is missing, the tests are skipped with a word."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from fleetwire.integration import Fleetwire
from tests.browser.chromium import Browser, Page, chromium

TOKEN = "a-token-of-an-admin"
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    async with browser.page() as page:
        yield page


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
