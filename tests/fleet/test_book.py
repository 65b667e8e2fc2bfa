"""An account's book: it adds up, or it waits; a deposit is no profit; the day begins at the broker's midnight."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.book import Book, BookMemory
from tests.fleet.support import TODAY, account, at, deal


def deposit(ticket: int, amount: float) -> object:
    return deal(ticket, amount, type="balance", entry="", volume=0.0, symbol="")


def settled(equity: float, balance: float | None = None) -> Book:
    book = Book()
    for second in range(2):
        book.settle(account(equity=equity, balance=equity if balance is None else balance), TODAY, at(second))
    return book


def test_what_was_there_before_the_first_deal_is_what_the_deals_do_not_explain() -> None:
    book = Book()
    book.count(deal(1, 10.0), TODAY, is_late=False)
    assert book.settle(account(equity=1010.0), TODAY, at())
    assert (book.opening, book.cash, book.result, book.drawdown_pct) == (1000.0, 1000.0, 10.0, 0.0)


def test_a_deal_whose_account_report_is_still_on_its_way_is_no_gain_and_no_loss() -> None:
    book = settled(1000.0)
    book.count(deal(1, 500.0, type="balance", entry=""), TODAY, is_late=False)
    assert not book.settle(account(equity=1000.0), TODAY, at(2))
    assert (book.adds_up, book.result, book.drawdown_pct) == (False, 0.0, 0.0)
    book.settle(account(equity=1500.0), TODAY, at(3))
    assert (book.adds_up, book.result, book.peak_equity, book.opening) == (True, 0.0, 1500.0, 1000.0)


def test_a_withdrawal_that_is_told_before_its_deal_is_no_fall() -> None:
    book = settled(1000.0)
    book.settle(account(equity=400.0), TODAY, at(2))
    assert (book.adds_up, book.drawdown_pct) == (False, 0.0)
    book.count(deal(1, -600.0, type="balance", entry=""), TODAY, is_late=False)
    book.settle(account(equity=400.0), TODAY, at(3))
    assert (book.adds_up, book.drawdown_pct, book.opening) == (True, 0.0, 1000.0)


def test_what_no_deal_explains_after_a_while_was_there_before() -> None:
    book = settled(1000.0)
    for second in range(2, 12):
        assert not book.settle(account(equity=1200.0), TODAY, at(second))
    assert book.settle(account(equity=1200.0), TODAY, at(12))
    assert (book.opening, book.adds_up) == (1200.0, True)


def test_a_late_history_moves_the_opening_at_once() -> None:
    book = settled(1000.0)
    book.count(deal(1, 300.0), TODAY - 5, is_late=True)
    assert book.settle(account(equity=1000.0), TODAY, at(2))
    assert book.opening == 700.0


def test_the_drawdown_is_the_fall_from_the_peak_deposits_moving_both_alike() -> None:
    book = settled(1000.0)
    book.settle(account(equity=1250.0, balance=1000.0), TODAY, at(2))
    book.settle(account(equity=1000.0), TODAY, at(3))
    assert (book.peak_equity, book.drawdown_pct) == (1250.0, 20.0)
    book.count(deal(1, 1250.0, type="balance", entry=""), TODAY, is_late=False)
    book.settle(account(equity=2250.0), TODAY, at(4))
    assert (book.peak_equity, book.drawdown_pct) == (2500.0, 10.0)


def test_credit_is_no_profit() -> None:
    book = settled(1000.0)
    book.count(deal(1, 200.0, type="credit", entry=""), TODAY, is_late=False)
    book.settle(account(equity=1200.0, balance=1000.0, credit=200.0), TODAY, at(2))
    assert (book.adds_up, book.result, book.drawdown_pct) == (True, 0.0, 0.0)


def test_the_day_opens_with_what_was_heard_just_before_midnight() -> None:
    book = settled(1000.0)
    book.settle(account(equity=1040.0, balance=1000.0), TODAY, at(10))
    assert book.begin_day(TODAY + 1, at(20))
    assert not book.begin_day(TODAY + 1, at(21))
    book.settle(account(equity=990.0, balance=1000.0), TODAY + 1, at(30))
    assert (book.day_open_balance, book.day_open_equity, book.daily_result) == (1000.0, 1040.0, -50.0)


def test_a_day_whose_midnight_nobody_heard_opens_with_what_its_deals_leave() -> None:
    book = settled(1000.0)
    book.begin_day(TODAY + 1, at(7200))
    book.count(deal(1, -30.0), TODAY + 1, is_late=False)
    book.count(deal(2, 500.0, type="balance", entry=""), TODAY + 1, is_late=False)
    book.settle(account(equity=1470.0), TODAY + 1, at(7201))
    assert (book.day_open_balance, book.daily_result, book.profit_today) == (1000.0, -30.0, -30.0)


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-10_000, 10_000), st.booleans()), max_size=60))
def test_the_days_add_up_to_what_was_earned_and_what_was_paid(deals: list[tuple[int, int, bool]]) -> None:
    book = Book()
    for ticket, (day, cents, trades) in enumerate(deals, 1):
        made = deal(ticket, cents / 100) if trades else deal(ticket, cents / 100, type="balance", entry="")
        book.count(made, TODAY + day, is_late=True)
    total = sum(cents for _, cents, _ in deals) / 100
    book.settle(account(equity=total), TODAY, at())
    assert abs(book.opening) < 1e-9
    assert abs(book.paid - sum(cents for _, cents, trades in deals if not trades) / 100) < 1e-9
    of_today = [(cents, trades) for day, cents, trades in deals if day == 0]
    assert abs(book.profit_today - sum(cents for cents, trades in of_today if trades) / 100) < 1e-9


def test_a_restart_goes_on_with_the_same_peaks_and_the_same_day() -> None:
    book = settled(1000.0)
    book.begin_day(TODAY + 1, at(10))
    book.settle(account(equity=1100.0, balance=1000.0), TODAY + 1, at(11))
    memory = msgspec.msgpack.decode(msgspec.msgpack.encode(book.memory()), type=BookMemory)
    anew = Book()
    anew.restore(memory, account(equity=1100.0, balance=1000.0), at(11).now)
    assert anew.memory() == book.memory()
    assert (anew.daily_result, anew.peak_equity) == (book.daily_result, book.peak_equity)
    anew.settle(account(equity=1000.0), TODAY + 1, at(20))
    assert (anew.drawdown_pct, anew.daily_result) == (9.09, 0.0)


# ------------------------------------------------------------------------------------- what must not look like a result


def test_a_closing_deal_whose_account_report_is_seldom_is_not_counted_beside_what_it_closed() -> None:
    """The account is told once a minute: until then its equity holds the floating profit that the deal has booked."""
    floating = account(equity=1100.0, balance=1000.0)
    book = Book()
    for second in range(2):
        book.settle(floating, TODAY, at(second))
    book.count(deal(1, 100.0), TODAY, is_late=False, unseen_by=floating)
    for second in range(3, 60):
        book.settle(floating, TODAY, at(second))
        assert (book.result, book.peak_equity, book.adds_up) == (100.0, 1100.0, False)
    book.settle(account(equity=1100.0), TODAY, at(60))
    assert (book.result, book.peak_result, book.opening, book.drawdown_pct) == (100.0, 100.0, 1000.0, 0.0)


def test_deals_in_disorder_before_their_account_report_leave_no_peak_that_never_was() -> None:
    floating = account(equity=1200.0, balance=1000.0)
    book = Book()
    for second in range(2):
        book.settle(floating, TODAY, at(second))
    book.count(deal(2, 100.0), TODAY, is_late=False, unseen_by=floating)
    book.count(deal(1, 100.0), TODAY, is_late=True, unseen_by=floating)
    book.settle(floating, TODAY, at(2))
    book.settle(account(equity=1200.0), TODAY, at(3))
    assert (book.result, book.peak_result, book.drawdown_pct) == (200.0, 200.0, 0.0)


def test_a_deposit_is_no_loss_of_the_day_while_its_account_report_is_on_its_way() -> None:
    told = account(equity=1000.0)
    book = Book()
    for second in range(2):
        book.settle(told, TODAY, at(second))
    book.count(deal(1, 500.0, type="balance", entry=""), TODAY, is_late=False, unseen_by=told)
    book.settle(told, TODAY, at(2))
    assert (book.daily_result, book.day_open_balance, book.paid_today) == (0.0, 1000.0, 0.0)
    book.settle(account(equity=1500.0), TODAY, at(3))
    assert (book.daily_result, book.day_open_balance, book.paid_today) == (0.0, 1000.0, 500.0)


def test_a_withdrawal_is_no_loss_of_the_day_while_its_deal_is_on_its_way() -> None:
    book = settled(1000.0)
    book.settle(account(equity=400.0), TODAY, at(2))
    assert book.daily_result == 0.0
    book.count(deal(1, -600.0, type="balance", entry=""), TODAY, is_late=False)
    book.settle(account(equity=400.0), TODAY, at(3))
    assert (book.daily_result, book.day_open_equity) == (0.0, 1000.0)


def test_credit_is_no_result_of_the_day_whenever_it_was_given() -> None:
    book = Book()
    book.settle(account(equity=1200.0, balance=1000.0, credit=200.0), TODAY, at())
    assert (book.day_open_balance, book.day_open_equity, book.daily_result) == (1000.0, 1200.0, 0.0)
    book.count(deal(1, 300.0, type="credit", entry=""), TODAY, is_late=False)
    book.settle(account(equity=1500.0, balance=1000.0, credit=500.0), TODAY, at(1))
    assert (book.day_open_balance, book.day_open_equity, book.daily_result) == (1000.0, 1200.0, 0.0)


@pytest.mark.parametrize("kind", ["commission", "commission_daily", "daily commission", "charge", "dividend", "tax"])
def test_what_a_broker_books_apart_is_a_cost_and_no_withdrawal(kind: str) -> None:
    book = settled(1000.0)
    book.count(deal(1, -7.0, type=kind, entry=""), TODAY, is_late=False)
    book.settle(account(equity=993.0), TODAY, at(2))
    assert (book.paid, book.result, book.daily_result, book.profit_today) == (0.0, -7.0, -7.0, -7.0)
    assert book.drawdown_pct == 0.7


@pytest.mark.parametrize("kind", ["balance", "credit", "correction", "bonus"])
def test_what_is_paid_in_or_out_is_no_result(kind: str) -> None:
    book = settled(1000.0)
    book.count(deal(1, -7.0, type=kind, entry=""), TODAY, is_late=False)
    book.settle(account(equity=993.0), TODAY, at(2))
    assert (book.paid, book.result, book.daily_result, book.drawdown_pct) == (-7.0, 0.0, 0.0, 0.0)


@given(st.permutations(range(4)))
def test_an_account_began_with_its_first_deposit_in_whatever_order_its_history_is_told(order: list[int]) -> None:
    history = [
        deal(1, -5.0, type="commission", entry="", time_msc=1000),
        deal(2, 10_000.0, type="balance", entry="", time_msc=2000),
        deal(3, 500.0, type="balance", entry="", time_msc=3000),
        deal(4, -100.0, time_msc=4000),
    ]
    book = Book()
    for index in order:
        book.count(history[index], TODAY, is_late=True)
    book.settle(account(equity=10_395.0), TODAY, at())
    assert (book.opening, book.initial_balance) == (0.0, 10_000.0)


def test_a_history_of_losses_that_is_told_after_the_account_is_no_drawdown_of_today() -> None:
    """As if it had been told before; what happens afterwards is measured as ever."""
    book = settled(10_000.0)
    book.settle(account(equity=10_100.0, balance=10_000.0), TODAY, at(2))
    for ticket in range(1, 6):
        book.count(deal(ticket, -1000.0), TODAY - 5, is_late=ticket > 1, utc_ms=at().utc_ms - 5 * 86_400_000)
    book.settle(account(equity=10_100.0, balance=10_000.0), TODAY, at(3))
    assert (book.opening, book.result, book.peak_equity, book.drawdown_pct) == (15_000.0, -4900.0, 10_100.0, 0.0)
    book.settle(account(equity=9090.0, balance=10_000.0), TODAY, at(4))
    assert book.drawdown_pct == 10.0


def test_a_loss_that_is_told_late_is_a_drawdown_if_it_was_after_the_peak() -> None:
    book = settled(1000.0)
    book.settle(account(equity=1100.0, balance=1000.0), TODAY, at(2))
    for second in (100, 120):  # the deal is missing: its loss passes for a withdrawal
        book.settle(account(equity=1000.0, balance=900.0), TODAY, at(second))
    assert book.drawdown_pct == 0.0
    book.count(deal(1, -100.0), TODAY, is_late=True, utc_ms=at(50).utc_ms)
    book.settle(account(equity=1000.0, balance=900.0), TODAY, at(130))
    assert (book.opening, book.result, book.peak_result) == (1000.0, 0.0, 100.0)


def test_what_was_heard_long_before_midnight_is_not_what_the_day_opened_with_though_deals_were_told_since() -> None:
    book = settled(1000.0)
    told = account(equity=1040.0, balance=1000.0)
    book.settle(told, TODAY, at(10))
    book.settle(told, TODAY, at(3500))  # positions were listed; of the account nobody has said anything
    book.begin_day(TODAY + 1, at(3600))
    assert book.day_open_equity == 1000.0


def test_what_was_taken_for_a_history_is_none_once_the_accounts_next_report_tells_it() -> None:
    """A report's past is told as one opening balance, its deals, and the balance in the end."""
    book = Book()
    book.settle(account(equity=1000.0), TODAY, at())
    book.count(deal(1, -100.0), TODAY - 5, is_late=False, utc_ms=at().utc_ms - 5 * 86_400_000)
    book.settle(account(equity=1000.0), TODAY, at(1))
    assert (book.opening, book.drawdown_pct) == (1100.0, 0.0)
    book.settle(account(equity=900.0), TODAY, at(2))
    assert (book.opening, book.result, book.peak_result, book.earned_before) == (1000.0, -100.0, 0.0, 0.0)
