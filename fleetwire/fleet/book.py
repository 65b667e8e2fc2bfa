"""One account's book: what was there, what was paid in or out, what was earned, day by day; and whether it adds up.

What a terminal says of its account and what its deals say arrive apart, and in any order. The book adds up when
balance + credit = what was there before the first known deal + the amounts of all deals. Only then are peaks and
drawdown moved: a deal whose account report is still on its way is no loss, nor a gain.
"""

from typing import Final

from msgspec import Struct

from fleetwire.fleet.events import TRADE_TYPES, Account, Deal
from fleetwire.wire.moment import Moment

UNIT: Final = 10**8
"""Money is added in whole hundred-millionths: sums do not drift."""
_DAYS_KEPT: Final = 400
_WAITS_S: Final = 10.0  # for the deals (or the account report) that make the book add up again
_FRESH_S: Final = 600.0  # what was last heard so shortly before midnight is what was there at midnight


class Day(Struct):
    """One day of the trade server's clock: what its trades earned, and what was paid in or out, in `UNIT`s."""

    earned: int = 0
    paid: int = 0


class BookMemory(Struct, frozen=True):
    """What a restart needs, beyond the deals. Money in `UNIT`s, but for what the terminal said."""

    opening: int | None
    settled: bool
    result: float
    peak_result: float
    day: int
    day_open_balance: float | None
    day_open_equity: float | None


class Book:
    """What the deals of an account add up to, beside what its terminal says."""

    def __init__(self) -> None:
        self._amounts = 0  # of all deals
        self._paid = 0  # of those that are no trades
        self._first_deposit = 0
        self._days: dict[int, Day] = {}
        self._opening: int | None = None  # balance and credit before the first known deal
        self._settled = False  # the opening was confirmed by a second report
        self._wrong_since: float | None = None
        self.result = 0.0  # equity without what was there and what was paid in or out, when the book last added up
        self.peak_result = 0.0
        self._has_result = False
        self._day = 0  # the last one that began
        self._day_open_balance: float | None = None  # as heard just before midnight; None where it follows from deals
        self._day_open_equity: float | None = None
        self._heard_at: float | None = None
        self._last: Account | None = None

    # -------------------------------------------------------------------------------------------------------- deals

    def count(self, deal: Deal, day: int, *, is_late: bool) -> None:
        """Add a deal.

        Args:
            deal: a new one.
            day: of the trade server's clock, since 1970.
            is_late: deals that happened after it are known already.
        """
        amount = round(deal.amount * UNIT)
        self._amounts += amount
        of_day = self._days.get(day)
        if of_day is None:
            of_day = self._days[day] = Day()
            if len(self._days) > _DAYS_KEPT:
                del self._days[min(self._days)]
        if deal.type in TRADE_TYPES:
            of_day.earned += amount
        else:
            self._paid += amount
            self._first_deposit = self._first_deposit or amount
            of_day.paid += amount
        if is_late:
            self._settled = False

    @property
    def newest_day(self) -> int:
        """The day of the newest deal, 0 without any."""
        return max(self._days, default=0)

    # ------------------------------------------------------------------------------------------------------- account

    def settle(self, account: Account, today: int, at: Moment) -> bool:
        """Compare what the terminal says with what the deals say, and move the figures if it adds up.

        Args:
            account: as last reported.
            today: the day on the trade server's clock, since 1970.
            at: now.

        Returns:
            Whether the opening became another amount.
        """
        self._begin_day(today, at)
        self._heard_at, self._last = at.now, account
        changed = self._judge(self._opening_by(account), at)
        if self._wrong_since is None:
            self.result = account.equity - self.cash
            self.peak_result = max(self.peak_result, self.result) if self._has_result else self.result
            self._has_result = True
        return changed

    def _opening_by(self, account: Account) -> int:
        return round((account.balance + account.credit) * UNIT) - self._amounts

    def fits(self, account: Account) -> bool:
        """Tell whether what a terminal says agrees with the deals and the opening as they are known."""
        return self._opening_by(account) == self._opening

    def _judge(self, opening: int, at: Moment) -> bool:
        """Tell whether the opening became another one; note since when the book does not add up."""
        if opening == self._opening:
            self._settled, self._wrong_since = True, None
            return False
        if self._opening is not None and self._settled:
            if self._wrong_since is None:
                self._wrong_since = at.now
            if at.now - self._wrong_since < _WAITS_S:
                return False
        self._opening, self._wrong_since, self._settled = opening, None, False
        return True

    @property
    def adds_up(self) -> bool:
        """Whether what the terminal says agrees with the deals."""
        return self._wrong_since is None

    @property
    def opening(self) -> float:
        """Balance and credit before the first known deal; 0 while the account is not known."""
        return (self._opening or 0) / UNIT

    @property
    def paid(self) -> float:
        """What was paid in and out by the known deals."""
        return self._paid / UNIT

    @property
    def cash(self) -> float:
        """What was there and what was paid in or out: the equity of an account that never traded."""
        return ((self._opening or 0) + self._paid) / UNIT

    @property
    def initial_balance(self) -> float:
        """What the account began with: what was there before the first known deal, or the first deposit."""
        return self.opening or self._first_deposit / UNIT

    @property
    def peak_equity(self) -> float:
        """The highest equity so far, what was paid in or out since then taken into account."""
        return self.peak_result + self.cash

    @property
    def drawdown_pct(self) -> float:
        """The fall from the peak, in percent of it."""
        peak = self.peak_equity
        return round(100 * (self.peak_result - self.result) / peak, 2) if peak > 0 else 0.0

    # ------------------------------------------------------------------------------------------------------ the day

    def begin_day(self, today: int, at: Moment) -> bool:
        """Let the day become another one at the trade server's midnight; tell whether it did."""
        before = self._day
        self._begin_day(today, at)
        return self._day != before

    def _begin_day(self, today: int, at: Moment) -> None:
        if today <= self._day:
            return
        was_there = self._last is not None and self._heard_at is not None and at.now - self._heard_at <= _FRESH_S
        if self._day and was_there and self._last is not None and self.adds_up:
            self._day_open_balance, self._day_open_equity = self._last.balance, self._last.equity
        else:
            self._day_open_balance = self._day_open_equity = None
        self._day = today

    @property
    def profit_today(self) -> float:
        """What the trades of the day have earned, in money."""
        day = self._days.get(self._day)
        return day.earned / UNIT if day is not None else 0.0

    @property
    def paid_today(self) -> float:
        """What was paid in or out since the trade server's midnight."""
        day = self._days.get(self._day)
        return day.paid / UNIT if day is not None else 0.0

    @property
    def day_open_balance(self) -> float:
        """The balance at the trade server's midnight: as heard, else as the day's deals have it."""
        if self._day_open_balance is not None:
            return self._day_open_balance
        balance = self._last.balance if self._last is not None else 0.0
        return round(balance - self.profit_today - self.paid_today, 8)

    @property
    def day_open_equity(self) -> float:
        """The equity at the trade server's midnight; the balance, where nobody was there to hear it."""
        return self._day_open_equity if self._day_open_equity is not None else self.day_open_balance

    @property
    def daily_result(self) -> float:
        """How the equity has changed since midnight, without what was paid in or out."""
        if self._last is None:
            return 0.0
        return round(self._last.equity - self.day_open_equity - self.paid_today, 8)

    # -------------------------------------------------------------------------------------------------------- memory

    def memory(self) -> BookMemory:
        """Give what a restart needs."""
        return BookMemory(
            self._opening,
            self._settled,
            self.result,
            self.peak_result,
            self._day,
            self._day_open_balance,
            self._day_open_equity,
        )

    def restore(self, memory: BookMemory, account: Account | None, heard_at: float) -> None:
        """Take what was known before a restart.

        Args:
            memory: of the run before.
            account: as last reported.
            heard_at: when that was, on our monotonic clock.
        """
        self._opening, self._settled = memory.opening, memory.settled
        self.result, self.peak_result = memory.result, memory.peak_result
        self._day, self._has_result = memory.day, memory.opening is not None
        self._day_open_balance, self._day_open_equity = memory.day_open_balance, memory.day_open_equity
        self._last, self._heard_at = account, heard_at
