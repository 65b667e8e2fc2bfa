"""A report as a source: its deals go down the river as if they happened now."""

import asyncio
from collections.abc import Callable, Iterator

from fleetwire.fleet.events import Deal, Fact
from fleetwire.ports import Report as Tell
from fleetwire.sources.report.narrator import Narrator
from fleetwire.sources.report.reader import Report


class ReportSource:
    """Replays a report.

    Args:
        report: as `read_report` gives it.
        speed: how many times as fast as it happened; None for as fast as it goes.
        progress: called with (deals told, deals in all) after each.
    """

    name = "report"

    def __init__(
        self, report: Report, speed: float | None = None, progress: Callable[[int, int], None] | None = None
    ) -> None:
        self._report = report
        self._speed = speed
        self._progress = progress
        self._narrator = Narrator(report)
        self.expert = self._narrator.expert

    async def run(self, report: Tell) -> None:
        """Tell every deal, in order; returns after the last."""
        loop = asyncio.get_running_loop()
        deals, narrator = self._narrator.deals, self._narrator
        await report(narrator.account(), narrator.state())
        began = loop.time()
        for count, deal in enumerate(deals, 1):
            if self._speed is not None:
                due = began + (deal.time_msc - deals[0].time_msc) / 1000 / self._speed
                await asyncio.sleep(max(0.0, due - loop.time()))
            await report(*self._facts(deal))
            if self._progress is not None:
                self._progress(count, len(deals))

    def _facts(self, deal: Deal) -> Iterator[Fact]:
        told = self._narrator.deal(deal)
        yield self._narrator.account()
        yield told
        yield self._narrator.state()
