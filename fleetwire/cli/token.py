"""`fleetwire token`: where the token is kept; `fleetwire token new`: another one."""

import argparse
import sys

from fleetwire.cli.settings import token_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the one thing that can be done."""
    parser.add_argument("action", nargs="?", choices=["new"], help="make a new token in the place of the old one")


def run(args: argparse.Namespace) -> int:
    """Show where the token is; make one if there is none, or if asked."""
    kept = token_file()
    replaces = kept.path.exists()
    if args.action != "new" and kept.read() is not None:
        print(f"the token is kept in {kept.path} (admin)")
        return 0
    token = kept.make()
    if sys.stdout.isatty():
        print(f"{token}   (admin; shown this once; kept in {kept.path})")
    else:
        print(f"made, and kept in {kept.path} (admin)")
    if replaces:
        print("servers that run already go on with the token they have until they are started again", file=sys.stderr)
    return 0
