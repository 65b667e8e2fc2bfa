"""A report as a source: its deals go down the river as if they happened now."""

import asyncio
from collections.abc import Callable, Iterator

from fleetwire.fleet.events import (
    CLOSING,
    TRADE_TYPES,
    Account,
    Deal,
    DealReport,
    ExpertId,
    ExpertReport,
    Fact,
    Position,
)
from fleetwire.ports import Report as Tell
from fleetwire.sources.report.reader import Report

_EPSILON = 1e-9  # of a lot


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
        self._open: dict[int, Position] = {}
        self.expert = ExpertId(report.server, report.login, report.magic, report.symbol, report.expert)

    async def run(self, report: Tell) -> None:
        """Tell every deal, in order; returns after the last."""
        loop = asyncio.get_running_loop()
        deals = self._report.deals
        balance = self._report.opening_balance
        await report(self._account(balance), self._state())
        began = loop.time()
        for count, deal in enumerate(deals, 1):
            if self._speed is not None:
                due = began + (deal.time_msc - deals[0].time_msc) / 1000 / self._speed
                await asyncio.sleep(max(0.0, due - loop.time()))
            balance = round(balance + deal.profit + deal.commission + deal.swap + deal.fee, 8)
            self._follow(deal)
            await report(*self._facts(deal, balance))
            if self._progress is not None:
                self._progress(count, len(deals))

    def _facts(self, deal: Deal, balance: float) -> Iterator[Fact]:
        yield self._account(balance)
        yield DealReport(expert=self.expert, ea_id=self._report.magic or None, deal=deal)
        yield self._state()

    def _account(self, balance: float) -> Account:
        """Say what the report knows of the account: between deals it knows no prices, so equity is the balance."""
        balance = round(balance, self._report.money_digits)
        return Account(
            server=self._report.server,
            login=self._report.login,
            name=self._report.name,
            company=self._report.company,
            currency=self._report.currency,
            leverage=self._report.leverage,
            balance=balance,
            equity=balance,
            margin_free=balance,
        )

    def _state(self) -> ExpertReport:
        return ExpertReport(
            expert=self.expert,
            ea_id=self._report.magic or None,
            strategy_tag=self._report.expert,
            positions=tuple(self._open.values()),
        )

    def _follow(self, deal: Deal) -> None:
        """Keep the open positions: what comes in, and what is left after a part went out."""
        if deal.type not in TRADE_TYPES:
            return
        before = self._open.pop(deal.position_id, None)
        held = before.volume if before else 0.0
        if deal.entry == "in":
            volume, side, price = held + deal.volume, deal.type, deal.price
        elif deal.entry in CLOSING and before is not None:
            volume, side, price = held - deal.volume, before.type, before.price_open
            if volume < -_EPSILON and deal.entry == "in/out":
                volume, side, price = -volume, deal.type, deal.price
        else:
            return
        if volume > _EPSILON:
            self._open[deal.position_id] = Position(
                ticket=deal.position_id,
                identifier=deal.position_id,
                time_msc=before.time_msc if before else deal.time_msc,
                type=side,
                magic=self._report.magic,
                volume=round(volume, 8),
                price_open=price,
                price_current=deal.price,
                symbol=deal.symbol,
                comment=deal.comment,
            )
