"""A real Chromium, driven over its own protocol (CDP): what a page shows, and nothing about how."""

import asyncio
import json
import shutil
import tempfile
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Chromium:
    """One tab.

    Args:
        flags: besides those that keep it quiet.
    """

    def __init__(self, *flags: str) -> None:
        self._flags = flags
        self._last_id = 0
        self._events: set[str] = set()  # that happened since the last page was opened

    async def __aenter__(self) -> Self:
        """Start the browser, with a profile of its own."""
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._process = await asyncio.create_subprocess_exec(
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={self._folder.name}",
            "--remote-debugging-port=0",
            *self._flags,
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            self._socket = await self._attach()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the browser."""
        await self._socket.close()
        await self._end()

    async def open(self, url: str, before: str = "") -> None:
        """Go to a page, and wait until it is loaded.

        Args:
            url: of the page.
            before: a script that runs in it before its own.
        """
        await self._ask("Page.enable")  # or else no script is run before, and no load is told
        if before:
            await self._ask("Page.addScriptToEvaluateOnNewDocument", source=before)
        self._events.clear()
        await self._ask("Page.navigate", url=url)
        async with asyncio.timeout(20):
            while "Page.loadEventFired" not in self._events:
                self._events.add(json.loads(await self._socket.recv()).get("method"))

    async def value(self, expression: str) -> Any:
        """Evaluate an expression in the page."""
        answer = await self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def becomes(self, expression: str, expected: object, within_s: float = 20.0) -> None:
        """Wait until an expression has a value."""
        found = None
        try:
            async with asyncio.timeout(within_s):
                while (found := await self.value(expression)) != expected:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{expression} is {found!r}, not {expected!r}") from None

    async def _attach(self) -> ClientConnection:
        """Find the tab: the browser says where it listens, and the file of its port is there by then."""
        assert self._process.stderr is not None
        async with asyncio.timeout(30):
            while b"DevTools listening on" not in (line := await self._process.stderr.readline()):
                assert line, "the browser ended"
            browser = line.decode().split()[-1]
            async with connect(browser, max_size=None) as socket:
                await socket.send(json.dumps({"id": 0, "method": "Target.getTargets"}))
                targets = json.loads(await socket.recv())["result"]["targetInfos"]
        tab = next(target["targetId"] for target in targets if target["type"] == "page")
        return await connect(f"{browser.partition('/devtools')[0]}/devtools/page/{tab}", max_size=None)

    async def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._last_id += 1
        await self._socket.send(json.dumps({"id": self._last_id, "method": method, "params": params}))
        while True:
            answer = json.loads(await self._socket.recv())
            if answer.get("id") == self._last_id:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self._events.add(answer.get("method"))

    async def _end(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.communicate()
        self._folder.cleanup()
