"""Closing deals of hedging accounts go to the positions that the report's sections leave possible."""

from itertools import islice

import pytest

from fleetwire.fleet.statistics import Statistics
from fleetwire.sources.report.positions import number_positions
from tests.hedging_histories import consistent_assignments, history


def numbered(made, **others):
    deals = made.without_positions()
    number_positions(deals, made.closed, netting=False, remaining=made.remaining, **others)
    return deals


def metrics(deals):
    statistics = Statistics()
    for deal in deals:
        statistics.add(deal)
    return statistics.metrics()


def wrong(deals, made):
    return sum(deal.position_id != true.position_id for deal, true in zip(deals, made.deals, strict=True))


@pytest.mark.parametrize("money", [True, False])
@pytest.mark.parametrize("open_max", [2, 4, 8])
def test_entry_costs_are_shared_out_as_they_were(open_max, money):
    """What each position kept open, and so the net profit of all trades, is told by the sections: to the last cent."""
    for seed in range(60):
        made = history(seed, open_max=open_max, money=money)
        deals = numbered(made)
        assert metrics(deals)["total_net_profit"] == metrics(made.deals)["total_net_profit"], seed


def test_every_deal_goes_to_its_position_where_money_tells_it():
    """Prices and profits tell partial closes apart: of thousands of deals nearly none is a toss-up."""
    histories = [history(seed, steps=60, open_max=6, symbols=("EURUSD", "GBPUSD")) for seed in range(60)]
    astray = sum(wrong(numbered(made), made) for made in histories)
    assert astray <= 0.01 * sum(len(made.deals) for made in histories)


def test_what_only_one_assignment_allows_is_assigned():
    """Against every consistent assignment, tried one by one: the choice is one of them, and right where all agree."""
    for seed in range(150):
        made = history(seed, steps=12, open_max=4, money=False)
        possible = list(islice(consistent_assignments(made), 20_000))
        chosen = {deal.ticket: deal.position_id for deal in numbered(made) if deal.entry == "out"}
        assert chosen in possible, seed


def test_a_worth_that_changes_is_not_relied_on():
    """Profits converted at a changing rate: only their sign and their sum over a position are relied on."""
    for seed in range(40):
        made = history(seed, worth=lambda step: 100_000 / (1 + step / 50))
        assert metrics(numbered(made))["total_net_profit"] == metrics(made.deals)["total_net_profit"], seed
