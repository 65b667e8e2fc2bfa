"""The money: currencies, accounts where the sums are not heard, and what is left before each limit."""

from typing import Any

import pytest

from fleetwire.cli.top.figures import headroom_line, headrooms, sum_lines, sums_of
from fleetwire.cli.top.line import plain, width_of
from tests.cli.top.rows import account, expert

USD = {"currency": "USD", "equity": 17_146.32, "balance": 17_670.18, "drawdown_pct": 3.47, "total_profit": -523.86}
USD |= {"daily_result": 12.29, "margin_level": 812.0}
PORTFOLIO = {"by_currency": {"USD": USD}, "total_positions": 3}
LIMITS = {"daily_loss_max": 500.0, "daily_loss_used_pct": 82.0, "daily_loss_headroom": 90.0, "daily_loss_floor": 500.0}


def test_a_currency_is_told_in_one_line_that_fits_eighty_columns() -> None:
    sums = sums_of(PORTFOLIO, [expert(open_positions=3)], [])
    lines = sum_lines(sums)
    assert all(width_of(line) <= 80 for line in lines)
    said = plain(lines[1]).split("  ")
    assert [part.strip() for part in said if part.strip()] == [
        "USD",
        "17 146.32",
        "17 670.18",
        "3.47 %",
        "▲+12.29",
        "▼-523.86",
        "812 %",
        "3",
    ]


@pytest.mark.parametrize(
    ("portfolio", "accounts", "each", "names"),
    [
        (PORTFOLIO, [account(), account(account="Broker/6")], False, ["USD"]),
        (PORTFOLIO, [account(), account(account="Broker/6")], True, ["USD", "Broker/5", "Broker/6"]),
        (PORTFOLIO, [account()], True, ["USD"]),
        (None, [account()], False, ["Broker/5"]),
        (None, [], False, []),
        ({**PORTFOLIO, "converted": {"currency": "EUR", "equity": 1.0}}, [], False, ["USD", "all in EUR"]),
        ({"total_profit": 5.0, "active_eas": 2}, [], False, [""]),
    ],
)
def test_what_is_summed(portfolio: Any, accounts: list[Any], each: bool, names: list[str]) -> None:
    assert [one.name for one in sums_of(portfolio, [], accounts, each=each)] == names


def test_an_account_without_positions_uses_no_margin() -> None:
    assert "unused" in plain(sum_lines(sums_of(None, [], [account()]))[1])


def test_limits_stand_with_the_nearest_first() -> None:
    rows = [account(limits=LIMITS, margin_level=400.0, margin_so_call=100.0), account(account="Broker/6", limits=None)]
    found = headrooms(rows)
    assert [(one.name, one.used_pct) for one in found] == [("daily loss", 82.0), ("margin call", 25.0)]
    assert found[0].left == "90.00 USD left"


@pytest.mark.parametrize(
    ("used", "look", "filled", "broken"),
    [(25.0, "strong", 2, False), (82.0, "late", 8, False), (130.0, "alarm", 10, True)],
)
def test_a_limit_that_is_near_says_so_in_more_than_colour(used: float, look: str, filled: int, broken: bool) -> None:
    (one,) = headrooms([account(limits={**LIMITS, "daily_loss_used_pct": used})])
    written = headroom_line(one, 80)
    assert plain(written).count("█") == filled
    assert ("BROKEN" in plain(written)) == broken
    assert written[-1][1] == look


def test_an_account_is_known_by_its_login_where_there_is_little_room() -> None:
    (one,) = headrooms([account(account="A-Server-Of-Long-Name/400000011", limits=LIMITS)])
    assert "/400000011" in plain(headroom_line(one, 74))
