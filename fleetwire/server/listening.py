"""Takes connections in: from our own sockets, through TLS where that is spoken, and without file descriptors, too.

asyncio's own server is not used: where the process has no file descriptor left, it complains once for each place in its
backlog, thousands of times a second.
"""

import asyncio
import contextlib
import errno
import logging
import os
import socket
import ssl
from collections.abc import Callable

from fleetwire.server.certificate import Certificate
from fleetwire.server.door import Door, Rooms

logger = logging.getLogger("fleetwire.server")

_BACKLOG = 4096  # connections that come back all at once
_SLICE = 64  # connections that are taken in one turn
_RETRY_S = 0.5  # until one more try, where the system has nothing left
_SAID_EVERY_S = 10.0
_SHUTDOWN_S = 2.0  # for the peer's part of the end of TLS
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

MakeDoor = Callable[[], Door]


class _Newcomer:
    """A connection whose TLS handshake is under way: it is counted already, and can be ended.

    Args:
        taken: the socket.
        address: the peer's.
    """

    def __init__(self, taken: socket.socket, address: str) -> None:
        self.taken = taken
        self.address = address
        self.transport: _Newcomer = self  # what Guests know it by
        self.handshake: asyncio.Task[None] | None = None

    def abort(self) -> None:
        """End it."""
        if self.handshake is not None:
            self.handshake.cancel()


class Listener:
    """Listens on one port.

    Args:
        rooms: of the server.
        make_door: makes the protocol that a connection begins with.
        certificate: makes it speak TLS.
    """

    def __init__(self, rooms: Rooms, make_door: MakeDoor, certificate: Certificate | None = None) -> None:
        self._rooms = rooms
        self._make_door = make_door
        self._certificate = certificate
        self._accepting: list[asyncio.Task[None]] = []
        self._beginning: set[asyncio.Task[None]] = set()
        self._said_at = float("-inf")
        self.sockets: list[socket.socket] = []

    async def listen(self, host: str | None, port: int, send_buffer_bytes_max: int) -> None:
        """Listen on all addresses of a host.

        Args:
            host: None for all addresses of this machine.
            port: 0 for a free one.
            send_buffer_bytes_max: what the system may hold for one reader.

        Raises:
            OSError: that can't be done.
            UnicodeError: the host can't be a name.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, kind, protocol, _, address in dict.fromkeys(found):
                self._bind(family, kind, protocol, address, send_buffer_bytes_max)
        except BaseException:
            self.close()
            raise
        if not self.sockets:
            raise OSError(errno.EADDRNOTAVAIL, "no kind of address is supported here")
        self._accepting = [loop.create_task(self._accept(listening)) for listening in self.sockets]

    def _bind(self, family: int, kind: int, protocol: int, address: object, send_buffer_bytes_max: int) -> None:
        try:
            listening = socket.socket(family, kind, protocol)
        except OSError:
            return  # this machine has no such addresses
        self.sockets.append(listening)
        if os.name == "posix":  # elsewhere it would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Inherited by every connection that it accepts.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes_max)
        listening.setblocking(False)
        listening.bind(address)  # type: ignore[arg-type]  # as getaddrinfo gives it
        listening.listen(_BACKLOG)

    def close(self) -> None:
        """Listen no more; who has come stays."""
        for task in (*self._accepting, *self._beginning):
            task.cancel()
        for listening in self.sockets:
            listening.close()
        self.sockets = []

    async def _accept(self, listening: socket.socket) -> None:
        loop, taken_in_turn = asyncio.get_running_loop(), 0
        while True:
            try:
                taken, peer = await loop.sock_accept(listening)
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._complain(error)
                    await asyncio.sleep(_RETRY_S)
                elif listening.fileno() < 0:
                    return
                continue  # a connection that was gone before it was taken
            self._begin(taken, str(peer[0]))
            taken_in_turn += 1
            if taken_in_turn >= _SLICE:  # sock_accept does not wait while there are more
                taken_in_turn = 0
                await asyncio.sleep(0)

    def _complain(self, error: OSError) -> None:
        now = self._rooms.clock.monotonic()
        if now >= self._said_at + _SAID_EVERY_S:
            self._said_at = now
            text = "no connection can be taken in: %s: let the process have more (ulimit -n), or lower connections_max"
            logger.error(text, error.strerror)

    def _begin(self, taken: socket.socket, address: str) -> None:
        newcomer = _Newcomer(taken, address) if self._certificate is not None else None
        if newcomer is not None and self._rooms.guests.enter(newcomer) is not None:
            taken.close()  # nobody could read an answer before the handshake
            return
        task = asyncio.get_running_loop().create_task(self._connect(taken, newcomer))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)
        if newcomer is not None:
            newcomer.handshake = task

    async def _connect(self, taken: socket.socket, newcomer: _Newcomer | None) -> None:
        door, loop = self._make_door(), asyncio.get_running_loop()
        options: dict[str, object] = {}
        if newcomer is not None and self._certificate is not None:
            door.newcomer = newcomer
            options = {
                "ssl": self._certificate.context,
                "ssl_handshake_timeout": self._rooms.house.limits.head_deadline_s,
                "ssl_shutdown_timeout": _SHUTDOWN_S,
            }
        # A peer that breaks off, or speaks no TLS, is no news.
        with contextlib.suppress(OSError, ssl.SSLError):
            try:
                await loop.connect_accepted_socket(lambda: door, taken, **options)  # type: ignore[arg-type]
            finally:
                if newcomer is not None:
                    self._rooms.guests.leave(newcomer)
