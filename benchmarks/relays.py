"""What a user would write first: a relay with `websockets`, and one with aiohttp. No tokens, no state, no snapshot.

    python -m benchmarks.relays NAME CORE

Prints its port. A text that begins with `{"type":"sub` subscribes; any other goes as it is to all who did.
"""

import asyncio
import logging
import os
import sys

import websockets
from aiohttp import WSMsgType, web
from websockets.asyncio.server import ServerConnection, serve

_BACKLOG = 4096
_SUBSCRIBE = '{"type":"sub'


async def relay_with_websockets() -> int:
    """Pass on by `broadcast`, without compression; give the port."""
    subscribed: set[ServerConnection] = set()

    async def handle(connection: ServerConnection) -> None:
        try:
            async for message in connection:
                if isinstance(message, str) and message.startswith(_SUBSCRIBE):
                    subscribed.add(connection)
                else:
                    websockets.broadcast(subscribed, message)
        finally:
            subscribed.discard(connection)

    server = await serve(handle, "127.0.0.1", 0, compression=None, ping_interval=None, backlog=_BACKLOG)
    return int(server.sockets[0].getsockname()[1])


async def relay_with_aiohttp() -> int:
    """Pass on by `send_str`, one subscriber after the other, without compression; give the port."""
    subscribed: set[web.WebSocketResponse] = set()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                if message.data.startswith(_SUBSCRIBE):
                    subscribed.add(socket)
                    continue
                for other in list(subscribed):
                    try:
                        await other.send_str(message.data)
                    except ConnectionError:
                        subscribed.discard(other)
        finally:
            subscribed.discard(socket)
        return socket

    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=_BACKLOG).start()
    return int(runner.addresses[0][1])


RELAYS = {"websockets": relay_with_websockets, "aiohttp": relay_with_aiohttp}


async def _run(name: str) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(ended), sys.stdin)
    os.write(1, b"%d\n" % await RELAYS[name]())
    await ended.read()


def main() -> None:
    """Run one relay on one core, until the standard input ends."""
    os.sched_setaffinity(0, {int(sys.argv[2])})
    logging.basicConfig(level=logging.CRITICAL)
    asyncio.run(_run(sys.argv[1]))


if __name__ == "__main__":
    main()
