"""Everything on the port that is no WebSocket. Carried by aiohttp; what is answered is decided in `api`."""

import asyncio
import contextlib
import importlib
from typing import TYPE_CHECKING, Any, cast

from fleetwire.server.api.exchange import Headers, Request
from fleetwire.server.api.front import Front
from fleetwire.server.api.problem import Problem, ProblemKind
from fleetwire.server.door import Head, Opener, Rooms, TurnedAway
from fleetwire.server.guests import Guests
from fleetwire.server.silent import silent

if TYPE_CHECKING:
    from aiohttp import web

_REQUEST_S = 10.0  # for a request, its answer, and the reading of that
_SLICE_BYTES = 16 * 1024  # of input in one turn
_LINGER_S = 2.0  # to pass over what is left of a body that was refused, so that its sender can read why
_TIMERS_S = 366 * 86_400.0  # aiohttp's own timer for idle connections never fires: Deadlines looks after them


class Reins:
    """What aiohttp holds in place of the transport: whether more is read is not for it alone to say.

    Args:
        connection: whose transport it is.
    """

    __slots__ = (
        "abort",
        "close",
        "connection",
        "get_extra_info",
        "is_closing",
        "pause_reading",
        "resume_reading",
        "write",
        "writelines",
    )

    def __init__(self, connection: "HttpConnection") -> None:
        transport = connection.transport
        self.connection = connection
        self.write = transport.write
        self.writelines = transport.writelines
        self.is_closing = transport.is_closing
        self.get_extra_info = transport.get_extra_info
        self.close = transport.close
        self.abort = transport.abort
        self.pause_reading = connection.hold
        self.resume_reading = connection.release


class HttpConnection(asyncio.Protocol):
    """One connection that aiohttp speaks on, one request after another. Waits for aiohttp to be loaded.

    Between two requests it collects the next head itself, so that an upgrade can go to whom it belongs; a peer that
    does not wait for its answers (pipelining) is passed through, and may not upgrade.

    Args:
        rooms: of the server.
        transport: of the connection.
        address: the peer's.
        open_websocket: goes on with an upgrade.
    """

    __slots__ = (
        "_busy",
        "_deadline",
        "_drained",
        "_fed",
        "_handler",
        "_head",
        "_head_bytes",
        "_held",
        "_idle_since",
        "_inbox",
        "_inbox_at",
        "_next_slice",
        "_open_websocket",
        "_pipelined",
        "_rooms",
        "address",
        "due",
        "transport",
    )

    def __init__(self, rooms: Rooms, transport: asyncio.Transport, address: str, open_websocket: Opener) -> None:
        self._rooms = rooms
        self.transport = transport
        self.address = address
        self.due = float("inf")
        self._open_websocket = open_websocket
        self._handler: Any = None
        self._inbox = b""  # what is not looked at yet, from `_inbox_at` on
        self._inbox_at = 0
        self._next_slice: asyncio.Handle | None = None
        self._held = False  # aiohttp wants no more at the moment
        self._head = Head(rooms.house.limits.head_bytes_max)
        self._head_bytes = 0  # of the request that is under way
        self._fed = 0  # likewise, with what followed it
        self._busy = False  # a request is under way
        self._pipelined = False  # it is not known where the next head begins
        self._deadline = float("inf")
        self._idle_since = 0.0
        self._drained: asyncio.Event | None = None

    # ------------------------------------------------------------------------------------------------------- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: ARG002  (asyncio's signature)
        """Read nothing beyond the head before aiohttp is there."""
        self._rooms.guests.hand_over(self)
        self._set_deadline(_REQUEST_S)
        if self._handler is None:
            self.transport.pause_reading()

    def begin(self, handler: asyncio.Protocol) -> None:
        """Let aiohttp speak."""
        if self.transport.is_closing():
            return
        self._handler = handler
        handler.connection_made(cast(asyncio.Transport, Reins(self)))
        self._feed_slice()

    def data_received(self, data: bytes) -> None:
        """Take input in slices, the first at once: chunks of one byte must not hold the loop."""
        if self._handler is None or self._inbox:
            self._inbox += data  # only what was under way when reading was paused
        elif len(data) <= _SLICE_BYTES and not self._held:
            self._feed(data)
        else:
            self._inbox, self._inbox_at = data, 0
            self._feed_slice()

    def _feed_slice(self) -> None:
        """Feed one slice; the rest has to wait for the next turns, and the socket with it."""
        self._next_slice = None
        if self._held or self.transport.is_closing():
            return
        end = self._inbox_at + _SLICE_BYTES
        piece, self._inbox_at = self._inbox[self._inbox_at : end], end
        if end < len(self._inbox):
            self.transport.pause_reading()
            self._next_slice = asyncio.get_running_loop().call_soon(self._feed_slice)
        else:
            self._inbox, self._inbox_at = b"", 0
            self.transport.resume_reading()
        if piece:
            self._feed(piece)

    def hold(self) -> None:
        """Read no more for now."""
        self._held = True
        self.transport.pause_reading()

    def release(self) -> None:
        """Read on."""
        self._held = False
        if not self._inbox:
            self.transport.resume_reading()
        elif self._next_slice is None:
            self._next_slice = asyncio.get_running_loop().call_soon(self._feed_slice)

    def _feed(self, data: bytes) -> None:
        """Collect a head, or pass on."""
        if self._busy or self._pipelined:
            if not self._busy:
                self._begin_request()
            self._fed += len(data)
            self._handler.data_received(data)
        else:
            self._collect(data)

    def eof_received(self) -> bool | None:
        """Pass on."""
        return self._handler.eof_received() if self._handler else None

    def pause_writing(self) -> None:
        """Pass on, and answer no further request."""
        self._drained = asyncio.Event()
        if self._handler is not None:
            self._handler.pause_writing()

    def resume_writing(self) -> None:
        """Pass on."""
        if self._drained is not None:
            self._drained.set()
            self._drained = None
        if self._handler is not None:
            self._handler.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on, and stop counting the connection."""
        self._inbox = b""
        self._rooms.deadlines.forget(self)
        self._rooms.guests.leave(self)
        if self._drained is not None:
            self._drained.set()
        if self._handler is not None:
            self._handler.connection_lost(exc)

    # ------------------------------------------------------------------------------------------- one after another

    def _collect(self, data: bytes) -> None:
        """Wait for the end of a head, then let aiohttp have it, or hand it over."""
        if self.transport.is_closing():
            return
        is_first = not self._head.bytes
        status = self._head.feed(data)
        if status is not None:
            self._let_go()
            TurnedAway(self._rooms, self.transport, self.address).begin(status, "the request's head is too long")
        elif self._head.end is not None:
            head, upgrade = self._head, self._head.is_upgrade
            self._head = Head(self._rooms.house.limits.head_bytes_max)
            if upgrade:
                self._hand_over(head.bytes + self._let_go())
                return
            self._head_bytes, self._fed = head.end or 0, len(head.bytes)
            self._begin_request()
            self._handler.data_received(head.bytes)
        elif is_first:
            self._set_deadline(self._rooms.house.limits.head_deadline_s)

    def _begin_request(self) -> None:
        self._busy = True
        self._set_deadline(_REQUEST_S)

    def _hand_over(self, head: bytes) -> None:
        """Go on as a WebSocket."""
        protocol = self._open_websocket(self._rooms, self.transport, self.address)
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(head)

    def _let_go(self) -> bytes:
        """Tell aiohttp that the connection is gone, after it has lost the transport: it would close it.

        Returns:
            What was not looked at yet.
        """
        handler, self._handler = self._handler, None
        handler.transport = None
        handler.connection_lost(None)
        self._rooms.deadlines.forget(self)
        if self._next_slice is not None:
            self._next_slice.cancel()
        rest, self._inbox = self._inbox[self._inbox_at :], b""
        self.transport.resume_reading()
        return rest

    def end_if_idle(self) -> None:
        """End the connection in good order where nothing is under way."""
        if not self._busy and self._handler is not None:
            self.transport.close()

    async def ready_to_answer(self) -> None:
        """Wait until earlier answers are read: they must not pile up."""
        self._begin_request()  # a pipelined one has not been seen yet
        while self._drained is not None and not self.transport.is_closing():
            await self._drained.wait()

    def answered(self, body_bytes: int | None) -> None:
        """Note that a request is done with.

        Args:
            body_bytes: how long its body was; None where that was not said before it.
        """
        self._busy = False
        self._pipelined = self._pipelined or body_bytes is None or self._fed != self._head_bytes + body_bytes
        self._idle_since = self._rooms.clock.monotonic()
        self._set_deadline(min(_REQUEST_S, self._rooms.house.limits.http_idle_s))

    @property
    def _unread(self) -> bool:
        """Whether an answer is still on its way."""
        return not self.transport.is_closing() and self.transport.get_write_buffer_size() > 0

    def _set_deadline(self, within_s: float) -> None:
        """Say until when what is awaited must have come. A later one is looked for when the former has passed."""
        self._deadline = self._rooms.clock.monotonic() + within_s
        self._rooms.deadlines.watch(self, self._deadline)

    def check(self, now: float) -> float | None:
        """End a connection whose request, or whose reading of the answer, takes too long, or that was idle long."""
        if now < self._deadline:
            return self._deadline
        if self._busy or self._head.bytes:
            self.transport.abort()
            return None
        end = self._idle_since + (_REQUEST_S if self._unread else self._rooms.house.limits.http_idle_s)
        if now < end:  # looked at often, so that a nearer deadline is hardly ever one more to look after
            self._deadline = min(end, now + _REQUEST_S)
            return self._deadline
        if self._unread:
            self.transport.abort()
        else:
            self.transport.close()
        return None


class HttpSide:
    """The HTTP half of the port. aiohttp takes longer to import than everything else: it is loaded once we listen.

    Args:
        front: answers.
        open_websocket: goes on with an upgrade.
    """

    def __init__(self, front: Front, open_websocket: Opener) -> None:
        self._front = front
        self._open_websocket = open_websocket
        self._server: web.Server | None = None
        self._loading: asyncio.Task[None] | None = None
        self._waiting: list[HttpConnection] = []
        self._guests: Guests | None = None

    def start(self) -> None:
        """Load aiohttp, beside the running loop."""
        self._loading = asyncio.create_task(self._load())

    async def _load(self) -> None:
        web = await asyncio.get_running_loop().run_in_executor(None, importlib.import_module, "aiohttp.web")
        self._server = web.Server(
            self._answer,
            access_log=None,
            logger=silent,
            keepalive_timeout=_TIMERS_S,
            lingering_time=_LINGER_S,
            auto_decompress=False,  # a small body must not become a large one
        )
        for connection in self._waiting:
            self._begin(connection)
        self._waiting.clear()

    async def stop(self) -> None:
        """Close what is still open."""
        if self._loading is not None:
            await self._loading
        for guest in self._guests.all() if self._guests is not None else []:
            if isinstance(guest, HttpConnection):
                guest.end_if_idle()
        if self._server is not None:
            await self._server.shutdown(1.0)
            self._server = None

    def open(self, rooms: Rooms, transport: asyncio.Transport, address: str) -> HttpConnection:
        """Go on with a connection whose head is no upgrade."""
        self._guests = rooms.guests
        connection = HttpConnection(rooms, transport, address, self._open_websocket)
        if self._server is None:
            self._waiting.append(connection)
        else:
            self._begin(connection)
        return connection

    def _begin(self, connection: HttpConnection) -> None:
        assert self._server is not None  # noqa: S101  (told to the type checker: both callers have looked)
        connection.begin(cast(asyncio.Protocol, self._server()))

    async def _answer(self, request: "web.BaseRequest") -> "web.StreamResponse":
        """Answer one request."""
        from aiohttp import web

        reins = cast(Reins | None, request.transport)
        if reins is None:  # gone, while the request waited for those before it
            return web.Response()
        connection = reins.connection
        await connection.ready_to_answer()
        answer = await self._front.answer(_request(request))
        response = web.Response(status=answer.status, body=answer.body or None, headers=answer.headers)
        if answer.body or answer.status not in (204, 304):
            response.headers["Content-Type"] = answer.media
        if answer.closes or not request.content.at_eof():
            response.force_close()
        with contextlib.suppress(ConnectionError):  # whoever asked has gone; aiohttp finds that out again
            await response.prepare(request)
            await response.write_eof()
            if response.keep_alive:
                connection.answered(_body_bytes(request))
        return response


def _request(request: "web.BaseRequest") -> Request:
    target = request.raw_path
    if not target.startswith("/"):  # the absolute form (RFC 9112 section 3.2.2), or "*"
        target = "/" + target.partition("://")[2].partition("/")[2] if "://" in target else target
    path, _, query = target.partition("?")
    local = request.transport.get_extra_info("sockname") if request.transport else ("",)

    async def read(bytes_max: int) -> bytes | None:
        return await _body(request, bytes_max)

    return Request(
        method=request.method,
        path=path,
        query=query,
        headers=cast(Headers, request.headers),
        reached_at=str(local[0]),
        address=request.remote or "",
        has_body=request.body_exists and bool(request.content_length or request.content_length is None),
        read=read,
    )


async def _body(request: "web.BaseRequest", bytes_max: int) -> bytes | None:
    """Read a body; None once it is clear that it is longer than `bytes_max`.

    Raises:
        Problem: it is broken, or ends early.
    """
    from aiohttp.web import RequestPayloadError

    if request.content_length is not None and request.content_length > bytes_max:
        return None
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    pieces: list[bytes] = []
    length = 0
    while True:
        try:
            piece = await request.content.readany()
        except (ConnectionError, RequestPayloadError):
            text = "the body is not of its declared length, or not made of chunks: send it as it is declared"
            raise Problem(ProblemKind.bad_request, text) from None
        if not piece:
            return b"".join(pieces)
        length += len(piece)
        if length > bytes_max:
            return None
        pieces.append(piece)


def _body_bytes(request: "web.BaseRequest") -> int | None:
    return None if "Transfer-Encoding" in request.headers else request.content_length or 0
