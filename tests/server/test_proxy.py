"""Behind the real nginx and the real Caddy, with the very blocks that docs/proxy.md shows."""

import asyncio
import io
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import websockets

from fleetwire.server.server import WebSocketServer
from tests.server.api.desk import Desk, report_of
from tests.server.support import TOKEN
from tests.support import until

PAGE = Path(__file__).parents[2] / "docs" / "proxy.md"
NAME = "coc.example"
NGINX, CADDY, OPENSSL = (
    shutil.which(name) or shutil.which(f"/usr/sbin/{name}") for name in ("nginx", "caddy", "openssl")
)
AUTH = {"Authorization": f"Bearer {TOKEN}"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def shown(language: str, *replaced: tuple[str, str]) -> str:
    """The block of the docs, with our ports and paths."""
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    block = found[1]
    for said, ours in replaced:
        assert said in block
        block = block.replace(said, ours)
    return block


def nginx(folder: Path, port: int, behind: int, *, strips: bool) -> tuple[str, ...]:
    """How to start nginx in a folder of its own."""
    block = shown(
        "nginx",
        ("127.0.0.1:8765;", f"127.0.0.1:{behind};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("/etc/ssl/coc.example.", f"{folder}/"),
        *([("proxy_pass http://fleetwire;", "proxy_pass http://fleetwire/;")] if strips else []),
    )
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/log warn; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{block}}}"
    )
    return str(NGINX), "-c", str(folder / "nginx.conf"), "-p", str(folder)


def caddy(folder: Path, port: int, behind: int, *, strips: bool) -> tuple[str, ...]:
    """How to start Caddy in a folder of its own, with a certificate of ours."""
    block = shown(
        "caddy",
        ("coc.example {", f"https://coc.example:{port} {{\n    bind 127.0.0.1\n    tls {folder}/pem {folder}/key"),
        ("127.0.0.1:8765", f"127.0.0.1:{behind}"),
        *([("handle /", "handle_path /")] if strips else []),
    )
    (folder / "Caddyfile").write_text(f"{{\n    admin off\n    auto_https off\n}}\n{block}")
    return str(CADDY), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")


def _named(param: tuple[Any, bool]) -> str:
    return f"{param[0].__name__}, stripped" if param[1] else str(param[0].__name__)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture(params=[(nginx, False), (nginx, True), (caddy, False), (caddy, True)], ids=_named)
async def port(request: pytest.FixtureRequest, tmp_path: Path, desk: Desk) -> AsyncIterator[int]:
    """Where the proxy listens, with a fleetwire behind it."""
    proxy, strips = request.param
    if not (OPENSSL and {nginx: NGINX, caddy: CADDY}[proxy]):
        pytest.skip(f"there is no {proxy.__name__} here, or no openssl")
    subprocess.run(
        f"{OPENSSL} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-keyout key -out pem -subj /CN={NAME} -addext subjectAltName=DNS:{NAME}".split(),
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    async with WebSocketServer(
        port=0,
        auth_token=TOKEN,
        base_path="/fleetwire",
        allowed_hosts=[NAME],
        allowed_origins=[f"https://{NAME}"],
    ) as server:
        server.serve_fleet(desk)
        port = free_port()
        with (tmp_path / "log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *proxy(tmp_path, port, server.port, strips=strips),
                env={**os.environ, "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)},
                stdout=log,
                stderr=log,
            )
        try:
            await until(lambda: process.returncode is not None or _listens(port))
            assert process.returncode is None, (tmp_path / "log").read_text()
            yield port
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _tls(tmp_path: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(tmp_path / "pem"))


class _Here(aiohttp.abc.AbstractResolver):
    """Every name is this machine."""

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[Any]:
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": family, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_conversation_the_api_and_reports_go_through_the_proxy(port: int, desk: Desk, tmp_path: Path) -> None:
    base = f"https://{NAME}:{port}/fleetwire"
    connector = aiohttp.TCPConnector(ssl=_tls(tmp_path), resolver=_Here())
    async with aiohttp.ClientSession(connector=connector, headers=AUTH) as http:
        for _ in range(20):  # on one connection to nginx, and on kept ones from there
            async with http.post(f"{base}/api/v1/ea/report", data=report_of(3), headers=_JSON) as taken:
                assert (taken.status, (await taken.json())["accepted"]) == (200, 3)
        assert len(desk.reports) == 20

        async with http.get(f"{base}/api/v1/experts?limit=4") as listed:
            assert listed.links["next"]["url"].path == "/fleetwire/api/v1/experts"
            rows, etag = (await listed.json())["items"], listed.headers["ETag"]
        async with http.get(f"{base}/api/v1/experts?limit=4", headers={"If-None-Match": etag}) as unchanged:
            assert unchanged.status == 304
        async with http.get(f"https://{NAME}:{port}{listed.links['next']['url'].path_qs}") as following:
            assert [row["ea_id"] for row in rows + (await following.json())["items"]] == [1, 2, 3, 4, 5, 6, 7, 8]

        for _ in range(5):  # so that upgrades meet connections that were in use
            await _converse(port, tmp_path, http, base)

        async with http.get(f"{base}/healthz", headers={"Origin": f"https://{NAME}"}) as page:
            assert page.headers["Access-Control-Allow-Origin"] == f"https://{NAME}"
        async with http.get(f"{base}/metrics") as metrics:
            assert metrics.status == 403
        async with http.get(f"{base}/healthz", headers={"Origin": "https://evil.example"}) as foreign:
            assert foreign.status == 403
        async with http.post(f"{base}/api/v1/ea/report", data=io.BytesIO(b" " * (1 << 21)), headers=_JSON) as too_long:
            assert too_long.status == 413


_JSON = {"Content-Type": "application/json"}


async def _converse(port: int, tmp_path: Path, http: aiohttp.ClientSession, base: str) -> None:
    async with websockets.connect(
        f"wss://{NAME}:{port}/fleetwire/",
        host="127.0.0.1",
        ssl=_tls(tmp_path),
        origin=websockets.Origin(f"https://{NAME}"),
        proxy=None,
    ) as socket_:

        async def say(kind: str, **data: Any) -> dict[str, Any]:
            await socket_.send(json.dumps({"type": kind, "data": data}))
            answer: dict[str, Any] = json.loads(await socket_.recv())
            return answer

        assert json.loads(await socket_.recv())["type"] == "connection"
        assert (await say("auth", token=TOKEN))["data"]["status"] == "authenticated"
        assert (await say("subscribe", channels=["alerts"]))["data"]["status"] == "subscribed"
        told = {"channel": "alerts", "data": {"level": "info", "message": "hello"}}
        async with http.post(f"{base}/api/v1/publish", json=told) as published:
            assert published.status == 200
        assert json.loads(await socket_.recv())["data"]["message"] == "hello"
