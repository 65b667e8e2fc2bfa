"""Asking a server: an answer counts once all of it is there."""

import asyncio

import pytest

from fleetwire.cli.asking import Api
from fleetwire.wire.errors import NotConnectedError


async def test_an_answer_that_comes_in_pieces_is_read_to_its_end() -> None:
    answer = b'{"items": [' + b'"one of many", ' * 10_000 + b'"the last"]}'

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
            writer.write(b"Content-Length: %d\r\n\r\n" % len(answer) + answer[:1000])
            await writer.drain()
            await asyncio.sleep(0.01)
            writer.write(answer[1000:])

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert (await Api(url, "a-token-1").ask("GET", "experts"))["items"][-1] == "the last"
        async with Api(url, "a-token-1") as api:
            for _ in range(2):
                assert len((await api.ask("GET", "experts"))["items"]) == 10_001


async def test_nobody_there_is_said_without_the_token() -> None:
    async with Api("ws://127.0.0.1:1", "a-token-1") as api:
        with pytest.raises(NotConnectedError, match="is the server running there") as found:
            await api.ask("GET", "experts")
    assert "a-token-1" not in f"{found.value}{api!r}"
