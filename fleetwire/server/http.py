"""Everything on the port that is no WebSocket: health, metrics, and the plain page. Carried by aiohttp."""

import asyncio
import importlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from fleetwire.server.door import Rooms
from fleetwire.server.metrics import CONTENT_TYPE
from fleetwire.server.silent import silent
from fleetwire.version import __version__

if TYPE_CHECKING:
    from aiohttp import web

logger = logging.getLogger("fleetwire.server")

_PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>fleetwire</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif }}
body {{ max-width: 40rem; margin: 12vh auto; padding: 0 1.5rem }}
h1 {{ font-size: 1.4rem; font-weight: 600 }} small {{ opacity: .6; font-weight: 400 }}
pre {{ padding: .8rem 1rem; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: .4rem;
       overflow-x: auto }}
</style>
<h1>fleetwire <small>{__version__}</small></h1>
<p>This server is running. It speaks WebSocket on this address: authenticate, subscribe, listen.</p>
<pre>fleetwire tail ea_updates alerts</pre>
<p>Its health is at <a href="healthz">/healthz</a>.</p>
</html>
"""
_REQUEST_S = 10.0  # for a request's body and its answer: every answer is at hand, and ends the connection
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Server": "fleetwire",
}


class HttpConnection(asyncio.Protocol):
    """One connection that aiohttp speaks on. Waits for aiohttp to be loaded; tells the server when it is gone.

    Args:
        rooms: of the server.
        transport: of the connection.
        address: the peer's.
    """

    __slots__ = ("_handler", "_received", "_rooms", "address", "due", "transport")

    def __init__(self, rooms: Rooms, transport: asyncio.Transport, address: str) -> None:
        self._rooms = rooms
        self.transport = transport
        self.address = address
        self.due = float("inf")
        self._received = b""
        self._handler: asyncio.Protocol | None = None

    def begin(self, handler: asyncio.Protocol) -> None:
        """Let aiohttp speak."""
        if self.transport.is_closing():
            return
        self._handler = handler
        handler.connection_made(self.transport)
        if self._received:
            handler.data_received(self._received)
            self._received = b""
        self.transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: ARG002  (asyncio's signature)
        """Read nothing beyond the head before aiohttp is there."""
        self._rooms.guests.hand_over(self)
        self._rooms.deadlines.watch(self, self._rooms.clock.monotonic() + _REQUEST_S)
        if self._handler is None:
            self.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        """Pass on."""
        if self._handler is None:
            self._received += data
        else:
            self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on."""
        return self._handler.eof_received() if self._handler else None

    def pause_writing(self) -> None:
        """Pass on."""
        if self._handler is not None:
            self._handler.pause_writing()

    def resume_writing(self) -> None:
        """Pass on."""
        if self._handler is not None:
            self._handler.resume_writing()

    def check(self, now: float) -> float | None:  # noqa: ARG002  (everybody who waits is told the time)
        """End a connection whose request, or whose reading of the answer, takes too long."""
        self.transport.abort()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on, and stop counting the connection."""
        self._rooms.deadlines.forget(self)
        self._rooms.guests.leave(self)
        if self._handler is not None:
            self._handler.connection_lost(exc)


class HttpSide:
    """The HTTP half of the port. aiohttp takes longer to import than everything else: it is loaded once we listen.

    Args:
        metrics: writes what is counted.
    """

    def __init__(self, metrics: Callable[[], str]) -> None:
        self._metrics = metrics
        self._server: web.Server | None = None
        self._loading: asyncio.Task[None] | None = None
        self._waiting: list[HttpConnection] = []

    def start(self) -> None:
        """Load aiohttp, beside the running loop."""
        self._loading = asyncio.create_task(self._load())

    async def _load(self) -> None:
        web = await asyncio.get_running_loop().run_in_executor(None, importlib.import_module, "aiohttp.web")
        self._server = web.Server(self._answer, access_log=None, logger=silent)
        for connection in self._waiting:
            connection.begin(cast(asyncio.Protocol, self._server()))
        self._waiting.clear()

    async def stop(self) -> None:
        """Close what is still open."""
        if self._loading is not None:
            await self._loading
        if self._server is not None:
            await self._server.shutdown(1.0)
            self._server = None

    def open(self, rooms: Rooms, transport: asyncio.Transport, address: str) -> HttpConnection:
        """Go on with a connection whose head is no upgrade."""
        self._doorkeeper = rooms.doorkeeper
        connection = HttpConnection(rooms, transport, address)
        if self._server is None:
            self._waiting.append(connection)
        else:
            connection.begin(cast(asyncio.Protocol, self._server()))
        return connection

    async def _answer(self, request: "web.BaseRequest") -> "web.StreamResponse":
        """Answer one request; the connection ends with it."""
        from aiohttp import web

        try:
            response = self._respond(request)
        except Exception:  # a defect of ours; aiohttp, which logs what peers send, is silenced
            logger.exception("a request could not be answered")
            response = web.Response(status=500, text="the server failed; the failure is in its log\n")
        response.headers.update(_HEADERS)
        response.force_close()
        return response

    def _respond(self, request: "web.BaseRequest") -> "web.Response":
        from aiohttp import web

        local = request.transport.get_extra_info("sockname") if request.transport else ("",)
        hosts = request.headers.getall("Host", [])
        refusal = (
            self._doorkeeper.refusal(hosts[0], request.headers.get("Origin"), str(local[0]))
            if len(hosts) == 1
            else "a request has exactly one Host"
        )
        if refusal:
            return web.Response(status=403 if hosts else 400, text=refusal + "\n")
        if request.path not in ("/", "/healthz", "/metrics"):
            return web.Response(status=404, text="there is nothing here: try /, /healthz or /metrics\n")
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, text="only GET\n", headers={"Allow": "GET, HEAD"})
        if request.path == "/":
            return web.Response(text=_PAGE, content_type="text/html")
        if request.path == "/metrics":
            return web.Response(body=self._metrics().encode(), headers={"Content-Type": CONTENT_TYPE})
        return web.json_response({"status": "ok", "version": __version__})
