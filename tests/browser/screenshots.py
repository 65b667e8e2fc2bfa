"""Takes the pictures of the README, of a demo whose seed decides what is to be seen: `make screenshots`.

The dashboard has to be built. Pictures are as large as they are shown, so that they stay small.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Final, Literal, NamedTuple

from playwright.async_api import Page, ViewportSize, expect

from fleetwire.server.api.dashboard import FOLDER
from tests.browser.chromium import CHROMIUM, chromium
from tests.browser.conftest import holding

HOUSE: Final = Path(__file__).parents[2]
IMAGES: Final = HOUSE / "docs" / "images"
BYTES_MAX: Final = 250_000
_TOKEN: Final = "a-token-of-the-pictures-that-nobody-else-has"
_LIVED_S: Final = 60  # the curves want something to show


class Shot(NamedTuple):
    """One picture.

    Args:
        name: of its file.
        place: what stands behind "#/".
        theme: of the page.
        size: in pixels.
        seen: what is there once everything is.
    """

    name: str
    place: str
    theme: Literal["light", "dark"]
    size: ViewportSize
    seen: str

    @property
    def is_phone(self) -> bool:
        return self.size["width"] < 500


_SCREEN: Final[ViewportSize] = {"width": 1280, "height": 800}
_PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
_OVERVIEW: Final = ".overview canvas >> nth=1"
_ROWS: Final = "[role=row] >> nth=5"
_HEADING: Final = ".page h2 >> nth=0"
SHOTS: Final = (
    Shot("overview-light", "overview", "light", _SCREEN, _OVERVIEW),
    Shot("overview-dark", "overview", "dark", _SCREEN, _OVERVIEW),
    Shot("experts", "experts?ea=1012", "light", _SCREEN, "dialog canvas >> nth=0"),
    Shot("trades", "trades", "dark", _SCREEN, _ROWS),
    Shot("positions", "positions", "light", _SCREEN, _ROWS),
    Shot("commands", "commands", "light", _SCREEN, _HEADING),
    Shot("alerts", "alerts", "dark", _SCREEN, _HEADING),
    Shot("phone", "overview", "dark", _PHONE, _OVERVIEW),
)


async def take(page: Page, url: str, shot: Shot) -> bytes:
    """Take one picture, once what it should show is there and two frames have passed."""
    await page.add_init_script(holding(_TOKEN))
    await page.goto(f"{url}#/{shot.place}")
    await expect(page.locator(".shell > header")).to_contain_text("experts active")
    await page.locator(shot.seen).wait_for()
    await page.evaluate(
        "new Promise((seen) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(seen)), 1500))"
    )
    return await page.screenshot()


async def _main() -> int:
    command = (sys.executable, "-m", "fleetwire", "demo", "--port", "0", "--seed", "7", "--speed", "3")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        environment = os.environ | {"WEBSOCKET_AUTH_TOKEN": _TOKEN, "XDG_CONFIG_HOME": folder, "PYTHONUNBUFFERED": "1"}
        demo = await asyncio.create_subprocess_exec(
            *command, cwd=HOUSE, env=environment, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert demo.stdout is not None
            said = (await demo.stdout.readline()).decode()
            url = next(word for word in said.split() if word.startswith("http://")).rstrip("/") + "/"
            await asyncio.sleep(_LIVED_S)
            IMAGES.mkdir(parents=True, exist_ok=True)
            async with chromium() as browser:
                for shot in SHOTS:
                    page = await browser.new_page(
                        viewport=shot.size, color_scheme=shot.theme, is_mobile=shot.is_phone, has_touch=shot.is_phone
                    )
                    picture = await take(page, url, shot)
                    await page.close()
                    (IMAGES / f"{shot.name}.png").write_bytes(picture)
                    print(f"docs/images/{shot.name}.png  {len(picture) / 1000:.0f} KB")
                    if len(picture) > BYTES_MAX:
                        print(f"error: larger than {BYTES_MAX / 1000:.0f} KB", file=sys.stderr)
                        return 1
        finally:
            demo.terminate()
            await demo.wait()
    return 0


if __name__ == "__main__":
    if CHROMIUM is None or not (FOLDER / "index.html").exists():
        sys.exit("error: needs Chromium, and the dashboard as it was built")
    sys.exit(asyncio.run(_main()))
