"""Clients that misbehave: some never read, one changes its mind a thousand times a second, one publishes long messages.

`python -m benchmarks.offenders PORT READERS CORE` prints "ready" once nobody of them takes any more, and goes on
until its input ends.
"""

import json
import os
import select
import socket
import sys
import time
from contextlib import suppress

from benchmarks.candidates import TOKEN
from benchmarks.crowd import masked
from benchmarks.subject import raise_file_limit

_UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_TURN_S = 0.01
_CHANGES_A_TURN = 10
_LONG_EVERY_TURNS = 10
_LONG_BYTES = 60_000
_UNTIL_FULL_S = 6.0  # by then nobody takes any more


def said(message_type: str, **data: object) -> bytes:
    """Frame one message."""
    return masked(json.dumps({"type": message_type, "data": data}).encode())


def connect(port: int, *then: bytes, buffer_bytes: int | None = None) -> socket.socket:
    """Connect, authenticate, and say something more; what is answered is not read."""
    client = socket.socket()
    if buffer_bytes is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    client.connect(("127.0.0.1", port))
    client.sendall(_UPGRADE % port)
    response = client.recv(1024)
    if not response.startswith(b"HTTP/1.1 101"):
        raise ConnectionError(response.decode("latin-1"))
    client.sendall(b"".join([said("auth", token=TOKEN), *then]))
    return client


def main() -> None:
    """Misbehave until the input ends."""
    port, readers, core = (int(argument) for argument in sys.argv[1:4])
    os.sched_setaffinity(0, {core})
    raise_file_limit()
    everything = said("subscribe", channels=["ea_updates", "trade_updates"])
    mute = [connect(port, everything, buffer_bytes=4096) for _ in range(readers)]
    fickle = connect(port)
    changes = said("subscribe", channels=["alerts"]) + said("unsubscribe", channels=["alerts"])
    loud = connect(port)
    # On a channel that the others do not hear: their own bytes are not to be the measure.
    long = said("publish", channel="trade_updates", data={"fill": "x" * _LONG_BYTES}, ack=False)
    began, turn, ready = time.monotonic(), 0, False
    while not select.select([sys.stdin], [], [], _TURN_S)[0]:
        turn += 1
        fickle.sendall(changes * (_CHANGES_A_TURN // 2))
        if turn % _LONG_EVERY_TURNS == 0:
            loud.sendall(long)
        for client in (fickle, loud):
            with suppress(BlockingIOError):
                client.recv(262_144, socket.MSG_DONTWAIT)
        if not ready and time.monotonic() > began + _UNTIL_FULL_S:
            ready = True
            print("ready", flush=True)
    for client in mute:
        client.close()
    time.sleep(_TURN_S)


if __name__ == "__main__":
    main()
