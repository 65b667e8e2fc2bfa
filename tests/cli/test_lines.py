"""Messages as lines for people: what stands where, what stands out, and that any data makes one line."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.cli.lines import Line, cells, duration, fitted, line_of
from fleetwire.client import Message
from fleetwire.client.message import ServerClock

EXPERT = {
    "ea_id": 1007,
    "symbol": "EURUSD",
    "status": "active",
    "current_profit": 1150.75,
    "name": "London Breakout",
    "currency": "USD",
    "open_positions": 2,
    "link": "fresh",
}


def line(kind: str, data: Any, age_ms: int = 80) -> Line:
    now = datetime(2026, 11, 24, 15, 31, 0, 123_000, UTC)
    clock = ServerClock(lambda: 0.0)
    clock.learn(now.isoformat(), 0.0, 0.0)
    as_of = (now - timedelta(milliseconds=age_ms)).isoformat()
    return line_of(Message(type=kind, data=data, timestamp=now.isoformat(), as_of=as_of, _server_clock=clock))


def text(kind: str, data: Any) -> str:
    return line(kind, data).text


def test_an_expert_is_told_with_its_money_and_its_age() -> None:
    assert text("ea_update", EXPERT) == (
        "ea      1007   EURUSD     London Breakout    active    +1 150.75 USD   2 pos   age 80 ms"
    )


def test_columns_keep_their_place_whatever_the_name() -> None:
    names = ["Grid", "The very long name of an expert", "突破策略突破策略突破策略", ""]
    lines = [text("ea_update", EXPERT | {"name": name}) for name in names]
    assert len({cells(line.partition(" active ")[0]) for line in lines}) == 1
    assert "The very long nam… active" in lines[1]


def test_a_symbol_is_never_cut() -> None:
    assert " EURUSD.pro.ecn London" in text("ea_update", EXPERT | {"symbol": "EURUSD.pro.ecn"})


@pytest.mark.parametrize(
    ("more", "said", "look"),
    [
        ({"status": "stale", "link": "stale", "why": "terminal_down"}, "no report for 15 s: terminal down", "warning"),
        ({"status": "lost", "link": "lost"}, "LOST", "warning"),
        ({"link": "late"}, "late ", "warning"),
        ({"why": "algo_trading_off"}, "algo trading off", "warning"),
        ({"status": "paused"}, "paused ", ""),
        ({"trading_blocked": True, "blocked_until_utc": "2026-11-24T15:39:00.000Z"}, "news until 15:39 UTC", ""),
    ],
)
def test_what_an_expert_suffers_from_stands_out(more: dict[str, Any], said: str, look: str) -> None:
    told = line("ea_update", EXPERT | more, 15_008)
    assert said in told.text
    assert told.look == look


def test_the_portfolio_is_told_currency_by_currency_and_who_is_silent() -> None:
    sums = {"total_profit": -117.64, "equity": 17577.33, "drawdown_pct": 0.1}
    row = {
        "active_eas": 37,
        "total_eas": 40,
        "links": {"fresh": 37, "late": 0, "stale": 2, "lost": 1},
        "by_currency": {"USD": sums | {"currency": "USD"}, "EUR": sums | {"currency": "EUR"}},
    }
    assert text("portfolio_update", row) == (
        "fleet   37 of 40 active, 3 SILENT   USD  -117.64  equity 17 577.33  drawdown 0.10 %"
        "   EUR  -117.64  equity 17 577.33  drawdown 0.10 %"
    )


def test_an_alert_says_how_to_acknowledge_it_until_somebody_has() -> None:
    row = {"alert_id": 88, "level": "critical", "message": "EA 7 drawdown", "status": "raised"}
    raised = line("alert", row)
    assert (raised.text, raised.look) == ("alert   critical  EA 7 drawdown   (ack: fleetwire ack 88)", "urgent")
    seen = text("alert", row | {"status": "acknowledged", "acknowledged_by": "ann"})
    assert seen == "alert   critical  EA 7 drawdown   (seen by ann)"
    assert line("alert", row | {"status": "cleared", "level": "info"}).text == "alert   cleared   EA 7 drawdown"


def test_a_blackout_says_until_when_and_for_what() -> None:
    row = {
        "status": "blackout_opened",
        "name": "Nonfarm Payrolls",
        "currency": "USD",
        "importance": "high",
        "blackout_until_utc": "2026-11-24T15:39:00.000Z",
        "symbols": [f"S{number}" for number in range(8)],
    }
    told = text("news_update", row)
    assert told == (
        "news    USD    high       Nonfarm Payrolls   BLACKOUT until 15:39 UTC: S0, S1, S2, S3, S4, S5 and 2 more"
    )


def test_deals_money_that_is_paid_in_prices_and_commands_have_a_line_each() -> None:
    deal = {"ea_id": 7, "symbol": "XAUUSD", "type": "sell", "entry": "out", "volume": 0.1, "price": 2660.5}
    assert text("trade_update", deal | {"profit": -6.1, "reason": "sl"}) == (
        "trade   7      XAUUSD     out    sell 0.1 lots at 2660.5   -6.10   sl"
    )
    paid = {"type": "balance", "symbol": "", "profit": 400.0, "comment": "deposit", "server": "Demo", "login": 5}
    assert text("trade_update", paid) == "balance           +400.00   deposit   Demo/5"
    price = {"symbol": "EURUSD", "bid": 1.0865, "ask": 1.0866, "market": "closed"}
    assert text("price_update", price) == "price          EURUSD     1.0865 / 1.0866   market closed"
    command = {"command_id": 3, "ea_id": 7, "command": "pause", "status": "rejected", "reason": "news"}
    assert text("command_update", command) == "command 7      pause      REJECTED   no 3   news"


def test_a_gap_says_how_much_was_lost() -> None:
    assert text("gap", {"channel": "alerts", "from_seq": 5, "to_seq": 16}) == (
        "GAP     alerts: 12 messages were lost (seq 5 to 16)"
    )
    assert text("gap", {"channel": "alerts:7", "since": 5}) == "GAP     alerts:7: messages were lost"


def test_colours_are_around_what_matters_and_end_with_it() -> None:
    painted = line("alert", {"level": "critical", "message": "m"}).painted()
    assert painted.count("\x1b[0m") == 2
    assert painted.endswith("\x1b[0m")


KEYS = st.sampled_from(["stale", "lost", "USD", "currency", "total_profit", "equity", "drawdown_pct"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=5,
)
KINDS = (
    "ea_update",
    "portfolio_update",
    "trade_update",
    "price_update",
    "news_update",
    "command_update",
    "alert",
    "gap",
)
FIELDS = st.sampled_from(
    [
        *("ea_id", "symbol", "name", "status", "link", "why", "trading_blocked", "blocked_until_utc", "open_positions"),
        *("current_profit", "active_eas", "by_currency", "links", "converted", "total_profit", "equity", "currency"),
        *("type", "entry", "volume", "price", "profit", "reason", "login", "symbols", "time_utc", "drawdown_pct"),
        *("level", "message", "alert_id", "from_seq", "to_seq", "channel"),
    ]
)


@given(st.sampled_from(KINDS), st.dictionaries(FIELDS, values, max_size=8) | values)
def test_whatever_a_program_publishes_is_one_printable_line(kind: str, data: Any) -> None:
    told = str(line(kind, data))
    assert told.isprintable()


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (-3, "0 ms"),
        (80, "80 ms"),
        (1_500, "1.5 s"),
        (15_008, "15 s"),
        (110_342, "110 s"),
        (600_000, "10 min"),
        (9e6, "2 h"),
        (2.6e8, "3 d"),
    ],
)
def test_a_duration_is_said_in_the_unit_that_suits_it(ms: float, said: str) -> None:
    assert duration(ms) == said


@given(st.text(st.characters(categories=("L", "N", "P", "Zs")), max_size=40), st.integers(2, 30))
def test_a_fitted_text_takes_its_cells(text: str, width: int) -> None:
    assert cells(fitted(text, width)) == width
