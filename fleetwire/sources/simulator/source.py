"""The simulator as a source: what happens when, and how fast."""

import asyncio
import time
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any, Final

from msgspec import Struct

from fleetwire.fleet.events import CommandAck, CommandReport, Fact
from fleetwire.ports import Report
from fleetwire.sources.simulator.calendar import Calendar
from fleetwire.sources.simulator.experts import SimulatedExpert
from fleetwire.sources.simulator.fleet import EXPERTS_MAX, accounts_for, make_accounts, make_experts
from fleetwire.sources.simulator.history import past
from fleetwire.sources.simulator.market import Market, TradeServer
from fleetwire.sources.simulator.people import Person
from fleetwire.sources.simulator.trouble import Trouble
from fleetwire.wire.errors import ConfigError

SPEED_MIN: Final = 0.01
SPEED_MAX: Final = 1000
_HISTORY_TRADES: Final = 25  # of each expert,
_HISTORY_TRADES_MAX: Final = 10_000  # and of all of them
_PIECE: Final = 2000  # facts that are told at once: whoever keeps them has room for so many
_TICKETS_BEGAN_MS: Final = 1_600_000_000_000  # a fleet of now numbers on: what kept it yesterday knows no ticket
_WARM_UP: Final = 120  # reports of an expert that the fleet has traded when it is first seen
_NEWS_EVERY: Final = 120  # reports of an expert
_COMMAND_EVERY: Final = 25
_PAUSED: Final = 12


class Pace(Struct, frozen=True, kw_only=True):
    """How finely time passes, and how much happens in it.

    Args:
        step_ms: one step.
        report_ms: each expert and each account reports so often; a whole number of steps.
        positions_ms: each account tells all of its positions so often.
        price_ms: each trade server tells its prices so often.
        activity: seconds of a real market's life in one second.
    """

    step_ms: int = 100
    report_ms: int = 1000
    positions_ms: int = 5000
    price_ms: int = 1000
    activity: float = 20.0


class Simulator:
    """A fleet that trades by itself. The same seed, experts, accounts, pace and start give the same facts.

    Args:
        seed: decides everything.
        experts: how many.
        speed: simulated seconds in one real second.
        start_msc: UTC at the beginning, in milliseconds since 1970: the simulated clock goes on from there, and markets
            keep their hours. If left out, the fleet lives now: what it says bears the real time however fast it lives,
            and its markets never close.
        accounts: how many; as many as suit so many experts, if left out.
        pace: how finely time passes.
        has_operator: now and then somebody pauses an expert, and lets it go on; without, only who gives commands does.

    Raises:
        ConfigError: there are no such fleets.
    """

    name = "simulator"

    def __init__(
        self,
        seed: int = 7,
        experts: int = 40,
        speed: float = 1.0,
        start_msc: int | None = None,
        *,
        accounts: int | None = None,
        pace: Pace = Pace(),  # noqa: B008  (it is frozen)
        has_operator: bool = True,
    ) -> None:
        if not 1 <= experts <= EXPERTS_MAX:
            raise ConfigError(f"a simulated fleet has 1 to {EXPERTS_MAX} experts, not {experts}")
        if not SPEED_MIN <= speed <= SPEED_MAX:
            raise ConfigError(f"a simulated fleet has a speed from {SPEED_MIN} to {SPEED_MAX}, not {speed:g}")
        self._lives_now = start_msc is None
        self._pace, self._speed = pace, speed
        self._random = _random(seed, "fleet")
        start_ms = time.time_ns() // 1_000_000 if start_msc is None else start_msc
        self._utc_us = start_ms * 1000
        self._step_us = max(1, round(pace.step_ms * 1000 / speed)) if self._lives_now else pace.step_ms * 1000
        self._slots = max(1, pace.report_ms // pace.step_ms)
        interval_s = self._step_us * self._slots / 1_000_000
        self._market = Market(_random(seed, "market"))
        first_ticket = start_ms - _TICKETS_BEGAN_MS if self._lives_now else 1
        self.accounts = make_accounts(
            accounts or accounts_for(experts), self._market, self._lives_now, max(1, first_ticket)
        )
        self.experts = make_experts(experts, self.accounts, self._market, self._random, interval_s)
        self.servers: list[TradeServer] = list(
            {account.server.name: account.server for account in self.accounts}.values()
        )
        self._people = [Person(account, self._random) for account in self.accounts]
        self._trouble = Trouble(self.accounts, self.experts, pace.report_ms, _random(seed, "trouble"))
        self._calendar = Calendar(self.accounts, _random(seed, "calendar"))
        self._seconds = pace.report_ms / 1000 * pace.activity  # that an expert lives from one report to the next
        self._has_operator, self._commands = has_operator, 0
        self._given: dict[str, dict[str, Any]] = {}  # commands of the queue that wait for the next step
        self._move_to(self._utc_us)

    @property
    def utc_ms(self) -> int:
        """What time it is in the simulation: UTC, in milliseconds since 1970."""
        return self._utc_us // 1000

    async def run(self, report: Report) -> None:
        """Tell what happened before, then live on until cancelled."""
        await self.tell_past(report)
        await self.live(report)

    async def tell_past(self, report: Report) -> None:
        """Tell what happened before; no expert can be asked anything until that is told."""
        before = self.before()
        while piece := list(islice(before, _PIECE)):
            await report(*piece)

    async def live(self, report: Report) -> None:
        """Live on until cancelled, and tell it step by step."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for steps, facts in enumerate(self.steps(), 1):
            await report(*facts)
            await asyncio.sleep(max(0.0, began + steps * self._pace.step_ms / 1000 / self._speed - loop.time()))
            if self._lives_now:  # never ahead of the real clock by more than a step, and never far behind
                self._utc_us = max(self._utc_us, time.time_ns() // 1000 - self._step_us)

    def give(self, order: dict[str, Any]) -> None:
        """Take a command for one of the experts; it is carried out in the next step."""
        self._given[order["id"]] = order

    def _obey(self) -> Iterator[Fact]:
        """Let experts do what they were told, and say so; each once, however often it is given."""
        given, self._given = self._given, {}
        by_id = {expert.ea_id: expert for expert in self.experts}
        for order in given.values():
            expert = by_id.get(order["target"])
            if expert is not None and expert.is_present:
                status, results = expert.obey(order["id"], order["command"], order["params"])
                yield from expert.account.tell_deals()
                yield CommandAck(
                    command_id=order["id"],
                    ea_id=expert.ea_id,
                    status=status,
                    results=results,
                    boot_id=expert.boot_id,
                )

    def before(self) -> Iterator[Fact]:
        """Give the accounts, the deals of the last day or so, and who is in the market now."""
        start_us = self._utc_us
        for account in self.accounts:
            yield account.report()
        for server in self.servers:
            yield from server.reports()
        trades = max(1, min(_HISTORY_TRADES, _HISTORY_TRADES_MAX // len(self.experts)))
        warm_up_us = _WARM_UP * self._slots * self._step_us
        yield from past(self.experts, (start_us - warm_up_us) // 1000, trades, self._random)
        for warmed_up in range(_WARM_UP, -1, -1):
            self._move_to(start_us - warmed_up * self._slots * self._step_us, self._pace.report_ms)
            for expert in self.experts:
                expert.live(self._seconds)
            for account in self.accounts:
                account.roll_over()
                yield from account.tell_deals()
        for expert in self.experts:
            yield expert.report()
        for account in self.accounts:
            yield account.positions_report()
            yield account.report()

    def moments(self) -> Iterator[tuple[int, list[Fact]]]:
        """Give each step's time (UTC, in milliseconds) and what is told in it, without an end."""
        for facts in self.steps():
            yield self.utc_ms, facts

    def steps(self) -> Iterator[list[Fact]]:
        """Give what is told in each step, without an end: each expert reports once in `Pace.report_ms`."""
        step = 0
        story: Iterator[list[Fact]] = iter(())
        while True:
            self._move_to(self._utc_us + self._step_us, self._pace.step_ms)
            self._trouble.look(self.utc_ms)
            facts: list[Fact] = [*self._obey()]
            slot = step % self._slots
            for expert in self.experts[slot :: self._slots]:
                facts += self._live(expert)
            for number in range(slot, len(self.accounts), self._slots):
                facts += self._keep(number, step // self._slots)
            if step * self._pace.step_ms % self._pace.price_ms < self._pace.step_ms:
                for server in self.servers:
                    facts += server.reports()
            facts += self._calendar.outcomes(self.utc_ms)
            if step % (_NEWS_EVERY * self._slots) == self._slots:
                facts.append(self._calendar.announce(self.utc_ms))
            if self._has_operator and step % (_COMMAND_EVERY * self._slots) == 5 * self._slots:
                chosen = self._random.choice(self.experts)
                story = iter(()) if chosen.paused else self._command_story(chosen)
            facts += next(story, [])
            yield facts
            step += 1

    def _move_to(self, utc_us: int, market_ms: int = 0) -> None:
        """Set all clocks; let the market live on for so long."""
        self._utc_us = utc_us
        for server in self.servers:
            server.move_to(utc_us // 1000)
        if market_ms:
            trading = {name for server in self.servers for name, quote in server.quotes.items() if quote.is_open}
            self._market.walk(market_ms / 1000 * self._pace.activity, trading)
        for server in self.servers:
            server.refresh()

    def _live(self, expert: SimulatedExpert) -> Iterator[Fact]:
        """Let an expert live until its next report, and tell it; with deals goes what the account holds after them."""
        account = expert.account
        expert.live(self._seconds)
        deals = list(account.tell_deals())
        yield from deals
        if expert.is_present:
            yield expert.report()
        if deals:
            yield account.report()

    def _keep(self, number: int, turn: int) -> Iterator[Fact]:
        """Do what is done to an account, by its trade server and by people, and tell it."""
        account = self.accounts[number]
        account.roll_over()
        account.stop_out()
        self._people[number].act(self._seconds)
        if account.down:
            return
        yield from account.tell_deals()
        every = max(1, self._pace.positions_ms // self._pace.report_ms)
        if turn % every == number % every:
            yield account.positions_report()
        yield account.report()

    def _command_story(self, expert: SimulatedExpert) -> Iterator[list[Fact]]:
        """Tell how an operator pauses an expert and lets it go on: one step of the command's life at a time."""
        for command, paused in (("pause", True), ("resume", False)):
            self._commands += 1
            for status in ("queued", "delivered", "accepted", "executed"):
                if status == "executed":
                    expert.paused = paused
                yield [
                    CommandReport(
                        command_id=self._commands,
                        ea_id=expert.ea_id,
                        command=command,
                        status=status,
                        reason="spread too wide" if paused else "spread normal again",
                    )
                ]
            for _ in range(_PAUSED * self._slots):
                yield []


def _random(seed: int, part: str) -> Random:
    """Give a part of the simulation its own chance, so that a change of one part leaves the others as they were."""
    return Random(f"{seed} {part}")  # noqa: S311  (a simulation has to be repeatable, not secret)
