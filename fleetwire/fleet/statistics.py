"""The statistics that MetaTrader 5 prints under a report, streaming: all figures follow from the deals, one at a time.

A *trade* is one closing deal (`out`, `in/out`, `out by`). The choices that the figures rest on:

- The result of a trade is the closing deal's profit + swap + commission + fee, plus the entry's costs (commission, fee,
  swap) for the volume that it closes. A position that was built from several entries shares their costs evenly over its
  volume. Where deals carry no `position_id`, the open volume of a symbol's side is taken as one position.
- A reversal (`in/out`) closes the whole old side and carries all its own costs; what it opens starts without any.
- Two balances are kept. `balance` is what the terminal books: an entry's commission lowers it at once. Drawdown,
  holding period returns and the regression walk the *closed-trade balance* (money paid in + results of trades), which
  an entry touches only when it is closed. So total_net_profit is always the sum of the results of all trades.
- Deals of any other type than buy and sell (balance, credit, correction, ...) are no performance. The first of type
  `balance` is the initial deposit. A later one moves peak and trough of the drawdown alike; the regression doesn't
  see it.
- A figure that isn't defined is absent (None): a profit factor without losses, a Z-score without runs.

Money is added as whole numbers (millionths of the currency's smallest unit), so that a million trades don't drift.
"""

from collections.abc import Hashable
from copy import copy
from math import erf, expm1, log1p, sqrt
from typing import Final, TypeAlias

from fleetwire.fleet.events import CLOSING, TRADE_TYPES, Deal

Metrics: TypeAlias = dict[str, float | int | None]

LOT_UNITS: Final = 10**8  # lots are counted in whole hundred-millionths: 0.3 - 0.1 - 0.1 - 0.1 is nothing
MONEY_DIGITS_BELOW: Final = 6  # money is counted in whole millionths of the smallest unit: shares of costs stay exact


class Statistics:
    """What a series of deals has earned, in O(1) a deal; memory grows only with the positions that are open.

    Args:
        digits: decimals of the account's currency (2 for USD, 0 for JPY).
        opening_balance: money on the account before the first deal; 0 where the deals tell the whole history.
    """

    def __init__(self, digits: int = 2, opening_balance: float = 0.0) -> None:
        self.digits = digits
        self._unit: int = 10 ** (digits + MONEY_DIGITS_BELOW)
        opening = round(opening_balance * self._unit)
        self._balance = opening
        self._deposit: int | None = opening or None
        self._open = _OpenPositions()
        self._wins = _Side()
        self._losses = _Side()
        self._fall = _Drawdown(opening)
        self._line = _Line()
        self._returns = _Returns()
        self._deals = 0
        self._net = 0
        self._short = [0, 0]  # trades, won
        self._long = [0, 0]
        self._last: _Side | None = None  # the side of the series that is running

    def copy(self) -> "Statistics":
        """Give the figures as they are now; what is added to one is not in the other."""
        made = copy(self)
        made._open, made._wins, made._losses = self._open.copy(), copy(self._wins), copy(self._losses)
        made._fall, made._line, made._returns = copy(self._fall), copy(self._line), copy(self._returns)
        made._short, made._long = [*self._short], [*self._long]
        if self._last is not None:
            made._last = made._wins if self._last is self._wins else made._losses
        return made

    @property
    def balance(self) -> float:
        """What the terminal has booked, in the account's currency."""
        return self._money(self._balance)

    @property
    def net_profit(self) -> float:
        """The sum of all trades' results, in the account's currency."""
        return self._money(self._net)

    @property
    def peak_profit(self) -> float:
        """The highest sum of trades' results so far, never below 0, in the account's currency."""
        return self._money(self._fall.peak)

    @property
    def initial_deposit(self) -> float:
        """The first deal of type `balance`, or the opening balance; 0 while there is neither."""
        return self._money(self._deposit or 0)

    def add(self, deal: Deal, of: Hashable = None) -> float | None:
        """Take one deal into account.

        Args:
            deal: the next one, in the order in which the terminal booked them; its numbers are finite.
            of: whose account it is of, where there are several: each numbers its own positions.

        Returns:
            The result of the trade that this deal closed, in the account's currency; None if it closed none.
        """
        costs = deal.commission + deal.swap + deal.fee
        amount = round((deal.profit + costs) * self._unit)
        self._balance += amount
        if deal.type not in TRADE_TYPES:
            if self._deposit is None and deal.type == "balance":
                self._deposit = amount
            self._fall.shift(amount)
            return None
        self._deals += 1
        if deal.entry not in CLOSING:
            self._open.enter(deal, round(costs * self._unit), of)
            return None
        result = amount + self._open.leave(deal, of)
        self._count(result, is_long=deal.type == "sell")
        return result / self._unit

    def _count(self, result: int, is_long: bool) -> None:
        """Put the result of one trade into every figure."""
        won = result > 0
        side = self._wins if won else self._losses
        side.add(result, continues=self._last is side)
        self._last = side
        direction = self._long if is_long else self._short
        direction[0] += 1
        direction[1] += won
        self._returns.add(result, self._fall.balance)
        self._fall.add(result)
        self._net += result
        self._line.add(self._net)

    def metrics(self) -> Metrics:
        """Every figure by its name, rounded as the terminal prints it; None where it isn't defined.

        Money has the currency's digits; profit_factor, expected_payoff, the averages and lr_standard_error 6;
        lr_correlation 5; ahpr and ghpr 4; z_score and percentages (`_pct`) 2.
        """
        trades = self._wins.trades + self._losses.trades
        gross_profit, gross_loss = self._wins.money, self._losses.money
        return {
            "total_net_profit": self._money(self._net),
            "gross_profit": self._money(gross_profit),
            "gross_loss": self._money(gross_loss),
            "profit_factor": _ratio(gross_profit, -gross_loss, 6),
            "expected_payoff": _ratio(self._net, trades * self._unit, 6),
            **self._drawdown_metrics(),
            **self._z_metrics(trades),
            "ahpr": self._returns.arithmetic(),
            "ghpr": self._returns.geometric(),
            "lr_correlation": self._line.correlation(),
            "lr_standard_error": self._line.standard_error(self._unit),
            "total_trades": trades,
            "total_deals": self._deals,
            "short_trades": self._short[0],
            "short_trades_won_pct": _percent(self._short[1], self._short[0]),
            "long_trades": self._long[0],
            "long_trades_won_pct": _percent(self._long[1], self._long[0]),
            **self._series_metrics(trades),
        }

    def _drawdown_metrics(self) -> Metrics:
        fall = self._fall
        measured = fall.relative_money or not fall.maximal
        return {
            "balance_drawdown_absolute": self._money(-fall.trough),
            "balance_drawdown_maximal": self._money(fall.maximal),
            "balance_drawdown_maximal_pct": _percent(fall.maximal, fall.maximal_peak),
            "balance_drawdown_relative_pct": round(100 * fall.relative, 2) if measured else None,
            "balance_drawdown_relative": self._money(fall.relative_money) if measured else None,
        }

    def _z_metrics(self, trades: int) -> Metrics:
        """Z = (N (R - 0.5) - P) / sqrt(P (P - N) / (N - 1)) with P = 2 W L; its confidence is that of the printed Z."""
        product = 2 * self._wins.trades * self._losses.trades
        if trades < 2 or product <= trades:
            return {"z_score": None, "z_score_confidence_pct": None}
        series = self._wins.series + self._losses.series
        z_score = round((trades * (series - 0.5) - product) / sqrt(product * (product - trades) / (trades - 1)), 2)
        return {"z_score": z_score, "z_score_confidence_pct": round(100 * erf(abs(z_score) / sqrt(2)), 2)}

    def _series_metrics(self, trades: int) -> Metrics:
        wins, losses, unit = self._wins, self._losses, self._unit
        return {
            "profit_trades": wins.trades,
            "profit_trades_pct": _percent(wins.trades, trades),
            "loss_trades": losses.trades,
            "loss_trades_pct": _percent(losses.trades, trades),
            "largest_profit_trade": self._money(wins.largest) if wins.trades else None,
            "largest_loss_trade": self._money(losses.largest) if losses.trades else None,
            "average_profit_trade": _ratio(wins.money, wins.trades * unit, 6),
            "average_loss_trade": _ratio(losses.money, losses.trades * unit, 6),
            "max_consecutive_wins": wins.longest,
            "max_consecutive_wins_money": self._money(wins.longest_money),
            "max_consecutive_losses": losses.longest,
            "max_consecutive_losses_money": self._money(losses.longest_money),
            "max_consecutive_profit": self._money(wins.richest_money),
            "max_consecutive_profit_count": wins.richest,
            "max_consecutive_loss": self._money(losses.richest_money),
            "max_consecutive_loss_count": losses.richest,
            "average_consecutive_wins": wins.average_series(),
            "average_consecutive_losses": losses.average_series(),
        }

    def _money(self, units: int) -> float:
        return round(units / self._unit, self.digits) + 0.0  # + 0.0: never "-0.00"


class _OpenPositions:
    """Volume and unpaid entry costs of every open position: what a closing deal's share of the costs follows from."""

    def __init__(self) -> None:
        self._open: dict[Hashable, tuple[int, int]] = {}  # volume in 1/LOT_UNITS, costs in money units

    def copy(self) -> "_OpenPositions":
        """Give them as they are now."""
        made = _OpenPositions()
        made._open = self._open.copy()
        return made

    def enter(self, deal: Deal, costs: int, of: Hashable) -> None:
        """Open a position or add to it."""
        key = (of, deal.position_id or (deal.symbol, deal.type))
        volume, before = self._open.get(key, (0, 0))
        self._open[key] = (volume + round(deal.volume * LOT_UNITS), before + costs)

    def leave(self, deal: Deal, of: Hashable) -> int:
        """Close a position or a part of it; return the entry costs of what was closed."""
        key = (of, deal.position_id or (deal.symbol, "buy" if deal.type == "sell" else "sell"))
        volume, costs = self._open.pop(key, (0, 0))
        left = volume - round(deal.volume * LOT_UNITS)
        if deal.entry == "in/out":
            if left < 0:
                self._open[of, deal.position_id or (deal.symbol, deal.type)] = (-left, 0)
            return costs
        if left <= 0:
            return costs
        share = costs * (volume - left) // volume
        self._open[key] = (left, costs - share)
        return share


class _Side:
    """The winning trades, or the losing ones, and their series (runs). Money is in units."""

    __slots__ = (
        "_run",
        "_run_money",
        "largest",
        "longest",
        "longest_money",
        "money",
        "richest",
        "richest_money",
        "series",
        "trades",
    )

    def __init__(self) -> None:
        self.trades = self.money = self.largest = self.series = 0
        self.longest = self.longest_money = 0  # the first of the longest series
        self.richest = self.richest_money = 0  # the last of the series that made the most
        self._run = self._run_money = 0

    def add(self, result: int, continues: bool) -> None:
        """Count a trade; `continues` tells whether the trade before was of this side too."""
        if not continues:
            self.series += 1
            self._run = self._run_money = 0
        self._run += 1
        self._run_money += result
        if self._run > self.longest:
            self.longest, self.longest_money = self._run, self._run_money
        if abs(self._run_money) >= abs(self.richest_money):
            self.richest, self.richest_money = self._run, self._run_money
        if abs(result) > abs(self.largest):
            self.largest = result
        self.trades += 1
        self.money += result

    def average_series(self) -> int | None:
        """Trades in a series on average, to the nearest whole number."""
        return (2 * self.trades + self.series) // (2 * self.series) if self.series else None


class _Drawdown:
    """Falls of the closed-trade balance from its peak. Peak and trough are profits: a deposit moves neither."""

    __slots__ = ("_profit", "balance", "maximal", "maximal_peak", "peak", "relative", "relative_money", "trough")

    def __init__(self, balance: int) -> None:
        self.balance = balance
        self._profit = self.peak = 0
        self.trough = 0  # the lowest profit, never above zero
        self.maximal = 0
        self.maximal_peak = 1  # no fall is 0% of anything
        self.relative = 0.0  # the largest fraction of a peak; what fell from a peak without money has none
        self.relative_money = 0

    def shift(self, amount: int) -> None:
        """Money was paid in or out."""
        self.balance += amount

    def add(self, result: int) -> None:
        """A trade was closed."""
        self.balance += result
        self._profit += result
        self.peak = max(self.peak, self._profit)
        self.trough = min(self.trough, self._profit)
        fall = self.peak - self._profit
        peak_balance = self.balance + fall
        if fall > self.maximal:
            self.maximal, self.maximal_peak = fall, peak_balance
        if peak_balance > 0 and fall > self.relative * peak_balance:
            self.relative, self.relative_money = fall / peak_balance, fall


class _Returns:
    """Holding period returns: balance after / balance before of each trade. Running means, so that sums can't swell."""

    __slots__ = ("_arithmetic", "_geometric", "_trades")

    def __init__(self) -> None:
        self._trades = 0
        self._arithmetic: float | None = 0.0  # mean of the returns - 1; None for good once one had no balance before
        self._geometric: float | None = 0.0  # mean of their logarithms; None for good once one left nothing

    def add(self, result: int, before: int) -> None:
        """Count a trade that changed the balance `before` by `result`."""
        self._trades += 1
        if before <= 0:
            self._arithmetic = self._geometric = None
            return
        change = result / before
        if self._arithmetic is not None:
            self._arithmetic += (change - self._arithmetic) / self._trades
        if change <= -1:
            self._geometric = None
        elif self._geometric is not None:
            self._geometric += (log1p(change) - self._geometric) / self._trades

    def arithmetic(self) -> float | None:
        """AHPR, the arithmetic mean."""
        return None if self._arithmetic is None or not self._trades else round(1 + self._arithmetic, 4)

    def geometric(self) -> float | None:
        """GHPR, the geometric mean."""
        return None if self._geometric is None or not self._trades else round(1 + expm1(self._geometric), 4)


class _Line:
    """Least squares of the profit (0 first) against the number of the trade, from exact sums of whole numbers."""

    __slots__ = ("_number", "_xy", "_y", "_yy")

    def __init__(self) -> None:
        self._number = 0  # points are 0 .. _number
        self._y = self._yy = self._xy = 0

    def add(self, profit: int) -> None:
        """The next trade brought the profit to this."""
        self._number += 1
        self._y += profit
        self._yy += profit * profit
        self._xy += profit * self._number

    def _moments(self) -> tuple[int, int, int, int] | None:
        """Points, and points squared times the variances of x and y and their covariance; None below three points."""
        points = self._number + 1
        if points < 3:
            return None
        sum_x = self._number * points // 2
        sum_xx = sum_x * (2 * self._number + 1) // 3
        return (
            points,
            points * sum_xx - sum_x * sum_x,
            points * self._yy - self._y * self._y,
            points * self._xy - sum_x * self._y,
        )

    def correlation(self) -> float | None:
        """LR correlation, -1 to 1; None where the balance never moved."""
        moments = self._moments()
        if moments is None or not moments[2]:
            return None
        _, xx, yy, xy = moments
        return round(xy / (sqrt(xx) * sqrt(yy)), 5)

    def standard_error(self, unit: int) -> float | None:
        """LR standard error in money: n - 2 degrees of freedom."""
        moments = self._moments()
        if moments is None:
            return None
        points, xx, yy, xy = moments
        return round(sqrt((yy * xx - xy * xy) / (xx * points * (points - 2))) / unit, 6)


def _ratio(above: int, below: int, digits: int) -> float | None:
    return round(above / below, digits) if below else None


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 2) if whole > 0 else None
