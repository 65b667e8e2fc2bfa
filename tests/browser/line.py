"""The page's WebSocket on its way to the real server: it can be cut, go deaf, and say what no server would."""

import json
from typing import Any

from playwright.async_api import Page, WebSocketRoute


class Line:
    """Stands between the page and the server, and passes everything on until it is told otherwise.

    `sockets` is how many the page has opened.
    """

    def __init__(self) -> None:
        self.sockets = 0
        self.is_deaf = False
        """Whatever either side says is lost, and neither is told."""
        self.is_cut = False
        """New sockets are closed at once."""
        self.first: str | None = None
        """What new connections begin with, and end with, instead of the server."""
        self._page: WebSocketRoute | None = None

    async def lay(self, page: Page) -> None:
        await page.route_web_socket("**/*", self._opened)

    def say(self, *messages: Any) -> None:
        """Tell the page something, as a frame of the protocol's version 2."""
        self.say_raw(json.dumps(messages))

    def say_raw(self, text: str) -> None:
        assert self._page is not None
        self._page.send(text)

    async def drop(self) -> None:
        """Break it off; whoever comes back is let in."""
        assert self._page is not None
        await self._page.close(code=1011)

    async def cut(self) -> None:
        """Break it off, and let nobody come back."""
        self.is_cut = True
        await self.drop()

    async def _opened(self, page: WebSocketRoute) -> None:
        self.sockets += 1
        if self.is_cut:
            await page.close(code=1011)
            return
        self._page = page
        if self.first is not None:
            page.send(self.first)
            return
        server = page.connect_to_server()
        page.on_message(lambda text: None if self.is_deaf else server.send(text))
        server.on_message(lambda text: None if self.is_deaf else page.send(text))
