"""Every snippet of the brief, as it stands there, against the real thing."""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from fleetwire import WebSocketServer

HERE = Path(__file__).parent
ROOT = HERE.parent
TOKEN = "your_auth_token"
EA = {"ea_id": 12345, "symbol": "EURUSD", "status": "active", "current_profit": 150.75}
PORTFOLIO = {"total_profit": 2450.30, "active_eas": 15, "drawdown_pct": 3.8}
ALERT = {"level": "warning", "message": "EA 12345 drawdown exceeds 10%", "ea_id": 12345}


@pytest.fixture
def port() -> int:
    """The brief's own port, or another where something else listens on it."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8765))
        except OSError:
            taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
async def server(port: int) -> AsyncIterator[WebSocketServer]:
    async with WebSocketServer(port=port, auth_token=TOKEN) as running:
        yield running


def snippet(text: str, port: int) -> str:
    return text.replace("8765", str(port))


async def run_python(text: str, **names: Any) -> dict[str, Any]:
    """Run a snippet that awaits at its top level."""
    code = compile(text, "<brief>", "exec", flags=0x2000)  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    scope: dict[str, Any] = dict(names)
    waiting = eval(code, scope)
    if waiting is not None:
        await waiting
    return scope


START = """
from websocket_server import WebSocketServer

# Create and start server
server = WebSocketServer(
    host="127.0.0.1",
    port=8765,
    auth_token="your_auth_token"
)

await server.start_server()
"""

CLIENT = """
from websocket_client import WebSocketClient

# Create client
client = WebSocketClient("ws://127.0.0.1:8765", "your_auth_token")

# Register message handler
async def handle_ea_update(data):
    print(f"EA Update: {data}")

client.register_message_handler("ea_update", handle_ea_update)

# Connect and authenticate
await client.connect()
await client.authenticate()

# Subscribe to channels
await client.subscribe(["ea_updates", "portfolio_updates"])
"""

BROADCAST = """
# Broadcast EA update
await server.broadcast_ea_update({
    "ea_id": 12345,
    "symbol": "EURUSD",
    "status": "active",
    "current_profit": 150.75
})

# Broadcast portfolio update
await server.broadcast_portfolio_update({
    "total_profit": 2450.30,
    "active_eas": 15,
    "drawdown_pct": 3.8
})

# Broadcast alert
await server.broadcast_alert({
    "level": "warning",
    "message": "EA 12345 drawdown exceeds 10%",
    "ea_id": 12345
})
"""

MONITOR = """
# Get connected clients
clients = server.get_connected_clients()
print(f"Connected clients: {len(clients)}")

# Check server status
print(f"Server running: {server.running}")
"""

DEBUG = """
import logging
logging.basicConfig(level=logging.DEBUG)
"""


async def test_the_python_snippets_work_as_they_stand(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Start, connect, broadcast and monitor, each as the brief writes it."""
    server = (await run_python(snippet(START, port)))["server"]
    try:
        client = (await run_python(snippet(CLIENT, port)))["client"]
        heard: asyncio.Queue[Any] = asyncio.Queue()
        client.register_message_handler("portfolio_update", heard.put_nowait)
        await run_python(BROADCAST, server=server)
        assert await asyncio.wait_for(heard.get(), 5) == PORTFOLIO
        await run_python(MONITOR, server=server)
        await client.disconnect()
    finally:
        await server.stop_server()
    printed = capsys.readouterr().out
    assert f"EA Update: {EA}" in printed
    assert "Connected clients: 1" in printed
    assert "Server running: True" in printed


def test_debug_logging_as_the_brief_switches_it_on_shows_no_token(port: int) -> None:
    """The whole conversation at DEBUG, in a process of its own."""
    body = (
        snippet(START, port)
        + snippet(CLIENT, port)
        + BROADCAST
        + "await client.disconnect()\nawait server.stop_server()\n"
    )
    body = body.replace("your_auth_token", "canary-9f3b")
    indented = "\n".join("    " + line for line in (DEBUG + body).splitlines())
    program = f"import asyncio\nasync def main():\n{indented}\nasyncio.run(main())\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "DEBUG" in done.stderr
    assert "canary-9f3b" not in done.stderr + done.stdout


def start_script(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "start_websocket_server.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("--host", "127.0.0.1", "--port", "{port}", "--auth-token", "custom_token"), {}),
        ((), {"WEBSOCKET_HOST": "127.0.0.1", "WEBSOCKET_PORT": "{port}", "WEBSOCKET_AUTH_TOKEN": "custom_token"}),
        (("--integrated", "--port", "{port}"), {"WEBSOCKET_PORT": "1", "WEBSOCKET_AUTH_TOKEN": "custom_token"}),
    ],
    ids=["flags", "environment", "integrated, and a flag over the environment"],
)
async def test_the_startup_script_serves(
    port: int, arguments: tuple[str, ...], environment: dict[str, str], tmp_path: Path
) -> None:
    """The script listens where it is told, takes its token, and ends on SIGTERM."""
    from websocket_client import WebSocketClient

    asked = [argument.format(port=port) for argument in arguments]
    own = {"XDG_CONFIG_HOME": str(tmp_path), "APPDATA": str(tmp_path)}  # its database is not the user's
    script = start_script(*asked, **own, **{name: value.format(port=port) for name, value in environment.items()})
    try:
        assert script.stdout is not None
        first = await asyncio.to_thread(script.stdout.readline)
        assert f"ws://127.0.0.1:{port}" in first
        async with WebSocketClient(f"ws://127.0.0.1:{port}", "custom_token") as client:
            answer = await client.subscribe(["portfolio_updates"])
            assert answer.channels == ["portfolio_updates"]
            if "--integrated" in arguments:
                async for message in client.subscribe(["portfolio_updates"]):
                    assert message.data["active_eas"] == 0
                    break
    finally:
        script.terminate()
        output, errors = await asyncio.to_thread(script.communicate, timeout=10)
    assert script.returncode == 0, errors
    assert "custom_token" not in first + output + errors


# ------------------------------------------------------------------------------------------------ the front end's part


async def broadcast_when_subscribed(server: WebSocketServer, told: "asyncio.Queue[dict[str, Any]]") -> None:
    """Wait until the page has subscribed, broadcast, and check that its three displays were called."""
    assert await asyncio.wait_for(told.get(), 30) == {"subscribed": True}
    await server.broadcast_ea_update(EA)
    await server.broadcast_portfolio_update(PORTFOLIO)
    await server.broadcast_trade_update({"ticket": 1})
    await server.broadcast_alert(ALERT)
    heard = [await asyncio.wait_for(told.get(), 10) for _ in range(3)]
    # A browser's three reports travel on connections of their own: their order there proves nothing.
    assert sorted(heard, key=lambda one: list(one)) == [{"alert": ALERT}, {"ea": EA}, {"portfolio": PORTFOLIO}]


def javascript(port: int) -> str:
    texts = [(HERE / "data" / "brief" / name).read_text() for name in ("frontend.js", "around.js")]
    return snippet("\n".join(texts), port)


def node_flags() -> list[str] | None:
    """How Node is given a WebSocket: it has its own from 22 on, behind a flag before; None where there is no Node."""
    node = shutil.which("node")
    if node is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    major, minor = (int(part) for part in re.findall(r"\d+", version)[:2])
    if (major, minor) < (20, 10):
        return None
    return [node, *(["--experimental-websocket"] if major < 22 else [])]


async def test_the_javascript_snippet_works_in_node(server: WebSocketServer, port: int) -> None:
    command = node_flags()
    if command is None:
        pytest.skip("needs Node 20.10 or later")
    program = "const tell = (what) => console.log(JSON.stringify(what));\n" + javascript(port)
    node = await asyncio.create_subprocess_exec(
        *command, "-e", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def read() -> None:
        assert node.stdout is not None
        async for line in node.stdout:
            told.put_nowait(json.loads(line))

    reading = asyncio.create_task(read())
    try:
        await broadcast_when_subscribed(server, told)
    finally:
        node.kill()
        await node.wait()
        await reading


class Page:
    """A little web server that serves one page, and to which the page reports what it was shown."""

    def __init__(self, port: int) -> None:
        self.told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._port = port

    async def __aenter__(self) -> "Page":
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        tell = f"const tell = (what) => {{ new Image().src = '{self.url}/told?' + encodeURIComponent(json(what)); }};"
        tell = f"const json = JSON.stringify;\n{tell}"
        self.html = f"<!doctype html><title>brief</title><script>\n{tell}\n{javascript(self._port)}\n</script>"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        path, _, query = target.partition("?")
        if path == "/told":
            self.told.put_nowait(json.loads(unquote(query)))
        body = self.html.encode() if path == "/" else b""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("where", ["file", "http"])
async def test_the_javascript_snippet_works_in_a_browser(server: WebSocketServer, port: int, where: str) -> None:
    """In a page opened from a file, as Electron does, and in one served by another program on this machine."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with Page(port) as page:
            file = Path(folder) / "index.html"
            file.write_text(page.html)
            browser = await asyncio.create_subprocess_exec(
                str(CHROMIUM),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                f"--user-data-dir={folder}/profile",
                "--remote-debugging-port=0",  # keeps the page open until the browser is ended
                file.as_uri() if where == "file" else page.url + "/",
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                await broadcast_when_subscribed(server, page.told)
            finally:
                browser.terminate()
                await browser.wait()
