"""`fleetwire config check`: every setting, its value, and where it comes from."""

import argparse
import os

from fleetwire.cli import settings
from fleetwire.config import SECRETS, TABLES, default_database, describe
from fleetwire.integration.fleetwire import new_server
from fleetwire.storage import without_password


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is checked."""
    parser.add_argument("action", choices=["check"], help="check every setting, and print it")
    settings.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the settings as they would be used.

    Raises:
        ConfigError: one of them is wrong, or they do not go together.
    """
    found = settings.loaded(args)
    new_server(found.settings)
    for name, _, _, _ in describe():
        value = getattr(found.settings, name)
        if name == "database":
            value = without_password(value or str(default_database(os.environ)))
        if name in SECRETS:
            value = "(given)" if value else "(made and kept when needed)" if name == "auth_token" else "(none)"
        print(f"{name:<20} {value!s:<28} {found.origins[name]}")
    for name in TABLES:
        changed = found.origins[name]
        print(f"{name:<20} {'as by default' if changed == 'default' else 'some changed':<28} {changed}")
    return 0
