"""Runs a server until somebody ends it: the first lines it prints, its signals, its end."""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from fleetwire.cli.settings import set_up_logging, token_file, with_token
from fleetwire.config import Settings
from fleetwire.integration.fleetwire import Fleetwire, new_server
from fleetwire.jwt import JwtLogin
from fleetwire.server.origin import is_loopback
from fleetwire.server.server import WebSocketServer
from fleetwire.version import __version__
from fleetwire.wire.errors import ConfigError

INTERRUPTED = 130


Build = Callable[[Settings], Fleetwire]
"""Makes the whole, of settings that are complete."""
GoOn = Callable[[Fleetwire], Coroutine[Any, Any, None]]
"""What else is done while it runs; when that returns, the server goes on."""


def serve_until_ended(settings: Settings, about: str, build: Build | None = None, go_on: GoOn | None = None) -> int:
    """Start a server, say where it is, and run it until Ctrl-C or SIGTERM.

    Args:
        settings: of the server.
        about: what it serves, for its first line.
        build: makes the whole; without it there is a server that keeps no fleet.
        go_on: what else is done while it runs.

    Returns:
        The exit code: 130 after Ctrl-C, 0 after SIGTERM.

    Raises:
        FleetwireError: it can't be started, or `go_on` failed.
    """
    set_up_logging(settings.log_level)
    settings, made = with_token(settings)
    commands = ["tail ea_updates alerts"] if build is None else ["tail ea_updates alerts", "top"]
    first_lines = _first_lines(settings, about, made, commands)
    if build is None:
        login = JwtLogin(settings.jwt) if settings.jwt.algorithm else None
        return asyncio.run(_serve_plainly(new_server(settings), first_lines, login))
    return asyncio.run(_serve_whole(build(settings), first_lines, go_on))


FirstLines = Callable[[WebSocketServer], list[str]]


async def _serve_plainly(server: WebSocketServer, first_lines: FirstLines, login: JwtLogin | None) -> int:
    async with ended() as end, server:
        if login is not None:
            await login.start(server.access)
        calm_the_collector()
        print("\n".join(first_lines(server)), flush=True)
        await end
        if login is not None:
            await login.stop()
    return INTERRUPTED if end.result() == signal.SIGINT else 0


async def _serve_whole(whole: Fleetwire, first_lines: FirstLines, go_on: GoOn | None) -> int:
    async with ended() as end, whole:
        calm_the_collector()
        print("\n".join(first_lines(whole.server)), flush=True)
        if go_on is None:
            await end
        else:
            await together(go_on(whole), end)
    return INTERRUPTED if end.result() == signal.SIGINT else 0


def calm_the_collector() -> None:
    """Let Python look for cycles less often: a server's objects live long, and hardly any of them are in one.

    Measured with 10,000 clients that come back at once: an eighth less CPU (docs/decisions/0004).
    """
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


async def together(work: Coroutine[Any, Any, None], end: asyncio.Future[int]) -> None:
    """Wait for the end; what is done meanwhile is ended with it, and its failure ends both."""
    going = asyncio.ensure_future(work)
    try:
        waiting: set[asyncio.Future[Any]] = {going, end}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if going.done():
            going.result()
        await end
    finally:
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)


@contextlib.asynccontextmanager
async def ended() -> AsyncIterator[asyncio.Future[int]]:
    """Give a future that becomes the number of the signal that asks for the end; a second Ctrl-C ends at once."""
    loop = asyncio.get_running_loop()
    end: asyncio.Future[int] = loop.create_future()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int) -> None:
        if not end.done():
            end.set_result(number)
            signal.signal(signal.SIGINT, signal.default_int_handler)

    for number in before:
        signal.signal(number, lambda number, _: loop.call_soon_threadsafe(ask, number))
    try:
        yield end
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _first_lines(
    settings: Settings, about: str, made: str | None, commands: list[str]
) -> Callable[[WebSocketServer], list[str]]:
    """Say where the server is, with which token, and what to try."""

    def lines(server: WebSocketServer) -> list[str]:
        scheme, _, where = server.url.partition("://")
        web = "https" if scheme == "wss" else "http"
        everywhere = "" if settings.host not in ("0.0.0.0", "::", "") else ", on every address of this machine"  # noqa: S104
        hints = "" if server.port == 8765 and scheme == "ws" else f" --url {server.url}"
        if settings.auth_token != _kept():
            hints += " --auth-token ..."
        return [
            f"fleetwire {__version__}  {scheme}://{where} and {web}://{where}   ({about}{everywhere})",
            f"dashboard  {_dashboard_line(server, f'{web}://{where}')}",
            f"token      {_token_line(settings, made)}",
            f"try        {'        '.join(f'fleetwire {command}{hints}' for command in commands)}",
        ]

    return lines


def _dashboard_line(server: WebSocketServer, url: str) -> str:
    """Say where it is; on a terminal of this machine with a ticket, which opens it once without the token."""
    if not server.has_dashboard:
        return f"not built: {url}/ says how"
    if sys.stdout.isatty() and is_loopback(server.host):
        return f"{url}/#ticket={server.new_ticket()}   opens once, within half a minute; then it asks for the token"
    return f"{url}/"


def _token_line(settings: Settings, made: str | None) -> str:
    """Show a token that was made just now, whole, once, and on a terminal only; else say where it is."""
    path = token_file().path
    if made is not None and sys.stdout.isatty():
        return f"{made}   (admin; made now and shown this once; kept in {path})"
    if made is not None:
        return f"made now and kept in {path} (admin; only its owner can read it)"
    return f"kept in {path} (admin)" if settings.auth_token == _kept() else "as given (admin)"


def _kept() -> str | None:
    """Give the kept token, if there is one that can be read."""
    with contextlib.suppress(ConfigError):
        return token_file().read()
    return None
