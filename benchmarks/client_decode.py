"""What a message costs the Python client, in microseconds of its CPU: version 1, version 2 as JSON and as msgpack.

Run as `python -m benchmarks.client_decode`. A process of its own sends rows of 100 experts, as the hub's forms write
them: version 1 a frame each, version 2 patches, 16 to a frame. The client hears them over a real socket, with a handler
or an iteration. The forms take turns, so that whatever else the machine does meets all of them; the median is shown,
and what alone the reading of frames costs.
"""

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection, serve

from fleetwire.client import WebSocketClient
from fleetwire.client.dialect import DIALECTS, VERSION_1
from fleetwire.hub.log import Entry
from fleetwire.wire.forms import FORMS, Form

MESSAGES = 16_000
PER_FRAME = 16
ROUNDS = 7
TOKEN = "benchmark"
NOW = "2026-11-22T17:31:00.123Z"
ROW = {
    "ea_name": "Pendulum",
    "symbol": "EURUSD",
    "status": "running",
    "account": "400000005",
    "magic": 77123,
    "balance": 10234.55,
    "margin_level": 1234.5,
    "positions_open": 3,
    "drawdown_percent": 0.042,
    "win_rate": 0.61,
    "trades_total": 188,
    "profit_today": 12.5,
}


def entries() -> Iterator[Entry]:
    """Rows of 100 experts in turn; of each two fields change."""
    last: dict[str, Entry] = {}
    for position in range(1, MESSAGES + 101):
        key = str(position % 100)
        data = {"ea_id": key, **ROW, "equity": 10240.0 + position, "current_profit": position / 100}
        message = {"type": "ea_update", "data": data, "timestamp": NOW, "channel": "ea_updates"}
        payload = msgspec.json.encode(message | {"position": position, "key": key, "as_of": NOW})
        last[key] = entry = Entry(position, key, payload, 0.0, before=last.get(key))
        yield entry


def frames(form: Form) -> tuple[bytes, bytes]:
    """Give the first rows, and what is measured, as they go over the wire."""
    elements = [entry.element(form, heard=entry.position) for entry in entries()]
    first, rest = elements[:100], elements[100:]
    return form.join(first), b"".join(form.join(rest[at : at + PER_FRAME]) for at in range(0, len(rest), PER_FRAME))


def serve_frames(pipe: Connection) -> None:
    """Be the server: one flood for every client."""
    floods = {form.subprotocol: frames(form) for form in FORMS if not form.deflated}

    async def speak(socket: ServerConnection) -> None:
        form = next(form for form in FORMS if form.subprotocol == socket.subprotocol and not form.deflated)
        first, flood = floods[form.subprotocol]

        def tell(message_type: str, request_id: Any, **data: Any) -> None:
            message = {"type": message_type, "id": request_id, "data": data, "timestamp": NOW}
            socket.transport.write(form.join([form.element(msgspec.json.encode(message))]))

        tell("connection", None, epoch="e")
        async for payload in socket:
            said = (msgspec.msgpack if form.binary else msgspec.json).decode(payload)
            for asked in said if isinstance(said, list) else [said]:
                if asked["type"] == "auth":
                    tell("auth_response", asked["id"], status="authenticated", success=True)
                elif asked["type"] == "subscribe":
                    channels = asked["data"]["channels"]
                    answer = {"status": "subscribed", "channels": channels, "rejected": [], "recovered": {}}
                    tell("subscription_response", asked["id"], epoch="e", position=0, **answer)
                    socket.transport.write(first)
                elif asked["type"] == "unsubscribe":  # the starting shot
                    answer = {"status": "unsubscribed", "channels": [], "rejected": [], "recovered": {}}
                    tell("subscription_response", asked["id"], epoch="e", position=0, **answer)
                    socket.transport.write(flood)

    async def run() -> None:
        names = [form.subprotocol for form in FORMS if form.subprotocol and not form.deflated]
        async with serve(
            speak,
            "127.0.0.1",
            0,
            compression=None,
            select_subprotocol=lambda _, offered: next((name for name in offered if name in names), None),
        ) as server:
            pipe.send(server.sockets[0].getsockname()[1])
            await asyncio.get_running_loop().run_in_executor(None, pipe.recv)

    asyncio.run(run())


async def heard(port: int, subprotocol: str | None, *, iterated: bool) -> float:
    """Hear a flood; give the microseconds of CPU for each message."""
    asked = [subprotocol] if subprotocol else []
    async with WebSocketClient(f"ws://127.0.0.1:{port}", TOKEN, subprotocols=asked) as client:
        done = asyncio.Event()
        left = MESSAGES

        def count(_data: object) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                done.set()

        iteration = aiter(client.subscribe("ea_updates"))
        for _ in range(100):
            await anext(iteration)
        if not iterated:
            del iteration
            client.register_message_handler("ea_update", count)
        began = time.process_time()
        await client.unsubscribe("something else")
        if iterated:
            for _ in range(MESSAGES):
                await anext(iteration)
        else:
            await done.wait()
        return (time.process_time() - began) / MESSAGES * 1e6


def decoded(subprotocol: str | None) -> float:
    """Read the frames' payloads; give microseconds for each message."""
    form = next(form for form in FORMS if form.subprotocol == subprotocol and not form.deflated)
    elements = [entry.element(form, heard=entry.position) for entry in entries()][100:]
    size = PER_FRAME if subprotocol else 1
    payloads = []
    for at in range(0, len(elements), size):
        frame = form.join(elements[at : at + size])
        payloads.append(frame[4 if frame[1] == 126 else 10 if frame[1] == 127 else 2 :])
    read = DIALECTS[subprotocol].read if subprotocol else VERSION_1.read
    began = time.process_time()
    for payload in payloads:
        read(payload)
    return (time.process_time() - began) / MESSAGES * 1e6


def main() -> None:
    """Measure, and print a table."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve_frames, args=(theirs,))
    server.start()
    port = ours.recv()
    names = [None, *DIALECTS]
    found: dict[tuple[str | None, str], list[float]] = {}
    for _ in range(ROUNDS):
        for name in names:
            found.setdefault((name, "reading alone"), []).append(decoded(name))
            for iterated, column in ((False, "handler"), (True, "iteration")):
                cost = asyncio.run(heard(port, name, iterated=iterated))
                found.setdefault((name, column), []).append(cost)
    ours.send("done")
    server.join()
    print(f"microseconds of CPU for each message, median (least) of {ROUNDS}")
    for name in names:
        cells = [
            f"{column} {statistics.median(found[name, column]):5.2f} ({min(found[name, column]):5.2f})"
            for column in ("reading alone", "handler", "iteration")
        ]
        print(f"{name or 'version 1':22}", "   ".join(cells))


if __name__ == "__main__":
    main()
