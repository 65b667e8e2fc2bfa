"""`fleetwire import FILE...`: puts MetaTrader 5 reports into what is kept, as history."""

import argparse
import asyncio
from pathlib import Path

from msgspec import structs

from fleetwire.cli import settings
from fleetwire.config import Settings
from fleetwire.integration import Fleetwire, IntegrationService
from fleetwire.sources.report import read_report
from fleetwire.sources.report.history import ReportHistory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the files, and where the fleet is kept."""
    parser.add_argument("file", nargs="+", type=Path, help="a report that MetaTrader 5 has saved, .xlsx or .html")
    parser.add_argument("--database", metavar="FILE", help="where the fleet is kept; no server may have it open")
    settings.add_config_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Import the reports, once all of them could be read.

    Raises:
        ReportError: one of them can't be read; none was imported.
        StoreError: the database can't be written, or a server has it open.
    """
    loaded = settings.loaded(args).settings
    histories = [(file, ReportHistory(read_report(file))) for file in args.file]
    asyncio.run(_import(loaded, histories))
    return 0


async def _import(loaded: Settings, histories: list[tuple[Path, ReportHistory]]) -> None:
    """Take the histories with the fleet and the store of a server that does not listen."""
    service = Fleetwire(structs.replace(loaded, port=0, drop_folder=None, calendars=[])).service
    await service.start()
    try:
        for file, history in histories:
            before = _deals(service, history)
            await history.run(service.report)
            new, told = _deals(service, history) - before, history.deals
            print(f"{file.name}  {history.expert.name}  {told:,} deals, {new:,} of them new", flush=True)
    finally:
        await service.stop()


def _deals(service: IntegrationService, history: ReportHistory) -> int:
    """Count the deals that are known of a history's account."""
    account = service.fleet.accounts.get((history.expert.server, history.expert.login))
    return len(account.owners) if account is not None else 0
