"""Whatever is wrong with a command, or a word about one: it has its code, a row in the audit, and changes nothing."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from websockets import Subprotocol, connect

from fleetwire import Fleetwire
from fleetwire.config import Settings
from fleetwire.ports import CommandQuery
from fleetwire.wire.moment import Moment, moment
from fleetwire.wire.tokens import Binding
from tests.integration.scoping import IDS, LONDON, PARIS, Asker, desk, report, token_for
from tests.integration.support import TOKEN
from tests.integration.test_orders import Socket, audited, socket
from tests.support import ManualClock

OF_LONDON = Binding(server=LONDON.server, login=LONDON.login, magic=LONDON.magic)
UTC_MS = 1_790_000_000_000


async def kept(fleet: Fleetwire) -> dict[str, bytes]:
    """Every command: as it is on disk, which is as it is in memory."""
    await fleet.service.acknowledged()
    assert fleet.service.keeper is not None
    page = await fleet.service.keeper.store.commands(CommandQuery(limit=1000))
    on_disk = {each.command_id: each.memory for each in page.items}
    known = fleet.service.orders.commands._ledger.commands
    assert on_disk == {command_id: each.memory() for command_id, each in known.items()}
    return on_disk


async def refusals(fleet: Fleetwire) -> list[tuple[str, str]]:
    """What was refused: (action, who)."""
    return [(row.action, row.who) for row in await audited(fleet) if row.action.endswith("_refused")]


@pytest.fixture
async def raw(fleet: Fleetwire) -> AsyncIterator[Socket]:
    async with connect(fleet.server.url) as link:
        yield await socket(link)


async def answered(link: Socket) -> str:
    """The code of the error that answers message 1."""
    while True:
        message = await link.next()
        if message.get("id") == 1:
            return str(message["data"].get("code") or message["data"].get("status"))


# ------------------------------------------------------------------------------------------------------------ commands

ONE = {"ea_id": 101}
ORDER = {"symbol": "EURUSD", "type": "buy", "volume": 0.1}
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"command": "pause", "params": {"softly": 1}}, "invalid_data", "invalid_data"),
    ({"command": "close_position", "params": {"tickets": 7}}, "invalid_data", "invalid_data"),
    ({"command": "close_position", "params": {}}, "invalid_data", "invalid_data"),
    ({"command": "close_position", "params": {"ticket": "7"}}, "invalid_data", "invalid_data"),
    ({"command": "close_position", "params": {"ticket": 0}}, "invalid_data", "invalid_data"),
    ({"command": "place_order", "params": ORDER | {"volume": 0}}, "invalid_data", "invalid_data"),
    ({"command": "place_order", "params": ORDER | {"volume": -1}}, "invalid_data", "invalid_data"),
    ({"command": "place_order", "params": ORDER | {"volume": True}}, "invalid_data", "invalid_data"),
    ({"command": "place_order", "params": ORDER | {"volume": float("nan")}}, "malformed_json", "malformed_json"),
    ({"command": "place_order", "params": ORDER | {"volume": float("inf")}}, "malformed_json", "malformed_json"),
    ({"command": "place_order", "params": ORDER | {"volume": 10**400}}, "invalid_data", "invalid_data"),
    ({"command": "launch"}, "invalid_data", "invalid_data"),
    ({"command": ""}, "invalid_message", "malformed_json"),
    ({"command": "pause", "expire_in_s": 5}, "invalid_message", "malformed_json"),
    ({"command": "pause", "expires_in_s": 0}, "invalid_message", "malformed_json"),
    ({"command": "pause", "expires_in_s": 0.5}, "invalid_data", "invalid_data"),
    ({"command": "pause", "reason": "a\0b"}, "invalid_data", "invalid_data"),
    ({"command": "pause", "idempotency_key": "a\nb"}, "invalid_data", "invalid_data"),
    ({"command": "pause", "target": {}}, "invalid_data", "invalid_data"),
    ({"command": "pause", "target": {"ea_id": 101, "all": True}}, "invalid_data", "invalid_data"),
    ({"command": "pause", "target": {"ea_id": 999}}, "not_found", "not_found"),
    ({"command": "pause", "target": {"account": "Broker-Live/5"}}, "not_found", "not_found"),
    ({"command": "resume", "idempotency_key": "used"}, "conflict", "conflict"),
    ({"command": "pause", "idempotency_key": "used", "target": {"ea_id": 102}}, "conflict", "conflict"),
    ({"command": "pause", "idempotency_key": "used", "expires_in_s": 61}, "conflict", "conflict"),
]


@pytest.mark.parametrize(("asked", "by_socket", "by_http"), WRONG)
async def test_a_wrong_command_is_refused_with_its_code_audited_and_changes_nothing(
    fleet: Fleetwire, raw: Socket, session: aiohttp.ClientSession, asked: dict[str, Any], by_socket: str, by_http: str
) -> None:
    await fleet.command("pause", ea_id=101, idempotency_key="used")
    before = await kept(fleet)
    data = {"target": ONE, **asked}
    await raw.raw.send(json.dumps({"type": "command", "data": data, "id": 1}))
    assert await answered(raw) == by_socket
    url = fleet.server.url.replace("ws", "http", 1) + "/api/v1/commands"
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    async with session.post(url, data=json.dumps(data), headers=headers) as answer:
        assert (await answer.json(content_type=None))["code"] == by_http
    assert await kept(fleet) == before
    assert await refusals(fleet) == [("command_refused", "admin")] * 2


async def test_a_volume_that_is_no_number_is_refused_in_msgpack_too(fleet: Fleetwire) -> None:
    """There it can be written; so it has to be looked at."""
    before = await kept(fleet)
    async with connect(fleet.server.url, subprotocols=[Subprotocol("fleetwire.v2.msgpack")]) as link:
        await link.send(msgspec.msgpack.encode({"type": "auth", "data": {"token": TOKEN}}))
        for volume in (float("nan"), float("inf")):
            data = {"target": ONE, "command": "place_order", "params": ORDER | {"volume": volume}}
            await link.send(msgspec.msgpack.encode([{"type": "command", "data": data, "id": 1}]))
        codes: list[str] = []
        while len(codes) < 2:
            codes += [each["data"]["code"] for each in msgspec.msgpack.decode(await link.recv()) if each.get("id") == 1]
    assert codes == ["invalid_data"] * 2
    assert await kept(fleet) == before
    assert await refusals(fleet) == [("command_refused", "admin")] * 2


async def test_a_command_twice_is_one_and_a_confirmation_counts_for_what_was_confirmed(
    fleet: Fleetwire, raw: Socket, session: aiohttp.ClientSession
) -> None:
    ask = Asker(fleet, TOKEN, session)
    body = {"target": ONE, "command": "pause", "idempotency_key": "k"}
    _, first = await ask("commands", "POST", body)
    before = await kept(fleet)
    for _ in range(3):
        await raw.say("command", body, id=1)
        assert (await raw.hear("command_response"))["command_id"] == first["command_id"]
        assert (await ask("commands", "POST", body))[1]["command_id"] == first["command_id"]
    assert await kept(fleet) == before
    assert await refusals(fleet) == []


async def test_what_can_not_be_taken_back_is_refused_likewise(
    fleet: Fleetwire, raw: Socket, session: aiohttp.ClientSession
) -> None:
    ask = Asker(fleet, TOKEN, session)
    command = await fleet.command("pause", ea_id=101)
    await ask(f"commands/{command.command_id}/cancel", "POST", {})
    before = await kept(fleet)
    for command_id, code in ((command.command_id, "conflict"), ("nobodys", "not_found")):
        await raw.say("command_cancel", {"command_id": command_id}, id=1)
        assert await answered(raw) == code
        assert (await ask(f"commands/{command_id}/cancel", "POST", {}))[1]["code"] == code
    await raw.say("command_cancel", {"command_id": ""}, id=1)
    assert await answered(raw) == "invalid_message"
    assert (await ask("commands/x/cancel", "POST", {"raeson": 1}))[1]["code"] == "malformed_json"
    assert await kept(fleet) == before
    assert [action for action, _ in await refusals(fleet)] == ["cancel_refused"] * 4 + ["command_refused"] * 2


async def test_a_flood_of_refusals_does_not_fill_the_audit(fleet: Fleetwire, raw: Socket) -> None:
    for _ in range(31):
        await raw.say("command", {"target": ONE, "command": "launch"}, id=1)
        assert await answered(raw) == "invalid_data"
    assert len(await refusals(fleet)) == 30
    orders = fleet.service.orders
    orders._refusals._rates._buckets["admin"] = (1.0, fleet.service.clock.moment().now)  # a moment later
    await raw.say("command", {"target": ONE, "command": "launch"}, id=1)
    await answered(raw)
    assert json.loads((await audited(fleet))[-1].details) == {"left_out_before": 1}


# --------------------------------------------------------------------------------------------------------------- words


class Expert:
    """An expert with a token of its own, on a socket."""

    def __init__(self, link: Socket, expert: Any) -> None:
        self.link = link
        self._expert = msgspec.to_builtins(expert)
        self.ea_id = IDS[expert]

    async def report(self, boot_id: str = "one", **more: Any) -> None:
        who = {"expert": self._expert, "ea_id": self.ea_id, "boot_id": boot_id}
        await self.link.say("ea_report", {"positions": [], **who, **more})
        await self.settled()

    async def word(self, command_id: str, status: str = "executed", **more: Any) -> str:
        """Say something of a command; give the code of the refusal, empty for none."""
        await self.link.say("command_ack", {"command_id": command_id, "status": status, "boot_id": "one", **more}, id=1)
        return await self.settled()

    async def settled(self) -> str:
        """Wait until all that was said is heard; give the code of the last error meanwhile."""
        before = len(self.link.heard)
        await self.link.say("heartbeat", {})
        await self.link.hear("heartbeat_response")
        return next((str(each["data"]["code"]) for each in self.link.heard[before:] if each["type"] == "error"), "")


@pytest.fixture
async def london(fleet: Fleetwire) -> AsyncIterator[Expert]:
    token = await token_for(fleet, "expert", OF_LONDON)
    async with connect(fleet.server.url) as link:
        expert = Expert(await socket(link, token), LONDON)
        await expert.report()
        yield expert


def token_id(fleet: Fleetwire) -> str:
    return desk(fleet).listed()[-1].token_id


async def test_an_expert_says_what_became_of_its_own_command(fleet: Fleetwire, london: Expert) -> None:
    command = await fleet.command("pause", ea_id=101)
    order = await london.link.hear("command")
    assert (order["id"], order["boot_id"]) == (command.command_id, "one")
    assert await london.word(command.command_id, "accepted") == ""
    assert await london.word(command.command_id, "executed", results={"retcode": 10009}) == ""
    assert (command.row.status, command.row.results) == ("executed", {"retcode": 10009})
    before = await kept(fleet)
    assert await london.word(command.command_id, "executed", results={"retcode": 1}) == "", "said twice"
    assert await london.word(command.command_id, "accepted") == "", "overtaken"
    assert await kept(fleet) == before
    assert await refusals(fleet) == []


async def test_words_that_can_not_be_are_refused_with_their_codes_audited_and_change_nothing(
    fleet: Fleetwire, london: Expert
) -> None:
    """By a token that is bound to one expert; of others' commands it is told as little as of those that never were."""
    own = (await fleet.command("pause", ea_id=101)).command_id
    over = (await fleet.command("resume", ea_id=101)).command_id
    others = (await fleet.command("pause", ea_id=102)).command_id
    several = (await fleet.command("pause", everybody=True)).command_id
    await london.settled()
    assert await london.word(over, "executed") == ""
    before = await kept(fleet)
    cases: list[tuple[str, dict[str, Any], str]] = [
        (others, {}, "forbidden"),
        (others, {"ea_id": 102}, "forbidden"),
        (others, {"ea_id": 101}, "forbidden"),
        (own, {"ea_id": 102}, "forbidden"),
        (several, {"ea_id": 101}, "forbidden"),
        ("nobodys", {}, "forbidden"),
        ("nobodys", {"ea_id": 101}, "not_found"),
        (own, {"boot_id": "zero"}, "conflict"),
        (over, {"status": "failed"}, "conflict"),
        (over, {"status": "expired"}, "conflict"),
        (own, {"status": "done"}, "invalid_data"),
        (own, {"status": "cancelled"}, "invalid_data"),
        (own, {"status": 5}, "invalid_data"),
        (own, {"status": "executed", "results": [1]}, "invalid_data"),
        (own, {"status": "executed", "results": {"log": "x" * 20_000}}, "invalid_data"),
        (own, {"status": "executed", "results": {"volume": float("nan")}}, "malformed_json"),
    ]
    for command_id, more, code in cases:
        assert await london.word(command_id, **more) == code, more
        assert await kept(fleet) == before, more
    refused = [row for row in await audited(fleet) if row.action.endswith("_refused")]
    assert {row.who for row in refused} == {token_id(fleet)}, "by whose token it was, not by whom it claims to be"
    assert all(row.address.startswith("127.0.0.1") for row in refused)
    assert [row.action for row in refused] == ["word_refused"] * (len(cases) - 1) + ["command_refused"]


async def test_a_run_that_is_over_has_no_say(fleet: Fleetwire, london: Expert) -> None:
    token = await token_for(fleet, "expert", OF_LONDON)
    command = await fleet.command("pause", ea_id=101)
    await london.link.hear("command")
    async with connect(fleet.server.url) as link:
        again = Expert(await socket(link, token), LONDON)
        await again.report("two")
        assert command.row.status == "unknown"
        before = await kept(fleet)
        assert await london.word(command.command_id) == "forbidden", "it is elsewhere now"
        assert await again.word(command.command_id, boot_id="one") == "conflict"
        assert await kept(fleet) == before
        assert [action for action, _ in await refusals(fleet)] == ["word_refused"] * 2
        assert await again.word(command.command_id, "failed", boot_id="two") == ""
    assert command.row.status == "failed"


async def test_a_full_report_with_a_word_that_can_not_be_changes_nothing(fleet: Fleetwire, london: Expert) -> None:
    command = await fleet.command("pause", ea_id=101)
    await london.link.hear("command")
    before = await kept(fleet)
    too_long = {"log": "x" * 20_000}
    said = [{"command_id": command.command_id, "status": "executed", "results": too_long}]
    await london.report(commands=said)
    assert await kept(fleet) == before
    assert await refusals(fleet) == [("word_refused", token_id(fleet))]


async def test_who_does_not_report_has_no_say(fleet: Fleetwire) -> None:
    command = await fleet.command("pause", ea_id=101)
    before = await kept(fleet)
    for role in ("viewer", "operator"):
        async with connect(fleet.server.url) as link:
            nobody = Expert(await socket(link, await token_for(fleet, role)), LONDON)
            assert await nobody.word(command.command_id, ea_id=101) == "forbidden"
        assert (await refusals(fleet))[-1] == ("command_refused", token_id(fleet))
    assert await kept(fleet) == before


async def test_over_http_an_expert_speaks_of_its_own_commands_only(
    fleet: Fleetwire, session: aiohttp.ClientSession
) -> None:
    own, others = await fleet.command("pause", ea_id=101), await fleet.command("pause", ea_id=102)
    ask = Asker(fleet, await token_for(fleet, "expert", OF_LONDON), session)
    who = {"expert": msgspec.to_builtins(LONDON), "ea_id": 101, "boot_id": "one", "positions": []}
    (order,) = (await ask("ea/report", "POST", {"experts": [who]}))[1]["commands"]
    assert order["id"] == own.command_id
    before = await kept(fleet)
    acks = [
        {"command_id": others.command_id, "status": "executed", "boot_id": "one"},
        {"command_id": others.command_id, "status": "executed", "boot_id": "one", "ea_id": 102},
        {"command_id": own.command_id, "status": "executed", "boot_id": "zero"},
        {"command_id": own.command_id, "status": "done", "boot_id": "one"},
        {"command_id": 5},
    ]
    receipt = (await ask("ea/report", "POST", {"experts": [who], "acks": acks}))[1]
    assert len(receipt["refused"]) == len(acks)
    assert await kept(fleet) == before
    assert await refusals(fleet) == [("word_refused", token_id(fleet))] * len(acks)
    receipt = (await ask("ea/report", "POST", {"acks": [acks[2] | {"boot_id": "one"}]}))[1]
    assert len(receipt["refused"]) == 1, "without a report of its own nobody knows who speaks"
    ack = {"command_id": own.command_id, "status": "executed", "boot_id": "one"}
    receipt = (await ask("ea/report", "POST", {"experts": [who], "acks": [ack]}))[1]
    assert (receipt["refused"], own.row.status, others.row.status) == ([], "executed", "queued")


# ---------------------------------------------------------------------------------------------------------------- time


class JumpingClock(ManualClock):
    """Its wall clock can be set."""

    jump_s = 0

    def moment(self) -> Moment:
        return moment(self.now, UTC_MS + round((self.now + self.jump_s) * 1000))

    def utc(self) -> str:
        return self.moment().utc


@pytest.mark.parametrize("jump_s", [3600, -3600, 864_000, -864_000])
async def test_a_wall_clock_that_jumps_ends_no_command_and_lengthens_none(
    tmp_path: Path, session: aiohttp.ClientSession, jump_s: int
) -> None:
    clock = JumpingClock()
    settings = Settings(port=0, auth_token=TOKEN, database=str(tmp_path / "fleet.db"), server_key=str(tmp_path / "key"))
    async with Fleetwire(settings, clock=clock) as fleet:
        await fleet.report(report(LONDON), report(PARIS))
        waits, goes = await fleet.command("pause", ea_id=102), await fleet.command("pause", ea_id=101)
        clock.jump_s = jump_s
        before = await kept(fleet)
        clock.advance(59)
        assert await kept(fleet) == before
        who = {"expert": msgspec.to_builtins(LONDON), "ea_id": 101, "boot_id": "one", "positions": []}
        (order,) = (await Asker(fleet, TOKEN, session)("ea/report", "POST", {"experts": [who]}))[1]["commands"]
        assert order["id"] == goes.command_id
        assert order["expires"] - order["server_time"] == 1000, "what is left of its minute, by the clock of now"
        clock.advance(0.999)
        assert (waits.row.status, goes.row.status) == ("queued", "delivered")
        clock.advance(0.001)
        assert (waits.row.status, goes.row.status) == ("expired", "unknown")
        await kept(fleet)
