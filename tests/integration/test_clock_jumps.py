"""The wall clock is set while commands are under way: nothing expires that would not have, and nothing lives longer."""

import time
from pathlib import Path
from typing import Any

import pytest
from websockets import connect

from fleetwire import Fleetwire
from fleetwire.config import Settings
from fleetwire.fleet.commands import CommandLimits
from fleetwire.server.clock import SystemClock
from fleetwire.wire.moment import Moment, moment
from tests.integration.commanding import EA, EXPERT
from tests.integration.support import TOKEN
from tests.integration.test_orders import BODY, Web, socket

HOUR_S = 3600
JUMPS_S = (HOUR_S, -HOUR_S, 240 * HOUR_S, -240 * HOUR_S)
LIFETIME_MS = 60_000


class WrongClock(SystemClock):
    """The machine's clocks, of which somebody has set the wall clock."""

    def __init__(self, wrong_by_s: int = 0) -> None:
        super().__init__()
        self.wrong_by_s = wrong_by_s

    def moment(self) -> Moment:
        return moment(time.monotonic(), time.time_ns() // 1_000_000 + self.wrong_by_s * 1000)

    def utc(self) -> str:
        return self.moment().utc


def fleet(path: Path, clock: WrongClock, **limits: Any) -> Fleetwire:
    settings = Settings(
        port=0,
        auth_token=TOKEN,
        database=str(path),
        server_key=str(path.with_suffix(".key")),
        commands=CommandLimits(**limits),
    )
    return Fleetwire(settings, clock=clock)


def left_ms(order: dict[str, Any]) -> int:
    return order["expires"] - order["server_time"]


@pytest.mark.parametrize("jump_s", JUMPS_S)
async def test_what_is_handed_over_again_expires_when_it_would_have(tmp_path: Path, jump_s: int) -> None:
    clock = WrongClock()
    async with fleet(tmp_path / "fleet.db", clock, redeliver_s=0.1) as fw, connect(fw.server.url) as raw:
        client = await socket(raw)
        await client.say("ea_report", {"expert": EXPERT, "ea_id": EA, "boot_id": "one"})
        await Web(fw).post("ea/report", _of_another())
        await client.say("command", {"target": {"ea_id": EA}, "command": "pause"})
        first = await client.hear("command")
        await Web(fw).post("commands", {"target": {"ea_id": 2}, "command": "pause"})
        (asked,) = (await Web(fw).post("ea/report", _of_another()))["commands"]
        clock.wrong_by_s = jump_s
        again = await client.hear("command")
        (asked_again,) = (await Web(fw).post("ea/report", _of_another()))["commands"]
    for before, after in ((first, again), (asked, asked_again)):
        assert before["id"] == after["id"]
        assert left_ms(before) - 10_000 < left_ms(after) <= left_ms(before) <= LIFETIME_MS
        assert after["signed"].count(str(after["expires"])) == 1, "what is signed says the same"


@pytest.mark.parametrize("jump_s", JUMPS_S)
async def test_a_clock_that_was_set_while_the_server_was_down_ends_nothing(tmp_path: Path, jump_s: int) -> None:
    async with fleet(tmp_path / "fleet.db", WrongClock()) as fw:
        await Web(fw).post("ea/report", BODY)
        asked = {"target": {"ea_id": EA}, "command": "pause"}
        command_id = (await Web(fw).post("commands", asked))["command_id"]
    async with fleet(tmp_path / "fleet.db", WrongClock(jump_s)) as fw:
        assert (await Web(fw).get(f"commands/{command_id}"))["status"] == "queued"
        (order,) = (await Web(fw).post("ea/report", BODY))["commands"]
        assert LIFETIME_MS - 30_000 < left_ms(order) <= LIFETIME_MS


def _of_another() -> dict[str, Any]:
    one = {"expert": {"magic": 2, "symbol": "EURUSD", "name": "Second"}, "ea_id": 2, "boot_id": "b", "positions": []}
    return {"account": BODY["account"], "experts": [one]}
