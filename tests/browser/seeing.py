"""What the tests of the dashboard share beside Playwright's own words: opening it, and reading what it says."""

import json
import re
from typing import Any

from playwright.async_api import Page, expect

from fleetwire.integration import Fleetwire
from tests.browser.conftest import TOKEN, holding, url_of
from tests.server.api.caller import Caller

ANSWER = "header h1"
NOTICES = "[role=status][aria-label=Notices]"
OLD = re.compile(r"\bold\b")
_ALL_WELL = re.compile(r"^All 3 experts reporting")


async def visit(page: Page, fleet: Fleetwire, rest: str = "", token: str = TOKEN) -> None:
    """Open the dashboard with a token, at what stands behind its address."""
    await page.add_init_script(holding(token))
    await page.goto(url_of(fleet, rest))


async def asked(fleet: Fleetwire, request: str, body: str | None = None) -> Any:
    """Ask the API for something, and give what it answers."""
    caller = await Caller.connect(fleet.server)
    reply = await caller.call(request, body=body, token=TOKEN)
    await caller.end()
    assert reply.status == 200, reply
    return reply.json


async def made_token(fleet: Fleetwire, role: str, **more: Any) -> Any:
    return await asked(fleet, "POST /api/v1/tokens", json.dumps({"role": role, "name": "made for a test", **more}))


async def says(page: Page, text: str | re.Pattern[str]) -> None:
    """Wait until it can be read anywhere on the page."""
    await expect(page.locator("body")).to_contain_text(text, use_inner_text=True)


async def all_well(page: Page) -> None:
    await expect(page.locator(ANSWER)).to_have_text(_ALL_WELL)


async def looks_old(page: Page) -> None:
    await expect(page.locator(".shell")).to_have_class(OLD)


async def looks_live(page: Page) -> None:
    await expect(page.locator(".shell")).not_to_have_class(OLD)
    await all_well(page)
