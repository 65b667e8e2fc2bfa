"""`fleetwire replay FILE`: serves a MetaTrader 5 report, its deals as if they happened now."""

import argparse
import sys
from pathlib import Path

from msgspec import structs

from fleetwire.cli import settings
from fleetwire.cli.running import serve_until_ended
from fleetwire.integration import Fleetwire
from fleetwire.sources.report import Report, read_report
from fleetwire.sources.report.replay import ReportSource

_A_DAY_A_SECOND = 86_400.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the file, --speed, and the server's flags."""
    parser.add_argument("file", type=Path, help="a report that MetaTrader 5 has saved, .xlsx or .html")
    parser.add_argument(
        "--speed",
        type=_speed,
        default=_A_DAY_A_SECOND,
        metavar="N|max",
        help="how many times as fast as it happened (86400: a day a second), or max",
    )
    settings.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Replay the report, then serve its end state until ended."""
    loaded = settings.loaded(args)
    report = read_report(args.file)
    about = f"replay of {args.file.name}: {report.expert}, {len(report.deals):,} deals"
    progress = _show_progress if sys.stderr.isatty() else None
    source = ReportSource(report, args.speed, progress)
    found = structs.replace(loaded.settings, database=":memory:")
    return serve_until_ended(
        found, about, lambda complete: Fleetwire(complete, sources=[source]), lambda whole: _replay(whole, report)
    )


async def _replay(whole: Fleetwire, report: Report) -> None:
    await whole.service.finished()
    print(f"done   {len(report.deals):,} deals told; the result is served until Ctrl-C", flush=True)


def _show_progress(told: int, of: int) -> None:
    """Show on one line of the terminal how far it is."""
    end = "\n" if told == of else ""
    print(f"\r{told:>9,} of {of:,} deals  {100 * told // of:3d} %", end=end, file=sys.stderr, flush=True)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number above 0 nor max")
    return speed
