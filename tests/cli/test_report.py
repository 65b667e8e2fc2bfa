"""The report command: figures as JSON for programs, and as a table for people."""

import argparse
import io
import json
import sys
from pathlib import Path

import pytest

from fleetwire.cli.report import add_arguments, report_as_json, report_as_table, run
from fleetwire.sources.report import read_report
from fleetwire.wire.errors import ReportError
from tests.report_files import TESTER_ROWS, xlsx

DATA = Path(__file__).resolve().parents[1] / "data"
TESTER = DATA / "ReportTester-Pendulum.html"
HISTORY = DATA / "ReportHistory-400000005.html"


def arguments(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args([str(word) for word in words])


def test_json_has_exactly_the_terminal_figures_in_its_order(genuine_reports):
    """Key for key and digit for digit what the terminal printed of a genuine report."""
    stem = "ReportTester-DailyBreakout-XAUUSD"
    expected = json.loads((genuine_reports / f"{stem}.expected.json").read_text())["from_deals"]
    got = json.loads(report_as_json(read_report(genuine_reports / f"{stem}.xlsx")))
    assert list(got.items()) == list(expected.items())


def test_the_table_reads_like_the_terminal_report(genuine_reports):
    """The title sums it up; thousands are spaced, percentages and counts stand beside their figure."""
    table = report_as_table(read_report(genuine_reports / "ReportTester-DailyBreakout-XAUUSD.xlsx"))
    title = "DailyBreakout  XAUUSD  909 trades  net 10 747 262.45 USD  profit factor 2.00"
    assert table.splitlines()[0] == title
    for figure in ("1 332 000.00 (36.77%)", "67.40% (7 799.22)", "15 (-3 833.49)", "0.13 (10.34%)", "1.0214 (2.14%)"):
        assert figure in table


@pytest.mark.parametrize("path", [TESTER, HISTORY], ids=["tester", "history"])
def test_the_table_fits_any_console(path, monkeypatch):
    """At most 100 columns, in characters that the console has, whatever its code page."""
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", console)
    table = report_as_table(read_report(path))
    console.write(table)
    assert max(map(len, table.splitlines())) <= 100

    assert len({len(line) for line in table.splitlines() if line.startswith(("Total net", "Gross", "Average"))}) == 1


def test_a_figure_that_is_not_defined_is_null_or_a_dash(tmp_path):
    """Before the first trade is closed there is no profit factor, in JSON or in the table."""
    path = tmp_path / "young.xlsx"
    path.write_bytes(xlsx([*TESTER_ROWS[:-6], ["", "", "", "", "", "", "", "", "0", "0", "0", "1 000.00"]]))
    report = read_report(path)
    assert json.loads(report_as_json(report))["profit_factor"] is None
    assert report_as_table(report).splitlines()[0].endswith("0 trades  net 0.00 USD  profit factor -")


def test_the_command_prints_what_was_asked_for(capsys):
    """Without an option a table, with --json an object."""
    assert run(arguments(TESTER)) == 0
    assert capsys.readouterr().out.startswith("Pendulum  EURUSD  3 trades  net -4.00 USD")
    assert run(arguments("--json", TESTER)) == 0
    assert json.loads(capsys.readouterr().out)["total_net_profit"] == -4.0


def test_the_command_lets_a_refusal_through(tmp_path):
    """What can't be read is the caller's to tell."""
    with pytest.raises(ReportError, match="nothing"):
        run(arguments(tmp_path / "nothing"))
