"""Certificates are loaded, renewed without a restart, and refused in words that tell which file is wrong, and why."""

import asyncio
import contextlib
import logging
import ssl
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from fleetwire.client import WebSocketClient
from fleetwire.server.certificate import Certificate
from fleetwire.server.server import WebSocketServer
from fleetwire.wire.errors import ConfigError
from tests.server.authority import Authority
from tests.server.support import TOKEN
from tests.support import ManualClock, until


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


def serving(authority: Authority, clock: ManualClock | None = None) -> WebSocketServer:
    return WebSocketServer(port=0, auth_token=TOKEN, tls_cert=authority.cert, tls_key=authority.key, clock=clock)


async def shown_by(server: WebSocketServer, authority: Authority) -> bytes | None:
    """The certificate that a new connection is shown."""
    _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=authority.context)
    found: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return found


async def test_websocket_and_http_are_spoken_over_tls_on_one_port(authority: Authority) -> None:
    async with serving(authority) as server:
        assert server.url == f"wss://127.0.0.1:{server.port}"
        async with WebSocketClient(server.url, TOKEN, ssl=authority.context) as client:
            messages = aiter(client.subscribe(["alerts"]))
            assert (await anext(messages)).type == "snapshot_end"
            await server.broadcast_alert({"message": "x" * 300_000})  # many records of TLS
            assert (await anext(messages)).data == {"message": "x" * 300_000}
            async with (
                aiohttp.ClientSession() as http,
                http.get(f"https://127.0.0.1:{server.port}/healthz", ssl=authority.context) as answer,
            ):
                assert (await answer.json())["status"] == "ok"


async def test_a_client_that_does_not_trust_it_says_so(authority: Authority) -> None:
    async with serving(authority) as server:
        with pytest.raises(ConnectionError, match="certificate is not trusted"):
            await WebSocketClient(server.url, TOKEN).connect()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_1_2_and_1_3_are_spoken_and_nothing_older(authority: Authority, version: ssl.TLSVersion) -> None:
    context = authority.context
    context.minimum_version = context.maximum_version = version
    async with serving(authority) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context)
        assert writer.get_extra_info("ssl_object").version() == f"TLSv{version.name[-3:].replace('_', '.')}"
        writer.transport.abort()
        assert (
            Certificate(authority.cert, authority.key, server.clock).context.minimum_version is ssl.TLSVersion.TLSv1_2
        )


async def test_plain_words_and_silence_are_ended_and_harm_nobody(authority: Authority) -> None:
    async with serving(authority) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert b"HTTP" not in await reader.read(-1)
        writer.transport.abort()
        assert await shown_by(server, authority)
        assert server._rooms is not None
        await until(lambda: len(server._rooms.guests) == 0)  # type: ignore[union-attr]


async def test_handshakes_that_are_under_way_are_counted_and_ended_with_the_server(authority: Authority) -> None:
    async with serving(authority) as server:
        silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(5)]
        rooms = server._rooms
        assert rooms is not None
        await until(lambda: len(rooms.guests) == 5)
    for reader, writer in silent:
        with contextlib.suppress(ConnectionError):
            assert await reader.read(-1) == b""
        writer.transport.abort()
    assert len(rooms.guests) == 0


async def test_a_new_certificate_is_shown_without_a_restart_and_nobody_is_cut_off(authority: Authority) -> None:
    clock = ManualClock()
    async with serving(authority, clock) as server, WebSocketClient(server.url, TOKEN, ssl=authority.context) as client:
        before = await shown_by(server, authority)
        renewed = authority.renew()
        assert await shown_by(server, authority) == before
        clock.advance(10)
        certificate = server._certificate
        assert certificate is not None
        assert certificate._loading is not None
        await certificate._loading
        assert await shown_by(server, authority) == renewed != before
        assert client.connected


async def test_a_broken_new_certificate_leaves_the_old_one_in_use_and_is_told_once(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    certificate = Certificate(authority.cert, authority.key, ManualClock())
    before, text = certificate.context, authority.cert.read_bytes()
    try:
        authority.cert.write_bytes(b"half of a fi")
        with caplog.at_level(logging.INFO):
            certificate.renew()
            certificate.renew()
        assert certificate.context is before
        assert ["stays in use" in record.message for record in caplog.records] == [True]
        authority.cert.unlink()
        certificate.renew()
        assert certificate.context is before
    finally:
        authority.cert.write_bytes(text)
    certificate.renew()
    assert certificate.context is not before


@pytest.mark.parametrize(
    ("cert", "key", "said"),
    [
        ("none.pem", "server.key", "none.pem: can't be read: No such file"),
        ("server.pem", "none.key", "none.key: can't be read: No such file"),
        ("server.key", "server.pem", "exchanged"),
        ("text.txt", "server.key", "no PEM file"),
        ("server.pem", "text.txt", "no PEM file"),
        ("server.pem", "other.key", "do not belong together"),
        ("server.pem", "locked.key", "has a password"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(authority: Authority, cert: str, key: str, said: str) -> None:
    folder = authority.cert.parent
    (folder / "text.txt").write_text("a text")
    (folder / "other").mkdir(exist_ok=True)
    (folder / "other.key").write_bytes(Authority(folder / "other").key.read_bytes())
    if key == "locked.key":
        lock = ["openssl", "pkey", "-aes256", "-passout", "pass:secret", "-in", authority.key, "-out", folder / key]
        try:
            subprocess.run(lock, capture_output=True, check=True)
        except FileNotFoundError:
            pytest.skip("there is no openssl here")
    with pytest.raises(ConfigError, match=said):
        Certificate(folder / cert, folder / key, ManualClock())


def test_one_file_without_the_other_is_refused() -> None:
    with pytest.raises(ConfigError, match="belong together"):
        WebSocketServer(tls_cert="server.pem")


async def test_the_command_line_serves_and_hears_over_tls(authority: Authority, tmp_path: Path) -> None:
    """`serve --tls-cert --tls-key` says wss://, warns of nothing, and `--ca-file` reaches it."""
    environment = {"PATH": "", "PYTHONPATH": str(Path(__file__).parents[2]), "XDG_CONFIG_HOME": str(tmp_path)}
    environment |= {"WEBSOCKET_AUTH_TOKEN": TOKEN}
    command = [sys.executable, "-m", "fleetwire"]
    tls = ["--tls-cert", str(authority.cert), "--tls-key", str(authority.key)]
    serve = await asyncio.create_subprocess_exec(
        *command, "serve", "--port", "0", "--integrated", "--database", ":memory:", *tls,
        env=environment, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert serve.stdout is not None
    try:
        async with asyncio.timeout(20):
            first = (await serve.stdout.readline()).decode()
            url = next(word for word in first.split() if word.startswith("wss://"))
            trusting = ["--ca-file", str(authority.ca_file)]
            for asked, said in (
                (["ack", *trusting], "no alert is open"),
                (["ack"], "certificate"),
                (["send", "pause", "--ea", "4", *trusting], "ea 4 is not known here"),
                (["token", "list", *trusting], "no token"),
            ):
                asking = await asyncio.create_subprocess_exec(
                    *command, *asked, "--url", url,
                    env=environment, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
                )  # fmt: skip
                output, _ = await asking.communicate()
                assert said in output.decode().lower()
    finally:
        serve.terminate()
        _, errors = await serve.communicate()
    assert b"warning" not in errors
