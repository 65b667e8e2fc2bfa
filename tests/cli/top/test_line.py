"""Lines: never wider than they may be, whatever stands in them; words, not letters, are broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.cli.lines import cells
from fleetwire.cli.top.line import HATCH, aged, cut, fitting, padded, plain, rule, spread, width_of, wrapped

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z", "M"]) | st.just(" "), max_size=20)
LINES = st.lists(st.tuples(TEXTS, st.sampled_from(["", "gain", "alarm"])), max_size=5).map(tuple)


@given(LINES, st.integers(0, 60))
def test_a_line_is_cut_or_filled_to_its_width(line, width: int) -> None:
    assert width_of(cut(line, width)) <= width
    assert width_of(padded(line, width)) == width
    assert width_of(rule(line, width)) == width


@given(LINES, LINES, st.integers(40, 200))
def test_the_right_end_stands_whatever_the_left_one_is(left, right, width: int) -> None:
    right = cut(right, 20)
    assert width_of(spread(left, right, width)) == width
    assert plain(spread(left, right, width)).endswith(plain(right))


@given(TEXTS, st.integers(0, 30))
def test_wrapped_lines_fit_and_lose_no_letter(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(cells(line) <= max(2, width) for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_words_are_broken_between() -> None:
    assert wrapped("no trading of EURUSD until noon", 14) == ["no trading of", "EURUSD until", "noon"]


def test_what_does_not_fit_beside_others_is_left_out_whole() -> None:
    parts = [(("fresh", ""),), (("a very long part", ""),), (("old", ""),)]
    assert plain(fitting(parts, 12)) == "fresh   old"


def test_an_old_line_has_one_look_and_its_rule_is_hatched() -> None:
    assert {look for _, look in aged((("▲+1", "gain"), ("x", "")))} == {"old"}
    assert plain(rule([("money", "")], 20, old=True)).count(HATCH) == 13
    assert HATCH not in plain(rule([("money", "")], 20))


@pytest.mark.parametrize(("strong", "stroke"), [(True, "━"), (False, "─")])
def test_where_the_keys_go_is_seen_without_colour(strong: bool, stroke: str) -> None:
    assert stroke in plain(rule([("experts", "")], 30, strong=strong))
