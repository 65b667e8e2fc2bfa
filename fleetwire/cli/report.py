"""`fleetwire report FILE`: the statistics of a MetaTrader 5 report, as the terminal prints them, or as JSON."""

import argparse
import sys
from itertools import zip_longest
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from fleetwire.fleet.statistics import Metrics, Statistics
from fleetwire.sources.report import Report, read_report

WIDTH: Final = 96  # characters in a line of the table
GAP: Final = " " * 4  # between its two halves
HALF: Final = (WIDTH - len(GAP)) // 2
ABSENT: Final = "-"  # a figure that isn't defined

Line: TypeAlias = tuple[str, str]  # a label and what it says
Half: TypeAlias = list[Line]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments: the file, and --json."""
    parser.add_argument("file", type=Path, help="a report that MetaTrader 5 has saved, .xlsx or .html")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Read the report and print its figures.

    Args:
        args: `file` and `json`, as `add_arguments` declares them.

    Returns:
        The exit code 0.

    Raises:
        ReportError: the file can't be read, or is no report.
    """
    report = read_report(args.file)
    print(report_as_json(report) if args.json else report_as_table(report))
    return 0


def statistics_of(report: Report) -> Statistics:
    """Play the report's deals through the statistics."""
    statistics = Statistics(report.money_digits, report.opening_balance)
    for deal in report.deals:
        statistics.add(deal)
    return statistics


def report_as_json(report: Report) -> str:
    """All figures as one JSON object, in the order of the terminal's report; null where one isn't defined."""
    return msgspec.json.format(msgspec.json.encode(statistics_of(report).metrics()), indent=2).decode()


def report_as_table(report: Report) -> str:
    """The figures for people, grouped as in the terminal's own report: at most 100 wide, in plain ASCII."""
    statistics = statistics_of(report)
    figures = _Figures(statistics.metrics(), report.money_digits)
    lines = [_title(report, figures), *_origin(report, statistics, figures)]
    for left, right in (_result(figures), _risk(figures), _directions(figures), _series(figures)):
        lines.append("-" * WIDTH)
        lines += (_halves(*pair) for pair in zip_longest(left, right, fillvalue=("", "")))
    return "\n".join(lines)


class _Figures:
    """The metrics as the terminal writes them; a figure that isn't defined is a dash."""

    def __init__(self, metrics: Metrics, money_digits: int) -> None:
        self._metrics = metrics
        self._money_digits = money_digits

    def amount(self, value: float) -> str:
        return spaced(value, self._money_digits)

    def money(self, name: str) -> str:
        return self.number(name, self._money_digits)

    def number(self, name: str, digits: int = 0) -> str:
        value = self._metrics[name]
        return ABSENT if value is None else spaced(value, digits)

    def percent(self, name: str) -> str:
        value = self._metrics[name]
        return ABSENT if value is None else f"{value:.2f}%"

    def growth(self, name: str) -> str:
        """A return per trade, and by how many percent it is above one."""
        value = self._metrics[name]
        return ABSENT if value is None else f"{value:.4f} ({100 * (value - 1):.2f}%)"


def spaced(value: float, digits: int) -> str:
    """A number with spaces between its thousands: -1 332 000.00."""
    return f"{value:,.{digits}f}".replace(",", " ")


def _with(main: str, note: str) -> str:
    """A figure with its note in brackets, as long as there is one."""
    return ABSENT if main == ABSENT else f"{main} ({note})"


def _title(report: Report, f: _Figures) -> str:
    trades = "1 trade" if f.number("total_trades") == "1" else f"{f.number('total_trades')} trades"
    parts = [report.expert, report.symbol, trades, f"net {f.money('total_net_profit')} {report.currency}".rstrip()]
    parts.append(f"profit factor {f.number('profit_factor', 2)}")
    return _plain("  ".join(part for part in parts if part))


def _origin(report: Report, statistics: Statistics, f: _Figures) -> list[str]:
    """Whose report it is, and from how much money it came to how much."""
    kind = "Strategy Tester" if report.kind == "tester" else f"Trade history of account {report.login}"
    leverage = f"1:{report.leverage}" if report.leverage else ""
    magic = f"magic {report.magic}" if report.magic else ""
    deposit = f"deposit {f.amount(statistics.initial_deposit)} {report.currency}".rstrip()
    balance = f"balance {f.amount(statistics.balance)} {report.currency}".rstrip()
    lines = ((kind, report.name, report.company, report.server), (report.period, magic, leverage), (deposit, balance))
    texts = (", ".join(part for part in line if part) for line in lines)
    return [_plain(text) for text in texts if text]


def _result(f: _Figures) -> tuple[Half, Half]:
    z_score = _with(f.number("z_score", 2), f.percent("z_score_confidence_pct"))
    return [
        ("Total net profit", f.money("total_net_profit")),
        ("Gross profit", f.money("gross_profit")),
        ("Gross loss", f.money("gross_loss")),
    ], [
        ("Profit factor", f.number("profit_factor", 6)),
        ("Expected payoff", f.number("expected_payoff", 6)),
        ("Z-score", z_score),
    ]


def _risk(f: _Figures) -> tuple[Half, Half]:
    maximal = _with(f.money("balance_drawdown_maximal"), f.percent("balance_drawdown_maximal_pct"))
    relative = _with(f.percent("balance_drawdown_relative_pct"), f.money("balance_drawdown_relative"))
    return [
        ("Balance drawdown: absolute", f.money("balance_drawdown_absolute")),
        ("  maximal", maximal),
        ("  relative", relative),
    ], [
        ("AHPR", f.growth("ahpr")),
        ("GHPR", f.growth("ghpr")),
        ("LR correlation", f.number("lr_correlation", 5)),
        ("LR standard error", f.number("lr_standard_error", 6)),
    ]


def _directions(f: _Figures) -> tuple[Half, Half]:
    return [
        ("Total trades", f.number("total_trades")),
        ("Total deals", f.number("total_deals")),
    ], [
        ("Short trades (won)", _with(f.number("short_trades"), f.percent("short_trades_won_pct"))),
        ("Long trades (won)", _with(f.number("long_trades"), f.percent("long_trades_won_pct"))),
    ]


def _series(f: _Figures) -> tuple[Half, Half]:
    """The winning trades on the left, and what answers them among the losing ones on the right."""
    wins = _with(f.number("max_consecutive_wins"), f.money("max_consecutive_wins_money"))
    losses = _with(f.number("max_consecutive_losses"), f.money("max_consecutive_losses_money"))
    profit = _with(f.money("max_consecutive_profit"), f.number("max_consecutive_profit_count"))
    loss = _with(f.money("max_consecutive_loss"), f.number("max_consecutive_loss_count"))
    return [
        ("Profit trades", _with(f.number("profit_trades"), f.percent("profit_trades_pct"))),
        ("Largest profit trade", f.money("largest_profit_trade")),
        ("Average profit trade", f.number("average_profit_trade", 6)),
        ("Most wins in a row", wins),
        ("Highest profit in a row", profit),
        ("Average wins in a row", f.number("average_consecutive_wins")),
    ], [
        ("Loss trades", _with(f.number("loss_trades"), f.percent("loss_trades_pct"))),
        ("Largest loss trade", f.money("largest_loss_trade")),
        ("Average loss trade", f.number("average_loss_trade", 6)),
        ("Most losses in a row", losses),
        ("Highest loss in a row", loss),
        ("Average losses in a row", f.number("average_consecutive_losses")),
    ]


def _halves(left: Line, right: Line) -> str:
    """One line of the table: both labels to the left, both values to the right."""
    cells = (f"{label} {value:>{HALF - 1 - len(label)}}" if label else " " * HALF for label, value in (left, right))
    return GAP.join(cells).rstrip()


def _plain(text: str) -> str:
    """What this console can print, on one line of the table's width."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"  # a process may have no stdout at all
    known = text.encode(encoding, "replace").decode(encoding)
    return known if len(known) <= WIDTH else known[: WIDTH - 3] + "..."
