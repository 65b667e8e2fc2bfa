"""Loss limits as prop firms set them: what is used, what is left, and what moves the floor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.lossrules import LIMIT_FIGURES, LossFigures, LossLimit, LossLimits

ACCOUNT = "Broker-Demo/5"


def figures(limit: LossLimit, **known: float) -> dict[str, float]:
    found = LossLimits([limit]).figures(
        ACCOUNT,
        LossFigures(
            **{
                "balance": 100_000.0,
                "equity": 100_000.0,
                "day_open_balance": 100_000.0,
                "day_open_equity": 100_000.0,
                "initial_balance": 100_000.0,
                "peak_equity": 100_000.0,
            }
            | known
        ),
    )
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("measured_from", "floor"), [("balance", 97_000.0), ("equity", 96_500.0), ("higher", 97_000.0)]
)
def test_a_daily_loss_is_measured_from_what_the_day_began_with(measured_from: str, floor: float) -> None:
    limit = LossLimit(account=ACCOUNT, max_daily_loss_pct=5.0, measured_from=measured_from)
    found = figures(limit, day_open_balance=102_000.0, day_open_equity=101_500.0, equity=99_000.0)
    assert found["daily_loss_floor"] == floor
    assert found["daily_loss_max"] == 5_000.0
    assert found["daily_loss_headroom"] == 99_000.0 - floor
    assert found["daily_loss_used_pct"] == 100 * (5_000 - (99_000 - floor)) / 5_000


def test_a_daily_loss_can_be_a_part_of_the_day_s_own_opening() -> None:
    found = figures(
        LossLimit(account=ACCOUNT, max_daily_loss_pct=5.0, daily_pct_of="day_open"), day_open_balance=120_000.0
    )
    assert (found["daily_loss_max"], found["daily_loss_floor"]) == (6_000.0, 114_000.0)


def test_the_headroom_shrinks_before_the_limit_is_broken_and_is_below_zero_after() -> None:
    limit = LossLimit(account=ACCOUNT, max_daily_loss=1_000.0)
    seen = [
        (found["daily_loss_headroom"], found["daily_loss_used_pct"], found["daily_loss_headroom_pct"])
        for found in (figures(limit, equity=equity) for equity in (100_500.0, 100_000.0, 99_200.0, 99_000.0, 98_900.0))
    ]
    assert seen == [(1_500, 0, 150), (1_000, 0, 100), (200, 80, 20), (0, 100, 0), (-100, 110, -10)]


def test_a_static_maximum_loss_stays_where_the_account_began() -> None:
    found = figures(LossLimit(account=ACCOUNT, max_loss_pct=10.0), peak_equity=150_000.0, equity=96_000.0)
    assert (found["max_loss_floor"], found["max_loss_headroom"], found["max_loss_used_pct"]) == (90_000, 6_000, 40)


def test_a_trailing_maximum_loss_follows_the_best_equity() -> None:
    limit = LossLimit(account=ACCOUNT, max_loss=10_000.0, trailing=True)
    assert figures(limit, peak_equity=104_000.0)["max_loss_floor"] == 94_000.0
    assert figures(limit, peak_equity=150_000.0)["max_loss_floor"] == 140_000.0


def test_a_trail_ends_where_the_firm_says() -> None:
    limit = LossLimit(account=ACCOUNT, max_loss=10_000.0, trailing=True, until_profit=100.0)
    assert figures(limit, peak_equity=104_000.0)["max_loss_floor"] == 94_000.0
    assert figures(limit, peak_equity=150_000.0)["max_loss_floor"] == 100_100.0


def test_a_deposit_moves_the_end_of_a_trail_and_a_best_equity_below_the_beginning_is_none() -> None:
    limit = LossLimit(account=ACCOUNT, max_loss=10_000.0, trailing=True, until_profit=0.0)
    assert figures(limit, peak_equity=150_000.0, deposits=20_000.0)["max_loss_floor"] == 120_000.0
    assert figures(limit, peak_equity=90_000.0)["max_loss_floor"] == 90_000.0


@given(st.floats(-50_000, 50_000), st.booleans(), st.floats(80_000, 120_000))
def test_what_is_paid_in_or_out_is_no_loss(paid: float, trailing: bool, equity: float) -> None:
    limit = LossLimit(account=ACCOUNT, max_daily_loss=5_000.0, max_loss=10_000.0, trailing=trailing)
    before = figures(limit, equity=equity, peak_equity=120_000.0)
    after = figures(
        limit,
        equity=equity + paid,
        balance=100_000.0 + paid,
        peak_equity=120_000.0 + paid,
        deposits=paid,
        deposits_today=paid,
    )
    for name in before:
        moved = paid if name.endswith("_floor") else 0.0
        assert after[name] == pytest.approx(before[name] + moved, abs=0.011)


def test_the_figures_have_the_names_that_rules_know() -> None:
    assert tuple(figures(LossLimit(account=ACCOUNT, max_daily_loss=1.0, max_loss=1.0))) == LIMIT_FIGURES


def test_an_account_s_own_limit_goes_before_that_of_all_others() -> None:
    limits = LossLimits(
        [LossLimit(account="*", max_loss=1_000.0), LossLimit(account=ACCOUNT, max_loss=500.0, initial_balance=50_000.0)]
    )
    known = LossFigures(
        balance=0, equity=49_800, day_open_balance=0, day_open_equity=0, initial_balance=1, peak_equity=0
    )
    own, other = limits.figures(ACCOUNT, known), limits.figures("Other/6", known)
    assert own is not None
    assert other is not None
    assert (own["max_loss_max"], own["max_loss_floor"], other["max_loss_max"]) == (500, 49_500, 1_000)
    assert LossLimits().figures(ACCOUNT, known) is None
    assert len(limits) == 2
    assert {limit.account for limit in limits} == {"*", ACCOUNT}


def test_a_part_of_nothing_is_no_limit() -> None:
    assert figures(LossLimit(account=ACCOUNT, max_loss_pct=10.0), initial_balance=0.0) == {}
