"""`fleetwire config check`: every setting, its value, and where it comes from."""

import argparse
import os
from urllib.parse import urlsplit

from fleetwire.cli import settings
from fleetwire.config import SECRETS, TABLES, default_database, describe
from fleetwire.integration import Fleetwire
from fleetwire.storage import without_password

_VALUE_WIDTH_MAX = 60
"""A longer value pushes only its own origin aside."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is checked."""
    parser.add_argument("action", choices=["check"], help="check every setting, and print it")
    settings.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the settings as they would be used, by a server that keeps a fleet.

    Raises:
        ConfigError: one of them is wrong, they do not go together, a rule is wrong, or an extra is not installed.
    """
    found = settings.loaded(args)
    Fleetwire(found.settings)
    rows = [(name, _shown(name, getattr(found.settings, name)), found.origins[name]) for name, _, _, _ in describe()]
    for name in TABLES:
        changed = found.origins[name]
        rows.append((name, "as by default" if changed == "default" else "some changed", changed))
    width = min(max(len(value) for _, value, _ in rows), _VALUE_WIDTH_MAX)
    for name, value, origin in rows:
        print(f"{name:<20} {value:<{width}}  {origin}")
    return 0


def _shown(name: str, value: object) -> str:
    """Show a value; secrets only by whether they are there."""
    if name == "database":
        return without_password(str(value or default_database(os.environ)))
    if name in SECRETS:
        return "(given)" if value else "(made and kept when needed)" if name == "auth_token" else "(none)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_without_secrets, value)) or "(none)"
    return str(value) if value not in (None, "") else "(none)"


def _without_secrets(text: str) -> str:
    """Show of a URL its host only: path and query of a calendar may be secret."""
    parts = urlsplit(text)
    return f"{parts.scheme}://{parts.hostname}/..." if parts.hostname and parts.path.strip("/") else text
