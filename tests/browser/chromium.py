"""Drives Chromium by its own protocol (CDP): as little of it as the tests of the dashboard need."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WITHIN_S = 20  # the machine may be busy; nothing here waits for time to pass
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)
# Holds when an expression does, looked at with each frame; what it found last is told where it never does.
_UNTIL = """new Promise((found) => {
  const end = performance.now() + %d;
  const look = () => {
    let value;
    try { value = (%s); } catch (error) { value = undefined; }
    if (value) found([true, value]);
    else if (performance.now() > end) found([false, document.body.innerText.slice(0, 1500)]);
    else setTimeout(look, 30);
  };
  look();
})"""


class Browser:
    """One process of Chromium, and the connection by which it is told what to do."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._count = 0
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self.pages: dict[str, Page] = {}
        self._reading = asyncio.create_task(self._read())

    async def ask(self, method: str, session: str | None = None, **params: Any) -> Any:
        """Say one thing, and wait for its answer."""
        self._count += 1
        answer = self._asked[self._count] = asyncio.get_running_loop().create_future()
        message = {"id": self._count, "method": method, "params": params} | ({"sessionId": session} if session else {})
        await self._connection.send(json.dumps(message))
        return await asyncio.wait_for(answer, WITHIN_S * 2)

    async def _read(self) -> None:
        async for text in self._connection:
            message = json.loads(text)
            if "id" in message:
                answer = self._asked.pop(message["id"])
                if "error" in message:
                    answer.set_exception(RuntimeError(message["error"]["message"]))
                else:
                    answer.set_result(message["result"])
            elif message.get("sessionId") in self.pages:
                self.pages[message["sessionId"]].hear(message["method"], message["params"])

    @asynccontextmanager
    async def page(self) -> "AsyncIterator[Page]":
        """Open a page that shares nothing with others."""
        context = (await self.ask("Target.createBrowserContext"))["browserContextId"]
        target = (await self.ask("Target.createTarget", url="about:blank", browserContextId=context))["targetId"]
        session = (await self.ask("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = self.pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log"):
            await page.ask(f"{domain}.enable")
        await page.size(1280, 800)
        try:
            yield page
        finally:
            del self.pages[session]
            await self.ask("Target.disposeBrowserContext", browserContextId=context)

    async def end(self) -> None:
        await self._connection.close()
        await self._reading


class Page:
    """One page. `complaints` are the errors of its console, what its policy has refused included."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self.complaints: list[str] = []

    async def ask(self, method: str, **params: Any) -> Any:
        return await self._browser.ask(method, self._session, **params)

    def hear(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"].get("exception", {}).get("description", params)))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(str([one.get("value", one.get("description")) for one in params["args"]]))

    async def size(self, width: int, height: int, *, is_phone: bool = False) -> None:
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=is_phone
        )
        await self.ask("Emulation.setTouchEmulationEnabled", enabled=is_phone)

    async def theme(self, scheme: str) -> None:
        await self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    async def open(self, url: str, before: str = "") -> None:
        """Go to a page, and wait until it is loaded.

        Args:
            url: of the page.
            before: a script that runs in it before its own.
        """
        if before:
            await self.ask("Page.addScriptToEvaluateOnNewDocument", source=before)
        await self.ask("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def js(self, expression: str) -> Any:
        """Evaluate; promises are waited for."""
        got = await self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in got:
            raise AssertionError(got["exceptionDetails"]["exception"].get("description"))
        return got["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Wait until it holds, and give what it was."""
        is_found, value = await self.js(_UNTIL % (WITHIN_S * 1000, expression))
        assert is_found, f"never: {expression}\nthe page says: {value}"
        return value

    async def becomes(self, expression: str, expected: object) -> None:
        """Wait until an expression has a value."""
        await self.until(f"JSON.stringify({expression}) === {json.dumps(json.dumps(expected, separators=(',', ':')))}")

    async def text(self, selector: str) -> str:
        """What can be read there, once it is there."""
        await self.until(f"document.querySelector({selector!r})")
        return str(await self.js(f"document.querySelector({selector!r}).innerText"))

    async def says(self, text: str) -> None:
        """Wait until it can be read anywhere."""
        await self.until(f"document.body.innerText.includes({text!r})")

    async def press(self, selector: str, *, hold_until: str | None = None) -> None:
        """Press the middle of an element with the mouse; until something holds, where that is said."""
        await self.until(f"document.querySelector({selector!r})")
        where = f"document.querySelector({selector!r})"
        await self.js(f"{where}.scrollIntoView({{block: 'center'}})")
        box = await self.js(
            f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])({where}.getBoundingClientRect())"
        )
        mouse = {"x": box[0], "y": box[1], "button": "left", "clickCount": 1}
        await self.ask("Input.dispatchMouseEvent", type="mousePressed", **mouse)
        if hold_until is not None:
            await self.until(hold_until)
        await self.ask("Input.dispatchMouseEvent", type="mouseReleased", **mouse)

    async def type(self, selector: str, text: str) -> None:
        """Type into a field."""
        await self.until(f"document.querySelector({selector!r})")
        await self.js(f"document.querySelector({selector!r}).focus()")
        await self.ask("Input.insertText", text=text)

    async def key(self, name: str, code: int) -> None:
        """Press one key, like "Enter", 13."""
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if name == "Enter" and kind == "keyDown" else {}
            await self.ask("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code, **text)


@asynccontextmanager
async def chromium(*flags: str) -> AsyncIterator[Browser]:
    """Start one, with a profile of its own.

    Args:
        flags: besides those that keep it quiet.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with _started(folder, flags) as browser:
            yield browser


@asynccontextmanager
async def _started(folder: str, flags: tuple[str, ...]) -> AsyncIterator[Browser]:
    process = await asyncio.create_subprocess_exec(
        str(CHROMIUM),
        *_FLAGS,
        *flags,
        f"--user-data-dir={folder}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        address = ""
        async with asyncio.timeout(WITHIN_S * 2):
            while "ws://" not in address:  # "DevTools listening on ws://127.0.0.1:.../devtools/browser/..."
                line = (await process.stderr.readline()).decode()
                assert line, "Chromium ended at once"
                address = line.strip()
        drained = asyncio.create_task(process.stderr.read())
        async with connect(address[address.index("ws://") :], max_size=None, compression=None) as connection:
            browser = Browser(connection)
            yield browser
            await browser.end()
        drained.cancel()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
