"""Closing deals of hedging accounts go to the positions that the report's sections leave possible."""

import time
from itertools import islice

import pytest
from msgspec.structs import replace

from fleetwire.fleet.events import Deal
from fleetwire.fleet.statistics import Statistics
from fleetwire.sources.report import read_report
from fleetwire.sources.report.positions import number_positions
from fleetwire.sources.report.rows import Row
from fleetwire.sources.report.sections import ClosedPosition, Entered, StillOpen, still_open
from tests.hedging_histories import consistent_assignments, history, history_page


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


@pytest.mark.parametrize("comment", [True, False])
def test_the_open_positions_of_a_page_are_found_by_their_values(tmp_path, comment):
    """The whole way, from the page: wherever the section has its columns, every deal has its true position."""
    for seed in range(10):
        made = history(seed, steps=80)
        path = tmp_path / "report"
        path.write_bytes(history_page(made, comment=comment))
        report = read_report(path)
        assert metrics(report.deals) == metrics([report.deals[0], *made.deals])
        assert [deal.position_id for deal in report.deals[1:]] == [deal.position_id for deal in made.deals]


def test_what_is_left_open_is_counted_where_money_tells_nothing(tmp_path):
    """Deals that all earned nothing: the net profit rests on what the open positions section says is left."""
    for seed in range(20):
        made = history(seed, steps=80, open_max=4, money=False)
        path = tmp_path / "report"
        path.write_bytes(history_page(made))
        assert metrics(read_report(path).deals)["total_net_profit"] == metrics(made.deals)["total_net_profit"], seed


@pytest.mark.parametrize(
    ("cells", "left"),
    [
        (["EURUSD", "7", "2025.07.25 11:10:58", "buy", "0.2", "1.10000"], 0.2),
        (["2025.07.25 11:10:58", "7", "EURUSD", "buy", "0.1", "0.2", "1.10001"], 0.2),
        (["EURUSD", "8", "2025.07.25 11:10:58", "buy", "0.2", "1.10000"], None),
        (["GBPUSD", "7", "2025.07.25 11:10:58", "buy", "0.2", "1.10000"], None),
        (["EURUSD", "7", "2025.07.25 11:10:58", "sell", "0.2", "1.10000"], None),
        (["EURUSD", "7", "2025.07.25 11:10:58", "buy stop", "0.2 / 0", "1.10000"], None),
        (["EURUSD", "7", "2025.07.25 11:10:58", "buy", "0.4", "1.10000"], None),
        (["EURUSD", "7", "2025.07.25 11:10:58", "buy", "0.2", "1.20000"], None),
        (["EURUSD", "7", "", "buy", "0.2", "1.10000"], None),
        (["EURUSD", "7", "2025.07.25 11:10:58", "buy"], None),
        (["EURUSD", "7", "2025.07.25 11:10:58", "buy", "0.2"], None),
        ([""], None),
    ],
)
def test_what_is_no_open_position_is_none(cells, left):
    """Number, symbol, side, price and volume must be those of a position that the deals opened."""
    entered = {7: Entered("EURUSD", "buy", 0.3, 1.1)}
    found = still_open(Row(1, cells, of_sheet=False), entered)
    assert found == (StillOpen(7, left) if left else None)


def test_a_position_from_before_the_report_takes_its_own_deals():
    """It has no entry among the deals, but the positions section says when it ended, and how much it was."""
    entry = Deal(ticket=5, order=5, time_msc=1000, type="buy", entry="in", volume=0.1, symbol="X")
    deals = [entry] + [
        Deal(ticket=t, order=t, time_msc=1000 * t, type="sell", entry="out", volume=0.1, symbol="X") for t in (6, 7)
    ]
    closed = [
        ClosedPosition(ticket=5, close_msc=7000, symbol="X", type="buy", volume=0.1),
        ClosedPosition(ticket=2, close_msc=6000, symbol="X", type="buy", volume=0.1),
    ]
    number_positions(deals, closed, netting=False)
    assert [deal.position_id for deal in deals] == [5, 2, 5]


def test_sections_that_contradict_the_deals_leave_every_deal_a_position():
    """Volumes that can't be and times that never were: the walk gives each deal a position that is open."""
    made = history(3, steps=80)
    closed = [ClosedPosition(one.ticket, one.close_msc + 5000, volume=one.volume / 3) for one in made.closed]
    deals = made.without_positions()
    number_positions(deals, closed, netting=False, remaining=[StillOpen(one.ticket, 9.0) for one in made.held[:1]])
    opened = {deal.order for deal in deals if deal.entry == "in"}
    assert {deal.position_id for deal in deals} <= opened | {0}


def crowd(positions, parts, sections):
    """So many positions opened at once, and so many parts closed of them in turn."""
    volume = parts // positions / 100
    opened = range(1, positions + 1)
    deals = [
        Deal(ticket=at, order=at, time_msc=at, type="buy", entry="in", volume=volume, price=1.0, symbol="X")
        for at in opened
    ]
    deals += [
        Deal(ticket=at, order=at, time_msc=at * 1000, type="sell", entry="out", volume=0.01, price=1.0, symbol="X")
        for at in range(positions + 1, positions + 1 + parts)
    ]
    last = (parts + 1) * 1000
    closed = [ClosedPosition(at, last + at * 1000, volume=volume) for at in opened]
    return deals, closed if sections else []


@pytest.mark.parametrize("sections", [True, False])
@pytest.mark.parametrize("positions", [10, 1000, 50_000])
def test_time_grows_with_deals_and_not_with_open_positions(positions, sections):
    """100,000 partial closes take some seconds of processor time, however many positions are open."""
    deals, closed = crowd(positions, 100_000, sections)
    began = time.process_time()
    number_positions(deals, closed, netting=False)
    assert time.process_time() - began < 20
    assert all(deal.position_id for deal in deals)


def test_a_crowd_that_ends_in_one_moment_takes_no_longer():
    """Fifty thousand positions that are all closed in the same second, each by a deal of its own."""
    deals, closed = crowd(50_000, 50_000, sections=True)
    deals = [replace(deal, time_msc=deal.time_msc if deal.entry == "in" else 10**9) for deal in deals]
    closed = [replace(one, close_msc=10**9) for one in closed]
    began = time.process_time()
    number_positions(deals, closed, netting=False)
    assert time.process_time() - began < 20
    assert len({deal.position_id for deal in deals}) == 50_000
