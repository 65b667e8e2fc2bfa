"""The reference expert against a server of ours: what it refuses changes nothing, what it does it does once."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from websockets import ServerConnection, serve

from fleetwire.client.expert import ExpertClient
from fleetwire.client.journal import ACCEPTED, BEGUN, Entry, Journal
from fleetwire.client.orders import Outcome, ReceivedCommand, Verdict
from fleetwire.wire.moment import utc_text
from tests.client.test_orders import order
from tests.integration.commanding import Hands, expert_client, living, own_token
from tests.integration.support import TOKEN, whole


def client_of(url: str, folder: Path, hands: Any, **more: Any) -> ExpertClient:
    return expert_client(url, folder, hands, **more)


async def test_a_token_that_is_refused_ends_it_with_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with whole(tmp_path / "fleet.db") as fw:
        client = ExpertClient(
            fw.server.url, "wrong-token-1", expert={}, ea_id=7, handler=Hands(), journal=tmp_path / "j", supports=()
        )
        with caplog.at_level(logging.ERROR):
            async with client, asyncio.timeout(10):
                await asyncio.wait(client._tasks)
        assert "EA 7 takes no commands any more" in caplog.text
        assert "wrong-token-1" not in caplog.text


async def test_a_command_signed_with_another_key_is_neither_done_nor_answered(tmp_path: Path) -> None:
    hands = Hands()
    async with whole(tmp_path / "fleet.db") as fw:
        await own_token(fw)
        async with living(client_of(fw.server.url, tmp_path, hands), fw) as client:
            command = await fw.command("pause", ea_id=client.ea_id)
            async with asyncio.timeout(10):
                while not client.refused[Verdict.forged]:
                    await asyncio.sleep(0.005)
            assert (hands.done, command.row.status) == ([], "delivered")


async def test_with_a_shared_token_commands_come_unsigned_and_are_taken_only_if_that_is_said(tmp_path: Path) -> None:
    hands = Hands()
    async with whole(tmp_path / "fleet.db") as fw:
        async with living(client_of(fw.server.url, tmp_path, hands), fw) as client:
            command = await fw.command("pause", ea_id=client.ea_id)
            async with asyncio.timeout(10):
                while not client.refused[Verdict.unsigned]:
                    await asyncio.sleep(0.005)
        async with living(client_of(fw.server.url, tmp_path, hands, shared_token=True), fw) as client:
            assert command.row.status in ("unknown", "failed"), "it was for the run before"
            again = await fw.command("resume", ea_id=client.ea_id)
            assert (await again.finished(timeout_s=10)).status == "executed"
    assert hands.done == ["resume"]


async def test_the_same_command_twice_is_done_once_and_answered_twice(tmp_path: Path) -> None:
    """A server that repeats itself, as one that was killed does."""
    hands, heard = Hands(), []
    given = asyncio.Event()

    async def server(link: ServerConnection) -> None:
        welcome = {"client_id": "c", "epoch": "e", "server_time": "2026-09-21T14:13:20.000Z"}
        await link.send(json.dumps([{"type": "connection", "data": welcome}]))
        async for frame in link:
            message = json.loads(frame)[0]
            heard.append(message)
            if message["type"] == "auth":
                await link.send(json.dumps([{"type": "auth_response", "data": {"status": "authenticated"}}]))
            elif message["type"] == "ea_report" and not given.is_set():
                given.set()
                said = order(None, ea_id=12345, boot_id="", params={}, expires_ms=2**50)
                data = {name: getattr(said, name) for name in said.__struct_fields__}
                for _ in range(3):
                    await link.send(json.dumps([{"type": "command", "data": data}]))

    async with serve(server, "127.0.0.1", 0, subprotocols=["fleetwire.v2.json"]) as listening:  # type: ignore[list-item]
        port = next(iter(listening.sockets)).getsockname()[1]
        async with client_of(f"ws://127.0.0.1:{port}", tmp_path, hands, shared_token=True), asyncio.timeout(10):
            while len([each for each in heard if each["type"] == "command_ack"]) < 4:
                await asyncio.sleep(0.005)
    assert hands.done == ["pause"]


@pytest.mark.parametrize("set_by_s", [-3600, 3600])
async def test_a_servers_clock_that_was_set_ends_no_command(tmp_path: Path, set_by_s: int) -> None:
    """An emergency stop must not be refused because the expert knows the time from before."""
    hands, statuses = Hands(), []
    now_ms = 1_790_000_000_000

    async def server(link: ServerConnection) -> None:
        welcome = {"client_id": "c", "epoch": "e", "server_time": utc_text(now_ms), "heartbeat_interval": 3600}
        await link.send(json.dumps([{"type": "connection", "data": welcome}]))
        set_ms = now_ms + set_by_s * 1000
        said = order(None, ea_id=12345, boot_id="", params={}, issued_ms=set_ms, expires_ms=set_ms + 60_000)
        data = {name: getattr(said, name) for name in said.__struct_fields__} | {"server_time": set_ms}
        async for frame in link:
            message = json.loads(frame)[0]
            kind, asked = message["type"], message["data"]
            if kind == "auth":
                await link.send(json.dumps([{"type": "auth_response", "data": {"status": "authenticated"}}]))
            elif kind == "heartbeat":
                answer = {"server_time": utc_text(set_ms), "client_time": asked["client_time"]}
                await link.send(json.dumps([{"type": "heartbeat_response", "data": answer}]))
            elif kind == "ea_report" and not hands.done:
                await link.send(json.dumps([{"type": "command", "data": data}]))
            elif kind == "command_ack":
                statuses.append(asked["status"])

    async with serve(server, "127.0.0.1", 0, subprotocols=["fleetwire.v2.json"]) as listening:  # type: ignore[list-item]
        port = next(iter(listening.sockets)).getsockname()[1]
        async with client_of(f"ws://127.0.0.1:{port}", tmp_path, hands, shared_token=True), asyncio.timeout(10):
            while not {"executed", "expired"}.intersection(statuses):
                await asyncio.sleep(0.005)
    assert (hands.done, statuses[:2]) == (["pause"], ["accepted", "executed"])


async def test_what_was_begun_when_it_was_stopped_is_not_repeated(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.open()
    journal.write(Entry("a", ACCEPTED, 1))
    journal.write(Entry("b", BEGUN, 2, command="pause"))
    journal.close()
    asked: list[ReceivedCommand] = []

    def recover(command: ReceivedCommand) -> Outcome:
        asked.append(command)
        return Outcome("executed", {"found": True})

    hands = Hands()
    async with (
        whole(tmp_path / "fleet.db") as fw,
        living(client_of(fw.server.url, tmp_path, hands, recover=recover), fw) as client,
    ):
        first, second = client.journal.find("a"), client.journal.find("b")
    assert first is not None
    assert second is not None
    assert (first.status, second.status, second.results) == ("failed", "executed", {"found": True})
    assert ([each.command for each in asked], hands.done) == (["pause"], [])


class HandMoved:
    """A clock that is moved by hand; who waits looks at it again and again."""

    def __init__(self) -> None:
        self.now = 0.0
        self._waits = 0

    async def sleep(self, _: float) -> None:
        self._waits += 1
        await asyncio.sleep(0.005)

    async def is_seen(self) -> None:
        """Let whoever waits have looked."""
        before = self._waits
        async with asyncio.timeout(10):
            while self._waits < before + 20:
                await asyncio.sleep(0.005)


@pytest.mark.parametrize(("action", "done"), [("none", []), ("pause", ["pause"]), ("close", ["close_all"])])
async def test_a_dead_man_rule_is_pushed_kept_and_carried_out_when_the_centre_is_gone(
    tmp_path: Path, action: str, done: list[str]
) -> None:
    hands, time = Hands(), HandMoved()
    async with whole(tmp_path / "fleet.db") as fw:
        token, url = await own_token(fw), fw.server.url
        client = client_of(fw.server.url, tmp_path, hands, token=token, clock=lambda: time.now, sleep=time.sleep)
        async with living(client, fw):
            rule = await fw.command("dead_man", {"after_s": 30, "action": action}, ea_id=client.ea_id)
            assert (await rule.finished(timeout_s=10)).status == "executed"
            await fw.stop()
            time.now += 29.0
            await time.is_seen()
            assert hands.done == [], "it has been heard within 30 s"
            time.now += 2.0
            await time.is_seen()
            assert hands.done == done
            time.now += 1000.0
            await time.is_seen()
            assert hands.done == done, "once for a silence"
    again = Hands()
    client = client_of(url, tmp_path, again, token=token, clock=lambda: time.now, sleep=time.sleep)
    async with living(client):
        await time.is_seen()
        assert again.done == []
        time.now += 31.0
        await time.is_seen()
    assert again.done == done, "a start without the centre knows the rule from the journal"


async def test_a_dead_man_rule_does_nothing_while_the_centre_answers_and_can_be_taken_back(tmp_path: Path) -> None:
    hands, time = Hands(), HandMoved()
    async with whole(tmp_path / "fleet.db") as fw:
        token = await own_token(fw)
        client = client_of(fw.server.url, tmp_path, hands, token=token, clock=lambda: time.now, sleep=time.sleep)
        async with living(client, fw):
            rule = await fw.command("dead_man", {"after_s": 30, "action": "close"}, ea_id=client.ea_id)
            assert (await rule.finished(timeout_s=10)).status == "executed"
            for _ in range(10):  # five minutes, in which nothing but its own questions makes the centre speak
                time.now += 29.0
                before = client._deadman._heard_at
                async with asyncio.timeout(10):
                    while client._deadman._heard_at == before:
                        await asyncio.sleep(0.005)
            rule = await fw.command("dead_man", {"after_s": 30, "action": "none"}, ea_id=client.ea_id)
            assert (await rule.finished(timeout_s=10)).status == "executed"
            await fw.stop()
            time.now += 1000.0
            await time.is_seen()
    assert hands.done == []


def test_the_token_is_not_shown(tmp_path: Path) -> None:
    assert TOKEN not in repr(client_of("ws://127.0.0.1:1", tmp_path, Hands()))
