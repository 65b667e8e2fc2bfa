"""One account's book: what was there, what was paid in or out, what was earned, day by day; and whether it adds up.

What a terminal says of its account and what its deals say arrive apart, and in any order. The book adds up when
balance + credit = what was there before the first known deal + the amounts of all deals. Only then are peaks,
drawdown and the day's result moved: a deal whose account report is still on its way is no loss, nor a gain. Nor is a
history that is told late: it moves what was earned and its peak alike.
"""

from typing import Final

from msgspec import Struct

from fleetwire.fleet.events import Account, Deal
from fleetwire.wire.moment import Moment

UNIT: Final = 10**8
"""Money is added in whole hundred-millionths: sums do not drift."""
_DAYS_KEPT: Final = 400
_WAITS_S: Final = 10.0  # for the deals (or the account report) that make the book add up again
_FRESH_S: Final = 600.0  # what was last heard so shortly before midnight is what was there at midnight


class Day(Struct):
    """One day of the trade server's clock, in `UNIT`s.

    `earned` is what its trades earned, with costs that are booked apart; `paid` what was paid in or out, `credited` the
    part of it that is credit.
    """

    earned: int = 0
    paid: int = 0
    credited: int = 0


_NO_DAY: Final = Day()


class Sound(Struct, frozen=True):
    """The account when its book last added up: what its terminal said, and what its deals said at the same time.

    `cash` is what was there and what was paid in or out; the rest is of the `day` until then, in `UNIT`s.
    """

    balance: float
    credit: float
    equity: float
    cash: float
    day: int
    earned: int
    paid: int
    credited: int


class BookMemory(Struct, frozen=True):
    """What a restart needs, beyond the deals. Money in `UNIT`s, but for what the terminal said."""

    opening: int | None
    settled: bool
    result: float
    peak_result: float
    day: int
    day_open_balance: float | None
    day_open_equity: float | None
    sound: Sound | None = None
    earned_before: float = 0.0
    peak_utc_ms: int = 0


class Book:
    """What the deals of an account add up to, beside what its terminal says."""

    def __init__(self) -> None:
        self._amounts = 0  # of all deals
        self._paid = 0  # of those that are no trades
        self._first_deposit: tuple[int, int, int] | None = None  # the earliest: (time, ticket, amount)
        self._days: dict[int, Day] = {}
        self._opening: int | None = None  # balance and credit before the first known deal
        self._settled = False  # the opening was confirmed by a second report
        self._wrong_since: float | None = None
        self.result = 0.0  # equity without what was there and what was paid in or out, when the book last added up
        self.peak_result = 0.0
        self.earned_before = 0.0  # the part of `result` that was earned before anybody looked, or was told as history
        self._has_result = False
        self._peak_utc_ms = 0  # when `peak_result` was seen
        self._history = 0  # earned by deals of before that, which are new since the book last added up
        self._taken_for_history: tuple[int | None, float] = (None, 0.0)  # the opening before it, and what it earned
        self._unseen_by: Account | None = None  # the report that is too old to know of all deals
        self._sound: Sound | None = None
        self._day = 0  # the last one that began
        self._day_open_balance: float | None = None  # as heard just before midnight; None where it follows from deals
        self._day_open_equity: float | None = None
        self._heard_at: float | None = None
        self._last: Account | None = None

    # -------------------------------------------------------------------------------------------------------- deals

    def count(self, deal: Deal, day: int, *, is_late: bool, utc_ms: int = 0, unseen_by: Account | None = None) -> None:
        """Add a deal.

        Args:
            deal: a new one.
            day: of the trade server's clock, since 1970.
            is_late: deals that happened after it are known already.
            utc_ms: when it was.
            unseen_by: the account's last report, if the deal is newer than that; it can't tell what the deal did.
        """
        amount = round(deal.amount * UNIT)
        self._amounts += amount
        self._unseen_by = unseen_by or self._unseen_by
        of_day = self._days.get(day)
        if of_day is None:
            of_day = self._days[day] = Day()
            if len(self._days) > _DAYS_KEPT:
                del self._days[min(self._days)]
        if deal.is_paid:
            self._pay(deal, amount, of_day)
        else:
            of_day.earned += amount
            if utc_ms < self._peak_utc_ms:
                self._history += amount
        if is_late:
            self._settled = False

    def _pay(self, deal: Deal, amount: int, of_day: Day) -> None:
        self._paid += amount
        of_day.paid += amount
        if deal.type == "credit":
            of_day.credited += amount
        first = (deal.time_msc, deal.ticket, amount)
        if deal.type == "balance" and (self._first_deposit is None or first < self._first_deposit):
            self._first_deposit = first

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
        if account is not self._last:
            self._heard_at, self._last = at.now, account
        before = self._opening
        self._judge(self._opening_by(account), at)
        if self.adds_up:
            self._move(account, at, before)
        return self._opening != before

    def _opening_by(self, account: Account) -> int:
        return round((account.balance + account.credit) * UNIT) - self._amounts

    def fits(self, account: Account) -> bool:
        """Tell whether what a terminal says agrees with the deals and the opening as they are known."""
        return self._opening_by(account) == self._opening

    def _judge(self, opening: int, at: Moment) -> None:
        """Take what was there before the first deal as it must have been, or note since when the book does not add up.

        It may be another amount while nobody has confirmed it, and where nobody explains for a while what is missing:
        unless that is the account's own report.
        """
        if opening == self._opening:
            self._settled, self._wrong_since, self._taken_for_history = True, None, (None, 0.0)
            return
        if self._opening is not None:
            self._wrong_since = at.now if self._wrong_since is None else self._wrong_since
            is_old = self._last is self._unseen_by
            if is_old or (self._settled and at.now - self._wrong_since < _WAITS_S):
                return
        self._opening, self._wrong_since, self._settled = opening, None, False

    def _move(self, account: Account, at: Moment, before: int | None) -> None:
        """Move the figures of a book that adds up; a history that it has just learned of is no gain and no loss.

        What was taken for one is none, if the next report has the opening of `before` again: it tells what deals did.
        """
        history, self._history = self._history / UNIT if self._opening != before else 0.0, 0
        opening, taken = self._taken_for_history
        if opening is not None and opening == self._opening:
            history, self._taken_for_history = history - taken, (None, 0.0)
        elif history:
            self._taken_for_history = (before, history)
        self.result = account.equity - self.cash
        if not self._has_result:
            self._has_result, self.earned_before = True, self.result
            self.peak_result, self._peak_utc_ms = self.result, at.utc_ms
        self.earned_before += history
        self.peak_result += history
        if self.result > self.peak_result:
            self.peak_result, self._peak_utc_ms = self.result, at.utc_ms
        today = self._days.get(self._day, _NO_DAY)
        self._sound = Sound(
            balance=account.balance,
            credit=account.credit,
            equity=account.equity,
            cash=self.cash,
            day=self._day,
            earned=today.earned,
            paid=today.paid,
            credited=today.credited,
        )

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
        return self.opening or (self._first_deposit[2] / UNIT if self._first_deposit is not None else 0.0)

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

    @property
    def day(self) -> int:
        """The day on the trade server's clock, since 1970; 0 before the first."""
        return self._day

    def forget_day(self) -> None:
        """Let the day begin anew with what comes next: it was that of another clock."""
        self._day, self._day_open_balance, self._day_open_equity = 0, None, None

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
    def sound(self) -> Sound | None:
        """The account when its book last added up; None if it never has."""
        return self._sound

    @property
    def _sound_day(self) -> Day:
        """The day until the book last added up."""
        sound = self._sound
        return (
            Day(sound.earned, sound.paid, sound.credited) if sound is not None and sound.day == self._day else _NO_DAY
        )

    @property
    def paid_today(self) -> float:
        """What was paid in or out since the trade server's midnight, until the book last added up."""
        return self._sound_day.paid / UNIT

    @property
    def day_open_balance(self) -> float:
        """The balance at the trade server's midnight: as heard, else as the day's deals have it."""
        if self._day_open_balance is not None:
            return self._day_open_balance
        day = self._sound_day
        balance = self._sound.balance if self._sound is not None else 0.0
        return round(balance - (day.earned + day.paid - day.credited) / UNIT, 8)

    @property
    def day_open_credit(self) -> float:
        """The credit at the trade server's midnight."""
        credit = self._sound.credit if self._sound is not None else 0.0
        return round(credit - self._sound_day.credited / UNIT, 8)

    @property
    def day_open_equity(self) -> float:
        """The equity at the trade server's midnight; balance and credit, where nobody was there to hear it."""
        if self._day_open_equity is not None:
            return self._day_open_equity
        return round(self.day_open_balance + self.day_open_credit, 8)

    @property
    def daily_result(self) -> float:
        """How the equity has changed since midnight, without what was paid in or out."""
        if self._sound is None:
            return 0.0
        return round(self._sound.equity - self.day_open_equity - self.paid_today, 8)

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
            self._sound,
            self.earned_before,
            self._peak_utc_ms,
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
        self._sound, self.earned_before, self._peak_utc_ms = memory.sound, memory.earned_before, memory.peak_utc_ms
        self._last, self._heard_at = account, heard_at

    def restored(self) -> None:
        """End the restoring, after all deals were counted again: none of them is news, nor a history."""
        self._history, self._unseen_by = 0, None
