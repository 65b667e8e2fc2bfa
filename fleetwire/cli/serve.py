"""`fleetwire serve`: a server for other programs."""

import argparse

from msgspec import structs

from fleetwire.cli import settings
from fleetwire.cli.running import serve_until_ended
from fleetwire.integration import Fleetwire
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
