"""A report as history: its deals are told at once, as what has happened."""

from typing import Final

from msgspec import structs

from fleetwire.ports import Report as Tell
from fleetwire.sources.report.narrator import Narrator
from fleetwire.sources.report.reader import Report

DEALS_PER_CALL: Final = 1_000


class ReportHistory:
    """Reports all deals of a report, then how it ended. Told twice, it changes nothing: deals are known by ticket.

    A history of a whole account does not say which expert made a deal: all are told as those of one, which has the name
    of the report.

    Args:
        report: as `read_report` gives it.

    Raises:
        ReportError: one of its deals is nothing that the fleet takes.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self.expert = Narrator(report).expert
        self.deals = len(report.deals)
        self.name = f"history of {self.expert.name}"

    async def run(self, report: Tell) -> None:
        """Tell the deals in order of time and ticket, then the end state; return after it.

        The account comes last: compared with a part of its deals, the rest would pass for what was there before them.
        """
        narrator = Narrator(self._report)
        await report(structs.replace(narrator.state(), is_history=True))
        deals = sorted(narrator.deals, key=lambda deal: (deal.time_msc, deal.ticket))
        for begin in range(0, len(deals), DEALS_PER_CALL):
            await report(*[narrator.deal(deal) for deal in deals[begin : begin + DEALS_PER_CALL]])
        account, state = narrator.account(), narrator.state()
        await report(structs.replace(account, is_history=True), structs.replace(state, is_history=True))
