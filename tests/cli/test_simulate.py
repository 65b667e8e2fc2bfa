"""`fleetwire simulate` as a person meets it: what it says, what it leaves behind, and what a kill does to it."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

from fleetwire import Fleetwire, WebSocketServer
from fleetwire.cli.asking import Api
from fleetwire.storage.filelock import FileLock
from fleetwire.wire.tokens import Binding, TokenRequest
from tests.cli.simulated.remote import ended, give
from tests.integration.commanding import token_desk
from tests.integration.support import TOKEN, whole
from tests.server.authority import Authority

ROOT = Path(__file__).parents[2]
SEED = "1"  # nothing goes wrong by itself for more than a minute


class Running:
    """The command in a process of its own, and what it has said."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def said(self, pattern: str) -> "re.Match[str]":
        """Read on until it has said this."""
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            while True:
                line = (await self.process.stdout.readline()).decode()
                assert line, (self.lines, (await self.process.communicate())[1].decode())
                self.lines.append(line.rstrip())
                if found := re.search(pattern, line):
                    return found

    async def end(self, number: signal.Signals) -> tuple[int | None, str]:
        """Ask for the end; give the exit code and what was said of errors."""
        self.process.send_signal(number)
        out, err = await self.process.communicate()
        self.lines += out.decode().splitlines()
        return self.process.returncode, err.decode()

    @property
    def done(self) -> list[str]:
        """What experts have carried out."""
        return [line for line in self.lines if re.match(r"\d\d:\d\d:\d\d  EA ", line)]


@contextlib.asynccontextmanager
async def simulating(folder: Path, url: str, *arguments: str, token: str = TOKEN) -> AsyncIterator[Running]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WEBSOCKET_")}
    environment |= {"XDG_CONFIG_HOME": str(folder), "APPDATA": str(folder), "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fleetwire", "simulate", "--url", url, "--auth-token", token, "--seed", SEED, *arguments,
        cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def asked(*arguments: str) -> str:
    """Run another command, and give all that it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fleetwire", *arguments, cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    return (await process.communicate())[0].decode()


async def known(fw: Fleetwire, experts: int) -> None:
    async with asyncio.timeout(60):
        while len([place for place in fw.service.orders.places.values() if place.door.is_open]) < experts:
            await asyncio.sleep(0.01)


async def test_it_says_what_it_does_and_takes_back_the_tokens_that_it_made(tmp_path: Path) -> None:
    async with whole(tmp_path / "fleet.db") as fw:
        async with simulating(tmp_path, fw.server.url, "--experts", "3") as running:
            await running.said("^try ")
            web = fw.server.url.replace("ws", "http", 1)
            port = web.rpartition(":")[2]
            assert re.fullmatch(
                rf"fleetwire \S+  at {web}   \(simulated fleet: 3 experts, 3 accounts, seed 1\)", running.lines[0]
            )
            assert running.lines[1:] == [
                "tokens    one of its own for each expert (3 made): commands come signed; revoked at the end",
                f"journals  {tmp_path}/fleetwire/simulated/127.0.0.1_{port}",
                f"try       fleetwire send pause --ea 1001 --wait --url {fw.server.url}",
            ]
            await known(fw, 3)
            command = await fw.command("pause", ea_id=1001)
            assert (await command.finished(timeout_s=30)).status == "executed"
            rule = await fw.command("dead_man", {"after_s": 30, "action": "pause"}, ea_id=1002)
            assert (await rule.finished(timeout_s=30)).status == "executed"
            said = await running.said("EA 1001")
            assert said.string.endswith('EA 1001  pause  executed  {"paused":true}\n')
            code, errors = await running.end(signal.SIGINT)
        assert code == 130
        assert re.search(
            r"^1 commands were carried out, none refused; the server has kept [0-9,]+ facts$", errors, re.M
        )
        assert errors.endswith("3 of 3 tokens are revoked\n")
        assert {row.status for row in token_desk(fw).listed()} == {"revoked"}
        for kept in (tmp_path / "fleetwire" / "simulated").rglob("*"):
            assert kept.is_dir() or TOKEN not in kept.read_text()


async def test_killed_in_the_middle_it_comes_back_and_does_nothing_twice(tmp_path: Path) -> None:
    arguments = ("--experts", "20", "--journals", "kept")
    parents: list[str] = []
    carried_out: list[str] = []
    async with whole(tmp_path / "fleet.db") as fw, Api(fw.server.url, TOKEN) as api:
        for command in ("pause", "close_all", "resume", None):
            async with simulating(tmp_path, fw.server.url, *arguments) as running:
                await running.said("^try ")
                made = "20 made" if not parents else "0 made, 20 given another secret"
                assert f"({made})" in running.lines[1]
                await known(fw, 20)
                if command is not None:
                    parents.append(await give(api, command))
                    await running.said(f"EA 10[0-9]{{2}}  {command}")
                    await running.end(signal.SIGKILL)
                else:
                    parts = [part for parent in parents for part in await ended(api, parent)]
                    await running.end(signal.SIGTERM)
                carried_out += running.done
        assert {row.status for row in token_desk(fw).listed()} == {"revoked"}
    assert len(parts) == 60
    assert {part["status"] for part in parts} <= {"executed", "partial", "failed", "expired"}, "all have come to an end"
    done = Counter(tuple(line.split()[2:4]) for line in carried_out)
    assert len(done) >= 3
    assert set(done.values()) == {1}, "none was carried out twice"
    for part in parts:
        if "interrupted" not in part.get("results", {}):
            carried_out_once = done[str(part["ea_id"]), part["command"]] == 1
            assert (part["status"] == "executed") is carried_out_once, "the journal tells what was done"


async def test_over_tls_and_with_a_token_that_all_share(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = {"tls_cert": str(authority.cert), "tls_key": str(authority.key), "expert_token": "for-all-experts-1"}
    async with whole(tmp_path / "fleet.db", **tls) as fw:
        at = (tmp_path, fw.server.url, "--experts", "2", "--ca-file", str(authority.ca_file))
        for more in ({"token": "for-all-experts-1"}, {}):
            async with simulating(*at, *([] if more else ["--shared"]), **more) as running:
                await running.said("^try ")
                assert running.lines[1] == "tokens    the one given, for all of them: commands come unsigned"
                assert running.lines[-1].endswith(f"--url {fw.server.url} --ca-file {authority.ca_file}")
                await known(fw, 2)
                command = await fw.command("pause", ea_id=1002)
                assert (await command.finished(timeout_s=30)).status == "executed"
                code, errors = await running.end(signal.SIGTERM)
                assert code == 0
                assert "revoked" not in errors
        at = ("--url", fw.server.url, "--auth-token", TOKEN, "--ca-file", str(authority.ca_file))
        assert "there are no tokens" in await asked("token", "list", *at), "other commands trust it as well"
        assert "EA 7 is not known here" in await asked("send", "pause", "--ea", "7", *at)
        async with simulating(tmp_path, fw.server.url) as running:
            _, said = await running.process.communicate()
            assert b"the certificate is not trusted: give --ca-file, if you know whose it is" in said
        assert token_desk(fw).listed() == []


async def test_what_can_not_be_is_said_in_one_line_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async def fails(url: str, *arguments: str, token: str = TOKEN) -> str:
        async with simulating(tmp_path, url, *arguments, token=token) as running:
            _, said = await running.process.communicate()
        assert running.process.returncode in (1, 2)
        assert (said[:7], said.count(b"\n")) == (b"error: ", 1)
        assert token.encode() not in said
        return said.decode()

    assert "--experts must be a number from 1 to 500" in await fails("ws://127.0.0.1:1", "--experts", "501")
    assert "is the server running there?" in await fails("ws://127.0.0.1:1")
    async with whole(tmp_path / "fleet.db") as fw:
        url, desk = fw.server.url, token_desk(fw)
        assert "this token is not known here" in await fails(url, token="wrong-token-1")
        viewer = await desk.create(TokenRequest(role="viewer"), "a test")
        assert "viewer" in await fails(url, token=viewer.token)
        binding = Binding(server="Broker-Demo", login=5, magic=1)
        own = await desk.create(TokenRequest(role="expert", expert=binding), "a test")
        assert "this token is of the expert Broker-Demo/5, magic 1" in await fails(url, token=own.token)
        lock = FileLock(tmp_path / "lock")
        assert lock.take()
        assert f"is in use by process {os.getpid()}: give another folder" in await fails(url, "--journals", ".")
        lock.give_back()
        (tmp_path / "file").touch()
        assert "--journals: file can't be used" in await fails(url, "--journals", "file")
        assert {row.status for row in desk.listed()} == {"active"}, "those that were here before"
    async with WebSocketServer(port=0, auth_token=TOKEN) as server:
        assert "this server keeps no fleet: start it with --integrated" in await fails(server.url)
