"""What rules can look at is what rows have."""

import pytest
from msgspec import to_builtins

from fleetwire.fleet.figures import SUBJECTS, Kind, misfits, reader
from tests.fleet.rows import account_row, expert_row


def test_every_subject_has_the_figures_of_its_row() -> None:
    expert, account = SUBJECTS["expert"].figures, SUBJECTS["account"].figures
    assert (expert["drawdown_pct"], expert["link"], expert["paused"]) == (Kind.number, Kind.text, Kind.truth)
    assert (expert["profit_factor"], account["daily_loss_used_pct"]) == (Kind.number, Kind.number)
    assert (SUBJECTS["news"].figures["symbols"], SUBJECTS["news"].figures["id"]) == (Kind.texts, Kind.either)
    assert not {"last_trades", "module_status", "performance_metrics"} & expert.keys()


@pytest.mark.parametrize("form", [lambda row: row, to_builtins])
def test_figures_are_read_from_rows_and_dicts_alike(form) -> None:
    names = ("profit_factor", "drawdown_pct", "why", "ea_id", "z_score")
    assert reader(SUBJECTS["expert"], names)(form(expert_row(drawdown_pct=3.0))) == (2.0, 3.0, None, 12345, None)
    limits = {"daily_loss_used_pct": 81.0}
    read = reader(SUBJECTS["account"], ("daily_loss_used_pct", "equity"))
    assert read(form(account_row(limits=limits))) == (81.0, 10_000.0)
    assert read(form(account_row())) == (None, 10_000.0)


def test_a_subject_is_named_with_its_kind() -> None:
    assert [SUBJECTS[kind].text(5) for kind in ("expert", "account", "command")] == ["ea:5", "account:5", "command:5"]
    assert SUBJECTS["server"].text("") == "server"


def test_what_a_recorded_row_has_of_another_kind_is_named() -> None:
    row = {"ea_id": "x", "drawdown_pct": True, "paused": 1, "performance_metrics": {"z_score": "high"}, "link": None}
    assert sorted(misfits(SUBJECTS["expert"], row)) == ["drawdown_pct", "ea_id", "paused", "z_score"]
    assert misfits(SUBJECTS["expert"], to_builtins(expert_row())) == []
    assert misfits(SUBJECTS["news"], {"id": 7, "symbols": ["a"]}) == []
    assert sorted(misfits(SUBJECTS["news"], {"id": [], "symbols": [1]})) == ["id", "symbols"]
