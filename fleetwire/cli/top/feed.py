"""The server: what is heard goes to the board; what no channel tells is asked for every two seconds."""

import asyncio
import ssl
from typing import Any, Final

from fleetwire.cli.asking import Api
from fleetwire.cli.top.board import CHANNELS, STATES, Board, Row
from fleetwire.cli.top.formats import text
from fleetwire.cli.top.link import Link, link_of
from fleetwire.client import WebSocketClient
from fleetwire.hub.roles import RIGHTS, Right, Role
from fleetwire.wire.errors import FleetwireError

ASK_EVERY_S: Final = 2.0
HEARTBEAT_S: Final = 5.0
DEAD_AFTER_S: Final = 30.0
ROWS_MAX_HZ: Final = 4.0
"""How often a row is told: nobody reads faster, and a link may be slow."""


class Feed:
    """Hears and asks one server.

    Args:
        url: of the server.
        token: says who looks.
        tls: the context for wss://; None for the system's own certificates.

    Raises:
        ConfigError: the URL is wrong.
    """

    def __init__(self, url: str, token: str, tls: ssl.SSLContext | None = None) -> None:
        self.board = Board()
        self.role = ""
        self._client = WebSocketClient(
            url, token, ssl=tls, heartbeat_interval=HEARTBEAT_S, heartbeat_timeout=DEAD_AFTER_S
        )
        self._asks = Api(url, token, tls)  # keeps its connection, as it asks again and again
        self._acts = Api(url, token, tls)  # opens one each time: what must not fail does not rely on an old one
        self._asking: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where the server is."""
        return self._client.url

    @property
    def link(self) -> Link:
        """What the connection is like at this moment."""
        return link_of(self._client.status, self.url)

    @property
    def silent_ms(self) -> float | None:
        """How long ago anything at all was heard."""
        silent_s = self._client.status.silent_s
        return None if silent_s is None else silent_s * 1_000

    def may(self, right: Right) -> bool:
        """Tell whether the token's role may do something; the server has the last word."""
        return self.role in Role.__members__ and right in RIGHTS[Role[self.role]]

    async def start(self) -> None:
        """Connect, and begin to hear; from then on a lost connection is found again.

        Raises:
            ClientError: no server, wrong token, or nothing that the token may hear.
        """
        self._client.register_message_handler("*", self.board.take)
        await self._client.connect()
        self.role = (await self._client.authenticate()).role or ""
        await self._client.subscribe(CHANNELS, max_hz=dict.fromkeys(STATES, ROWS_MAX_HZ))
        self._asking = asyncio.create_task(self._ask_again_and_again(), name="fleetwire top: asking")

    async def stop(self) -> None:
        """Close everything."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        await self._client.disconnect()

    async def ask(self) -> None:
        """Ask for accounts with their limits, and for the open alerts."""
        board = self.board
        try:
            board.accounts = _items(await self._asks.ask("GET", "accounts?limit=1000"))
            board.ask_for_alerts()
            board.list_alerts(_items(await self._asks.ask("GET", "alerts?status=open&limit=1000")))
            board.accounts_why = ""
        except FleetwireError as error:
            board.accounts_why = text(error)

    async def acknowledge(self, alert_id: int) -> None:
        """Acknowledge an alert.

        Raises:
            FleetwireError: it is not open any more, or the role may not do so.
        """
        self.board.take_alert(await self._acts.ask("POST", f"alerts/{alert_id}/ack"))

    async def give(self, command: dict[str, Any]) -> dict[str, Any]:
        """Give a command, by a request of its own: it needs no live connection.

        Raises:
            FleetwireError: nobody answers, or the server refuses it.
        """
        answer: dict[str, Any] = await self._acts.ask("POST", "commands", command)
        return answer

    async def _ask_again_and_again(self) -> None:
        async with self._asks:
            while True:
                await self.ask()
                await asyncio.sleep(ASK_EVERY_S)


def _items(page: Any) -> list[Row]:
    items = page.get("items") if isinstance(page, dict) else None
    return [row for row in items if isinstance(row, dict)] if isinstance(items, list) else []
