"""Runs `fleetwire top`: connects first, so that a wrong address or token is one line and no empty screen."""

import asyncio
import logging
import signal
import ssl
import sys
from typing import Any

from fleetwire.cli.running import INTERRUPTED, ended
from fleetwire.cli.top.app import Top
from fleetwire.cli.top.feed import Feed


def show(url: str, token: str, tls: ssl.SSLContext | None) -> int:
    """Show a server until somebody quits.

    Returns:
        The exit code: 0, 130 after Ctrl-C, 1 if the server refused the token in the end.

    Raises:
        FleetwireError: there is no server, or it refuses the token.
    """
    logging.getLogger().addHandler(logging.NullHandler())  # the screen says what is wrong; a log would tear it
    return asyncio.run(_show(Feed(url, token, tls)))


async def _show(feed: Feed) -> int:
    try:
        async with ended() as end:
            await feed.start()
            app = Top(feed)
            showing = asyncio.ensure_future(app.run_async())
            waiting: set[asyncio.Future[Any]] = {showing, end}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if end.done():
                app.exit(INTERRUPTED if end.result() == signal.SIGINT else 0)
            code = await showing
    finally:
        link = feed.link
        await feed.stop()
    if link.refused:
        print(f"error: {link.words}", file=sys.stderr)
        return 1
    return app.return_code or 0 if code is None else code
