"""One expert: its last report, its open positions, its deals and their figures."""

from typing import Final

from msgspec import Struct, structs

from fleetwire.fleet.account import AccountState
from fleetwire.fleet.broker_time import DAY_MS
from fleetwire.fleet.events import CLOSING, TRADE_TYPES, Deal, ExpertId, ExpertReport, Position
from fleetwire.fleet.liveness import Pulse
from fleetwire.fleet.series import Series
from fleetwire.wire.moment import Moment
from fleetwire.wire.rows import DealRow

LAST_TRADES: Final = 5
_BOOTS_KEPT: Final = 16
_TIE_MS: Final = 60_000  # of the terminal's clock: by more it is set, by less a report has been overtaken


class ExpertMemory(Struct, frozen=True):
    """What a restart needs of an expert, beyond its deals."""

    report: ExpertReport
    positions: list[Position]
    peak_result: float
    boots: list[str]
    heard_utc_ms: int


class ExpertState:
    """One expert.

    Args:
        ea_id: the fleet's own id of it.
        expert: who it is.
        account: where it trades.
    """

    def __init__(self, ea_id: int, expert: ExpertId, account: AccountState) -> None:
        self.ea_id = ea_id
        self.expert = expert
        self.account = account
        self.report = ExpertReport(expert=expert)
        self.positions: dict[int, Position] = {}  # by ticket
        self.series = Series(account.digits)
        self.series.open_with(account.digits, account.book.opening)
        self.pulse = Pulse(self)
        self.heard_utc_ms = 0
        self.last_report_utc = ""
        self.current_profit = 0.0  # floating result of its open positions, swap included, in the account's currency
        self.peak_result = 0.0
        self.boots: list[str] = []  # of its runs, the newest last
        self.shown_trades: tuple[tuple[int, int], list[DealRow]] = ((-1, 0), [])  # as its row has them, and of when
        self._metrics: dict[str, float | int] = {}
        self._metrics_of = -1
        self._today: tuple[int, int, float] = (-1, 0, 0.0)  # version of the series, day, what it earned

    # ---------------------------------------------------------------------------------------------------------- reports

    def outdated(self, report: ExpertReport) -> str | None:
        """Say why a report must not take the place of the last one; None if it may."""
        if report.boot_id and report.boot_id in self.boots[:-1]:
            return (
                f"EA {self.ea_id} has been started again since: a report of its run {report.boot_id!r:.40} is too old"
            )
        now, before = report.terminal, self.report.terminal
        if now is not None and before is not None and now.time_msc is not None and before.time_msc is not None:
            behind_ms = before.time_msc - now.time_msc
            if 0 < behind_ms < _TIE_MS and report.boot_id == self.report.boot_id:
                return f"EA {self.ea_id} has said something newer since: this report is {behind_ms} ms behind"
        return None

    def take(self, report: ExpertReport, at: Moment) -> None:
        """Put a report in the place of the last one."""
        if report.boot_id and report.boot_id not in self.boots:
            self.boots.append(report.boot_id)
            del self.boots[:-_BOOTS_KEPT]
        self.report = report
        self.note_heard(at)
        if report.positions is not None:
            self.hold({position.ticket: position for position in report.positions})

    def note_heard(self, at: Moment) -> None:
        """Note a sign of life."""
        self.heard_utc_ms, self.last_report_utc = at.utc_ms, at.utc

    def hold(self, positions: dict[int, Position]) -> None:
        """Put its open positions in the place of those before."""
        self.positions = positions
        self._sum_up()

    def _sum_up(self) -> None:
        open_now = self.positions.values()
        self.current_profit = round(sum((position.profit + position.swap for position in open_now), 0.0), 2)

    def count(self, deal: Deal) -> None:
        """Add a deal to its figures; what it closes is not open any more, though the next report is still to come."""
        self.series.add(deal, deal.time_msc)
        if deal.type in TRADE_TYPES and deal.entry in CLOSING and deal.position_id:
            self._close(deal)

    def _close(self, deal: Deal) -> None:
        found = next((open_ for open_ in self.positions.values() if open_.position_id == deal.position_id), None)
        if found is None:
            return
        left = self.account.left_of(deal.position_id)
        if left is None:
            left = found.volume if deal.volume < found.volume else 0.0
        if left <= 0 or deal.entry == "in/out":
            del self.positions[found.ticket]
        elif left < found.volume:
            share = left / found.volume
            self.positions[found.ticket] = structs.replace(
                found, volume=left, profit=round(found.profit * share, 2), swap=round(found.swap * share, 2)
            )
        self._sum_up()

    # ---------------------------------------------------------------------------------------------------------- figures

    @property
    def status(self) -> str:
        """What it said of itself; `stale` or `lost` once it has been silent for too long."""
        return self.pulse.link.value if self.pulse.link.is_silent else self.report.status

    @property
    def net_profit(self) -> float:
        """The sum of all its trades' results."""
        return self.series.statistics.net_profit

    @property
    def metrics(self) -> dict[str, float | int]:
        """Its figures by their names; what is not defined is left out."""
        if self._metrics_of != self.series.version:
            figures = self.series.statistics.metrics()
            self._metrics = {name: value for name, value in figures.items() if value is not None}
            self._metrics_of = self.series.version
        return self._metrics

    def profit_today(self, today: int) -> float:
        """What its trades have earned since the trade server's midnight."""
        if self._today[:2] != (self.series.version, today):
            earned = 0.0
            for deal in reversed(self.series.deals):
                if deal.time_msc // DAY_MS < today:
                    break
                if deal.type in TRADE_TYPES and deal.time_msc // DAY_MS == today:
                    earned += deal.amount
            self._today = (self.series.version, today, round(earned, 8))
        return self._today[2]

    @property
    def _result(self) -> float:
        return self.net_profit + self.current_profit

    def note_peak(self) -> None:
        """Remember the best result so far."""
        self.peak_result = max(self.peak_result, self._result)

    @property
    def fall(self) -> float:
        """How far its result (closed and floating) stands below its peak, in money."""
        return max(0.0, self.peak_result - self._result)

    @property
    def drawdown_pct(self) -> float:
        """The fall, in percent of what the account would hold without it."""
        account, fall = self.account.account, self.fall
        base = (account.equity if account else 0.0) + fall
        return round(100 * fall / base, 2) if account and base > 0 else 0.0

    # ---------------------------------------------------------------------------------------------------------- memory

    def memory(self) -> ExpertMemory:
        """Give what a restart needs."""
        return ExpertMemory(self.report, list(self.positions.values()), self.peak_result, self.boots, self.heard_utc_ms)

    def restore(self, memory: ExpertMemory, last_report_utc: str) -> None:
        """Take what was known before a restart."""
        self.report, self.peak_result, self.boots = memory.report, memory.peak_result, list(memory.boots)
        self.heard_utc_ms, self.last_report_utc = memory.heard_utc_ms, last_report_utc
        self.hold({position.ticket: position for position in memory.positions})
