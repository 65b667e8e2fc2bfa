"""`fleetwire demo`: a server with a simulated fleet, which has a past, and limits to what it may lose."""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import structs

from fleetwire.cli import settings
from fleetwire.cli.running import serve_until_ended
from fleetwire.config import Settings
from fleetwire.fleet.events import DealReport, Fact
from fleetwire.integration import Fleetwire
from fleetwire.ports import Report, Sample, Store
from fleetwire.sources.simulator import EXPERTS_MAX, SPEED_MAX, Simulator
from fleetwire.sources.simulator.curve import samples
from fleetwire.wire.errors import ConfigError

RULES: Final = Path(__file__).with_name("demo_rules.toml")
_UNIT: Final = 2_000  # samples that are kept at once


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the server's flags, and those of the fleet."""
    settings.add_arguments(parser)
    parser.add_argument("--seed", type=int, default=7, help="decides all that the fleet does (7)")
    parser.add_argument("--experts", type=int, default=40, help=f"how many experts trade, up to {EXPERTS_MAX} (40)")
    parser.add_argument("--speed", type=float, default=1.0, help="how fast they live: 10 is ten times as fast (1)")
    parser.add_argument("--database", metavar="FILE", help="where the demo is kept (nowhere)")


def run(args: argparse.Namespace) -> int:
    """Serve until ended."""
    if not 1 <= args.experts <= EXPERTS_MAX:
        raise ConfigError(f"--experts must be a number from 1 to {EXPERTS_MAX}")
    if not 0 < args.speed <= SPEED_MAX:
        raise ConfigError(f"--speed must be above 0, and at most {SPEED_MAX}")
    fleet = Simulator(args.seed, args.experts, args.speed)
    accounts = "1 account" if len(fleet.accounts) == 1 else f"{len(fleet.accounts)} accounts"
    about = f"demo fleet: {args.experts} experts, {accounts}, seed {args.seed}"
    found = settings.loaded(args).settings
    found = structs.replace(found, database=args.database or ":memory:", rules=found.rules or str(RULES))
    return serve_until_ended(found, about, lambda complete: demo(complete, fleet), _live)


def demo(complete: Settings, fleet: Simulator) -> Fleetwire:
    """Make a server for a simulated fleet."""
    source = _WithPast(fleet)
    whole = Fleetwire(complete, sources=[source])
    source.whole = whole
    return whole


async def _live(whole: Fleetwire) -> None:
    """Go on until a source fails."""
    await whole.service.finished()


class _WithPast:
    """The simulator as a source, which lets a server that knows of nobody yet remember what the fleet was worth before.

    Args:
        fleet: the simulator.
    """

    name = Simulator.name
    whole: Fleetwire

    def __init__(self, fleet: Simulator) -> None:
        self._fleet = fleet
        self.give = fleet.give

    async def run(self, report: Report) -> None:
        """Tell what happened before, then live on until cancelled."""
        is_new = not self.whole.service.fleet.experts
        deals: list[DealReport] = []

        async def noting(*facts: Fact) -> None:
            deals.extend(fact for fact in facts if isinstance(fact, DealReport))
            await report(*facts)

        until_ms = self._fleet.utc_ms
        await self._fleet.tell_past(noting)
        keeper = self.whole.service.keeper
        if is_new and keeper is not None:
            await _keep(keeper.store, list(samples(self._fleet.accounts, deals, until_ms)))
        await self._fleet.live(report)


async def _keep(store: Store, found: Sequence[Sample]) -> None:
    """Keep samples; returns once they are kept."""
    loop = asyncio.get_running_loop()
    for begin in range(0, len(found), _UNIT):
        kept: asyncio.Future[Exception | None] = loop.create_future()
        store.keep(found[begin : begin + _UNIT], kept.set_result)
        if (error := await kept) is not None:
            raise error
