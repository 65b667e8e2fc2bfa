"""Joins the river: source -> fleet -> channels -> hub."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from fleetwire.fleet.alerts import Alerts
from fleetwire.fleet.channels import Told, tell
from fleetwire.fleet.events import Account, DealReport, ExpertReport, Fact, NewsEvent
from fleetwire.fleet.portfolio import Portfolio
from fleetwire.fleet.rules import RuleBook, default_rules
from fleetwire.fleet.state import AccountChanged, Change, ExpertChanged, Fleet
from fleetwire.ports import Clock, Source
from fleetwire.server.clock import SystemClock
from fleetwire.server.server import WebSocketServer
from fleetwire.wire.errors import DataError
from fleetwire.wire.moment import Moment

Reported = Account | ExpertReport | DealReport | NewsEvent
"""What a client may report."""

logger = logging.getLogger("fleetwire.integration")


class IntegrationService:
    """Watches experts, the portfolio, commands and alerts, and tells a server's clients.

    Args:
        server: who is told; started and stopped by its owner.
        sources: where facts come from, besides `report`.
        clock: stamps what is received.
        rules: what raises alerts; the default rules, if left out.
    """

    def __init__(
        self,
        server: WebSocketServer,
        sources: Sequence[Source] = (),
        clock: Clock | None = None,
        rules: RuleBook | None = None,
    ) -> None:
        self.fleet = Fleet()
        self.alerts = Alerts(rules or default_rules())
        self._server = server
        self._sources = tuple(sources)
        self._clock = clock or SystemClock()
        self._portfolio = Portfolio(self.fleet)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Tell what is known, and start the sources."""
        self._server.take_reports(self._take)
        self._server.hub.at_flush(self._tell_portfolio)  # so that a newcomer always finds one
        await self.report()
        self._tasks = [asyncio.create_task(self._run(source)) for source in self._sources]

    async def stop(self) -> None:
        """Stop the sources, and take no more reports."""
        self._server.take_reports(None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def finished(self) -> None:
        """Wait until every source has nothing more to report.

        Raises:
            Exception: what a source failed with.
        """
        await asyncio.gather(*self._tasks)

    async def report(self, *facts: Fact) -> None:
        """Apply facts and tell what changed; returns once those who keep up have been written to.

        Args:
            facts: of `fleetwire.fleet.events`; those of one call are told together. A deposit and the account's new
                balance belong in one call: apart, the one would pass for a gain or a loss until the other is known.

        Raises:
            DataError: there are too many experts or accounts already.
        """
        for fact in facts:
            self._apply(fact)
        await self._server.flushed()

    def _take(self, kind: str, data: dict[str, Any]) -> None:
        """Take what a client reports.

        Raises:
            DataError: it has not the fields of its kind, or there are too many experts or accounts already.
        """
        try:
            fact = msgspec.convert({**data, "type": kind}, Reported)
        except msgspec.ValidationError as error:
            raise DataError(f"{kind}: {str(error).replace('`', '')}") from None
        self._apply(fact)

    def _apply(self, fact: Fact) -> None:
        at = self._clock.moment()
        for change in self.fleet.apply(fact, at.utc):
            for told in self._tell(change, at):
                self._server.publish(told.type, told.data, as_of=at.utc)

    def _tell(self, change: Change, at: Moment) -> Iterator[Told]:
        """Say a change, and what follows from it."""
        told = tell(self.fleet, change)
        if told is not None:
            yield told
        if isinstance(change, ExpertChanged):
            self._portfolio.changed(change.expert)
            if told is not None:
                rows = self.alerts.observe("expert", change.expert.ea_id, told.data, at)
                yield from (Told("alert", msgspec.to_builtins(row)) for row in rows)
        if isinstance(change, ExpertChanged | AccountChanged):
            self._server.hub.at_flush(self._tell_portfolio)

    def _tell_portfolio(self) -> None:
        """Put the portfolio right, at the flush: it follows the rows that it sums, and is told once for all of them."""
        at = self._clock.moment()
        row: dict[str, Any] = self._portfolio.row()
        self._server.publish("portfolio_update", row, as_of=at.utc)
        for currency, sums in row["by_currency"].items():
            for alert in self.alerts.observe("portfolio", currency, sums, at):
                self._server.publish("alert", msgspec.to_builtins(alert), as_of=at.utc)

    async def _run(self, source: Source) -> None:
        try:
            await source.run(self.report)
        except Exception:
            logger.exception("source %s failed", source.name)
            raise
