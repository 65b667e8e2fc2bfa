"""The client against a small server, over real sockets."""

import asyncio
import gc
import shutil
import socket
import ssl as tls
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fleetwire.client import Message, WebSocketClient
from fleetwire.wire import codec
from fleetwire.wire.errors import (
    AuthenticationError,
    ConfigError,
    NotConnectedError,
    RequestError,
    RequestTimeoutError,
    SubscriptionError,
)
from tests.client.peer import TOKEN, Peer, reading_waits


async def collect(iteration: Any, count: int) -> list[Message]:
    found: list[Message] = []
    async with asyncio.timeout(10):
        async for message in iteration:
            found.append(message)
            if len(found) == count:
                break
    return found


# --------------------------------------------------------------------------------------------------------- the brief


async def test_the_briefs_example(peer: Peer) -> None:
    client = WebSocketClient(peer.url, TOKEN)
    heard: asyncio.Queue[Any] = asyncio.Queue()

    async def handle_ea_update(data: Any) -> None:
        heard.put_nowait(data)

    client.register_message_handler("ea_update", handle_ea_update)
    await client.connect()
    assert client.connected
    assert not client.authenticated
    await client.authenticate()
    assert client.authenticated
    answer = await client.subscribe(["ea_updates", "portfolio_updates"])
    assert answer.channels == ["ea_updates", "portfolio_updates"]
    await peer.publish("ea_updates", 1, "12345")
    assert await asyncio.wait_for(heard.get(), 10) == {"n": 1}
    assert (client.client_id, client.epoch, client.url) == ("c1", "e1", peer.url)
    await client.disconnect()
    assert not client.connected


async def test_what_the_client_says_is_what_the_server_understands(peer: Peer) -> None:
    async with WebSocketClient(peer.url, TOKEN, heartbeat_interval=0.01) as client:
        await client.subscribe("ea_updates", history=3)
        await client.unsubscribe(["ea_updates"])
        await peer.heard("heartbeat")
    for message in peer.received:
        codec.decode(codec._encoder.encode(message))


async def test_async_for_yields_in_order_what_its_channels_publish(peer: Peer) -> None:
    async with WebSocketClient(peer.url, TOKEN) as client:
        iteration = client.subscribe("ea_updates:7", "alerts")
        task = asyncio.create_task(collect(iteration, 4))
        await peer.heard("subscribe")
        await peer.publish("ea_updates", 1, "7")
        await peer.publish("ea_updates", 2, "8")
        await peer.publish("alerts", 3, seq=1)
        await peer.publish("trade_updates", 4)
        await peer.say("snapshot_end", {"channels": ["ea_updates:7", "alerts"], "position": 4})
        await peer.publish("alerts", 5, seq=2, as_of="2026-11-22T17:30:59Z")
        messages = await task
    assert [(m.type, m.position) for m in messages] == [
        ("ea_update", 1),
        ("alert", 3),
        ("snapshot_end", None),
        ("alert", 5),
    ]
    assert messages[0].key == "7"
    assert messages[3].seq == 2
    assert messages[3].age_ms is not None
    assert messages[3].age_ms >= 1000


async def test_iterating_the_client_gives_everything_published_and_no_replies(peer: Peer) -> None:
    async with WebSocketClient(peer.url, TOKEN) as client:
        task = asyncio.create_task(collect(aiter(client), 3))
        await client.subscribe("alerts", "ea_updates")
        await peer.publish("alerts", 1)
        await peer.say("gap", {"channel": "alerts", "since": 1, "until": 2})
        await peer.publish("ea_updates", 3, "1")
        assert [m.type for m in await task] == ["alert", "gap", "ea_update"]


def test_what_is_no_function_is_refused_as_a_handler() -> None:
    client = WebSocketClient("ws://127.0.0.1:1", "token")
    with pytest.raises(ConfigError, match="the handler of 'alert' must be a function, not None"):
        client.register_message_handler("alert", None)  # type: ignore[arg-type]


async def test_handlers_hear_every_type_and_the_star_hears_messages(peer: Peer) -> None:
    client = WebSocketClient(peer.url.replace("ws:", "http:"), TOKEN)
    types: list[str] = []
    client.register_message_handler("*", lambda message: types.append(message.type))
    client.register_message_handler("auth_response", lambda data: types.append(data["role"]))
    async with client:
        await collect_one(client, peer)
    assert types == ["connection", "admin", "auth_response", "subscription_response", "alert"]


async def collect_one(client: WebSocketClient, peer: Peer) -> None:
    task = asyncio.create_task(collect(client.subscribe("alerts"), 1))
    await peer.heard("subscribe")
    await peer.publish("alerts", 1)
    await task


async def test_several_handlers_hear_a_type_and_one_that_raises_stops_nothing(
    peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    done = asyncio.Event()

    def fail(data: Any) -> None:
        raise ZeroDivisionError

    async def cancel(data: Any) -> None:
        raise asyncio.CancelledError

    client = WebSocketClient(peer.url, TOKEN)
    for handler in (fail, cancel, lambda data: done.set()):
        client.register_message_handler("alert", handler)
    async with client:
        await client.subscribe("alerts")
        await peer.publish("alerts", 1)
        await asyncio.wait_for(done.wait(), 10)
        done.clear()
        await peer.publish("alerts", 2)
        await asyncio.wait_for(done.wait(), 10)
    assert "a handler of 'alert' failed" in caplog.text
    assert "cancelled from within" in caplog.text


async def test_a_handler_may_ask_the_server_and_disconnect(peer: Peer) -> None:
    done = asyncio.Event()
    client = WebSocketClient(peer.url, TOKEN)

    async def on_alert(data: Any) -> None:
        await client.unsubscribe("alerts")
        await client.disconnect()
        done.set()

    client.register_message_handler("alert", on_alert)
    await client.connect()
    await client.authenticate()
    await client.subscribe("alerts")
    await peer.publish("alerts", 1)
    await asyncio.wait_for(done.wait(), 10)
    assert not client.connected


# ----------------------------------------------------------------------------------------------------------- refusals


async def test_a_refused_token_says_why_and_not_which(peer: Peer) -> None:
    peer.script["auth"] = lambda message: [
        {
            "type": "auth_response",
            "data": {
                "status": "failed",
                "error": "token_invalid",
                "message": f"{message['data']['token']} is not known",
            },
        }
    ]
    with pytest.raises(AuthenticationError) as refused:
        async with WebSocketClient(peer.url, TOKEN):
            raise AssertionError
    assert str(refused.value) == "token_invalid: ... is not known"


async def test_a_token_may_be_given_by_a_function_at_the_moment_it_is_needed(peer: Peer) -> None:
    async def token() -> str:
        return TOKEN

    async with WebSocketClient(peer.url, token) as client:
        assert client.authenticated
    async with WebSocketClient(peer.url, lambda: TOKEN) as client:
        assert client.authenticated
    with pytest.raises(ConfigError, match="auth_token is empty"):
        await WebSocketClient(peer.url, lambda: "").__aenter__()


async def test_a_rejected_channel_rejects_only_itself(peer: Peer) -> None:
    async with WebSocketClient(peer.url, TOKEN) as client:
        answer = await client.subscribe("nonsense", "alerts")
        assert answer.channels == ["alerts"]
        assert answer.rejected[0].code == "unknown_channel"
        with pytest.raises(SubscriptionError, match="unknown_channel: no channel 'nonsense'"):
            await client.subscribe(["nonsense"])
        with pytest.raises(SubscriptionError):
            await collect(client.subscribe("nonsense"), 1)


async def test_an_error_answers_the_request_of_its_id_only(peer: Peer) -> None:
    error = {"code": "too_many_channels", "message": "at most 128", "temporary": True}
    peer.script["subscribe"] = lambda message: [
        {"type": "error", "id": 999, "data": {"code": "other"}},
        {"type": "error", "id": None, "data": {**error, "id": message["id"]}},
    ]
    async with WebSocketClient(peer.url, TOKEN) as client:
        with pytest.raises(RequestError, match="too_many_channels: at most 128") as refused:
            await client.subscribe("alerts")
        assert refused.value.temporary


async def test_a_server_that_knows_no_ids_is_understood(peer: Peer) -> None:
    bare = {"status": "subscribed", "channels": ["alerts"]}
    peer.script["subscribe"] = lambda message: [{"type": "subscription_response", "id": None, "data": bare}]
    async with WebSocketClient(peer.url, TOKEN) as client:
        task = asyncio.create_task(collect(client.subscribe("alerts"), 1))
        await peer.heard("subscribe")
        await peer.say("alert", {"n": 1}, channel="alerts")
        assert (await task)[0].data == {"n": 1}


async def test_an_answer_of_a_strange_form_is_an_error_of_the_request(peer: Peer) -> None:
    peer.script["subscribe"] = lambda message: [
        {"type": "subscription_response", "data": {"channels": ["alerts"], "position": "high", "rejected": [3]}}
    ]
    async with WebSocketClient(peer.url, TOKEN) as client:
        with pytest.raises(RequestError, match="can't be read"):
            await client.subscribe("alerts")


async def test_no_answer_in_time_is_said_so(peer: Peer) -> None:
    peer.script["subscribe"] = lambda message: []
    async with WebSocketClient(peer.url, TOKEN, request_timeout_s=0.05) as client:
        with pytest.raises(RequestTimeoutError, match=r"no answer to subscribe within 0\.05 s"):
            await client.subscribe("alerts")


@pytest.mark.parametrize(
    "options",
    [
        {"auth_token": ""},
        {"auth_token": None},
        {"heartbeat_interval": 0},
        {"heartbeat_timeout": float("inf")},
        {"request_timeout_s": -1},
        {"queue_max": 0},
        {"ssl": object()},
        {"url": f"ws://host/?token={TOKEN}"},
    ],
)
def test_wrong_settings_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refused:
        WebSocketClient(**{"url": "ws://host", "auth_token": TOKEN, **options})
    assert TOKEN not in str(refused.value)


async def test_wrong_subscriptions_are_refused(peer: Peer) -> None:
    client = WebSocketClient(peer.url, TOKEN)
    for wrong in ((), ([],), ("",), (["alerts", 5],)):
        with pytest.raises(ConfigError):
            client.subscribe(*wrong)
    with pytest.raises(ConfigError):
        client.subscribe("alerts", history=-1)


async def test_a_forgotten_await_is_noticed(peer: Peer) -> None:
    with pytest.warns(RuntimeWarning, match="neither awaited nor iterated"):
        WebSocketClient(peer.url, TOKEN).subscribe("alerts")


# ------------------------------------------------------------------------------------------------------- connecting


async def test_nobody_there_is_said_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(NotConnectedError) as refused:
        await WebSocketClient(url, TOKEN).connect()
    assert str(refused.value) == f"{url} refused the connection: is the server running there, and is the port right?"


async def test_before_connect_everything_says_what_to_do(peer: Peer) -> None:
    client = WebSocketClient(peer.url, TOKEN)
    assert repr(client) == f"<WebSocketClient {peer.url} disconnected>"
    with pytest.raises(NotConnectedError, match=r"await client\.connect\(\) first"):
        await client.authenticate()
    with pytest.raises(NotConnectedError):
        aiter(client)
    await client.disconnect()


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "answered HTTP 403"),
        (b"HTTP/1.1 302 Found\r\nLocation: ws://elsewhere.invalid\r\nContent-Length: 0\r\n\r\n", "answered HTTP 302"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "is this the server's port"),
    ],
)
async def test_what_is_no_fleetwire_server_is_told_apart(answer: bytes, text: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NotConnectedError, match=text):
            await WebSocketClient(f"ws://127.0.0.1:{port}", TOKEN).connect()


async def test_a_server_that_says_nothing_is_given_up(peer: Peer) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = WebSocketClient(f"ws://127.0.0.1:{port}", TOKEN, open_timeout_s=0.05)
        with pytest.raises(NotConnectedError, match=r"did not answer within 0\.05 s"):
            await client.connect()


async def test_tls_is_spoken_and_its_failures_are_told_apart(peer: Peer, tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert),
        ],
        check=True,
        capture_output=True,
    )
    plain_url = peer.url.replace("ws:", "wss:")
    with pytest.raises(NotConnectedError, match=r"does the server speak wss:// on this port\?"):
        await WebSocketClient(plain_url, TOKEN).connect()
    await peer.stop()
    peer.tls = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
    peer.tls.load_cert_chain(cert, key)
    await peer.start()
    with pytest.raises(NotConnectedError, match="the certificate is not trusted"):
        await WebSocketClient(peer.url, TOKEN).connect()
    async with WebSocketClient(peer.url, TOKEN, ssl=tls.create_default_context(cafile=cert)) as client:
        assert client.authenticated


async def test_no_proxy_stands_before_this_machine(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy", "socks_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    async with WebSocketClient(peer.url, TOKEN) as client:
        assert client.authenticated


async def test_a_client_can_be_used_many_times(peer: Peer) -> None:
    client = WebSocketClient(peer.url, TOKEN)
    for _ in range(3):
        async with client:
            await client.connect()
            await client.subscribe("alerts")
        with pytest.raises(NotConnectedError):
            await client.subscribe("alerts")
    assert peer.sockets_ever == 3


async def test_disconnecting_ends_iterations_and_questions(peer: Peer) -> None:
    peer.script["unsubscribe"] = lambda message: []
    client = WebSocketClient(peer.url, TOKEN)
    await client.connect()
    iteration = asyncio.create_task(collect(client.subscribe("alerts"), 1))
    await peer.heard("subscribe")
    question = asyncio.create_task(client.unsubscribe("alerts"))
    await peer.heard("unsubscribe")
    await client.disconnect()
    assert await iteration == []
    with pytest.raises(NotConnectedError):
        await question


# -------------------------------------------------------------------------------------------------- slow and unheard


async def test_a_slow_consumer_makes_reading_wait_and_loses_nothing(peer: Peer) -> None:
    async with WebSocketClient(peer.url, TOKEN, queue_max=8) as client:
        iteration = aiter(client)
        await client.subscribe("alerts")
        total, chunk = 3000, "x" * 20_000

        async def publish() -> None:
            for number in range(1, total + 1):
                await peer.say("alert", chunk, channel="alerts", position=number)

        publishing = asyncio.create_task(publish())
        first = await anext(iteration)
        session = client._session
        assert session is not None
        for _ in range(500):
            await asyncio.sleep(0)
            assert len(session.delivery) <= 8 + 8
        assert not publishing.done()  # the server is made to wait, too
        rest = [await anext(iteration) for _ in range(total - 1)]
        assert [m.position for m in (first, *rest)] == list(range(1, total + 1))
        await publishing


async def test_a_slow_consumer_gets_answers_all_the_same(peer: Peer) -> None:
    async with WebSocketClient(peer.url, TOKEN, queue_max=4) as client:
        iteration = aiter(client)
        await client.subscribe("alerts")
        for number in range(1, 30):
            await peer.publish("alerts", number)
        await anext(iteration)
        await reading_waits(client)
        await client.unsubscribe("alerts")
        assert [(await anext(iteration)).position for _ in range(28)] == list(range(2, 30))


async def test_without_an_iteration_nothing_is_kept(peer: Peer) -> None:
    async with WebSocketClient(peer.url, TOKEN, queue_max=2) as client:
        await client.subscribe("alerts")
        for number in range(1, 200):
            await peer.publish("alerts", number)
        await client.unsubscribe("alerts")  # everything before it has been read


async def test_leaving_an_iteration_lets_reading_go_on(peer: Peer) -> None:
    async with WebSocketClient(peer.url, TOKEN, queue_max=2) as client:
        task = asyncio.create_task(collect(client.subscribe("alerts"), 1))
        await peer.heard("subscribe")
        for number in range(1, 50):
            await peer.publish("alerts", number)
        assert len(await task) == 1
        gc.collect()
        await client.unsubscribe("alerts")
        session = client._session
        assert session is not None
        last = asyncio.Event()
        client.register_message_handler("news_update", lambda data: last.set())
        await peer.say("news_update", {})
        await asyncio.wait_for(last.wait(), 10)
        assert len(session.delivery) == 0
        assert session.delivery._queues == []


async def test_a_second_iteration_begins_with_the_current_rows_and_the_first_hears_none_twice(peer: Peer) -> None:
    async with WebSocketClient(peer.url, TOKEN) as client:
        first = asyncio.create_task(collect(client.subscribe("ea_updates"), 3))
        await peer.heard("subscribe")
        for number in (1, 2):
            await peer.publish("ea_updates", number, str(number))
        await client.unsubscribe("alerts")  # they have been read
        second = asyncio.create_task(collect(client.subscribe("ea_updates"), 3))
        await peer.heard("subscribe", 2)
        for number in (1, 2, 3):
            await peer.publish("ea_updates", number, str(number))
        assert [m.position for m in await first] == [1, 2, 3]
        assert [m.position for m in await second] == [1, 2, 3]


async def test_the_end_of_a_snapshot_is_told_to_the_iteration_that_began_it(peer: Peer) -> None:
    """The first one has not been given the rows a second time: at an end it would take them for gone."""
    async with WebSocketClient(peer.url, TOKEN) as client:
        first = asyncio.create_task(collect(client.subscribe("ea_updates"), 3))
        await peer.heard("subscribe")
        await peer.publish("ea_updates", 1, "1")
        await peer.say("snapshot_end", {"channels": ["ea_updates"], "position": 1})
        await client.unsubscribe("alerts")  # they have been read
        second = asyncio.create_task(collect(client.subscribe("ea_updates", snapshot=False), 2))
        await peer.heard("subscribe", 2)
        third = asyncio.create_task(collect(client.subscribe("ea_updates"), 3))
        await peer.heard("subscribe", 3)
        await peer.publish("ea_updates", 1, "1")
        await peer.say("snapshot_end", {"channels": ["ea_updates"], "position": 1})
        await peer.publish("ea_updates", 2, "1")
        assert [m.position for m in await first] == [1, None, 2]
        assert [m.position for m in await third] == [1, None, 2]
        assert [m.position for m in await second] == [1, 2]


async def test_a_message_is_not_handed_over_twice(peer: Peer) -> None:
    async with WebSocketClient(peer.url, TOKEN) as client:
        task = asyncio.create_task(collect(client.subscribe("alerts"), 3))
        await peer.heard("subscribe")
        for number in (1, 2, 2, 1, 3):
            await peer.publish("alerts", number)
        assert [m.position for m in await task] == [1, 2, 3]


async def test_what_can_not_be_read_is_left_out(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    async with WebSocketClient(peer.url, TOKEN) as client:
        task = asyncio.create_task(collect(client.subscribe("alerts"), 1))
        await peer.heard("subscribe")
        for frame in ("{", "[]", '{"type":5}', '{"data":{}}', b"\xff\x00", '{"type":"gap"}', "[" * 100_000):
            await peer.sockets[0].send(frame)
        await peer.publish("alerts", 1)
        assert (await task)[0].position == 1
    assert "can't be read" in caplog.text
