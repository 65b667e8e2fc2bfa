"""Takes the pictures of the README, of a demo whose seed decides what is to be seen: `make screenshots`.

The dashboard has to be built. Pictures are as large as they are shown, so that they stay small.
"""

import asyncio
import base64
import os
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from fleetwire.server.api.dashboard import FOLDER
from tests.browser.chromium import CHROMIUM, Page, chromium
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
        theme: "light" or "dark".
        size: width and height, in pixels.
        seen: holds once everything is there.
    """

    name: str
    place: str
    theme: str
    size: tuple[int, int]
    seen: str

    @property
    def is_phone(self) -> bool:
        return self.size[0] < 500


_OVERVIEW: Final = "document.querySelectorAll('.overview canvas').length > 1"
_ROWS: Final = "document.querySelectorAll('[role=row]').length > 5"
SHOTS: Final = (
    Shot("overview-light", "overview", "light", (1280, 800), _OVERVIEW),
    Shot("overview-dark", "overview", "dark", (1280, 800), _OVERVIEW),
    Shot("experts", "experts?ea=1012", "light", (1280, 800), f"{_ROWS} && document.querySelector('dialog canvas')"),
    Shot("trades", "trades", "dark", (1280, 800), _ROWS),
    Shot("positions", "positions", "light", (1280, 800), _ROWS),
    Shot("commands", "commands", "light", (1280, 800), "document.querySelector('.page h2')"),
    Shot("alerts", "alerts", "dark", (1280, 800), "document.querySelector('.page h2')"),
    Shot("phone", "overview", "dark", (390, 844), _OVERVIEW),
)


async def take(page: Page, url: str, shot: Shot) -> bytes:
    """Take one picture, once what it should show is there and two frames have passed."""
    await page.theme(shot.theme)
    await page.size(*shot.size, is_phone=shot.is_phone)
    await page.open(f"{url}#/{shot.place}", holding(_TOKEN))
    await page.says("experts active")
    await page.until(shot.seen)
    await page.js(
        "new Promise((seen) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(seen)), 1500))"
    )
    return base64.b64decode((await page.ask("Page.captureScreenshot", format="png", optimizeForSpeed=False))["data"])


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
                    async with browser.page() as page:
                        picture = await take(page, url, shot)
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
