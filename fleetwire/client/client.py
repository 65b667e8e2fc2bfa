"""`WebSocketClient`: connect, authenticate, subscribe, hear; what is lost on the way is found again."""

import asyncio
import math
import random
import ssl as tls
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from fleetwire.client.address import websocket_url
from fleetwire.client.conversation import accepted_of, rejections, subscribe_data
from fleetwire.client.delivery import Handler, Handlers
from fleetwire.client.dialect import DIALECTS
from fleetwire.client.link import Link, LinkError, Settings, Sleep
from fleetwire.client.protocol import Options, channel_of
from fleetwire.client.secret import Secret, Token
from fleetwire.client.session import Session, Tools
from fleetwire.client.status import Status
from fleetwire.client.subscription import Iteration, Selection, Subscription, everything
from fleetwire.wire.channels import EVERYTHING
from fleetwire.wire.errors import ConfigError, NotConnectedError, RequestError, SubscriptionError
from fleetwire.wire.messages import AuthResponseData, SubscriptionResponseData

T = TypeVar("T")


class WebSocketClient:
    """Hears a fleetwire server.

    Once `connect` has succeeded, a lost connection is found again for ever: authenticated, subscribed, and gone on
    with where it was lost. Only where the server says not to come back, or refuses the token, does it end.

    Args:
        url: ws:// or wss:// (http:// and https:// are taken for these).
        auth_token: says who the client is; or a function, plain or async, that gives the token of the moment.
        heartbeat_interval: seconds between heartbeats; None for what the server says.
        heartbeat_timeout: seconds of silence until the server is taken for dead; None for what the server says.
        request_timeout_s: how long an answer is waited for, the return of a lost connection included.
        open_timeout_s: how long opening a connection may take, the server's welcome included.
        queue_max: messages kept for the handlers, and for each iteration; then reading waits.
        ssl: the TLS context for wss://; None for the system's own certificates.
        subprotocols: the forms of version 2 to ask for, the best first; none of them for version 1, which is spoken
            with servers that know no other by itself. What is heard is the same in all of them.
        compression: ask the server to compress what it sends.
        clock: gives monotonic seconds.
        sleep: waits for some seconds.
        rng: draws the jitter of the backoff.

    Raises:
        ConfigError: an argument is wrong, or a credential is in the URL.
    """

    def __init__(
        self,
        url: str,
        auth_token: Token,
        *,
        heartbeat_interval: float | None = None,
        heartbeat_timeout: float | None = None,
        request_timeout_s: float = 10.0,
        open_timeout_s: float = 10.0,
        queue_max: int = 1024,
        ssl: tls.SSLContext | None = None,
        subprotocols: Iterable[str] = tuple(DIALECTS),
        compression: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self._url = websocket_url(url)
        if ssl is not None and not self._url.startswith("wss:"):
            raise ConfigError("ssl is given, but the url is not wss://")
        _check_seconds("heartbeat_interval", heartbeat_interval)
        _check_seconds("heartbeat_timeout", heartbeat_timeout)
        _check_seconds("request_timeout_s", request_timeout_s)
        _check_seconds("open_timeout_s", open_timeout_s)
        if queue_max < 1:
            raise ConfigError("queue_max must be at least 1")
        subprotocols = tuple(subprotocols)
        if not set(subprotocols) <= DIALECTS.keys():
            raise ConfigError(f"subprotocols may hold {', '.join(DIALECTS)}, or nothing")
        self._handlers = Handlers()
        self._tools = Tools(
            Settings(
                self._url,
                ssl,
                subprotocols,
                compression,
                open_timeout_s,
                heartbeat_interval,
                heartbeat_timeout,
                clock,
                sleep,
            ),
            Secret(auth_token),
            self._handlers,
            queue_max,
            request_timeout_s,
            rng or random.Random(),  # noqa: S311 - jitter, no secret
        )
        self._connecting = asyncio.Lock()
        self._session: Session | None = None

    # ------------------------------------------------------------------------------------------------- what it is like

    @property
    def url(self) -> str:
        """Where the server is; holds no credentials."""
        return self._url

    @property
    def connected(self) -> bool:
        """Whether there is a connection at this moment."""
        return self._link is not None

    @property
    def authenticated(self) -> bool:
        """Whether the server knows on this connection who the client is."""
        return self._session is not None and self._session.link is not None and self._session.authenticated

    @property
    def status(self) -> Status:
        """What the connection is like at this moment, in a word, and why."""
        return Status("closed") if self._session is None else self._session.status

    @property
    def client_id(self) -> str | None:
        """What the server calls the client on this connection."""
        return self._link.client_id if self._link else None

    @property
    def epoch(self) -> str | None:
        """Names the server's run of positions, as this connection's welcome said."""
        return self._link.epoch if self._link else None

    @property
    def subprotocol(self) -> str | None:
        """The form of version 2 that is spoken on this connection; None for version 1, and without a connection."""
        return self._link.subprotocol if self._link else None

    def __repr__(self) -> str:
        """Show url and state, and never the token."""
        if self._session is None or self._session.ended is not None:
            state = "disconnected"
        elif self._link is None:
            state = "reconnecting"
        else:
            state = "authenticated" if self.authenticated else "connected"
        return f"<WebSocketClient {self._url} {state}>"

    @property
    def _link(self) -> Link | None:
        return self._session.link if self._session else None

    # --------------------------------------------------------------------------------------------- connect, disconnect

    async def connect(self) -> None:
        """Connect, and wait for the server's welcome; does nothing while connected or reconnecting.

        Raises:
            NotConnectedError: that was not possible; the text says why and what to do.
        """
        async with self._connecting:
            if self._session is not None and self._session.ended is None:
                return
            await self.disconnect()
            try:
                link = await Link.open(self._tools.settings)
            except LinkError as error:
                raise NotConnectedError(self._tools.secret.hush(str(error))) from None
            self._session = Session(self._tools, link)

    async def disconnect(self) -> None:
        """Close the connection; iterations end, a backoff ends at once, subscriptions are forgotten."""
        session, self._session = self._session, None
        if session is not None:
            await session.stop(_not_connected())

    async def __aenter__(self) -> Self:
        """Connect and authenticate."""
        await self.connect()
        try:
            await self.authenticate()
        except BaseException:
            await self.disconnect()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self.disconnect()

    # --------------------------------------------------------------------------------------------------------- asking

    async def authenticate(self) -> AuthResponseData:
        """Tell the server who the client is; later connections do so by themselves.

        Raises:
            AuthenticationError: the server refuses the token.
            RequestTimeoutError: no answer in time.
            NotConnectedError: there is no connection, and none will come.
        """
        envelope = await self._running().authenticate()
        return _read({"status": "authenticated", "success": True} | envelope.fields, AuthResponseData)

    def subscribe(
        self,
        *channels: str | Iterable[str],
        history: int | None = None,
        snapshot: bool = True,
        max_hz: float | Mapping[str, float] | None = None,
    ) -> Subscription:
        """Hear channels: `await` it, or iterate over it with `async for`.

        Args:
            channels: names, or lists of names: "ea_updates", one key as in "ea_updates:12345", or "*" for every
                channel that there is.
            history: begin event channels with their last n messages.
            snapshot: begin state channels with their current rows; else with what is published after the answer.
            max_hz: be told of state channels at most so often a second: all of them, or
                channel by channel. What changes in between is told once, with its last value. A channel has one rate:
                the one that was asked for last.

        Raises:
            ConfigError: no channel is named, history is negative, or max_hz is no rate or for a channel not named.
        """
        names = _names(channels)
        if history is not None and history < 0:
            raise ConfigError("history must not be negative: it counts messages")
        options = Options(history, snapshot, _rates(max_hz, names))

        async def ask(selection: Selection | None) -> SubscriptionResponseData:
            return await self._subscribe(names, options, selection)

        return Subscription(names, options, ask, lambda selection: self._running().delivery.open(selection.wants))

    async def unsubscribe(self, *channels: str | Iterable[str]) -> SubscriptionResponseData:
        """Hear channels no more.

        Raises:
            RequestError: the server refused the request.
            RequestTimeoutError: no answer in time.
            NotConnectedError: there is no connection, and none will come.
        """
        names = _names(channels)
        envelope = await self._running().ask("unsubscribe", {"channels": names}, names=names)
        return _subscription_data(envelope.fields, names)

    # -------------------------------------------------------------------------------------------------------- hearing

    def register_message_handler(self, message_type: str, handler: Handler) -> None:
        """Let a function hear every message of a type, replies included.

        Handlers are called one after the other, in the order of messages: while one takes its time, no other message is
        handed over. One that raises is logged.

        Args:
            message_type: like "ea_update"; "*" for every message.
            handler: a plain or async function that takes the message's `data` (for "*", the whole `Message`).

        Raises:
            ConfigError: the handler is no function.
        """
        if not callable(handler):
            raise ConfigError(f"the handler of {message_type!r:.60} must be a function, not {handler!r:.60}")
        self._handlers.register(message_type, handler)

    def __aiter__(self) -> Iteration:
        """Give what was published, `gap` and `snapshot_end`, of all subscriptions, from now on."""
        return Iteration(self._running().delivery.open(everything))

    async def _subscribe(
        self, names: list[str], options: Options, selection: Selection | None
    ) -> SubscriptionResponseData:
        envelope = await self._running().ask(
            "subscribe",
            subscribe_data(names, options),
            names=names,
            options=options,
            asked=selection.expect if selection else None,
        )
        rejected = rejections(envelope.fields)
        if rejected and not accepted_of(names, envelope.fields):
            raise SubscriptionError(self._tools.secret.hush("; ".join(rejected.values())))
        return _subscription_data(envelope.fields, names)

    def _running(self) -> Session:
        if self._session is None:
            raise _not_connected()
        if self._session.ended is not None:
            raise self._session.ended
        return self._session


def _not_connected() -> NotConnectedError:
    return NotConnectedError("not connected: await client.connect() first")


def _names(channels: tuple[str | Iterable[str], ...]) -> list[str]:
    """Read names that were given one by one or as lists; each once."""
    names: dict[str, None] = {}
    for channel in channels:
        names |= dict.fromkeys([channel] if isinstance(channel, str) else channel)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ConfigError('name the channels, like subscribe(["ea_updates", "alerts"])')
    return list(names)


def _rates(
    max_hz: float | Mapping[str, float] | None, names: list[str]
) -> float | tuple[tuple[str, float], ...] | None:
    """Check rates."""
    if max_hz is None:
        return None
    rates = dict(max_hz) if isinstance(max_hz, Mapping) else dict.fromkeys(map(channel_of, names), max_hz)
    for channel, rate in rates.items():
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < math.inf:
            raise ConfigError("max_hz must be a positive number of messages a second")
        if EVERYTHING not in names and channel not in map(channel_of, names):
            raise ConfigError(f"max_hz names {channel!r:.60}, which is not among the channels")
    return tuple(rates.items()) if isinstance(max_hz, Mapping) else max_hz


def _subscription_data(fields: dict[str, Any], names: list[str]) -> SubscriptionResponseData:
    """Read the answer; what a server of the first hour leaves out is filled in."""
    defaults = {"status": "", "channels": accepted_of(names, fields), "rejected": [], "epoch": "", "position": 0}
    return _read(defaults | {"recovered": {}} | fields, SubscriptionResponseData)


def _read(fields: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise RequestError("invalid_message", f"the server's answer can't be read: {error}", temporary=False) from None


def _check_seconds(name: str, value: float | None) -> None:
    if value is not None and not 0 < value < math.inf:
        raise ConfigError(f"{name} must be a positive number of seconds")
