"""An expert: its runs, its open positions, its figures."""

from msgspec import structs

from fleetwire.fleet.account import AccountState
from fleetwire.fleet.expert import ExpertState
from tests.fleet.support import DAY_MS, LONDON, TODAY, at, deal, position, report


def london() -> ExpertState:
    return ExpertState(12345, LONDON, AccountState("Broker-Demo", 5, 0, None))


def test_a_newer_run_ends_the_older_ones_for_good() -> None:
    expert = london()
    for boot_id in ("a", "b", "b"):
        assert expert.outdated(report(boot_id=boot_id)) is None
        expert.take(report(boot_id=boot_id), at())
    assert "has been started again" in (expert.outdated(report(boot_id="a")) or "")
    assert expert.outdated(report()) is None, "who names no run is believed"


def test_positions_that_somebody_else_tells_stay_as_they_are() -> None:
    expert = london()
    expert.take(report(LONDON, position(1, 5.0)), at())
    expert.take(structs.replace(report(), positions=None, status="paused"), at(1))
    assert (list(expert.positions), expert.status, expert.current_profit) == ([1], "lost", 5.0)


def test_a_part_that_is_closed_leaves_its_share() -> None:
    expert = london()
    expert.take(report(LONDON, position(1, 30.0, volume=0.3, swap=-3.0)), at())
    closing = deal(2, 10.0, position_id=1, volume=0.1)
    expert.account.take(deal(1, type="buy", entry="in", position_id=1, volume=0.3), 12345)
    expert.account.take(closing, 12345)
    expert.count(closing)
    (left,) = expert.positions.values()
    assert (left.volume, left.profit, left.swap) == (0.2, 20.0, -2.0)


def test_a_part_whose_close_the_report_knows_already_is_not_taken_off_twice() -> None:
    expert = london()
    expert.account.take(deal(1, type="buy", entry="in", position_id=1, volume=0.3), 12345)
    expert.take(report(LONDON, position(1, 20.0, volume=0.2)), at())
    closing = deal(2, 10.0, position_id=1, volume=0.1)
    expert.account.take(closing, 12345)
    expert.count(closing)
    assert (expert.positions[1].volume, expert.positions[1].profit) == (0.2, 20.0)


def test_figures_that_are_not_defined_are_left_out_and_worked_out_only_when_something_happened() -> None:
    expert = london()
    assert "profit_factor" not in expert.metrics
    expert.count(deal(1, 10.0))
    known = expert.metrics
    assert known["total_net_profit"] == 10.0
    assert expert.metrics is known


def test_what_it_earned_today_is_what_its_trades_booked_since_midnight() -> None:
    expert = london()
    for ticket, day, profit in ((1, -1, 50.0), (2, 0, 7.0), (3, 0, -2.0)):
        expert.count(deal(ticket, profit, time_msc=(TODAY + day) * DAY_MS + ticket, commission=-0.5))
    expert.count(deal(4, 100.0, type="balance", entry="", time_msc=TODAY * DAY_MS + 9))
    assert (expert.profit_today(TODAY), expert.profit_today(TODAY + 1)) == (4.0, 0.0)
