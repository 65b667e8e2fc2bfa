"""Finds the Chromium of this machine, and starts it for Playwright, which brings none of its own here."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WITHIN_S = 20  # the machine may be busy; nothing here waits for time to pass
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@asynccontextmanager
async def chromium(*flags: str) -> "AsyncIterator[Browser]":
    """Start it, headless, with a profile of its own.

    Args:
        flags: besides those that keep it quiet.
    """
    from playwright.async_api import async_playwright, expect  # here: whoever asks for CHROMIUM alone does without

    expect.set_options(timeout=WITHIN_S * 1000)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*_FLAGS, *flags])
        try:
            yield browser
        finally:
            await browser.close()
