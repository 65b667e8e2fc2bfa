"""The simulator as a source: who is in the fleet, and what happens when."""

import asyncio
import time
from collections.abc import Iterator
from random import Random

from fleetwire.fleet.events import CommandReport, Fact, NewsEvent
from fleetwire.ports import Report
from fleetwire.sources.simulator.market import Market
from fleetwire.sources.simulator.traders import STRATEGIES, SimulatedAccount, SimulatedExpert

_STEPS_PER_SECOND = 10
_HISTORY_TRADES = 25
_WARM_UP_S = 120  # that the fleet has traded when it is first seen
_FIRST_MAGIC = 1001
_NEWS_EVERY_S = 40
_COMMAND_EVERY_S = 25
_PAUSED_S = 12
_TOO_BOLD = 4.0  # one expert risks so much that there is something to be alarmed about

_ACCOUNTS = (("Simulated-Live", 400_000_005, 12_000.0), ("Simulated-Live", 400_000_017, 4_000.0),
             ("Simulated-Prop", 700_123_456, 25_000.0))  # fmt: skip
_NEWS = (
    ("USD", "high", "Nonfarm Payrolls"),
    ("EUR", "high", "ECB Interest Rate Decision"),
    ("GBP", "moderate", "Retail Sales m/m"),
    ("USD", "moderate", "ISM Services PMI"),
    ("JPY", "low", "Household Spending y/y"),
)


class Simulator:
    """A fleet that trades by itself. The same seed and start give the same facts.

    Args:
        seed: decides everything.
        experts: how many, over three accounts.
        speed: simulated seconds in one real second.
        start_msc: the trade server's clock at the beginning, in milliseconds since 1970; now, if left out.
    """

    name = "simulator"

    def __init__(self, seed: int = 7, experts: int = 40, speed: float = 1.0, start_msc: int | None = None) -> None:
        self._random = Random(seed)  # noqa: S311  (a simulation has to be repeatable, not secret)
        self._speed = speed
        self._now_msc = (time.time_ns() // 1_000_000 if start_msc is None else start_msc) - _WARM_UP_S * 1000
        self._market = Market(self._random)
        self.accounts = [SimulatedAccount(*account) for account in _ACCOUNTS[: max(1, min(experts, len(_ACCOUNTS)))]]
        self.experts = [self._expert(number) for number in range(experts)]
        self._commands = 0
        self._news = 0

    def _expert(self, number: int) -> SimulatedExpert:
        account = self.accounts[number % len(self.accounts)]
        symbol = self._market.symbols[(number * 3 + number // 5) % len(self._market.symbols)]
        strategy = STRATEGIES[number % len(STRATEGIES)]
        boldness = _TOO_BOLD if number == 1 else 1.0
        return SimulatedExpert(account, _FIRST_MAGIC + number, symbol, strategy, boldness, self._random)

    async def run(self, report: Report) -> None:
        """Tell what happened before, then live on until cancelled."""
        await report(*self.before())
        loop = asyncio.get_running_loop()
        began = loop.time()
        for steps, facts in enumerate(self.steps(), 1):
            await report(*facts)
            await asyncio.sleep(max(0.0, began + steps / _STEPS_PER_SECOND / self._speed - loop.time()))

    def before(self) -> Iterator[Fact]:
        """Give the accounts, the deals of the last day, and who is in the market now."""
        for account in self.accounts:
            yield account.report()
        for expert in self.experts:
            yield from expert.history(self._now_msc, _HISTORY_TRADES)
        for _ in range(_WARM_UP_S):
            self._now_msc += 1000
            self._market.walk(1.0)
            for expert in self.experts:
                yield from expert.trade(self._now_msc)
        for expert in self.experts:
            yield expert.report()
        for account in self.accounts:
            yield account.report()

    def steps(self) -> Iterator[list[Fact]]:
        """Give what happens in each tenth of a second, without an end: each expert reports once a second."""
        step = 0
        story: Iterator[list[Fact]] = iter(())
        while True:
            self._now_msc += 1000 // _STEPS_PER_SECOND
            self._market.walk(1 / _STEPS_PER_SECOND)
            facts: list[Fact] = []
            for expert in self.experts[step % _STEPS_PER_SECOND :: _STEPS_PER_SECOND]:
                facts += expert.trade(self._now_msc)
                facts.append(expert.report())
            if step % _STEPS_PER_SECOND == 0:
                for account in self.accounts:
                    facts += [*account.refill(self._now_msc), account.report()]
            if step % (_NEWS_EVERY_S * _STEPS_PER_SECOND) == _STEPS_PER_SECOND:
                facts.append(self._calendar_event())
            if step % (_COMMAND_EVERY_S * _STEPS_PER_SECOND) == 5 * _STEPS_PER_SECOND and self.experts:
                story = self._command_story(self._random.choice(self.experts))
            facts += next(story, [])
            yield facts
            step += 1

    def _calendar_event(self) -> NewsEvent:
        currency, importance, name = _NEWS[self._news % len(_NEWS)]
        self._news += 1
        when = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(self._now_msc // 1000 + 900))
        forecast = round(self._random.uniform(0.1, 3.0), 1)
        return NewsEvent(
            id=self._news,
            time_utc=when,
            currency=currency,
            importance=importance,
            name=name,
            forecast=forecast,
            previous=round(forecast + self._random.uniform(-0.5, 0.5), 1),
            source="simulator",
        )

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
            for _ in range(_PAUSED_S * _STEPS_PER_SECOND):
                yield []
