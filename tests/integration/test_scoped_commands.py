"""A token for a part of the fleet commands, takes back, acknowledges and follows that part, by every way; no more."""

import asyncio
from typing import Any

import aiohttp
import pytest
from websockets import connect

from fleetwire import Fleetwire
from tests.integration.scoping import IDS, LONDON, PARIS, TOKYO, Asker, desk, report, token_for
from tests.integration.support import TOKEN
from tests.integration.test_orders import Socket, audited, socket

ON_LIVE = {"accounts": ("Broker-Live/6",)}
GOLD = {"groups": ("gold",)}


async def operator(fleet: Fleetwire, **scopes: Any) -> tuple[str, str]:
    """Make an operator's token; give it, and its id."""
    token = await token_for(fleet, "operator", **scopes)
    return token, desk(fleet).listed()[-1].token_id


def statuses(fleet: Fleetwire) -> dict[str, str]:
    """Every command there is, by its target, and how it is."""
    commands = fleet.service.orders.commands._ledger.commands.values()
    return {f"{each.command} {each.ea_id or each.target}": each.status.value for each in commands}


class Both:
    """Says the same over WebSocket and over HTTP; gives the code of the refusal, or the status of the answer."""

    def __init__(self, link: Socket, web: Asker) -> None:
        self._link, self._web = link, web

    async def by_socket(self, kind: str, **data: Any) -> dict[str, Any]:
        await self._link.say(kind, data, id=1)
        async with asyncio.timeout(10):
            while True:
                message = await self._link.next()
                if message.get("id") == 1:
                    return dict(message["data"])

    async def command(self, target: dict[str, Any], command: str = "pause", **more: Any) -> tuple[str, str]:
        asked = {"target": target, "command": command, **more}
        said = await self.by_socket("command", **asked)
        _, answer = await self._web("commands", "POST", asked)
        return said.get("code", said.get("status")), answer.get("code", answer.get("status"))

    async def cancel(self, command_id: str) -> tuple[str, str]:
        _, answer = await self._web(f"commands/{command_id}/cancel", "POST", {})
        said = await self.by_socket("command_cancel", command_id=command_id)
        return said.get("code", said.get("status")), answer.get("code", answer.get("status"))


BOTH_TAKE, BOTH_HIDE, BOTH_FORBID = ("accepted", "accepted"), ("not_found", "not_found"), ("forbidden", "forbidden")


@pytest.mark.parametrize(
    ("scopes", "may", "may_not"),
    [
        ({"accounts": ("Broker-Demo/5",)}, [{"ea_id": 101}, {"account": "Broker-Demo/5"}], [{"ea_id": 103}]),
        ({"experts": (103,)}, [{"ea_id": 103}, {"group": "gold"}], [{"ea_id": 102}, {"account": "Broker-Demo/5"}]),
        (GOLD, [{"ea_id": 102}, {"group": "gold"}, {"all": True}], [{"ea_id": 101}, {"strategy": "London"}]),
        ({"groups": ("silver",)}, [], [{"ea_id": 101}, {"group": "gold"}, {"all": True}]),
    ],
)
async def test_it_commands_its_part_and_the_rest_does_not_exist(
    fleet: Fleetwire,
    session: aiohttp.ClientSession,
    scopes: dict[str, Any],
    may: list[dict[str, Any]],
    may_not: list[dict[str, Any]],
) -> None:
    token, token_id = await operator(fleet, **scopes)
    async with connect(fleet.server.url) as raw:
        both = Both(await socket(raw, token), Asker(fleet, token, session))
        for target in may:
            assert await both.command(target) == BOTH_TAKE, target
        before = statuses(fleet)
        for target in [*may_not, {"ea_id": 999}, {"group": "nobody's"}]:
            assert await both.command(target) == BOTH_HIDE, target
        assert statuses(fleet) == before, "nothing was queued"
        refused = [row for row in await audited(fleet) if row.action == "command_refused"]
        assert [row.who for row in refused] == [token_id] * 2 * (len(may_not) + 2)
        assert all("not known here" in row.why for row in refused)


@pytest.mark.parametrize(
    ("scopes", "target", "ids"),
    [
        ({"experts": (103,)}, {"group": "gold"}, [103]),
        (GOLD, {"all": True}, [102, 103]),
        ({"accounts": ("Broker-Demo/5",)}, {"group": "gold"}, [102]),
        ({"accounts": ("Broker-Live/6",), "experts": (101,)}, {"all": True}, [101, 103]),
    ],
)
async def test_a_command_for_several_reaches_those_of_them_that_are_in_its_part(
    fleet: Fleetwire, session: aiohttp.ClientSession, scopes: dict[str, Any], target: dict[str, Any], ids: list[int]
) -> None:
    token, _ = await operator(fleet, **scopes)
    status, answer = await Asker(fleet, token, session)("commands", "POST", {"target": target, "command": "pause"})
    assert status == 200
    assert [child["ea_id"] for child in answer["children"]] == ids
    assert sum(len(fleet.service.orders.commands.pending(ea_id)) for ea_id in IDS.values()) == len(ids)


async def test_it_gives_and_takes_back_the_commands_that_it_names_and_no_others(
    fleet: Fleetwire, session: aiohttp.ClientSession
) -> None:
    token, token_id = await operator(fleet, commands=("pause", "resume"))
    closing = await fleet.command("close_all", ea_id=101)
    pausing = await fleet.command("pause", ea_id=101)
    async with connect(fleet.server.url) as raw:
        both = Both(await socket(raw, token), Asker(fleet, token, session))
        assert await both.command({"ea_id": 101}, "pause") == BOTH_TAKE
        before = statuses(fleet)
        for command in ("close_all", "emergency_stop", "place_order", "launch"):
            assert await both.command({"ea_id": 101}, command) == BOTH_FORBID, command
        assert await both.cancel(closing.command_id) == BOTH_FORBID, "what it may not give it does not take back"
        assert statuses(fleet) == before
        assert await both.cancel(pausing.command_id) == ("conflict", "cancelled"), "the second time it was over"
        refused = [row for row in await audited(fleet) if row.action.endswith("_refused")]
        assert [row.action for row in refused] == ["command_refused"] * 8 + ["cancel_refused"] * 3
        assert {row.who for row in refused} == {token_id}


async def test_another_s_command_is_taken_back_where_it_is_of_its_part_alone(
    fleet: Fleetwire, session: aiohttp.ClientSession
) -> None:
    token, token_id = await operator(fleet, **GOLD)
    inside, outside = await fleet.command("pause", ea_id=102), await fleet.command("pause", ea_id=101)
    for_gold = await fleet.command("pause", group="gold")
    for_all = await fleet.command("pause", everybody=True)
    async with connect(fleet.server.url) as raw:
        both = Both(await socket(raw, token), Asker(fleet, token, session))
        for hidden in (outside.command_id, for_all.command_id, for_all.children[0].command_id, "nobodys"):
            assert await both.cancel(hidden) == BOTH_HIDE
        assert set(statuses(fleet).values()) == {"queued"}
        for command in (inside, for_gold):
            assert (await both.cancel(command.command_id))[1] == "cancelled"
        (part,) = [child for child in for_all.children if child.ea_id == 102]
        assert (await both.cancel(part.command_id))[1] == "cancelled", "a part of another's command that is in its part"
    assert [child.status for child in for_all.children] == ["queued", "cancelled", "queued"]
    refused = [row for row in await audited(fleet) if row.action == "cancel_refused"]
    assert {row.who for row in refused} == {token_id}
    assert {row.subject for row in refused} >= {outside.command_id, for_all.command_id, "nobodys"}


@pytest.mark.parametrize("role", ["viewer", "publisher"])
async def test_who_may_not_command_is_refused_by_both_ways_and_that_is_audited(
    fleet: Fleetwire, session: aiohttp.ClientSession, role: str
) -> None:
    token = await token_for(fleet, role)
    token_id = desk(fleet).listed()[-1].token_id
    command = await fleet.command("pause", ea_id=101)
    before = statuses(fleet)
    async with connect(fleet.server.url) as raw:
        both = Both(await socket(raw, token), Asker(fleet, token, session))
        assert await both.command({"all": True}, "close_all") == BOTH_FORBID
        assert await both.cancel(command.command_id) == BOTH_FORBID
    assert statuses(fleet) == before
    refused = [row for row in await audited(fleet) if row.action.endswith("_refused")]
    assert [(row.action, row.who) for row in refused] == [("command_refused", token_id)] * 4
    assert all(row.address.startswith("127.0.0.1") and "may not give commands" in row.why for row in refused)


async def test_alerts_are_acknowledged_over_the_socket_within_its_part_only(fleet: Fleetwire) -> None:
    for expert in (LONDON, TOKYO):
        claimed = type(expert)(expert.server, expert.login, 90 + expert.magic, "XAUUSD", "Rival")
        await fleet.report(type(report(expert))(expert=claimed, ea_id=IDS[expert]))
    alerts = {fleet.service.fleet.experts[row.ea_id or 0].expert.server: row.alert_id for row in fleet.alerts}
    token, token_id = await operator(fleet, **ON_LIVE)
    async with connect(fleet.server.url) as raw:
        both = Both(await socket(raw, token), None)  # type: ignore[arg-type]
        for hidden in (alerts["Broker-Demo"], 999_999):
            assert (await both.by_socket("alert_ack", alert_id=hidden))["code"] == "not_found"
        hearer = Socket(raw)
        await hearer.say("subscribe", {"channels": ["alerts"]})
        await hearer.say("alert_ack", {"alert_id": alerts["Broker-Live"]})
        told = await hearer.hear("alert", acknowledged_by=token_id)
        assert told["alert_id"] == alerts["Broker-Live"]
    assert [(row.alert_id, row.acknowledged_by) for row in fleet.alerts] == [(alerts["Broker-Demo"], None)]


# ------------------------------------------------------------------------------------------------------- who hears it


async def updates(fleet: Fleetwire, token: str) -> list[tuple[str, str]]:
    """Everything that a token hears of commands: (command id, status), in its order."""
    async with connect(fleet.server.url) as raw:
        link = await socket(raw, token)
        await link.say("subscribe", {"channels": ["command_updates"], "history": 1000})
        await link.hear("snapshot_end")
        return [
            (each["data"]["command_id"], each["data"]["status"])
            for each in link.heard
            if each["type"] == "command_update"
        ]


async def test_steps_are_told_to_those_who_see_their_experts_and_of_several_to_those_who_see_all(
    fleet: Fleetwire,
) -> None:
    london, tokyo = await fleet.command("pause", ea_id=101), await fleet.command("pause", ea_id=103)
    gold, demo = await fleet.command("pause", group="gold"), await fleet.command("pause", account="Broker-Demo/5")
    everybody = await fleet.command("pause", everybody=True)
    await fleet.service.acknowledged()
    all_of_it = [command_id for command_id, _ in await updates(fleet, TOKEN)]
    rows = [row for command in (london, tokyo, gold, demo, everybody) for row in (command.row, *command.children)]
    assert sorted(all_of_it) == sorted(row.command_id for row in rows)

    async def heard_by(**scopes: Any) -> set[str]:
        return {command_id for command_id, _ in await updates(fleet, await token_for(fleet, "viewer", **scopes))}

    def of(*ids: int) -> set[str]:
        return {row.command_id for row in rows if row.ea_id in ids}

    assert await heard_by(experts=(101,)) == of(101)
    assert await heard_by(experts=(101, 103)) == of(101, 103), "no account and no group has both of them, and no others"
    assert await heard_by(**GOLD) == of(102, 103) | {gold.command_id}
    assert await heard_by(accounts=("Broker-Demo/5",)) == of(101, 102) | {demo.command_id}
    assert await heard_by(**ON_LIVE) == of(103)
    assert await heard_by(groups=("silver",)) == set()
    assert await heard_by() == of(101, 102, 103) | {gold.command_id, demo.command_id, everybody.command_id}


async def test_who_commands_a_part_can_follow_it_over_http(fleet: Fleetwire, session: aiohttp.ClientSession) -> None:
    token, token_id = await operator(fleet, **GOLD)
    ask = Asker(fleet, token, session)
    outside = await fleet.command("pause", ea_id=101)
    others = await fleet.command("pause", everybody=True)
    mine = (await ask("commands", "POST", {"target": {"all": True}, "command": "resume"}))[1]["command"]
    ids = [mine["command_id"], *(f"{mine['command_id']}.{number}" for number in (1, 2))]
    for command_id in ids:
        status, row = await ask(f"commands/{command_id}")
        assert (status, row["by"]) == (200, token_id)
    for hidden in (outside.command_id, others.command_id, f"{others.command_id}.1", "nobodys"):
        status, problem = await ask(f"commands/{hidden}")
        assert (status, problem["code"]) == (404, "not_found")
        assert problem["detail"].replace(hidden, "x") == (await ask("commands/y"))[1]["detail"].replace("y", "x", 1)
    listed = [row["command_id"] for row in (await ask("commands"))[1]["items"]]
    assert sorted(listed) == sorted([*ids, f"{others.command_id}.2", f"{others.command_id}.3"])
    parts = (await ask(f"commands?parent_id={ids[0]}"))[1]["items"]
    assert [row["ea_id"] for row in parts] == [103, 102]
    found: list[str] = []
    cursor = ""
    while True:
        page = (await ask(f"commands?limit=2{cursor}"))[1]
        found += [row["command_id"] for row in page["items"]]
        if "next" not in page:
            break
        cursor = f"&cursor={page['next']}"
    assert found == listed, "page by page"


async def test_an_expert_that_leaves_the_part_takes_its_commands_along(
    fleet: Fleetwire, session: aiohttp.ClientSession
) -> None:
    token, _ = await operator(fleet, **GOLD)
    command = await fleet.command("pause", ea_id=102)
    await fleet.report(type(report(PARIS))(expert=PARIS, ea_id=102, group="silver"))
    async with connect(fleet.server.url) as raw:
        both = Both(await socket(raw, token), Asker(fleet, token, session))
        assert await both.command({"ea_id": 102}) == BOTH_HIDE
        assert await both.cancel(command.command_id) == BOTH_HIDE
    assert command.row.status == "queued"
