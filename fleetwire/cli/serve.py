"""`fleetwire serve`: a server for other programs. `fleetwire demo`: the same with a simulated fleet."""

import argparse
from types import SimpleNamespace

from msgspec import structs

from fleetwire.cli import settings
from fleetwire.cli.running import serve_until_ended
from fleetwire.integration import Fleetwire
from fleetwire.sources.simulator import EXPERTS_MAX, SPEED_MAX, Simulator
from fleetwire.wire.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the server's flags, and --integrated."""
    settings.add_arguments(parser)
    parser.add_argument(
        "--integrated", action="store_true", help="keep a fleet: experts report, everybody hears what is true"
    )
    parser.add_argument("--database", metavar="FILE", help="where the fleet is kept (fleetwire.db in your own folder)")
    parser.add_argument("--rules", metavar="FILE", help="rules of alerts and loss limits (the default ones)")
    parser.add_argument("--drop-folder", metavar="DIR", help="a folder whose JSON files are taken as reports")
    parser.add_argument("--calendar", action="append", metavar="FILE|URL", help="an economic calendar, JSON or ICS")


def run(args: argparse.Namespace) -> int:
    """Serve until ended."""
    found = settings.loaded(args).settings
    if args.calendar:
        found = structs.replace(found, calendars=[*found.calendars, *args.calendar])
    if args.integrated:
        about = "integrated: takes experts' reports, tells experts, portfolio, trades and alerts"
        return serve_until_ended(found, about, Fleetwire)
    for name in ("database", "rules", "drop_folder", "calendar"):
        if getattr(args, name):
            raise ConfigError(f"--{name.replace('_', '-')} needs --integrated: without it no fleet is kept")
    return serve_until_ended(found, "broadcasting what programs publish")


def _add_demo_arguments(parser: argparse.ArgumentParser) -> None:
    settings.add_arguments(parser)
    parser.add_argument("--seed", type=int, default=7, help="decides all that the fleet does (7)")
    parser.add_argument("--experts", type=int, default=40, help=f"how many experts trade, up to {EXPERTS_MAX} (40)")
    parser.add_argument("--speed", type=float, default=1.0, help="how fast they live: 10 is ten times as fast (1)")
    parser.add_argument("--database", metavar="FILE", help="where the demo is kept (nowhere)")


def _run_demo(args: argparse.Namespace) -> int:
    if not 1 <= args.experts <= EXPERTS_MAX:
        raise ConfigError(f"--experts must be a number from 1 to {EXPERTS_MAX}")
    if not 0 < args.speed <= SPEED_MAX:
        raise ConfigError(f"--speed must be above 0, and at most {SPEED_MAX}")
    fleet = Simulator(args.seed, args.experts, args.speed)
    accounts = "1 account" if len(fleet.accounts) == 1 else f"{len(fleet.accounts)} accounts"
    about = f"demo fleet: {args.experts} experts, {accounts}, seed {args.seed}"
    found = structs.replace(settings.loaded(args).settings, database=args.database or ":memory:")
    return serve_until_ended(found, about, lambda complete: Fleetwire(complete, sources=[fleet]), _live)


async def _live(whole: Fleetwire) -> None:
    """Go on until a source fails."""
    await whole.service.finished()


demo = SimpleNamespace(add_arguments=_add_demo_arguments, run=_run_demo)
