"""Streaming statistics against hand-made examples, and against a slow oracle that has the whole list of deals."""

import itertools
import math
import tracemalloc
from fractions import Fraction
from statistics import correlation, linear_regression

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetwire.fleet.events import Deal
from fleetwire.fleet.statistics import Statistics

DIGITS = {"profit_factor": 6, "expected_payoff": 6, "lr_standard_error": 6, "lr_correlation": 5, "ahpr": 4, "ghpr": 4}
DIGITS |= {"average_profit_trade": 6, "average_loss_trade": 6}


def deal(kind, entry="", volume=0.0, profit=0.0, commission=0.0, swap=0.0, fee=0.0, position_id=0, symbol="XAUUSD"):
    return Deal(
        ticket=1,
        time_msc=0,
        type=kind,
        entry=entry,
        volume=volume,
        profit=profit,
        commission=commission,
        swap=swap,
        fee=fee,
        position_id=position_id,
        symbol=symbol if entry else "",
    )


def played(*deals, digits=2, opening_balance=0.0):
    statistics = Statistics(digits, opening_balance)
    results = [result for d in deals if (result := statistics.add(d)) is not None]
    return statistics, results


def trade(profit, kind="sell"):
    """A closing deal whose entry cost nothing."""
    return deal(kind, "out", 0.1, profit)


# --- the slow oracle: the definitions, written down with the whole list at hand -----------------------------------


def money(value):
    return Fraction(round(value * 100), 100)


def oracle_trades(deals):
    """Every trade as (result, is long, flows before it); positions keep exact volumes and costs."""
    positions, trades, flows = {}, [], Fraction(0)
    for d in deals:
        amount = money(d.profit) + money(d.commission) + money(d.swap) + money(d.fee)
        if d.type not in ("buy", "sell"):
            flows += amount
            continue
        volume = Fraction(round(d.volume * 100), 100)
        own = d.position_id or (d.symbol, d.type)
        other = d.position_id or (d.symbol, {"buy": "sell", "sell": "buy"}[d.type])
        if d.entry == "in":
            positions.setdefault(own, []).append((volume, amount - money(d.profit)))
            continue
        open_volume = sum(v for v, _ in positions.get(other, []))
        open_costs = sum(c for _, c in positions.pop(other, []))
        share = open_costs
        if volume < open_volume and d.entry != "in/out":
            # shares of costs are counted in whole millionths of a cent
            share = Fraction(math.floor(open_costs * volume / open_volume * 10**8), 10**8)
            positions[other] = [(open_volume - volume, open_costs - share)]
        elif d.entry == "in/out" and volume > open_volume:
            positions[own] = [(volume - open_volume, Fraction(0))]
        trades.append((amount + share, d.type == "sell", flows))
    return trades


def oracle(deals):
    trades = oracle_trades(deals)
    results = [result for result, _, _ in trades]
    wins, losses = [r for r in results if r > 0], [r for r in results if r <= 0]
    series = [(won, list(group)) for won, group in itertools.groupby(results, lambda r: r > 0)]
    won_series, lost_series = [g for won, g in series if won], [g for won, g in series if not won]
    longs, shorts = [r for r, long, _ in trades if long], [r for r, long, _ in trades if not long]
    n, net = len(results), sum(results)
    figures = {
        "total_net_profit": net,
        "gross_profit": sum(wins),
        "gross_loss": sum(losses),
        "profit_factor": sum(wins) / -sum(losses) if sum(losses) else None,
        "expected_payoff": net / n if n else None,
        "total_trades": n,
        "total_deals": sum(d.type in ("buy", "sell") for d in deals),
        "profit_trades": len(wins),
        "loss_trades": len(losses),
        "profit_trades_pct": Fraction(100 * len(wins), n) if n else None,
        "loss_trades_pct": Fraction(100 * len(losses), n) if n else None,
        "largest_profit_trade": max(wins, default=None),
        "largest_loss_trade": min(losses, default=None),
        "average_profit_trade": sum(wins) / len(wins) if wins else None,
        "average_loss_trade": sum(losses) / len(losses) if losses else None,
    }
    for name, side in (("short", shorts), ("long", longs)):
        figures[f"{name}_trades"] = len(side)
        figures[f"{name}_trades_won_pct"] = Fraction(100 * sum(r > 0 for r in side), len(side)) if side else None
    figures |= oracle_series(won_series, lost_series) | oracle_z(n, len(wins), len(losses), len(series))
    return figures | oracle_drawdown(trades) | oracle_returns(trades) | oracle_line(results)


def oracle_series(won_series, lost_series):
    longest_won = max(won_series, key=len, default=[])
    longest_lost = max(lost_series, key=len, default=[])
    best = max(reversed(won_series), key=sum, default=[])
    worst = min(reversed(lost_series), key=sum, default=[])
    return {
        "max_consecutive_wins": len(longest_won),
        "max_consecutive_wins_money": sum(longest_won),
        "max_consecutive_losses": len(longest_lost),
        "max_consecutive_losses_money": sum(longest_lost),
        "max_consecutive_profit": sum(best),
        "max_consecutive_profit_count": len(best),
        "max_consecutive_loss": sum(worst),
        "max_consecutive_loss_count": len(worst),
        "average_consecutive_wins": average_length(won_series),
        "average_consecutive_losses": average_length(lost_series),
    }


def average_length(series):
    return math.floor(Fraction(sum(map(len, series)), len(series)) + Fraction(1, 2)) if series else None


def oracle_z(n, wins, losses, series):
    p = 2 * wins * losses
    if n < 2 or p * (p - n) <= 0:
        return {"z_score": None, "z_score_confidence_pct": None}
    z = round((n * (series - 0.5) - p) / math.sqrt(p * (p - n) / (n - 1)), 2)
    return {"z_score": z, "z_score_confidence_pct": 100 * math.erf(abs(z) / math.sqrt(2))}


def oracle_drawdown(trades):
    """Walk the balance with every peak raised by what was paid in since."""
    profits = [Fraction(0), *itertools.accumulate(result for result, _, _ in trades)]
    falls = []  # (money, the peak as it stands with all that was paid in by then)
    for at, (_, _, flows) in enumerate(trades, 1):
        peak = max(profits[: at + 1])
        falls.append((peak - profits[at], peak + flows))
    falls = [(fall, peak) for fall, peak in falls if fall > 0]
    figures = {"balance_drawdown_absolute": -min(profits)}
    deepest = max(falls, key=lambda f: f[0], default=(Fraction(0), Fraction(1)))
    figures["balance_drawdown_maximal"] = deepest[0]
    figures["balance_drawdown_maximal_pct"] = 100 * deepest[0] / deepest[1] if deepest[1] > 0 else None
    measured = [(fall / peak, fall) for fall, peak in falls if peak > 0]
    none = (None, None) if falls else (Fraction(0), Fraction(0))
    relative = max(measured, key=lambda f: f[0], default=none)
    figures["balance_drawdown_relative_pct"] = None if relative[0] is None else 100 * relative[0]
    return figures | {"balance_drawdown_relative": relative[1]}


def oracle_returns(trades):
    profit, returns = Fraction(0), []
    for result, _, flows in trades:
        before = flows + profit
        profit += result
        returns.append((before + result) / before if before > 0 else None)
    if not returns or None in returns:
        return {"ahpr": None, "ghpr": None}
    geometric = math.exp(sum(math.log(r) for r in returns) / len(returns)) if min(returns) > 0 else None
    return {"ahpr": sum(returns) / len(returns), "ghpr": geometric}


def oracle_line(results):
    profits = [float(p) for p in (Fraction(0), *itertools.accumulate(results))]
    if len(profits) < 3:
        return {"lr_correlation": None, "lr_standard_error": None}
    numbers = list(range(len(profits)))
    slope, intercept = linear_regression(numbers, profits)
    rest = math.fsum((y - intercept - slope * x) ** 2 for x, y in zip(numbers, profits, strict=True))
    figures = {"lr_standard_error": math.sqrt(rest / (len(profits) - 2))}
    return figures | {"lr_correlation": correlation(numbers, profits) if len(set(profits)) > 1 else None}


def assert_figures(figures, expected):
    """Equal up to one step of the digit that is printed last."""
    assert set(figures) == set(expected)
    for name, value in expected.items():
        got = figures[name]
        if value is None or isinstance(value, int):
            assert got == value, name
        else:
            assert got is not None, name
            assert got == pytest.approx(float(value), rel=1e-9, abs=1.01 * 10.0 ** -DIGITS.get(name, 2)), name


# --- properties -------------------------------------------------------------------------------------------------

cents = st.integers(-50_000, 50_000).map(lambda n: n / 100)
costs = st.integers(-500, 0).map(lambda n: n / 100)
lots = st.integers(1, 30).map(lambda n: n / 10)


@st.composite
def trade_deals(draw):
    entry = draw(st.sampled_from(["in", "in", "out", "out", "in/out", "out by"]))
    return deal(
        draw(st.sampled_from(["buy", "sell"])),
        entry,
        draw(lots),
        0.0 if entry == "in" else draw(cents),
        draw(costs),
        draw(costs),
        draw(costs),
        draw(st.integers(0, 3)),
        draw(st.sampled_from(["XAUUSD", "EURUSD"])),
    )


other_deals = st.builds(deal, st.sampled_from(["balance", "credit", "correction", "charge"]), profit=cents)
histories = st.lists(st.one_of(trade_deals(), trade_deals(), trade_deals(), other_deals), max_size=60)


@settings(max_examples=300, deadline=None)
@given(histories, st.integers(0, 100_000))
def test_streaming_figures_are_those_of_the_whole_list(history, deposit):
    """Whatever the history, each figure is what its definition gives over the whole list of deals."""
    deals = [deal("balance", profit=float(deposit)), *history]
    statistics, results = played(*deals)
    assert_figures(statistics.metrics(), oracle(deals))
    assert statistics.balance == pytest.approx(sum(d.profit + d.commission + d.swap + d.fee for d in deals), abs=0.006)
    assert statistics.metrics()["total_net_profit"] == pytest.approx(sum(results), abs=0.006)


@settings(max_examples=100, deadline=None)
@given(histories, st.integers(1, 100_000), st.integers(0, 60))
def test_figures_of_money_do_not_see_a_later_deposit(history, deposit, at):
    """A deposit or withdrawal is neither profit nor drawdown: only what is measured in percent of the balance moves."""
    history = [deal("balance", profit=1000.0), *history]
    without = played(*history)[0].metrics()
    history.insert(min(at + 1, len(history)), deal("balance", profit=float(deposit)))
    with_deposit = played(*history)[0].metrics()
    of_balance = {"ahpr", "ghpr", "balance_drawdown_maximal_pct"}
    of_balance |= {"balance_drawdown_relative_pct", "balance_drawdown_relative"}
    changed = {name for name in without if without[name] != with_deposit[name]}
    assert changed <= of_balance


# --- examples ---------------------------------------------------------------------------------------------------


def test_partial_closes_share_the_entry_costs_by_volume():
    """Two closes of 0.4 and 0.6 lots carry 40% and 60% of what the entry of one lot cost."""
    statistics, results = played(
        deal("balance", profit=1000.0),
        deal("buy", "in", 1.0, commission=-3.0, fee=-1.0, position_id=7),
        deal("sell", "out", 0.4, 8.0, commission=-1.2, position_id=7),
        deal("sell", "out", 0.6, 12.0, swap=-0.5, position_id=7),
    )
    assert results == [pytest.approx(8 - 1.2 - 1.6), pytest.approx(12 - 0.5 - 2.4)]
    assert statistics.metrics()["total_net_profit"] == 14.3
    assert statistics.balance == 1014.3


def test_a_reversal_closes_the_old_side_and_opens_the_rest():
    """`in/out` of 1 lot against 0.6 is one trade with the old entry's costs; 0.4 stay open on the other side."""
    statistics, results = played(
        deal("buy", "in", 0.6, commission=-1.8, position_id=7),
        deal("sell", "in/out", 1.0, -6.0, commission=-3.0, position_id=7),
        deal("sell", "in", 0.4, commission=-2.0, position_id=7),
        deal("buy", "out", 0.4, 5.0, position_id=7),
    )
    assert results == [pytest.approx(-6 - 3 - 1.8), pytest.approx(5 - 1.0)]
    metrics = statistics.metrics()
    assert (metrics["long_trades"], metrics["short_trades"]) == (1, 1)


def test_close_by_counts_both_sides_as_trades():
    """Two positions closed by each other are two trades, each with its own entry's costs."""
    _, results = played(
        deal("buy", "in", 0.1, commission=-0.5, position_id=1),
        deal("sell", "in", 0.1, commission=-0.7, position_id=2),
        deal("sell", "out by", 0.1, -15.0, position_id=1),
        deal("buy", "out by", 0.1, 0.0, position_id=2),
    )
    assert results == [pytest.approx(-15.5), pytest.approx(-0.7)]


def test_deals_without_a_position_close_the_other_side_of_their_symbol():
    """Without position_id the costs of a symbol's side are shared, and another symbol's are left alone."""
    _, results = played(
        deal("buy", "in", 0.2, commission=-2.0),
        deal("buy", "in", 0.2, commission=-9.0, symbol="EURUSD"),
        deal("sell", "out", 0.1, 5.0),
    )
    assert results == [pytest.approx(4.0)]


def test_an_entry_moves_the_balance_but_no_figure_of_trades():
    """The commission of an open position is booked, and is no part of any result yet."""
    statistics, results = played(deal("balance", profit=100.0), deal("buy", "in", 0.1, commission=-0.35))
    assert (statistics.balance, statistics.initial_deposit, results) == (99.65, 100.0, [])
    assert statistics.metrics()["total_net_profit"] == 0.0
    assert statistics.metrics()["balance_drawdown_absolute"] == 0.0


@pytest.mark.parametrize(
    ("deals", "absent"),
    [
        ([], {"profit_factor", "expected_payoff", "z_score", "ahpr", "ghpr", "lr_correlation", "largest_loss_trade"}),
        ([trade(5.0)], {"profit_factor", "average_loss_trade", "lr_correlation", "lr_standard_error", "z_score"}),
        ([trade(5.0)] * 9, {"profit_factor", "z_score", "z_score_confidence_pct", "average_consecutive_losses"}),
        ([trade(0.0)] * 3, {"profit_factor", "lr_correlation", "average_profit_trade"}),
        ([trade(-150.0), trade(1.0)], {"ghpr", "ahpr"}),
    ],
    ids=["nothing", "one trade", "no losses", "nothing moved", "ruined"],
)
def test_a_figure_that_is_not_defined_is_absent(deals, absent):
    """No infinity and no NaN: what can't be said is None, and everything else is a finite number."""
    metrics = played(deal("balance", profit=100.0), *deals)[0].metrics()
    assert {name for name in absent if metrics[name] is None} == absent
    assert all(value is None or math.isfinite(value) for value in metrics.values())


def test_a_withdrawal_makes_no_drawdown():
    """After half of the money has left, a fall of 10 is 10 of the lower peak."""
    withdrawal = deal("balance", profit=-600.0)
    metrics = played(deal("balance", profit=1000.0), trade(200.0), withdrawal, trade(-60.0))[0].metrics()
    assert metrics["balance_drawdown_maximal"] == 60.0
    assert metrics["balance_drawdown_maximal_pct"] == 10.0
    assert metrics["balance_drawdown_absolute"] == 0.0


def test_a_history_of_a_part_begins_with_its_opening_balance():
    """What was on the account before the first deal is the initial deposit; a deposit after it is none."""
    statistics, _ = played(deal("balance", profit=50.0), trade(-5.0), opening_balance=450.0)
    assert (statistics.initial_deposit, statistics.balance) == (450.0, 495.0)
    assert statistics.metrics()["balance_drawdown_maximal_pct"] == 1.0


def test_money_of_a_currency_without_decimals_has_none():
    """Figures of a JPY account are whole."""
    metrics = played(deal("balance", profit=100_000.0), trade(1234.0), trade(-34.0), digits=0)[0].metrics()
    assert (metrics["total_net_profit"], metrics["average_profit_trade"]) == (1200.0, 1234.0)


def test_what_comes_to_nothing_is_a_loss_trade():
    """0.3 - 0.1 - 0.2 is not a win of a float's dust."""
    metrics = played(deal("sell", "out", 0.1, 0.3, commission=-0.1, swap=-0.2))[0].metrics()
    assert (metrics["profit_trades"], metrics["loss_trades"], metrics["largest_loss_trade"]) == (0, 1, 0.0)


def test_hundreds_of_thousands_of_trades_do_not_drift():
    """Sums stay exact to the cent, and the regression of a straight line stays a straight line."""
    statistics, win = Statistics(), trade(0.1)
    statistics.add(deal("balance", profit=100_000_000.0))
    for _ in range(300_000):
        statistics.add(win)
    metrics = statistics.metrics()
    assert (metrics["total_net_profit"], statistics.balance) == (30_000.0, 100_030_000.0)
    assert (metrics["lr_correlation"], metrics["lr_standard_error"]) == (1.0, 0.0)


def test_memory_does_not_grow_with_trades():
    """After ten thousand closed positions nothing of them is kept."""
    statistics = Statistics()
    tracemalloc.start()
    try:
        for number in range(1, 10_001):
            statistics.add(deal("buy", "in", 0.1, commission=-1.0, position_id=number))
            statistics.add(deal("sell", "out", 0.1, 2.0, position_id=number))
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept_bytes < 20_000
