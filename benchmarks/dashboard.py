"""How quick the dashboard is: in Chromium, against the real server, which tells what a large fleet would.

    python -m benchmarks.dashboard [--seconds 5]

Prints a table of figures, what they should be, and whether they are. Needs Chromium, and the dashboard as it was built.
Times of the main thread are CPU time, so that other work on the machine does not count; frames are what a person sees.
"""

import argparse
import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from playwright.async_api import Browser, CDPSession, Page, ViewportSize, expect

from benchmarks.stage import TOKEN
from benchmarks.table import markdown, taken
from fleetwire.server.api.dashboard import FOLDER
from tests.browser.chromium import CHROMIUM, chromium
from tests.browser.conftest import holding

_MANY = 500
_VERY_MANY = 2_000
_WARM_UP_S = 2.0
_PAINTS = 5
_FRAMES_MIN = 50.0
_SIZE: ViewportSize = {"width": 1280, "height": 800}
# Counts, from the page's first script on: frames, and the rows that it was told.
_COUNTERS = """(() => {
  const counts = { frames: 0, rows: 0, bytes: 0 };
  window.__counts = counts;
  const frame = () => {
    counts.frames += 1;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  const Original = window.WebSocket;
  window.WebSocket = class extends Original {
    constructor(...all) {
      super(...all);
      this.addEventListener("message", (event) => {
        counts.rows += event.data.split('"ea_update"').length - 1;
        counts.bytes += event.data.length;
      });
    }
  };
})()"""
_SEEN = """new Promise((seen) => {
  const look = () => {
    const text = document.querySelector("header")?.innerText ?? "";
    if (/reporting/.test(text) && document.querySelector(".overview .figure")) seen(performance.now());
    else requestAnimationFrame(look);
  };
  look();
})"""
_SCROLL = """(() => {
  const table = document.querySelector("[role=grid]");
  const scroll = () => { table.scrollTop = (table.scrollTop + 24) % (table.scrollHeight - table.clientHeight); requestAnimationFrame(scroll); };
  scroll();
})()"""  # noqa: E501 (one line of the page's own)


class Stretch(NamedTuple):
    """What happened in a stretch of time.

    Args:
        share: of a core, that the page's main thread took.
        frames: a second.
        layouts: for each frame.
        rows: that were told, a second: a busy machine conflates.
        megabytes: that these carried, a second.
    """

    share: float
    frames: float
    layouts: float
    rows: float
    megabytes: float

    @property
    def frame_ms(self) -> float:
        """CPU time of the main thread for each frame: above 16.7 no machine like this one can show sixty."""
        return 1000 * self.share / max(1.0, self.frames)


class Row(NamedTuple):
    """A line of the table."""

    what: str
    figure: str
    aim: str
    reached: bool | None


class Stage:
    """The server, in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{port}/"

    async def load(self, experts: int, hertz: float) -> None:
        """Let so many experts change so many times a second, each."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{experts} {hertz}\n".encode())
        await self._process.stdin.drain()


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    """Start a server."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.stage", stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield Stage(process, int(await process.stdout.readline()))
    finally:
        process.stdin.close()
        await process.wait()


class Shown(NamedTuple):
    """A part of the dashboard that is open, and the protocol of its browser, which tells what it costs."""

    page: Page
    protocol: CDPSession

    async def metrics(self) -> dict[str, float]:
        """What Chromium counts: seconds of CPU time, and numbers of layouts."""
        found = await self.protocol.send("Performance.getMetrics")
        return {one["name"]: one["value"] for one in found["metrics"]}

    async def counts(self) -> dict[str, float]:
        """What the page counts, and when, in ms."""
        return await self.page.evaluate("({...window.__counts, at: performance.now()})")


async def _stretch(shown: Shown, seconds: float) -> Stretch:
    """See what a page does for some seconds."""
    before, counted = await shown.metrics(), await shown.counts()
    await asyncio.sleep(seconds)
    after, counts = await shown.metrics(), await shown.counts()
    passed = (counts["at"] - counted["at"]) / 1000
    frames = counts["frames"] - counted["frames"]
    return Stretch(
        share=(after["TaskDuration"] - before["TaskDuration"]) / passed,
        frames=frames / passed,
        layouts=(after["LayoutCount"] - before["LayoutCount"]) / max(1, frames),
        rows=(counts["rows"] - counted["rows"]) / passed,
        megabytes=(counts["bytes"] - counted["bytes"]) / passed / 1e6,
    )


@asynccontextmanager
async def _shown(browser: Browser, stage: Stage, place: str, experts: int) -> AsyncIterator[Shown]:
    """Open a part of the dashboard, and wait until all experts are there."""
    page = await browser.new_page(viewport=_SIZE)
    protocol = await page.context.new_cdp_session(page)
    await protocol.send("Performance.enable", {"timeDomain": "threadTicks"})
    await page.add_init_script(_COUNTERS)
    await page.add_init_script(holding(TOKEN))
    await page.goto(f"{stage.url}#/{place}")
    all_of_them = f"{experts:,}".replace(",", r"\s")
    await expect(page.locator(".shell > header")).to_contain_text(
        re.compile(rf"\b{all_of_them} of {all_of_them} experts")
    )
    await asyncio.sleep(_WARM_UP_S)
    yield Shown(page, protocol)
    await page.close()


async def _rates(browser: Browser, stage: Stage, seconds: float) -> list[Row]:
    """However fast the fleet changes, the page is drawn once a frame."""
    rows = []
    for hertz in (1, 10, 20):
        await stage.load(_MANY, hertz)
        async with _shown(browser, stage, "experts", _MANY) as shown:
            seen = await _stretch(shown, seconds)
        what = f"{_MANY} experts at {hertz} Hz: layouts a frame, of {seen.frames:.0f} frames a second"
        what += f" ({seen.rows:,.0f} rows a second told, {seen.megabytes:.1f} MB)"
        rows.append(Row(what, f"{seen.layouts:.2f}", "<= 1", seen.layouts <= 1.0))
    return rows


async def _shares(browser: Browser, stage: Stage, seconds: float) -> list[Row]:
    await stage.load(_MANY, 10)
    rows = []
    for place in ("overview", "experts"):
        async with _shown(browser, stage, place, _MANY) as shown:
            seen = await _stretch(shown, seconds)
        what = f"{_MANY} experts at 10 Hz, {place}: share of the main thread"
        what += (
            f" ({seen.rows:,.0f} rows a second told; {seen.frames:.0f} frames a second, {seen.frame_ms:.1f} ms each)"
        )
        rows.append(Row(what, f"{100 * seen.share:.0f} %", "< 50 %", seen.share < 0.5))
    return rows


async def _table(browser: Browser, stage: Stage, seconds: float) -> list[Row]:
    """Scroll through a long table while all of it changes."""
    await stage.load(_VERY_MANY, 1)
    async with _shown(browser, stage, "experts?sort=open", _VERY_MANY) as shown:
        still = await _stretch(shown, seconds)
        await shown.page.evaluate(_SCROLL)
        moved = await _stretch(shown, seconds)
    return [
        Row(
            f"{_VERY_MANY:,} rows that all change each second, sorted by one that does: frames a second"
            f" ({still.rows:,.0f} rows a second told; main thread {still.frame_ms:.1f} ms a frame)",
            f"{still.frames:.0f}",
            f">= {_FRAMES_MIN:.0f}",
            still.frames >= _FRAMES_MIN,
        ),
        Row(
            f"... while it is scrolled ({moved.rows:,.0f} rows/s told; main thread {moved.frame_ms:.1f} ms a frame)",
            f"{moved.frames:.0f}",
            f">= {_FRAMES_MIN:.0f}",
            moved.frames >= _FRAMES_MIN,
        ),
    ]


async def _first(browser: Browser, stage: Stage) -> list[Row]:
    """Open it as if for the first time: nothing is cached."""
    await stage.load(40, 1)
    paints, kilobytes = [], 0.0
    for _ in range(_PAINTS):
        page = await browser.new_page(viewport=_SIZE)
        await page.add_init_script(holding(TOKEN))
        await page.goto(stage.url)
        paints.append(float(await page.evaluate(_SEEN)) / 1000)
        kilobytes = await page.evaluate(
            "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('.js'))"
            ".reduce((sum, one) => sum + one.encodedBodySize, 0) / 1000"
        )
        await page.close()
    paints.sort()
    return [
        Row(
            f"first useful paint from this machine: health and figures of 40 experts, median of {_PAINTS}"
            f" ({paints[0]:.2f}-{paints[-1]:.2f} s)",
            f"{paints[_PAINTS // 2]:.2f} s",
            "< 1 s",
            paints[_PAINTS // 2] < 1.0,
        ),
        Row("JavaScript of the first page, as it is sent (gzip)", f"{kilobytes:.1f} KB", "< 120 KB", kilobytes < 120),
    ]


async def _measured(seconds: float) -> list[Row]:
    async with staged() as stage, chromium() as browser:
        rows = await _first(browser, stage)
        rows += await _rates(browser, stage, seconds)
        rows += await _shares(browser, stage, seconds)
        rows += await _table(browser, stage, seconds)
    return rows


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each stretch (5)")
    seconds = parser.parse_args().seconds
    if CHROMIUM is None or not (FOLDER / "index.html").exists():
        print("error: needs Chromium, and the dashboard as it was built: npm run build -w dashboard", file=sys.stderr)
        return 1
    load = os.getloadavg()[0]
    rows = asyncio.run(_measured(seconds))
    print(
        markdown(
            ("what", "figure", "to reach", ""), ([*row[:3], "reached" if row.reached else "short"] for row in rows)
        )
    )
    print(f"\n{taken(('websockets', 'msgspec'), 0, load)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
