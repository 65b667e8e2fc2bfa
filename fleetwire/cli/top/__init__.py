"""`fleetwire top`: is everything all right? The overview in a terminal, also over SSH. Needs the extra `tui`."""

import argparse
import sys

from fleetwire.cli import settings
from fleetwire.wire.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where the server is."""
    settings.add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Show it until somebody quits.

    Raises:
        FleetwireError: no terminal, no Textual, no server, wrong token.
    """
    try:
        from fleetwire.cli.top import running
    except ImportError as missing:
        raise ConfigError('top needs an extra: pip install "fleetwire[tui]"') from missing
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError("top needs a terminal: fleetwire tail prints lines for pipes and files")
    url, token = settings.server_of(args)
    return running.show(url, token, settings.tls_of(args))
