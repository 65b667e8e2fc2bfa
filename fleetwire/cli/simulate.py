"""`fleetwire simulate`: simulated experts at a running server, over sockets, with their commands signed."""

import argparse
import asyncio
import contextlib
import os
import re
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from fleetwire.cli import settings
from fleetwire.cli.asking import Api
from fleetwire.cli.running import INTERRUPTED, ended, together
from fleetwire.cli.simulated.fleet import RemoteFleet
from fleetwire.cli.simulated.seat import Centre
from fleetwire.cli.simulated.tokens import ExpertTokens
from fleetwire.client import Outcome
from fleetwire.config import config_directory
from fleetwire.sources.simulator import Simulator
from fleetwire.storage.filelock import FileLock
from fleetwire.version import __version__
from fleetwire.wire.errors import ConfigError

EXPERTS_MAX: Final = 500
"""Each has a connection of its own, and a server takes 1,000 from one address."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where, who, and by which token."""
    parser.add_argument("--experts", type=int, default=40, help=f"how many experts trade, up to {EXPERTS_MAX} (40)")
    parser.add_argument("--seed", type=int, default=7, help="decides all that the fleet does (7)")
    parser.add_argument(
        "--journals", type=Path, metavar="DIR", help="where experts remember commands (a folder in your own folder)"
    )
    parser.add_argument(
        "--shared", action="store_true", help="all experts use this token: none is made, and commands come unsigned"
    )
    settings.add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Let them live until ended.

    Raises:
        FleetwireError: no server, wrong token, or the server takes no reports.
    """
    if not 1 <= args.experts <= EXPERTS_MAX:
        raise ConfigError(f"--experts must be a number from 1 to {EXPERTS_MAX}")
    url, token = settings.server_of(args)
    settings.set_up_logging("warning")
    return asyncio.run(_Run(args, url, token, settings.tls_of(args)).live())


class _Run:
    """From the first line to the last.

    Args:
        args: of the command line.
        url: of the server.
        token: for it.
        tls: the context for wss://; None for the system's own certificates.
    """

    def __init__(self, args: argparse.Namespace, url: str, token: str, tls: ssl.SSLContext | None) -> None:
        self._url, self._token, self._tls = url, token, tls
        self._is_shared: bool = args.shared
        self._hints = "" if args.url is None else f" --url {args.url}"
        if args.ca_file is not None:
            self._hints += f" --ca-file {args.ca_file}"
        self._about = f"seed {args.seed}"
        self._journals: Path = args.journals or _folder_for(url)
        self._simulator = Simulator(args.seed, args.experts, has_operator=False)

    async def live(self) -> int:
        """Live until Ctrl-C or SIGTERM; give the exit code."""
        async with ended() as end, Api(self._url, self._token, self._tls) as api:
            await api.ask("POST", "ea/report", {"deals": []})  # whether it takes reports, before anything is made
            with _locked(self._journals):
                self._say_who(api)
                async with self._tokens(api) as tokens:
                    centre = Centre(self._url, self._tls, self._journals)
                    fleet = RemoteFleet(self._simulator, api, centre, tokens, self._token, _show)
                    self._say_what_to_try()
                    await together(fleet.live(), end)
                    _say_what_was(fleet, await fleet.post.finish())
        return INTERRUPTED if end.result() == signal.SIGINT else 0

    @contextlib.asynccontextmanager
    async def _tokens(self, api: Api) -> AsyncIterator[dict[int, str]]:
        """Make tokens where that is possible and wanted, and revoke them at the end."""
        if self._is_shared or not await ExpertTokens.are_possible(api):
            print("tokens    the one given, for all of them: commands come unsigned")
            yield {}
            return
        tokens = ExpertTokens(api, self._simulator.experts)
        try:
            given = await tokens.make()
            made = f"{tokens.made} made" + (f", {tokens.rotated} given another secret" if tokens.rotated else "")
            print(f"tokens    one of its own for each expert ({made}): commands come signed; revoked at the end")
            yield given
        finally:
            count = tokens.made + tokens.rotated
            left = await tokens.revoke()
            print(f"{count - left} of {count} tokens are revoked", file=sys.stderr)
            if left:
                print("nobody knows the others any more; the next run gives them another secret", file=sys.stderr)

    def _say_who(self, api: Api) -> None:
        experts, accounts = len(self._simulator.experts), len(self._simulator.accounts)
        several = "1 account" if accounts == 1 else f"{accounts} accounts"
        who = f"simulated fleet: {experts} experts, {several}, {self._about}"
        print(f"fleetwire {__version__}  at {api.url}   ({who})")

    def _say_what_to_try(self) -> None:
        print(f"journals  {self._journals}")
        print(f"try       fleetwire send pause --ea {self._simulator.experts[0].ea_id} --wait{self._hints}", flush=True)


def _show(ea_id: int, command: str, outcome: Outcome) -> None:
    results = msgspec.json.encode(outcome.results).decode()
    print(f"{time.strftime('%H:%M:%S')}  EA {ea_id}  {command}  {outcome.status}  {results}", flush=True)


def _say_what_was(fleet: RemoteFleet, left: int) -> None:
    """Say at the end what was done, and what nobody can be sure of."""
    refused = ", ".join(f"{count} {verdict.value}" for verdict, count in fleet.refused.items()) or "none refused"
    said = f"{fleet.executed:,} commands were carried out, {refused}; the server has kept {fleet.post.accepted:,} facts"
    print(said, file=sys.stderr)
    if left:
        print(f"{left:,} deals are not known as kept: the server was away", file=sys.stderr)


def _folder_for(url: str) -> Path:
    """Give the folder of the journals for a server: what one has said is nothing to another."""
    parts = urlsplit(url)
    name = re.sub(r"[^A-Za-z0-9.-]+", "_", f"{parts.netloc}{parts.path.rstrip('/')}")
    return config_directory(os.environ) / "simulated" / name


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Have the journals for this process alone.

    Raises:
        ConfigError: another process has them, or they can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock")
    except OSError as error:
        raise ConfigError(f"--journals: {folder} can't be used: {error.strerror or error}") from None
    try:
        if not lock.take():
            raise ConfigError(f"--journals: {folder} is in use by process {lock.owner()}: give another folder")
        yield
    finally:
        lock.give_back()
