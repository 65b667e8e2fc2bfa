"""`fleetwire serve`: a server for other programs. `fleetwire demo`: the same with a simulated fleet."""

import argparse
from types import SimpleNamespace

from fleetwire.cli import settings
from fleetwire.cli.running import serve_until_ended
from fleetwire.integration import IntegrationService
from fleetwire.server.server import WebSocketServer
from fleetwire.sources.simulator import EXPERTS_MAX, SPEED_MAX, Simulator
from fleetwire.wire.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the server's flags, and --integrated."""
    settings.add_arguments(parser)
    parser.add_argument(
        "--integrated", action="store_true", help="watch expert data, the portfolio, commands and alerts as well"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until ended."""
    loaded = settings.loaded(args)
    if args.integrated:
        about = "integrated: takes experts' reports, tells experts, portfolio, trades and alerts"
        return serve_until_ended(loaded.settings, about, lambda server: _integrate(server))
    return serve_until_ended(loaded.settings, "broadcasting what programs publish")


async def _integrate(server: WebSocketServer, *sources: Simulator) -> None:
    """Run the integration service until cancelled, or until a source fails."""
    service = IntegrationService(server, sources)
    await service.start()
    try:
        await service.finished()
    except BaseException:
        await service.stop()
        raise


def _add_demo_arguments(parser: argparse.ArgumentParser) -> None:
    settings.add_arguments(parser)
    parser.add_argument("--seed", type=int, default=7, help="decides all that the fleet does (7)")
    parser.add_argument("--experts", type=int, default=40, help=f"how many experts trade, up to {EXPERTS_MAX} (40)")
    parser.add_argument("--speed", type=float, default=1.0, help="how fast they live: 10 is ten times as fast (1)")


def _run_demo(args: argparse.Namespace) -> int:
    if not 1 <= args.experts <= EXPERTS_MAX:
        raise ConfigError(f"--experts must be a number from 1 to {EXPERTS_MAX}")
    if not 0 < args.speed <= SPEED_MAX:
        raise ConfigError(f"--speed must be above 0, and at most {SPEED_MAX}")
    fleet = Simulator(args.seed, args.experts, args.speed)
    about = f"demo fleet: {args.experts} experts, {len(fleet.accounts)} accounts, seed {args.seed}"
    return serve_until_ended(settings.loaded(args).settings, about, lambda server: _integrate(server, fleet))


demo = SimpleNamespace(add_arguments=_add_demo_arguments, run=_run_demo)
