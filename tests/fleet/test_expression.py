"""Conditions mean what they say, and a hostile one never gets as far as being evaluated."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.expression import Expression
from fleetwire.fleet.figures import Kind
from fleetwire.wire.errors import ConfigError

FIGURES = {
    "drawdown_pct": Kind.number,
    "margin_level": Kind.number,
    "link": Kind.text,
    "why": Kind.text,
    "paused": Kind.truth,
    "symbols": Kind.texts,
    "id": Kind.either,
}
NOTHING: dict[str, Any] = dict.fromkeys(FIGURES)


@pytest.mark.parametrize(
    ("text", "figures", "holds"),
    [
        ("drawdown_pct > 10", {"drawdown_pct": 10.0}, False),
        ("drawdown_pct > 10", {"drawdown_pct": 10.1}, True),
        ("5 < drawdown_pct <= 10", {"drawdown_pct": 10.0}, True),
        ("drawdown_pct > threshold / 2", {"drawdown_pct": 3.0}, True),
        ("paused and not drawdown_pct > 1", {"paused": True, "drawdown_pct": 1}, True),
        ('link in ("stale", "lost") and why != "market_closed"', {"link": "lost"}, True),
        ('link in ["stale", "lost"]', {"link": "fresh"}, False),
        ('link not in ("stale", "lost")', {"link": "fresh"}, True),
        ('"EURUSD" in symbols', {"symbols": ["EURUSD", "USDJPY"]}, True),
        ("drawdown_pct in (-1, 2)", {"drawdown_pct": -1.0}, True),
        ("max(abs(drawdown_pct), 3) == 4", {"drawdown_pct": -4.0}, True),
        ("drawdown_pct % 2 == 1", {"drawdown_pct": 3.0}, True),
        ("drawdown_pct > (5 if paused else 1)", {"drawdown_pct": 3.0, "paused": False}, True),
        ("paused\n  and\n  link == 'late'", {"paused": True, "link": "late"}, True),
    ],
)
def test_a_condition_holds_where_it_says_so(text: str, figures: dict[str, Any], holds: bool) -> None:
    assert Expression(text, FIGURES, {"threshold": 5.0}).holds(NOTHING | figures) is holds


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("margin_level < 100", False),
        ("margin_level >= 100", False),
        ("margin_level * 2 < 100", False),
        ("-margin_level < 100", False),
        ("max(margin_level, 3) > 1", False),
        ("margin_level is None", True),
        ("margin_level is not None", False),
        ('why == "terminal_down"', False),
        ('why != "terminal_down"', True),
        ('"EURUSD" in symbols', False),
        ('"EURUSD" not in symbols', True),
        ("paused", False),
    ],
)
def test_what_is_absent_is_neither_large_nor_small(text: str, holds: bool) -> None:
    assert Expression(text, FIGURES).holds(NOTHING) is holds


def test_a_division_by_zero_is_absent() -> None:
    by_zero = Expression("1 / drawdown_pct > 0", FIGURES)
    assert not by_zero.holds({"drawdown_pct": 0.0})
    assert by_zero.holds({"drawdown_pct": 0.5})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("drawdown_ptc > 10", "drawdown_ptc: did you mean drawdown_pct?"),
        ("zzz > 10", "zzz: there are drawdown_pct, margin_level"),
        ("id > 10", "id: there are"),
        ("drawdown_pct > threshold", "threshold is used, but the rule has none"),
        ("drawdown_pct", "drawdown_pct is a number and no condition: compare it"),
        ("link > 3", "link is a text, and a comparison of size takes a number"),
        ("drawdown_pct == 'a'", "drawdown_pct is a number and 'a' is a text"),
        ("paused == 1", "paused is true or false and 1 is a number"),
        ("not drawdown_pct", "and not takes true or false"),
        ("drawdown_pct and paused", "drawdown_pct is a number, and and / or takes true or false"),
        ("link == 'stael'", "link is never 'stael': did you mean stale?"),
        ("link in ('stale', 'lots')", "link is never 'lots': did you mean lost?"),
        ("link in 'stale'", "write what it may be as a list"),
        ("link in ('stale', why)", "a list holds numbers or texts as they are"),
        ("link in (1, 2)", "1 is a number, and the list takes a text"),
        ("link is 'stale'", "`is` asks for None only"),
        ("abs(link) > 1", "link is a text, and abs takes a number"),
        ("abs(1, 2) > 1", "abs takes one number"),
        ("min(drawdown_pct) > 1", "min takes two numbers or more"),
        ("max(1, 2, key=3) > 1", "max takes two numbers or more"),
        ("drawdown_pct = 3", "can't be read: write it like"),
        ("drawdown_pct > 1; paused", "can't be read"),
        ("", "can't be read"),
        ("drawdown_pct > 1e999", "a number is beyond"),
        (f"link == '{'x' * 200}'", "a text is longer than 128"),
        ("drawdown_pct in " + str(tuple(range(80))), "a list is longer than 50"),
        ("drawdown_pct > 1 or " * 40 + "paused", "is longer than 500 characters"),
    ],
)
def test_a_mistake_is_named_with_what_is_meant(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        Expression(text, FIGURES)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "().__class__.__bases__ == 1",
        "link.__class__ == 1",
        "link.upper() == 'X'",
        "__import__('os').system('true') == 0",
        "open('/etc/passwd') == 1",
        "eval('1') == 1",
        "link[0] == 'a'",
        "9 ** 9 ** 9 > 1",
        "1 << 999999 > 1",
        "'a' * 999999 == link",
        "'%s' % link == 'a'",
        "f'{link}' == 'a'",
        "[x for x in symbols] == 1",
        "(lambda: 1)() == 1",
        "(x := 1) == 1",
        "{} == {}",
        "drawdown_pct // 0 > 1",
        "drawdown_pct @ 2 > 1",
        "~drawdown_pct > 1",
        "b'a' == link",
        "... == 1",
        "1j == 1",
        "abs(*symbols) > 1",
        "drawdown_pct > 1\x00",
        "(" * 240 + "1" + ")" * 240,
        "-" * 400 + "drawdown_pct > 1",
        "not " * 100 + "paused",
        "await paused",
        "yield",
    ],
)
def test_a_hostile_condition_is_refused_when_it_is_read(text: str) -> None:
    with pytest.raises(ConfigError):
        Expression(text, FIGURES)


@given(st.text(alphabet="drawdown_pct><=()+-*/%'\"., linkpausedandornotinisNone0123456789\n", max_size=60))
def test_no_text_does_more_than_be_refused_or_give_a_yes_or_no(text: str) -> None:
    with contextlib.suppress(ConfigError):
        assert Expression(text, FIGURES).holds(NOTHING) in (True, False)


def test_its_names_are_those_that_it_reads() -> None:
    expression = Expression("drawdown_pct > threshold and (paused or drawdown_pct > 5)", FIGURES, {"threshold": 1.0})
    assert expression.names == ("drawdown_pct", "paused")
    assert repr(expression).startswith("Expression('drawdown_pct")
