"""Twenty simulated experts at a server of their own process, over sockets: commands are signed, and nothing is lost."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fleetwire.cli.asking import Api
from fleetwire.cli.simulated.fleet import RemoteFleet
from fleetwire.cli.simulated.seat import Centre
from fleetwire.cli.simulated.tokens import ExpertTokens
from fleetwire.client import Outcome
from fleetwire.fleet.events import DealReport, Fact
from fleetwire.sources.simulator import Simulator
from tests.cli.simulated.remote import Server, ended, everything, give, served
from tests.integration.support import TOKEN

EXPERTS = 20
SEED = 1  # nothing goes wrong by itself for more than a minute


class Telltale(Simulator):
    """Remembers which deals there were."""

    def __init__(self) -> None:
        super().__init__(SEED, EXPERTS, has_operator=False)
        self.deals: list[DealReport] = []

    async def tell_past(self, report: Any) -> None:
        await super().tell_past(self._noting(report))

    async def live(self, report: Any) -> None:
        await super().live(self._noting(report))

    def _noting(self, report: Any) -> Any:
        async def note(*facts: Fact) -> None:
            self.deals += [fact for fact in facts if isinstance(fact, DealReport)]
            await report(*facts)

        return note


class Here:
    """A fleet at a server, and what it was told to do."""

    def __init__(self, server: Server, api: Api, tokens: dict[int, str]) -> None:
        self.api = api
        self.simulator = Telltale()
        self.done: Counter[tuple[int, str]] = Counter()
        centre = Centre(server.url, None, server.folder / "journals")
        self.fleet = RemoteFleet(self.simulator, api, centre, tokens, TOKEN, self._note)

    def _note(self, ea_id: int, command: str, _: Outcome) -> None:
        self.done[ea_id, command] += 1

    async def all_known(self) -> None:
        async with asyncio.timeout(30):
            while len(await everything(self.api, "experts?link=fresh")) < EXPERTS or not self._connected():
                await asyncio.sleep(0.05)

    def _connected(self) -> bool:
        return all(seat.client is not None and seat.client.connected for seat in self.fleet.seats)


@contextlib.asynccontextmanager
async def here(server: Server, *, shared: bool = False) -> AsyncIterator[Here]:
    async with Api(server.url, TOKEN) as api:
        experts = ExpertTokens(api, Simulator(SEED, EXPERTS).experts)
        found = Here(server, api, {} if shared else await experts.make())
        living = asyncio.create_task(found.fleet.live())
        try:
            await found.all_known()
            yield found
        finally:
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)


async def test_every_expert_carries_out_what_is_signed_once_though_the_server_is_killed(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        async with here(server) as fleet:
            parts = await ended(fleet.api, await give(fleet.api, "pause"))
            assert Counter(part["status"] for part in parts) == {"executed": EXPERTS}
            async with asyncio.timeout(10):  # with its next report
                while not all(row["paused"] for row in await everything(fleet.api, "experts")):
                    await asyncio.sleep(0.05)

            under_way = await give(fleet.api, "close_all")
            await server.kill()
            waiting = len(fleet.simulator.deals)
            async with asyncio.timeout(30):  # the fleet goes on without it
                while len(fleet.simulator.deals) < waiting + 3:
                    await asyncio.sleep(0.05)
            assert fleet.fleet.outbox.deals >= 3
            await server.start()
            await fleet.all_known()
            parts = await ended(fleet.api, under_way)
            assert Counter(part["status"] for part in parts) == {"executed": EXPERTS}
            parts = await ended(fleet.api, await give(fleet.api, "resume"))
            assert Counter(part["status"] for part in parts) == {"executed": EXPERTS}
            assert set(fleet.done.values()) == {1}
            assert len(fleet.done) == 3 * EXPERTS
            assert fleet.fleet.refused.total() == 0
        await fleet.fleet.post.finish()
        async with Api(server.url, TOKEN) as api:
            await _same(api, fleet.simulator)


async def test_without_tokens_of_their_own_they_take_commands_unsigned(tmp_path: Path) -> None:
    async with served(tmp_path) as server, here(server, shared=True) as fleet:
        parts = await ended(fleet.api, await give(fleet.api, "pause"))
        assert Counter(part["status"] for part in parts) == {"executed": EXPERTS}
        assert fleet.fleet.refused.total() == 0


async def test_who_is_stuck_or_down_is_not_there_and_comes_back_as_a_new_run(tmp_path: Path) -> None:
    async with served(tmp_path) as server, here(server) as fleet:
        stuck, *others = fleet.fleet.seats
        assert stuck.client is not None
        before = stuck.client.boot_id
        stuck.expert.silent = True
        down = next(seat.expert.account for seat in others if seat.expert.account is not stuck.expert.account)
        down.down = True
        gone = {stuck.expert.ea_id, *(seat.expert.ea_id for seat in others if seat.expert.account is down)}
        async with asyncio.timeout(30):
            while {seat.expert.ea_id for seat in fleet.fleet.seats if seat.client is None} != gone:
                await asyncio.sleep(0.05)
        command = await give(fleet.api, "pause")
        async with asyncio.timeout(30):
            while len(fleet.done) < EXPERTS - len(gone):
                await asyncio.sleep(0.05)
        assert gone.isdisjoint(ea_id for ea_id, _ in fleet.done)
        stuck.expert.silent = down.down = False
        parts = await ended(fleet.api, command)
        assert Counter(part["status"] for part in parts) == {"executed": EXPERTS}
        assert stuck.client is not None
        assert stuck.client.boot_id != before
        assert fleet.fleet.refused.total() == 0


async def test_a_token_that_is_revoked_silences_one_expert_and_no_other(tmp_path: Path) -> None:
    async with served(tmp_path) as server, here(server) as fleet:
        rows = await everything(fleet.api, "tokens")
        first = fleet.fleet.seats[0].expert
        mine = next(row["token_id"] for row in rows if row["expert"]["magic"] == first.expert.magic)
        await fleet.api.ask("POST", f"tokens/{mine}/revoke")
        async with asyncio.timeout(30):
            while fleet.fleet.seats[0].client is not None:
                await asyncio.sleep(0.05)
        await give(fleet.api, "pause")
        async with asyncio.timeout(30):
            while len(fleet.done) < EXPERTS - 1:
                await asyncio.sleep(0.05)
        assert (first.ea_id, "pause") not in fleet.done


async def _same(api: Api, simulator: Telltale) -> None:
    """Compare what the server knows with what is true."""
    true = Counter((f"{deal.account[0]}/{deal.account[1]}", deal.deal.ticket) for deal in simulator.deals)
    known = Counter((f"{row['server']}/{row['login']}", row["ticket"]) for row in await everything(api, "deals"))
    assert set(true.values()) == {1}
    assert known == true
    balances = {row["account"]: row["balance"] for row in await everything(api, "accounts")}
    assert balances == {f"{each.server.name}/{each.login}": each.balance for each in simulator.accounts}
