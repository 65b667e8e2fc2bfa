"""A caller of the API: one connection, one request after another, every byte of them ours."""

import asyncio
import contextlib
import json
from typing import Any, NamedTuple

from fleetwire.server.server import WebSocketServer
from tests.server.support import TOKEN


class Reply(NamedTuple):
    """An answer; names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of a problem."""
        assert self.headers["content-type"] == "application/problem+json", self
        assert self.json["status"] == self.status
        code: str = self.json["code"]
        return code


class Caller:
    """One TCP connection."""

    def __init__(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.port = port
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, server: WebSocketServer | int) -> "Caller":
        port = server if isinstance(server, int) else server.port
        return cls(port, *await asyncio.open_connection("127.0.0.1", port))

    def send(
        self, request: str, *headers: str, body: bytes | str | None = None, token: str | None = TOKEN, json: bool = True
    ) -> None:
        """Write a request. A header given without a value leaves the usual one of its name out."""
        payload = body.encode() if isinstance(body, str) else body
        usual = {"host": f"Host: 127.0.0.1:{self.port}"}
        if token is not None:
            usual["authorization"] = f"Authorization: Bearer {token}"
        if payload is not None:
            usual["content-length"] = f"Content-Length: {len(payload)}"
            if json:
                usual["content-type"] = "Content-Type: application/json"
        names = {line.partition(":")[0].lower() for line in headers}
        lines = [line for name, line in usual.items() if name not in names]
        lines += [line for line in headers if line.partition(":")[2]]
        self.writer.write("\r\n".join([f"{request} HTTP/1.1", *lines, "", ""]).encode() + (payload or b""))

    async def reply(self, *, to_head: bool = False) -> Reply:
        """Read one answer."""
        async with asyncio.timeout(5):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.rstrip("\r\n").split("\r\n")
            headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
            status = int(first.split(" ")[1])
            length = 0 if to_head or status in (204, 304) else int(headers["content-length"])
            return Reply(status, headers, await self.reader.readexactly(length))

    async def call(self, request: str, *headers: str, **more: Any) -> Reply:
        self.send(request, *headers, **more)
        return await self.reply(to_head=request.startswith("HEAD "))

    async def get(self, path: str, *headers: str, **more: Any) -> Reply:
        return await self.call(f"GET {path}", *headers, **more)

    async def is_closed(self) -> bool:
        """Whether the server ends the connection, without a further byte."""
        async with asyncio.timeout(5):
            return await self.reader.read(1) == b""

    async def end(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()
