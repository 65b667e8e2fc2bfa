"""What must never be held back is not: closing. And nobody else is held back by an operator that gives too much."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets import connect

from fleetwire import Fleetwire
from fleetwire.config import Settings
from fleetwire.fleet.commands import COMMANDS, CommandLimits
from fleetwire.fleet.events import NewsEvent
from fleetwire.sources.simulator import Simulator
from fleetwire.wire.moment import utc_text
from tests.integration.commanding import EA, Hands, expert_client, living, own_token
from tests.integration.scoping import Asker, token_for
from tests.integration.support import TOKEN, whole
from tests.integration.test_orders import audited, reported, socket

CLOSING = {
    "emergency_stop": {},
    "close_all": {},
    "close_positions": {"type": "buy"},
    "close_position": {"ticket": 1},
    "cancel_orders": {},
}
TIGHT = CommandLimits(burst=2, per_minute=0.01, waiting_per_expert_max=1, waiting_max=1)


def test_what_only_takes_risk_away_counts_as_closing() -> None:
    assert {name for name, kind in COMMANDS.items() if kind.closes} == set(CLOSING)


async def black_out(fw: Fleetwire) -> None:
    """Let something happen right now that stops the trading of everything."""
    now = fw.service.clock.moment().utc_ms
    await fw.report(NewsEvent(id=1, time_utc=utc_text(now), currency="ALL", importance="high", name="A rate decision"))
    async with asyncio.timeout(10):
        while "EURUSD" not in fw.service.blocked:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("way", ["socket", "http"])
@pytest.mark.parametrize(("command", "params"), CLOSING.items())
async def test_no_blackout_no_pause_no_rate_and_no_full_queue_holds_back_closing(
    tmp_path: Path, session: aiohttp.ClientSession, way: str, command: str, params: dict[str, Any]
) -> None:
    hands = Hands()
    async with whole(tmp_path / "fleet.db", commands=TIGHT) as fw:
        token = await own_token(fw)
        client = expert_client(
            fw.server.url,
            tmp_path,
            hands,
            token,
            supports=("pause", "resume", *CLOSING),
            report=lambda: {"paused": True},
        )
        async with living(client, fw):
            assert (await (await fw.command("pause", ea_id=EA)).finished(timeout_s=10)).status == "executed"
            await black_out(fw)
        expert = fw.service.fleet.experts[EA]
        assert expert.report.paused is True
        ask, others = Asker(fw, TOKEN, session), Asker(fw, await token_for(fw, "operator"), session)
        await fw.command("pause", ea_id=EA)  # it waits, and so the queue is full
        for asks, why in ((ask, "more than 0.01 commands a minute"), (others, "commands wait already")):
            status, refused = await asks("commands", "POST", {"target": {"ea_id": EA}, "command": "resume"})
            assert (status, refused["code"]) == (429, "rate_limited")
            assert why in refused["detail"]
        asked = {"target": {"ea_id": EA}, "command": command, "params": params}
        async with connect(fw.server.url) as raw:
            link = await socket(raw)
            if way == "socket":
                await link.say("command", asked, id=1)
                command_id = (await link.hear("command_response"))["command_id"]
            else:
                status, answer = await ask("commands", "POST", asked)
                assert status == 200, answer
                command_id = answer["command_id"]
        async with asyncio.timeout(10), living(client, fw):
            row = await fw.service.orders.finished(command_id)
        assert row.status == "executed"
        assert hands.done[:2] == ["pause", command]


async def test_an_expert_that_is_paused_in_a_blackout_closes_what_it_holds(tmp_path: Path) -> None:
    """The simulated fleet, which does what an expert does."""
    settings = Settings(port=0, auth_token=TOKEN, database=str(tmp_path / "fleet.db"), server_key=str(tmp_path / "key"))
    simulator = Simulator(seed=7, experts=3, speed=10)
    async with Fleetwire(settings, sources=[simulator]) as fw:
        await reported(fw, 3)
        assert (await (await fw.command("pause", everybody=True)).finished(timeout_s=10)).status == "executed"
        await black_out(fw)
        assert (await (await fw.command("close_all", everybody=True)).finished(timeout_s=10)).status == "executed"
        assert all(expert.paused for expert in simulator.experts)
        assert [held for account in simulator.accounts for held in account.held if held.owner is not None] == []


async def test_the_rate_is_counted_over_both_ways_together_and_for_each_operator_apart(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    limits = CommandLimits(burst=2, per_minute=0.01)
    async with whole(tmp_path / "fleet.db", commands=limits) as fw:
        async with living(expert_client(fw.server.url, tmp_path, Hands(), await own_token(fw)), fw):
            pass
        ann, bob = [await token_for(fw, "operator") for _ in range(2)]
        pause = {"target": {"ea_id": EA}, "command": "pause"}
        async with connect(fw.server.url) as raw:
            link = await socket(raw, ann)
            await link.say("command", pause, id=1)
            await link.hear("command_response")
            assert (await Asker(fw, ann, session)("commands", "POST", pause))[0] == 200
            await link.say("command", pause, id=2)
            said = await link.hear("error")
            assert (said["code"], said["temporary"]) == ("rate_limited", True)
            assert "closing commands are always taken" in said["message"]
            status, problem = await Asker(fw, ann, session)("commands", "POST", pause)
            assert (status, problem["code"]) == (429, "rate_limited")
        assert [(await Asker(fw, bob, session)("commands", "POST", pause))[0] for _ in range(3)] == [200, 200, 429]
        assert len(fw.service.orders.commands) == 4
        assert [row.action for row in await audited(fw) if "refused" in row.action] == ["command_refused"] * 3
