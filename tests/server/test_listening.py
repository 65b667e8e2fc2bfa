"""Connections are taken in, many at once, on all addresses of a name; and a process without descriptors recovers."""

import asyncio
import errno
import logging
import socket
from typing import Any

import pytest

from fleetwire.server import listening
from fleetwire.server.server import WebSocketServer
from tests.attacks.conversation import exhausted
from tests.attacks.own import OwnServer
from tests.server.support import TOKEN, Raw
from tests.support import ManualClock


async def test_three_hundred_that_come_at_once_are_all_taken_in() -> None:
    async with WebSocketServer(port=0, auth_token=TOKEN) as server:
        clients = await asyncio.gather(*(Raw.connect(server) for _ in range(300)))
        await asyncio.gather(*(client.upgrade() for client in clients))
        for client in clients:
            await client.end()


async def test_a_name_with_two_addresses_is_listened_on_on_both() -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    try:
        families = {info[0] for info in socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)}
        socket.socket(socket.AF_INET6).close()
    except OSError:
        pytest.skip("there is no IPv6 here")
    async with WebSocketServer("localhost", port, TOKEN):
        for address in ("127.0.0.1", *(["::1"] if socket.AF_INET6 in families else [])):
            _, writer = await asyncio.open_connection(address, port)
            writer.close()
            await writer.wait_closed()


async def test_without_descriptors_it_is_said_once_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first forty tries fail as they do in a process that may open no more files."""
    monkeypatch.setattr(listening, "_RETRY_S", 0.0)
    async with WebSocketServer(port=0, auth_token=TOKEN, clock=ManualClock()) as server:
        loop = asyncio.get_running_loop()
        accept, failed = loop.sock_accept, 0

        async def exhausted_at_first(sock: Any) -> Any:
            nonlocal failed
            if failed < 40:
                failed += 1
                raise OSError(errno.EMFILE, "Too many open files")
            return await accept(sock)

        with caplog.at_level(logging.ERROR):
            monkeypatch.setattr(loop, "sock_accept", exhausted_at_first)
            first = await Raw.connect(server)  # wakes the one that is waiting, which then finds the next tries failing
            await first.upgrade()
            second = await Raw.connect(server)
            await second.upgrade()
        assert failed == 40
        assert len(caplog.records) == 1
        assert "ulimit -n" in caplog.text
        await first.end()
        await second.end()


async def test_a_process_without_descriptors_serves_again_within_two_seconds_of_their_release() -> None:
    async with OwnServer(descriptors_max=64) as own:
        await exhausted(own.target)
