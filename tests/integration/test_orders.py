"""Commands from the one who gives them to the expert that carries them out, over real sockets and on a real disk."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets import connect

from fleetwire import Fleetwire
from fleetwire.config import Settings
from fleetwire.fleet.commands import CommandLimits
from fleetwire.sources.simulator import Simulator
from fleetwire.wire.audit import verify
from fleetwire.wire.errors import CommandError, ConfirmationError, ConflictError
from tests.integration.commanding import EA, EXPERT, Hands, expert_client, living, own_token
from tests.integration.support import TOKEN, whole

BODY = {
    "account": {"server": "Broker-Demo", "login": 5, "currency": "USD", "balance": 1000.0, "equity": 1000.0},
    "experts": [
        {"expert": {"magic": 12345, "symbol": "EURUSD", "name": "London Breakout"}, "ea_id": EA, "boot_id": "one",
         "positions": [], "supports": ["pause", "close_all"]}
    ],
}  # fmt: skip


class Web:
    """The API, as a program calls it."""

    def __init__(self, fw: Fleetwire, token: str = TOKEN) -> None:
        self._url = fw.server.url.replace("ws://", "http://") + "/api/v1/"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    async def post(self, path: str, body: Any, status: int = 200) -> Any:
        async with (
            aiohttp.ClientSession(headers=self._headers) as session,
            session.post(self._url + path, data=json.dumps(body)) as answer,
        ):
            assert answer.status == status, await answer.text()
            return await answer.json(content_type=None)

    async def get(self, path: str, status: int = 200) -> Any:
        async with aiohttp.ClientSession(headers=self._headers) as session, session.get(self._url + path) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json(content_type=None)


class Socket:
    """A client that says and hears everything as it is."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.heard: list[dict[str, Any]] = []

    async def say(self, kind: str, data: Any, id: int | None = None) -> None:
        message = {"type": kind, "data": data} | ({"id": id} if id is not None else {})
        await self.raw.send(json.dumps(message))

    async def next(self) -> dict[str, Any]:
        """Read the next message."""
        message: dict[str, Any] = json.loads(await self.raw.recv())
        self.heard.append(message)
        return message

    async def hear(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Read until the next message of a type, with these fields in its data."""
        async with asyncio.timeout(10):
            while True:
                message = await self.next()
                data = message.get("data")
                if message["type"] == kind and all(data.get(name) == value for name, value in fields.items()):
                    return dict(data)


async def socket(raw: Any, token: str = TOKEN) -> Socket:
    client = Socket(raw)
    await client.say("auth", {"token": token})
    await client.hear("auth_response", success=True)
    return client


async def audited(fw: Fleetwire) -> list[Any]:
    """The whole audit, whose chain holds."""
    await fw.service.acknowledged()
    assert fw.service.keeper is not None
    rows = await fw.service.keeper.store.audit(0, 1000)
    assert verify(rows, end=fw.service.keeper.trail.head) is None
    return rows


async def test_a_command_is_carried_out_by_its_expert_and_its_end_is_told(tmp_path: Path) -> None:
    hands = Hands()
    async with whole(tmp_path / "fleet.db") as fw:
        token = await own_token(fw)
        async with living(expert_client(fw.server.url, tmp_path, hands, token), fw):
            command = await fw.command("pause", ea_id=EA, reason="news")
            row = await command.finished(timeout_s=10)
        assert (row.status, row.results) == ("executed", {"retcode": 10009})
        assert hands.done == ["pause"]
        steps = [(row.action, row.before, row.after) for row in await audited(fw)]
        assert steps == [
            ("token_created", "", "active"),
            ("command_queued", "", "queued"),
            ("command_delivered", "queued", "delivered"),
            ("command_accepted", "delivered", "accepted"),
            ("command_executed", "accepted", "executed"),
        ]


async def test_an_operator_on_the_socket_is_answered_and_hears_each_step(tmp_path: Path) -> None:
    async with whole(tmp_path / "fleet.db") as fw:
        token = await own_token(fw)
        async with living(expert_client(fw.server.url, tmp_path, Hands(), token), fw), connect(fw.server.url) as raw:
            client = await socket(raw)
            await client.say("subscribe", {"channels": ["command_updates"]})
            await client.hear("subscription_response")
            asked = {"target": {"ea_id": EA}, "command": "pause", "reason": "news", "idempotency_key": "one"}
            await client.say("command", asked, id=7)
            answer = await client.hear("command_response", status="accepted")
            await client.hear("command_update", status="executed")
            told = [each["data"]["status"] for each in client.heard if each["type"] == "command_update"]
            assert told == ["queued", "delivered", "accepted", "executed"]
            await client.say("command", asked, id=8)
            again = await client.hear("command_response")
            assert again["command_id"] == answer["command_id"], "the same key is the same command"
            assert again["command"]["status"] == "executed"
            await client.say("command", asked | {"command": "resume"}, id=9)
            assert (await client.hear("error", id=9))["code"] == "conflict"


async def test_the_answer_of_a_report_brings_commands_and_takes_acknowledgements(tmp_path: Path) -> None:
    async with whole(tmp_path / "fleet.db") as fw:
        web = Web(fw)
        await web.post("ea/report", BODY)
        asked = {"target": {"ea_id": EA}, "command": "pause", "reason": "news"}
        answer = await web.post("commands", asked)
        command_id = answer["command_id"]
        assert (answer["status"], answer["command"]["status"]) == ("accepted", "queued")
        for _ in range(2):  # until it is accepted, it is handed over with each report
            (order,) = (await web.post("ea/report", BODY))["commands"]
            assert (order["id"], order["target"], order["command"], order["boot_id"]) == (
                command_id,
                EA,
                "pause",
                "one",
            )
        ack = {"command_id": command_id, "status": "executed", "results": {"retcode": 10009}, "boot_id": "one"}
        receipt = await web.post("ea/report", {**BODY, "acks": [ack]})
        assert (receipt["commands"], receipt["refused"]) == ([], [])
        row = await web.get(f"commands/{command_id}")
        assert (row["status"], row["results"], row["by"]) == ("executed", {"retcode": 10009}, "admin")
        assert [each["command_id"] for each in (await web.get(f"commands?ea_id={EA}"))["items"]] == [command_id]
        receipt = await web.post("ea/report", {**BODY, "acks": [ack | {"status": "failed"}]})
        assert "can't follow" in receipt["refused"][0]["error"], "an end stays an end"
        assert (await audited(fw))[-1].action == "word_refused"


async def test_a_command_that_nobody_has_is_taken_back_and_one_that_is_delivered_is_not(tmp_path: Path) -> None:
    async with whole(tmp_path / "fleet.db") as fw:
        web = Web(fw)
        await web.post("ea/report", BODY)
        first = (await web.post("commands", {"target": {"ea_id": EA}, "command": "pause"}))["command_id"]
        answer = await web.post(f"commands/{first}/cancel", {"reason": "a slip"})
        assert (answer["status"], answer["command"]["status"]) == ("cancelled", "cancelled")
        second = (await web.post("commands", {"target": {"ea_id": EA}, "command": "pause"}))["command_id"]
        assert [each["id"] for each in (await web.post("ea/report", BODY))["commands"]] == [second]
        assert (await web.post(f"commands/{second}/cancel", {}, status=409))["code"] == "conflict"
        await web.get("commands/nobody", status=404)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"target": {"ea_id": 999}, "command": "pause"}, "not_found"),
        ({"target": {"ea_id": EA}, "command": "launch"}, "invalid_data"),
        ({"target": {"ea_id": EA}, "command": "resume"}, "invalid_data"),  # it does not say that it can
        ({"target": {"ea_id": EA}, "command": "pause", "params": {"softly": 1}}, "invalid_data"),
        ({"target": {"ea_id": EA, "all": True}, "command": "pause"}, "invalid_data"),
        ({"target": {}, "command": "pause"}, "invalid_data"),
        ({"target": {"ea_id": EA}, "command": "pause", "expire_in_s": 5}, "invalid_message"),
    ],
)
async def test_what_can_t_be_is_refused_with_its_code(tmp_path: Path, asked: dict[str, Any], code: str) -> None:
    async with whole(tmp_path / "fleet.db") as fw, connect(fw.server.url) as raw:
        await Web(fw).post("ea/report", BODY)
        client = await socket(raw)
        await client.say("command", asked, id=1)
        assert (await client.hear("error", id=1))["code"] == code
        assert len(fw.service.orders.commands) == 0


async def test_who_may_only_report_gives_no_command_and_that_is_audited(tmp_path: Path) -> None:
    settings = Settings(port=0, auth_token=TOKEN, expert_token="an-experts-token", database=str(tmp_path / "fleet.db"))
    async with Fleetwire(settings) as fw, connect(fw.server.url) as raw:
        client = await socket(raw, "an-experts-token")
        await client.say("command", {"target": {"all": True}, "command": "close_all"}, id=1)
        assert (await client.hear("error", id=1))["code"] == "forbidden"
        asked = {"target": {"all": True}, "command": "close_all"}
        assert (await Web(fw, "an-experts-token").post("commands", asked, status=403))["code"] == "forbidden"
        first, second = await audited(fw)
        assert (first.action, first.who, first.subject) == ("command_refused", "expert", "close_all")
        assert first.address.startswith("127.0.0.1")
        assert second.action == "command_refused"


async def test_only_the_expert_of_a_command_has_a_say(tmp_path: Path) -> None:
    async with whole(tmp_path / "fleet.db") as fw, connect(fw.server.url) as raw:
        await Web(fw).post("ea/report", BODY)
        command = await fw.command("pause", ea_id=EA)
        other = await socket(raw)
        ack = {"command_id": command.command_id, "status": "executed", "boot_id": "one"}
        await other.say("command_ack", ack, id=1)
        assert (await other.hear("error"))["code"] == "forbidden", "it has not reported as anybody"
        report = {"expert": EXPERT | {"magic": 9, "name": "Other"}, "ea_id": 9, "boot_id": "b"}
        await other.say("ea_report", report)
        await other.say("command_ack", ack, id=2)
        assert (await other.hear("error"))["code"] == "forbidden", "it is another one"
        assert command.row.status == "queued"
        assert [row.action for row in await audited(fw)][-2:] == ["word_refused", "word_refused"]


async def test_one_command_for_all_has_a_part_for_each_expert(tmp_path: Path) -> None:
    async with whole(tmp_path / "fleet.db") as fw, connect(fw.server.url) as raw:
        client = await socket(raw)
        for magic in (1, 2, 3):
            who = EXPERT | {"magic": magic, "name": f"E{magic}"}
            await client.say("ea_report", {"expert": who, "ea_id": magic, "boot_id": "b", "group": "gold"})
        await reported(fw, 3)
        command = await fw.command("pause", group="gold", reason="spread")
        for magic in (1, 2, 3):
            order = await client.hear("command", target=magic)
            ack = {"command_id": order["id"], "status": "executed", "boot_id": "b", "ea_id": magic}
            await client.say("command_ack", ack)
        row = await command.finished(timeout_s=10)
        assert (row.status, row.ea_id) == ("executed", None)
        assert [each.status for each in command.children] == ["executed"] * 3
        with pytest.raises(CommandError, match="not known here"):
            await fw.command("pause", group="silver")


async def reported(fw: Fleetwire, count: int) -> None:
    async with asyncio.timeout(10):
        while len(fw.service.orders.places) < count:
            await asyncio.sleep(0.005)


async def test_a_restart_of_the_server_forgets_no_command_and_no_key(tmp_path: Path) -> None:
    async with whole(tmp_path / "fleet.db") as fw:
        await Web(fw).post("ea/report", BODY)
        first = await fw.command("pause", ea_id=EA, idempotency_key="k")
    hands = Hands()
    async with whole(tmp_path / "fleet.db") as fw:
        token = await own_token(fw)
        again = await fw.command("pause", ea_id=EA, idempotency_key="k")
        assert (again.command_id, again.repeated) == (first.command_id, True)
        with pytest.raises(ConflictError):
            await fw.command("close_all", ea_id=EA, idempotency_key="k")
        async with living(expert_client(fw.server.url, tmp_path, hands, token), fw):
            assert (await again.finished(timeout_s=10)).status == "executed"
        assert hands.done == ["pause"]
        await audited(fw)


async def test_an_expert_that_was_started_again_is_not_handed_the_same_command_as_new(tmp_path: Path) -> None:
    """What it was handed is lost sight of, until its full report says what it knows of it."""
    async with whole(tmp_path / "fleet.db") as fw:
        web = Web(fw)
        await web.post("ea/report", BODY)
        command = await fw.command("pause", ea_id=EA)
        assert len((await web.post("ea/report", BODY))["commands"]) == 1
        again = json.loads(json.dumps(BODY))
        again["experts"][0]["boot_id"] = "two"
        assert (await web.post("ea/report", again))["commands"] == []
        assert command.row.status == "unknown"
        again["experts"][0]["commands"] = []
        await web.post("ea/report", again)
        assert command.row.status == "failed", "it was never begun with"
        old = await web.post("ea/report", BODY)
        assert "started again" in old["refused"][0]["error"], "the older run has no say any more"


async def test_a_server_that_keeps_nothing_takes_no_commands() -> None:
    fw = whole(":memory:")
    fw.service.keeper = None
    with pytest.raises(Exception, match="need a database"):
        await fw.command("pause", ea_id=1)


async def test_an_expert_in_a_folder_is_handed_a_file_and_answers_with_one(tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    async with whole(tmp_path / "fleet.db", drop_folder=str(folder)) as fw:
        drop(folder, "1.json", BODY)
        await reported(fw, 1)
        command = await fw.command("pause", ea_id=EA)
        path = folder / "commands" / f"{EA}-{command.command_id}.json"
        async with asyncio.timeout(10):
            while not path.exists():
                await asyncio.sleep(0.01)
        order = json.loads(path.read_bytes())
        assert (order["id"], order["command"], order["boot_id"]) == (command.command_id, "pause", "one")
        assert command.row.status == "delivered"
        ack = {"command_id": order["id"], "status": "executed", "results": {"retcode": 10009}, "boot_id": "one"}
        drop(folder, "2.json", {**BODY, "acks": [ack, ack | {"command_id": "another"}]})
        assert (await command.finished(timeout_s=10)).status == "executed"
        async with asyncio.timeout(10):
            while not list((folder / "failed").glob("*.error.txt")):
                await asyncio.sleep(0.01)
        (error,) = (folder / "failed").glob("*.error.txt")
        assert "only the expert that it is for" in error.read_text() or "no command" in error.read_text()


def drop(folder: Path, name: str, body: Any) -> None:
    folder.mkdir(exist_ok=True)  # the server makes it too, when it gets to it
    (folder / f"{name}.part").write_text(json.dumps(body))
    (folder / f"{name}.part").rename(folder / name)


async def test_the_simulated_fleet_does_what_it_is_told(tmp_path: Path) -> None:
    """So that the demo can be stopped and started again."""
    settings = Settings(port=0, auth_token=TOKEN, database=str(tmp_path / "fleet.db"))
    simulator = Simulator(seed=7, experts=3, speed=10)
    async with Fleetwire(settings, sources=[simulator]) as fw:
        await reported(fw, 3)
        for name, paused in (("pause", True), ("resume", False)):
            row = await (await fw.command(name, ea_id=1001)).finished(timeout_s=10)
            assert row.status == "executed"
            assert simulator.experts[0].paused is paused
        row = await (await fw.command("emergency_stop", everybody=True)).finished(timeout_s=10)
        assert row.status == "executed"
        assert all(held.owner is None for account in simulator.accounts for held in account.held)


async def test_a_command_that_is_configured_so_is_given_twice(tmp_path: Path) -> None:
    limits = CommandLimits(confirm=frozenset({"close_all"}))
    async with whole(tmp_path / "fleet.db", commands=limits) as fw, connect(fw.server.url) as raw:
        web, client = Web(fw), await socket(raw)
        await web.post("ea/report", BODY)
        asked = {"target": {"ea_id": EA}, "command": "close_all"}
        first = await web.post("commands", asked)
        assert (first["status"], len(fw.service.orders.commands)) == ("confirm", 0)
        assert (await web.post("commands", asked | {"confirm": first["confirm"]}))["status"] == "accepted"
        await client.say("command", asked, id=1)
        again = await client.hear("command_response", status="confirm")
        await client.say("command", asked | {"confirm": again["confirm"]}, id=2)
        assert (await client.hear("command_response"))["status"] == "accepted"
        with pytest.raises(ConfirmationError):
            await fw.command("close_all", ea_id=EA)
