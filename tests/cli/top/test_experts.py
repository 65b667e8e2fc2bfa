"""The table of experts: who stands first, who is meant, what a row looks like at every width."""

from typing import Any

import pytest

from fleetwire.cli.top.experts import COLUMNS, STATES, Order, columns_for, fits, head, line, ordered, state_of
from fleetwire.cli.top.line import plain, width_of
from tests.cli.top.rows import expert

ROWS = {
    "1": expert(1, symbol="EURUSD", current_profit=5.0, drawdown_pct=1.0),
    "2": expert(2, symbol="XAUUSD", current_profit=-5.0, link="stale", why="terminal_down", name="Grid"),
    "3": expert(3, symbol="GER40", current_profit=0.0, link="late", drawdown_pct=3.0),
    "4": {"ea_id": 4, "status": "active"},
}
AGES: dict[str, float | None] = {"1": 900.0, "2": 15_000.0, "3": 4_000.0, "4": None}


@pytest.mark.parametrize(
    ("row", "mark", "word", "look"),
    [
        (expert(), "●", "active", "good"),
        (expert(link="late"), "◐", "late", "late"),
        (expert(link="stale", why="expert_stopped"), "○", "STOPPED", "alarm"),
        (expert(link="lost"), "○", "LOST", "alarm"),
        (expert(link="lost", why="market_closed"), "◌", "closed", "old"),
        (expert(why="algo_trading_off"), "●", "algo off", "late"),
        (expert(paused=True), "‖", "paused", "faint"),
        (expert(trading_blocked=True), "◍", "news", ""),
        (expert(status="history"), "·", "history", "old"),
        ({"status": "odd"}, "●", "odd", ""),
        ({}, "●", "", ""),
    ],
)
def test_a_state_has_a_shape_and_a_word_beside_its_colour(row: dict[str, Any], mark: str, word: str, look: str) -> None:
    assert state_of(row)[:3] == (mark, word, look)


@pytest.mark.parametrize(
    ("order", "keys"),
    [
        (Order(), "2314"),
        (Order("id"), "1234"),
        (Order("id", True), "4321"),
        (Order("open"), "2314"),
        (Order("open", True), "1324"),
        (Order("drawdown", True), "3124"),
        (Order("age", True), "2314"),
        (Order("symbol"), "4132"),
    ],
)
def test_rows_stand_in_order_and_what_has_no_value_stands_last(order: Order, keys: str) -> None:
    assert "".join(ordered(ROWS, AGES.get, order)) == keys


def test_there_is_an_order_by_every_column() -> None:
    assert all(sorted(ordered(ROWS, AGES.get, Order(column))) == [*ROWS] for column in COLUMNS)


@pytest.mark.parametrize(
    ("words", "state", "keys"),
    [
        ("", "all", "1234"),
        ("eur", "all", "1"),
        ("grid xau", "all", "2"),
        ("broker/5", "all", "123"),
        ("", "silent", "2"),
        ("", "late", "3"),
        ("", "losing", "2"),
        ("", "open", "123"),
        ("nothing", "all", ""),
    ],
)
def test_rows_are_narrowed_by_words_in_any_order_and_by_state(words: str, state: str, keys: str) -> None:
    assert "".join(key for key, row in ROWS.items() if fits(row, words, state)) == keys


def test_every_state_can_be_asked_of_a_row_of_any_form() -> None:
    assert [state for state in STATES if fits({}, "", state)] == ["all"]


@pytest.mark.parametrize("width", [76, 78, 80, 100, 140, 200])
def test_a_row_fits_and_its_money_is_whole_at_every_width(width: int) -> None:
    rows = [expert(1001, current_profit=-123_456.78, symbol="EURUSD.pro"), *ROWS.values()]
    columns = columns_for(width, rows)
    written = plain(line(columns, rows[0], 900.0))
    assert width_of(line(columns, rows[0], 900.0)) <= width
    assert width_of(head(columns, Order())) == width_of(line(columns, rows[0], 900.0))
    assert "▼-123 457" in written
    assert "USD" in written
    assert "0.9 s" in written


def test_a_wider_screen_shows_more() -> None:
    counts = [len(columns_for(width, ROWS.values())) for width in (80, 100, 120, 200)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_the_numbers_of_a_silent_expert_look_old_and_its_state_does_not() -> None:
    columns = columns_for(80, ROWS.values())
    looks = {
        column.name: part[1] for column, part in zip(columns, line(columns, ROWS["2"], 15_000.0)[::2], strict=True)
    }
    assert looks["open"] == looks["today"] == looks["symbol"] == "old"
    assert looks["state"] == "alarm"


def test_the_column_that_orders_has_an_arrow() -> None:
    columns = columns_for(80, [])
    assert "open▾" in plain(head(columns, Order("open", True)))
    assert "open▴" in plain(head(columns, Order("open")))
