"""`fleetwire db check`: damage in what is kept; `fleetwire db backup FILE`: a copy. Both while a server runs, too."""

import argparse
import os
from pathlib import Path

from fleetwire.cli import settings
from fleetwire.config import default_database
from fleetwire.storage import open_store, without_password
from fleetwire.wire.errors import ConfigError

_MEMORY = ":memory:"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be done."""
    actions = parser.add_subparsers(required=True, metavar="check | backup", dest="action")
    check = actions.add_parser("check", help="look for damage", description="Look for damage.")
    backup = actions.add_parser("backup", help="write a copy", description="Write a copy, while it is in use or not.")
    backup.add_argument("file", type=Path, metavar="FILE", help="a new file")
    for action in (check, backup):
        action.add_argument("--database", metavar="FILE", help="what is kept (fleetwire.db in your own folder)")
        settings.add_config_argument(action)


def run(args: argparse.Namespace) -> int:
    """Check, or copy; give 1 if there is damage.

    Raises:
        ConfigError: a setting is wrong, or nothing is kept there.
        StoreError: it can't be opened, or the copy can't be written.
    """
    database = settings.loaded(args).settings.database or str(default_database(os.environ))
    shown = without_password(database)
    if database == _MEMORY:
        raise ConfigError(f"database ({shown}): is kept in memory only: give --database FILE")
    if "://" not in database and not Path(database).expanduser().is_file():
        raise ConfigError(f"database ({shown}): there is no such file: give --database FILE")
    store = open_store(database)
    if args.action == "backup":
        store.backup_now(str(args.file))
        print(f"{shown}: copied to {args.file} ({args.file.stat().st_size:,} bytes)")
        return 0
    findings = store.check_now()
    if not findings:
        print(f"{shown}: no damage found")
        return 0
    for line in findings:
        print(f"{shown}: {line}")
    print("stop the server, and put a backup in its place (docs/storage.md)")
    return 1
