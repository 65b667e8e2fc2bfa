"""What is counted can be read by Prometheus, and is true."""

import asyncio
import re

from fleetwire import WebSocketClient
from fleetwire.server.server import WebSocketServer
from tests.server.support import TOKEN, Raw

LINE = re.compile(r'^[a-z_]+(\{[a-z]+="[^"]+"\})? [0-9.e+-]+$')


async def read(server: WebSocketServer) -> dict[str, float]:
    raw = await Raw.connect(server)
    raw.send(f"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\n\r\n".encode())
    status, text = await raw.response()
    await raw.end()
    assert status == 200
    assert "Content-Type: text/plain; version=0.0.4" in text
    body = text.partition("\r\n\r\n")[2]
    lines = [line for line in body.splitlines() if not line.startswith("# ")]
    assert all(LINE.match(line) for line in lines), lines
    assert len(re.findall("^# TYPE ", body, re.MULTILINE)) == len(re.findall("^# HELP ", body, re.MULTILINE)) > 8
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_sessions_messages_and_bytes_are_counted() -> None:
    async with WebSocketServer(port=0, auth_token=TOKEN) as server:
        assert (await read(server))['fleetwire_sessions{state="live"}'] == 0
        async with WebSocketClient(server.url, TOKEN) as client:
            heard: asyncio.Queue[object] = asyncio.Queue()
            client.register_message_handler("alert", heard.put_nowait)
            await client.subscribe(["alerts"])
            for n in range(3):
                await server.broadcast_alert({"n": n})
            await heard.get()
            found = await read(server)
        assert found['fleetwire_sessions{state="live"}'] == 1
        assert found["fleetwire_cohorts"] == 1
        assert found["fleetwire_position"] == found["fleetwire_published_total"] == 3
        assert found["fleetwire_joined_messages_total"] == 3
        assert found["fleetwire_written_bytes_total"] > 200
        assert found["fleetwire_flush_seconds_count"] == found["fleetwire_flushes_total"]


async def test_the_age_counts_from_when_the_source_said_it() -> None:
    async with WebSocketServer(port=0, auth_token=TOKEN) as server:
        await server.broadcast("alert", {"n": 1})
        await server.broadcast("alert", {"n": 2}, as_of="2020-01-01T00:00:00Z")
        found = await read(server)
    assert found["fleetwire_age_seconds_count"] == 2
    assert found['fleetwire_age_seconds_bucket{le="10.0"}'] == 1
    assert found["fleetwire_age_seconds_sum"] > 1e8
