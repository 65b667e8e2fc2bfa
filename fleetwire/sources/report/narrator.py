"""Tells a report's deals one by one, and how the account and the expert stand after each."""

from typing import Final
from zlib import crc32

import msgspec

from fleetwire.fleet.events import (
    CLOSING,
    TRADE_TYPES,
    Account,
    Deal,
    DealReport,
    ExpertId,
    ExpertReport,
    Position,
)
from fleetwire.sources.report.reader import Report
from fleetwire.wire.errors import ReportError

_EPSILON: Final = 1e-9  # of a lot
_TESTED_LOGIN: Final = 2**40  # the tester's accounts have no number: theirs are from here on, where no broker's are
_NAME_CHARS_MAX: Final = 128
_SYMBOL_CHARS_MAX: Final = 64
_TEXT_CHARS_MAX: Final = 256


class Narrator:
    """Follows the balance and the open positions from deal to deal.

    A test of an expert has no login: it gets one that is made of all that its report says, so that each test is an
    account of its own, and the same one whenever it is told.

    Args:
        report: as `read_report` gives it.

    Raises:
        ReportError: one of its deals is nothing that the fleet takes.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._balance = report.opening_balance
        self._open: dict[int, Position] = {}
        self.deals: Final = _within_bounds(report.deals)
        self.expert: Final = ExpertId(
            report.server[:_NAME_CHARS_MAX] or "unknown",
            report.login or _TESTED_LOGIN + _sum_of_what_it_says(report),
            report.magic,
            report.symbol[:_SYMBOL_CHARS_MAX],
            report.expert[:_NAME_CHARS_MAX] or "unknown",
        )

    def deal(self, deal: Deal) -> DealReport:
        """Let a deal happen; give it as a fact."""
        self._balance = round(self._balance + deal.amount, 8)
        self._follow(deal)
        return DealReport(expert=self.expert, ea_id=self._report.magic or None, deal=deal)

    def account(self) -> Account:
        """Say what the report knows of the account: between deals it knows no prices, so equity is the balance."""
        balance = round(self._balance, self._report.money_digits)
        return Account(
            server=self.expert.server,
            login=self.expert.login,
            name=self._report.name[:_TEXT_CHARS_MAX],
            company=self._report.company[:_TEXT_CHARS_MAX],
            currency=self._report.currency,
            leverage=self._report.leverage,
            balance=balance,
            equity=balance,
            margin_free=balance,
        )

    def state(self) -> ExpertReport:
        """Say which positions are open."""
        return ExpertReport(
            expert=self.expert,
            ea_id=self._report.magic or None,
            strategy_tag=self.expert.name,
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


def _within_bounds(deals: tuple[Deal, ...]) -> tuple[Deal, ...]:
    """Shorten long comments; refuse what no deal can be."""
    shortened = tuple(
        deal
        if len(deal.comment) <= _TEXT_CHARS_MAX
        else msgspec.structs.replace(deal, comment=deal.comment[:_TEXT_CHARS_MAX])
        for deal in deals
    )
    try:
        msgspec.json.decode(msgspec.json.encode(shortened), type=tuple[Deal, ...])
    except (msgspec.ValidationError, OverflowError) as error:
        raise ReportError(f"a deal of the report is none that can be taken: {str(error).replace('`', '')}") from None
    return shortened


def _sum_of_what_it_says(report: Report) -> int:
    """Tell tests apart, by what stands in their reports and not by what is worked out of it."""
    head = (report.server, report.expert, report.magic, report.period, report.currency, report.initial_deposit)
    deals = [(deal.ticket, deal.time_msc, deal.type, deal.volume, deal.price, deal.amount) for deal in report.deals]
    return crc32(msgspec.json.encode((head, deals)))
