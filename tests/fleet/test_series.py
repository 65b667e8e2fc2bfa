"""A series: the same deals in any order give the same figures, and costs stay small."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.events import Deal
from fleetwire.fleet.series import Series
from fleetwire.fleet.statistics import Statistics
from tests.fleet.support import NOW_MS, deal


def results(count: int) -> list[Deal]:
    return [deal(n + 1, float((n * 37) % 101 - 48), time_msc=NOW_MS + n * 1000) for n in range(count)]


def figures(deals: list[Deal], opening: float = 0.0) -> dict[str, object]:
    statistics = Statistics(2, opening)
    for one in deals:
        statistics.add(one)
    return dict(statistics.metrics())


@given(st.integers(0, 2**32), st.integers(1, 1500), st.integers(1, 30))
def test_a_deal_that_comes_late_is_put_where_it_belongs(seed: int, count: int, late: int) -> None:
    """Some deals are held back and told later; the figures are asked for in between."""
    random = Random(seed)
    in_order = results(count)
    series = Series(2)
    held: list[Deal] = []
    for one in in_order:
        if random.random() < late / 100:
            held.append(one)
        else:
            series.add(one, one.time_msc)
    tickets = {one.ticket for one in held}
    assert series.statistics.metrics() == figures([one for one in in_order if one.ticket not in tickets])
    for one in held:
        series.add(one, one.time_msc)
        _ = series.statistics
    assert series.statistics.metrics() == figures(in_order)
    assert series.deals == in_order


def test_a_late_deal_among_the_newest_counts_only_the_newest_again() -> None:
    series = Series(2)
    for one in results(3000):
        series.add(one, one.time_msc)
        _ = series.statistics
    series.add(deal(9999, 5.0), NOW_MS + 2_900_500)
    assert series._done > 2500, "the figures go on from a kept place"
    assert len(series._places) <= 8
    _ = series.statistics
    series.add(deal(9998, 5.0), NOW_MS + 2_998_500)
    assert series._done > 2960, "the newer, the nearer"


def test_another_opening_balance_changes_every_figure_that_rests_on_it() -> None:
    series = Series(2)
    for one in results(100):
        series.add(one, one.time_msc)
    before = series.version
    assert series.statistics.balance == series.statistics.net_profit
    series.open_with(2, 1000.0)
    assert series.version > before
    assert series.statistics.metrics() == figures(results(100), 1000.0)
    same = series.version
    series.open_with(2, 1000.0)
    assert series.version == same


def test_accounts_that_number_their_positions_alike_do_not_share_costs() -> None:
    """Two entries and two closes of a position 1, on two accounts."""
    series = Series(2)
    for of, commission in ((0, -1.0), (1, -100.0)):
        series.add(deal(1, type="buy", entry="in", position_id=1, commission=commission), 1, of)
        series.add(deal(2, 10.0, position_id=1), 2, of)
    assert series.statistics.metrics()["largest_profit_trade"] == 9.0
    assert series.statistics.metrics()["largest_loss_trade"] == -90.0


@given(st.lists(st.integers(0, 400), min_size=1, max_size=300))
def test_deals_that_come_late_again_and_again_give_what_their_order_gives(lateness: list[int]) -> None:
    """The figures are asked for after each; places are kept and given up all the while."""
    series, known = Series(2), list[Deal]()
    for number, late in enumerate(lateness):
        profit = float((number * 37) % 101 - 48)
        pair = (
            deal(2 * number + 1, type="buy", entry="in", position_id=number + 1, commission=-1.0),
            deal(2 * number + 2, profit, position_id=number + 1),
        )
        for one in pair:
            series.add(one, NOW_MS + max(0, number - late) * 1000 + one.ticket % 2)
            _ = series.statistics
        known.extend(pair)
    assert len(series._places) <= 8
    assert series.statistics.metrics() == figures(series.deals)
    assert sorted(one.ticket for one in series.deals) == sorted(one.ticket for one in known)


@given(st.lists(st.integers(1, 900), min_size=1, max_size=40, unique=True))
def test_a_deal_that_is_taken_out_again_was_never_there(tickets: list[int]) -> None:
    in_order = results(900)
    series = Series(2)
    for one in in_order:
        series.add(one, one.time_msc)
    for ticket in tickets:
        _ = series.statistics
        series.remove(in_order[ticket - 1], in_order[ticket - 1].time_msc)
    left = [one for one in in_order if one.ticket not in tickets]
    assert series.deals == left
    assert series.statistics.metrics() == figures(left)
