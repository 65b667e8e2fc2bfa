"""Many WebSocket clients in one thread: raw sockets, frames built beforehand, answers counted by their headers."""

import os
import select
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_BATCH = 64  # connections that are opened, or asked, at once
_PATIENCE_S = 20.0
_REQUEST = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"User-Agent: benchmark\r\nAccept: */*\r\n\r\n"
)


def masked(payload: bytes) -> bytes:
    """Put a payload into one masked text frame, as clients must (RFC 6455 section 5.3)."""
    mask = os.urandom(4)
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


class Member:
    """One client.

    Args:
        port: of the server on this machine.
    """

    __slots__ = ("_head", "_rest", "frames", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(_REQUEST % port)
        self.frames = 0
        self._head = False  # whether the response's head was read
        self._rest = b""

    def read(self) -> int:
        """Read what is there; give the number of frames that it completed.

        Raises:
            ConnectionError: the server refused, or closed.
        """
        data = self.socket.recv(262_144)
        if not data:
            raise ConnectionError("the server closed a connection")
        data = self._rest + data
        at, before = 0, self.frames
        if not self._head:
            end = data.find(b"\r\n\r\n")
            if end >= 0 and not data.startswith(b"HTTP/1.1 101"):
                raise ConnectionError(data[:end].decode("latin-1"))
            if end < 0:
                self._rest = data
                return 0
            self._head, at = True, end + 4
        while at + 2 <= len(data):
            if data[at] != 0x81:
                raise ConnectionError(f"a frame of kind {data[at]:#x}: {data[at : at + 100]!r}")
            size, head = data[at + 1], 2
            if size == 126:
                if at + 4 > len(data):
                    break
                size, head = int.from_bytes(data[at + 2 : at + 4]), 4
            if at + head + size > len(data):
                break
            at += head + size
            self.frames += 1
        self._rest = data[at:]
        return self.frames - before


class Crowd:
    """Clients of one server.

    Args:
        port: of the server on this machine.
        pid: of the server. It is held while a batch is being sent: a quick server would otherwise pay for waking up
            more often than a slow one.
    """

    def __init__(self, port: int, pid: int) -> None:
        self._port = port
        self._pid = pid
        self._epoll = select.epoll()
        self._members: dict[int, Member] = {}

    def connect(self, count: int) -> list[Member]:
        """Open connections, some at once, each until its welcome has come."""
        opened: list[Member] = []
        while len(opened) < count:
            with self._server_held():
                batch = [Member(self._port) for _ in range(min(_BATCH, count - len(opened)))]
            for member in batch:
                self._members[member.socket.fileno()] = member
                self._epoll.register(member.socket, select.EPOLLIN)
            self.hear(len(batch))
            opened += batch
        return opened

    def ask(self, members: Sequence[Member], request: bytes, answers: int = 1) -> None:
        """Let members send the same bytes, some of them at once, and hear `answers` frames each."""
        for start in range(0, len(members), _BATCH):
            batch = members[start : start + _BATCH]
            with self._server_held():
                for member in batch:
                    member.socket.sendall(request)
            self.hear(answers * len(batch))

    def ask_in_turn(self, members: Sequence[Member], request: bytes, answers: int = 1) -> None:
        """Let members send the same bytes one after the other, each once the one before has heard its answers."""
        for member in members:
            member.socket.sendall(request)
            self.hear(answers)

    @contextmanager
    def _server_held(self) -> Iterator[None]:
        os.kill(self._pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._pid, signal.SIGCONT)

    def hear(self, frames: int) -> None:
        """Read until so many frames have come, to whomever.

        Raises:
            TimeoutError: they do not come.
        """
        while frames > 0:
            ready = self._epoll.poll(_PATIENCE_S)
            if not ready:
                raise TimeoutError(f"{frames} frames did not come")
            for descriptor, _ in ready:
                frames -= self._members[descriptor].read()

    def close(self) -> None:
        """Go, without the closing handshake."""
        for member in self._members.values():
            member.socket.close()
        self._epoll.close()
