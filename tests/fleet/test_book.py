"""An account's book: it adds up, or it waits; a deposit is no profit; the day begins at the broker's midnight."""

import msgspec
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
