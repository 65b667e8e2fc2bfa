"""One connection to a server: opened, welcomed, kept alive, watched, closed."""

import asyncio
import logging
import math
import socket
import ssl as tls
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from fleetwire.client.address import is_loopback
from fleetwire.client.dialect import DIALECTS, VERSION_1

MESSAGE_BYTES_MAX = 16 * 1024 * 1024
CLOSE_TIMEOUT_S = 5.0
HEARTBEAT_INTERVAL_S = 30.0
HEARTBEAT_TIMEOUT_S = 60.0

_silent = logging.Logger("fleetwire.client.websocket")  # belongs to no tree: frames, with tokens, would be in its text
_silent.disabled = True

Sleep = Callable[[float], Awaitable[object]]


class Settings(NamedTuple):
    """How connections are made. Times in seconds.

    Args:
        url: ws:// or wss://.
        ssl: the TLS context; None for the system's own certificates.
        subprotocols: the forms of version 2 to ask for, the best first; version 1 is spoken where there is none.
        compression: ask for compressed frames.
        open_timeout_s: until the server's welcome.
        heartbeat_interval: between heartbeats; None for the server's.
        heartbeat_timeout: of silence, until a server is taken for dead; None for the server's.
        clock: gives monotonic seconds.
        sleep: waits for some seconds.
    """

    url: str
    ssl: tls.SSLContext | None
    subprotocols: tuple[str, ...]
    compression: bool
    open_timeout_s: float
    heartbeat_interval: float | None
    heartbeat_timeout: float | None
    clock: Callable[[], float]
    sleep: Sleep


class LinkError(Exception):
    """A connection was not opened, or is lost.

    Args:
        text: what happened, in one line.
        code: the server's close code, where it gave one.
        reason: its text.
    """

    def __init__(self, text: str, code: int | None = None, reason: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.reason = reason


class _Connect(connect):
    """Follows no redirect: a token must not go where nobody has sent it."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Take every redirect for a failure."""
        return exc


class _Socket(ClientConnection):
    """Notes when bytes arrive: a ping, or a part of a long message, is a sign of life as well."""

    heard_at = -math.inf
    clock: Callable[[], float] = staticmethod(time.monotonic)

    def begin(self, clock: Callable[[], float]) -> None:
        """Note times of this clock from now on."""
        self.clock = clock
        self.heard_at = clock()

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        self.heard_at = self.clock()
        super().data_received(data)


class Link:
    """One connection whose server has said welcome.

    Args:
        settings: how it was made.
        connection: the socket.
        welcome: the server's first frame, which holds its first message.
        asked_at: when opening began, in monotonic seconds.
    """

    def __init__(self, settings: Settings, connection: _Socket, welcome: bytes, asked_at: float) -> None:
        self._settings = settings
        self._connection = connection
        self._waiting_since: float | None = None
        self.url = settings.url
        self.welcome = welcome
        self.asked_at = asked_at
        self.subprotocol: str | None = connection.subprotocol
        self.dialect = DIALECTS.get(connection.subprotocol or "", VERSION_1)
        said = self.dialect.read(welcome)
        if not said or said[0].type != "connection":
            raise LinkError(f"{settings.url} is no fleetwire server: it did not begin with a connection message")
        fields = said[0].fields
        self.client_id = _text_or_none(fields.get("client_id"))
        self.epoch = _text_or_none(fields.get("epoch"))
        self.heartbeat_timeout_s = settings.heartbeat_timeout or _seconds(
            fields.get("heartbeat_timeout"), HEARTBEAT_TIMEOUT_S
        )
        interval_s = settings.heartbeat_interval or _seconds(fields.get("heartbeat_interval"), HEARTBEAT_INTERVAL_S)
        # A quiet server must have been asked for a sign of life before it is taken for dead.
        self.heartbeat_interval_s = min(interval_s, self.heartbeat_timeout_s / 2)

    @property
    def silent_s(self) -> float:
        """Seconds since the last bytes came."""
        return max(0.0, self._settings.clock() - self._connection.heard_at)

    @classmethod
    async def open(cls, settings: Settings) -> "Link":
        """Connect, and wait for the server's welcome.

        Raises:
            LinkError: there is no connection; the text says why and what to do.
        """
        asked_at = settings.clock()
        connection = None
        try:
            async with asyncio.timeout(settings.open_timeout_s):
                connection = await _connect(settings)
                connection.begin(settings.clock)
                return cls(settings, connection, await connection.recv(decode=False), asked_at)
        except (OSError, WebSocketException, ValueError, ImportError) as error:  # TimeoutError is an OSError
            if connection is not None:
                connection.transport.abort()
            raise _link_error(error, settings) from error
        except BaseException:
            if connection is not None:
                connection.transport.abort()
            raise

    async def send(self, message: dict[str, Any]) -> None:
        """Send a message.

        Raises:
            LinkError: the connection is lost.
        """
        try:
            await self._connection.send(self.dialect.write(message), text=self.dialect.is_text)
        except ConnectionClosed as closed:
            raise self._lost(closed) from closed

    async def receive(self) -> bytes:
        """Wait for the next frame.

        Raises:
            LinkError: the connection is lost.
        """
        self._waiting_since = self._settings.clock()
        try:
            return await self._connection.recv(decode=False)
        except ConnectionClosed as closed:
            raise self._lost(closed) from closed
        finally:
            self._waiting_since = None

    async def beat(self) -> None:
        """Send heartbeats, for ever; the stamp in them comes back and tells how long the way is."""
        settings = self._settings
        try:
            while True:
                await settings.sleep(self.heartbeat_interval_s)
                await self.send({"type": "heartbeat", "data": {"client_time": settings.clock()}})
        except LinkError:
            return  # the reader tells of it

    async def watch(self) -> None:
        """Drop the connection once nothing at all has come for too long while somebody waited for it.

        Time that the program needs for itself does not count: nobody reads then, and a server can't be heard.
        """
        settings = self._settings
        while True:
            now = settings.clock()
            waiting_since = now if self._waiting_since is None else self._waiting_since
            due = max(waiting_since, self._connection.heard_at) + self.heartbeat_timeout_s
            if now >= due:
                self.abort()
                return
            await settings.sleep(due - now)

    def abort(self) -> None:
        """Drop the connection without a word."""
        self._connection.transport.abort()

    async def close(self) -> None:
        """Say goodbye, and read on until the server has done so too: its answer stands behind what it sent before."""
        closing = asyncio.create_task(self._connection.close())
        try:
            while True:
                await self._connection.recv(decode=False)
        except ConnectionClosed:
            await closing
        finally:
            if not closing.done():
                closing.cancel()
                self.abort()

    def _lost(self, closed: ConnectionClosed) -> LinkError:
        return _link_error(closed, self._settings)


async def _connect(settings: Settings) -> _Socket:
    """Open a WebSocket; where a server objects to the subprotocols, once more without."""
    try:
        return await _open(settings)
    except InvalidStatus as error:
        if error.response.status_code != HTTPStatus.BAD_REQUEST or not settings.subprotocols:
            raise
    return await _open(settings._replace(subprotocols=()))


async def _open(settings: Settings) -> _Socket:
    options: dict[str, Any] = {}
    if settings.subprotocols:
        options["subprotocols"] = settings.subprotocols
    if settings.compression:
        # The offer that browsers make: whatever window a server has, it may use.
        options["extensions"] = [ClientPerMessageDeflateFactory(client_max_window_bits=True)]
    if settings.ssl is not None:
        options["ssl"] = settings.ssl
    if is_loopback(settings.url):
        options["proxy"] = None
    return await _Connect(  # type: ignore[return-value] # it is what create_connection makes
        settings.url,
        create_connection=_Socket,
        logger=_silent,
        compression=None,
        max_size=MESSAGE_BYTES_MAX,
        open_timeout=None,  # one deadline for all, the welcome included
        ping_interval=None,  # heartbeats are the protocol's own
        close_timeout=CLOSE_TIMEOUT_S,
        **options,
    )


def _link_error(error: Exception, settings: Settings) -> LinkError:
    """Say in one line why there is no connection, and what to do about it."""
    url = settings.url
    if isinstance(error, ConnectionClosed):
        if error.rcvd is None:
            why = f"the client had to close it: {error.sent}" if error.sent else "the connection broke off"
            return LinkError(f"{url} was lost: {why}")
        code, reason = error.rcvd.code, error.rcvd.reason
        return LinkError(f"{url} closed the connection: {code} {reason}".rstrip(), code, reason)
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        return LinkError(f"{url} answered HTTP {status} instead of opening a WebSocket: check path, host and origin")
    if isinstance(error, WebSocketException):
        return LinkError(f"{url} did not open a WebSocket ({type(error).__name__}): is this the server's port?")
    if isinstance(error, TimeoutError):
        return LinkError(f"{url} did not answer within {settings.open_timeout_s:g} s: check address and firewall")
    if isinstance(error, socket.gaierror):
        return LinkError(f"{url}: this host name is not known: check the address")
    if isinstance(error, tls.SSLCertVerificationError):
        return LinkError(f"{url}: the certificate is not trusted ({error.verify_message}): pass ssl= a context for it")
    if isinstance(error, tls.SSLError):
        return LinkError(f"{url}: TLS failed ({error.reason}): does the server speak wss:// on this port?")
    if isinstance(error, ConnectionResetError | ConnectionAbortedError):
        return LinkError(f"{url} broke off at once: does the server speak {url.partition(':')[0]}:// on this port?")
    if isinstance(error, ConnectionRefusedError):
        return LinkError(f"{url} refused the connection: is the server running there, and is the port right?")
    why = str(error) or type(error).__name__
    return LinkError(f"{url} can't be reached: {why}: is the server running there, and is the port right?")


def _seconds(value: object, default: float) -> float:
    """Take a duration that a server named, where it makes sense."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        return default
    return float(value)


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None
