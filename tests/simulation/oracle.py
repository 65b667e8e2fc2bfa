"""What the fleet should say, worked out slowly from the whole list of deals: it shares no code with `fleetwire.fleet`.

Everything is exact (fractions), nothing is rounded and nothing is kept from one question to the next. The definitions
are those of MetaTrader's report:

- A trade is one closing deal (`out`, `in/out`, `out by`). Its result is what the deal moved the balance by, and the
  costs of the entry for the volume that it closes; the entries of one position share their costs evenly by volume. A
  reversal bears its own costs and all those of what it closes; what it opens starts with none.
- All other deals move money: the first of type `balance` is the deposit, if nothing was there before.
- Drawdown, returns and regression walk the balance of closed trades.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from fleetwire.fleet.events import Account, Deal, Position

DAY_MS = 86_400_000
NOTHING = Fraction(0)
Figures = dict[str, Fraction | float | int | None]


def exact(amount: float) -> Fraction:
    """The decimal number that a float was meant to be."""
    return Fraction(repr(amount))


def amount_of(deal: Deal) -> Fraction:
    return exact(deal.profit) + exact(deal.commission) + exact(deal.swap) + exact(deal.fee)


def trades_only(deals: Iterable[Deal]) -> list[Deal]:
    return [deal for deal in deals if deal.type in ("buy", "sell")]


def in_order(deals: Iterable[Deal]) -> list[Deal]:
    """The order in which a trade server booked an account's deals."""
    return sorted(deals, key=lambda deal: (deal.time_msc, deal.ticket))


# ------------------------------------------------------------------------------------------------------------- trades


class Result(NamedTuple):
    """One trade: what it earned, whether it was bought, and what had been paid in or out before it."""

    money: Fraction
    is_long: bool
    paid: Fraction


def results_of(deals: Sequence[Deal]) -> list[Result]:
    entries: dict[object, list[tuple[Fraction, Fraction]]] = {}  # position -> (volume, costs) of what is open
    paid, results = NOTHING, []
    for deal in deals:
        if deal.type not in ("buy", "sell"):
            paid += amount_of(deal)
            continue
        volume, other = exact(deal.volume), "buy" if deal.type == "sell" else "sell"
        if deal.entry == "in":
            costs = amount_of(deal) - exact(deal.profit)
            entries.setdefault(deal.position_id or (deal.symbol, deal.type), []).append((volume, costs))
            continue
        parts = entries.pop(deal.position_id or (deal.symbol, other), [])
        held, costs = sum((part[0] for part in parts), NOTHING), sum((part[1] for part in parts), NOTHING)
        if deal.entry == "in/out":
            if volume > held:
                entries[deal.position_id or (deal.symbol, deal.type)] = [(volume - held, NOTHING)]
        elif volume < held:
            entries[deal.position_id or (deal.symbol, other)] = [(held - volume, costs * (held - volume) / held)]
            costs = costs * volume / held
        results.append(Result(amount_of(deal) + costs, deal.type == "sell", paid))
    return results


# --------------------------------------------------------------------------------------------------------- statistics


def figures(deals: Sequence[Deal], opening: float = 0.0) -> Figures:
    """Every figure of a report.

    Args:
        deals: in the order in which they were booked.
        opening: what was there before the first of them.
    """
    results = results_of(deals)
    begin, deposit = exact(opening), NOTHING
    if not begin:
        deposit = next((amount_of(deal) for deal in deals if deal.type == "balance"), NOTHING)
    money = [result.money for result in results]
    wins, losses = [one for one in money if one > 0], [one for one in money if one <= 0]
    longs = [result.money for result in results if result.is_long]
    shorts = [result.money for result in results if not result.is_long]
    count, net = len(money), sum(money, NOTHING)
    gain, loss = sum(wins, NOTHING), sum(losses, NOTHING)
    return {
        "total_net_profit": net,
        "gross_profit": gain,
        "gross_loss": loss,
        "profit_factor": gain / -loss if loss else None,
        "expected_payoff": net / count if count else None,
        "total_trades": count,
        "total_deals": len(trades_only(deals)),
        "short_trades": len(shorts),
        "short_trades_won_pct": percent(sum(one > 0 for one in shorts), len(shorts)),
        "long_trades": len(longs),
        "long_trades_won_pct": percent(sum(one > 0 for one in longs), len(longs)),
        "profit_trades": len(wins),
        "profit_trades_pct": percent(len(wins), count),
        "loss_trades": len(losses),
        "loss_trades_pct": percent(len(losses), count),
        "largest_profit_trade": max(wins) if wins else None,
        "largest_loss_trade": min(losses) if losses else None,
        "average_profit_trade": gain / len(wins) if wins else None,
        "average_loss_trade": loss / len(losses) if losses else None,
        **fall_figures(results, begin),
        **return_figures(results, begin),
        **line_figures(money),
        **series_figures(money),
        **chance_figures(money),
        "initial_deposit": begin or deposit,
    }


def percent(part: int, whole: int) -> Fraction | None:
    return Fraction(100 * part, whole) if whole else None


def fall_figures(results: Sequence[Result], begin: Fraction) -> Figures:
    """Falls from the best profit so far; in percent of the balance that this profit would be now."""
    profits = list(itertools.accumulate((result.money for result in results), initial=NOTHING))
    maximal, of_maximal, relative, of_relative = NOTHING, Fraction(1), NOTHING, NOTHING
    peak = NOTHING
    for profit, result in zip(profits[1:], results, strict=True):
        peak = max(peak, profit)
        balance = begin + result.paid + peak
        if peak - profit > maximal:
            maximal, of_maximal = peak - profit, balance
        if balance > 0 and (peak - profit) / balance > relative:
            relative, of_relative = (peak - profit) / balance, peak - profit
    is_measured = of_relative > 0 or not maximal
    return {
        "balance_drawdown_absolute": -min(profits),
        "balance_drawdown_maximal": maximal,
        "balance_drawdown_maximal_pct": 100 * maximal / of_maximal if of_maximal > 0 else None,
        "balance_drawdown_relative_pct": 100 * relative if is_measured else None,
        "balance_drawdown_relative": of_relative if is_measured else None,
    }


def return_figures(results: Sequence[Result], begin: Fraction) -> Figures:
    befores, afters, profit = [], [], NOTHING
    for result in results:
        befores.append(begin + result.paid + profit)
        profit += result.money
        afters.append(begin + result.paid + profit)
    if not results or min(befores) <= 0:
        return {"ahpr": None, "ghpr": None}
    returns = [after / before for after, before in zip(afters, befores, strict=True)]
    geometric = None
    if min(returns) > 0:
        geometric = math.exp(math.fsum(math.log(one) for one in returns) / len(returns))
    return {"ahpr": math.fsum(map(float, returns)) / len(returns), "ghpr": geometric}


def line_figures(money: Sequence[Fraction]) -> Figures:
    """Least squares of the profit, 0 first, against the number of the trade."""
    points = list(itertools.accumulate(money, initial=NOTHING))
    if len(points) < 3:
        return {"lr_correlation": None, "lr_standard_error": None}
    count = len(points)
    mean_x, mean_y = Fraction(count - 1, 2), sum(points, NOTHING) / count
    xx = sum((x - mean_x) ** 2 for x in range(count))
    yy = sum((y - mean_y) ** 2 for y in points)
    xy = sum((x - mean_x) * (y - mean_y) for x, y in enumerate(points))
    slope = xy / xx
    rest = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in enumerate(points))
    return {
        "lr_correlation": float(xy) / math.sqrt(xx) / math.sqrt(yy) if yy else None,
        "lr_standard_error": math.sqrt(rest / (count - 2)),
    }


def runs_of(money: Sequence[Fraction]) -> list[tuple[bool, list[Fraction]]]:
    return [(won, list(run)) for won, run in itertools.groupby(money, lambda one: one > 0)]


def series_figures(money: Sequence[Fraction]) -> Figures:
    runs = runs_of(money)
    found: Figures = {}
    for won, most, sum_of_most, best, count_of_best, average in (
        (True, "wins", "wins_money", "profit", "profit_count", "wins"),
        (False, "losses", "losses_money", "loss", "loss_count", "losses"),
    ):
        mine = [run for is_won, run in runs if is_won is won]
        longest = max(mine, key=len, default=[])  # the first of them
        richest = max(reversed(mine), key=lambda run: abs(sum(run)), default=[])  # the last of them
        found[f"max_consecutive_{most}"] = len(longest)
        found[f"max_consecutive_{sum_of_most}"] = sum(longest, NOTHING)
        found[f"max_consecutive_{best}"] = sum(richest, NOTHING)
        found[f"max_consecutive_{count_of_best}"] = len(richest)
        mean = Fraction(sum(map(len, mine)), len(mine)) if mine else None
        found[f"average_consecutive_{average}"] = None if mean is None else math.floor(mean + Fraction(1, 2))
    return found


def chance_figures(money: Sequence[Fraction]) -> Figures:
    wins = sum(one > 0 for one in money)
    count, runs = len(money), len(runs_of(money))
    pairs = 2 * wins * (count - wins)
    if count < 2 or pairs <= count:
        return {"z_score": None, "z_score_confidence_pct": None}
    z_score = (count * (runs - 0.5) - pairs) / math.sqrt(pairs * (pairs - count) / (count - 1))
    return {"z_score": z_score, "z_score_confidence_pct": 100 * math.erf(abs(round(z_score, 2)) / math.sqrt(2))}


DIGITS = {
    **dict.fromkeys(("profit_factor", "expected_payoff", "average_profit_trade", "average_loss_trade"), 6),
    "lr_standard_error": 6,
    "lr_correlation": 5,
    "ahpr": 4,
    "ghpr": 4,
    "z_score": 2,
}
_MONEY = {
    "total_net_profit",
    "gross_profit",
    "gross_loss",
    "balance_drawdown_absolute",
    "balance_drawdown_maximal",
    "balance_drawdown_relative",
    "largest_profit_trade",
    "largest_loss_trade",
    "max_consecutive_wins_money",
    "max_consecutive_losses_money",
    "max_consecutive_profit",
    "max_consecutive_loss",
    "initial_deposit",
}

_SHARES = 1e-6  # shares of entry costs are whole millionths of the smallest unit of money, which may be one yen


def differences(printed: dict[str, float | int | None], worked_out: Figures, money_digits: int = 2) -> list[str]:
    """Say which printed figures are not what was worked out, rounded to their digits."""
    found = []
    for name, value in printed.items():
        truth = worked_out[name]
        digits = money_digits if name in _MONEY else 2 if name.endswith("_pct") else DIGITS.get(name, 0)
        if value is None or truth is None:
            same = value is truth
        else:
            allowed = 0.5000001 * 10.0**-digits if digits or name in _MONEY else 0.0
            allowed += _SHARES if digits == 6 else 0.0
            same = abs(float(truth) - value) <= allowed + 1e-12 * abs(value)
        if not same:
            found.append(f"{name}: printed {value}, worked out {truth if truth is None else float(truth)}")
    return found


# ------------------------------------------------------------------------------------------------------------ accounts


class Trade(NamedTuple):
    """All deals of one position. Volumes are what went in, and out."""

    position_id: int
    volume_in: Fraction
    volume_out: Fraction
    money: Fraction
    is_closed: bool


def trades_of(deals: Iterable[Deal]) -> dict[int, Trade]:
    """Group deals by position; what a reversal brings counts as going out as far as something was in."""
    grouped: dict[int, list[Deal]] = {}
    for deal in trades_only(deals):
        grouped.setdefault(deal.position_id, []).append(deal)
    found = {}
    for position_id, mine in grouped.items():
        net = went_in = went_out = NOTHING
        for deal in mine:
            volume = exact(deal.volume) * (1 if deal.type == "buy" else -1)
            closes = min(abs(net), abs(volume)) if net * volume < 0 else NOTHING
            went_out, went_in, net = went_out + closes, went_in + abs(volume) - closes, net + volume
        found[position_id] = Trade(position_id, went_in, went_out, sum(map(amount_of, mine), NOTHING), not net)
    return found


def balance_of(deals: Iterable[Deal], opening: float) -> Fraction:
    """What the terminal shows: credit is no part of it."""
    return exact(opening) + sum((amount_of(deal) for deal in deals if deal.type != "credit"), NOTHING)


def paid_of(deals: Iterable[Deal]) -> Fraction:
    """What was paid in and out, credit included."""
    return sum((amount_of(deal) for deal in deals if deal.type not in ("buy", "sell")), NOTHING)


def days_of(deals: Iterable[Deal]) -> dict[int, Fraction]:
    """What the trades of each day have earned; days begin at midnight on the trade server's clock."""
    found: dict[int, Fraction] = {}
    for deal in trades_only(deals):
        day = deal.time_msc // DAY_MS
        found[day] = found.get(day, NOTHING) + amount_of(deal)
    return found


# ------------------------------------------------------------------------------------------------------- what is open


def open_profit(positions: Iterable[Position]) -> Fraction:
    return sum((exact(position.profit) + exact(position.swap) for position in positions), NOTHING)


def exposure_of(positions: Iterable[Position]) -> dict[str, Fraction]:
    """Lots by symbol, sold below zero; what cancels out is left out."""
    found: dict[str, Fraction] = {}
    for position in positions:
        lots = exact(position.volume) * (1 if position.type == "buy" else -1)
        found[position.symbol] = found.get(position.symbol, NOTHING) + lots
    return {symbol: lots for symbol, lots in found.items() if lots}


def sums_of(accounts: Iterable[Account]) -> dict[str, dict[str, Fraction]]:
    """Balance, equity, margin and free margin by currency."""
    found: dict[str, dict[str, Fraction]] = {}
    for account in accounts:
        sums = found.setdefault(account.currency, {})
        for name in ("balance", "equity", "margin", "margin_free"):
            sums[name] = sums.get(name, NOTHING) + exact(getattr(account, name))
    return found
