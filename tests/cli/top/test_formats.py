"""Figures: sign and shape, no digit lost where there is little room, a dash for what is not known."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.cli.top.formats import age, count, money, number, percent, result, text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (12.3, ("▲+12.30", "gain")),
        (-1234.5, ("▼-1 234.50", "loss")),
        (0.0, ("0.00", "")),
        (-0.001, ("0.00", "")),
        (None, ("–", "faint")),
        ("12", ("–", "faint")),
        (math.nan, ("–", "faint")),
        (True, ("–", "faint")),
    ],
)
def test_a_result_has_sign_and_shape_beside_its_colour(value: object, said: tuple[str, str]) -> None:
    assert result(value) == said


@pytest.mark.parametrize(
    ("value", "width", "said"),
    [
        (1234567.891, 12, "1 234 567.89"),
        (1234567.891, 11, "  1 234 568"),
        (1234567.891, 8, " 1 235 k"),
        (98765432109.0, 8, "98 765 M"),
        (-5.0, 8, "   -5.00"),
        (None, 4, "   –"),
    ],
)
def test_an_amount_that_is_too_long_is_rounded_and_never_cut(value: object, width: int, said: str) -> None:
    assert money(value, width) == said


@given(st.floats(-1e9, 1e9), st.sampled_from([10, 12]))
def test_an_amount_in_a_column_is_the_amount(value: float, width: int) -> None:
    said = money(value, width)
    assert len(said) == width
    unit = 1e3 if said.endswith("k") else 1e6 if said.endswith("M") else 1.0
    assert float(said.rstrip("kM ").replace(" ", "")) * unit == pytest.approx(value, abs=unit / 2 + 0.01)


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (80, "0.1 s"),
        (900, "0.9 s"),
        (15_200, "15 s"),
        (180_000, "3 min"),
        (7_200_000, "2 h"),
        (4e8, "5 d"),
        (None, "–"),
    ],
)
def test_an_age_has_the_unit_that_suits_it(ms: float | None, said: str) -> None:
    assert age(ms) == said


def test_counts_percent_and_foreign_texts() -> None:
    assert count(1, "expert") == "1 expert"
    assert count(12_345, "expert") == "12 345 experts"
    assert percent(3.468) == "3.47 %"
    assert percent(None, 6) == "     –"
    assert text("a\x1b[31mb\n") == "a?[31mb?"
    assert number(2) == 2.0
