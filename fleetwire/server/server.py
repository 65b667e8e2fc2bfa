"""`WebSocketServer`: everything put together, in anybody's event loop."""

import asyncio
import errno
import logging
import os
import secrets
import socket
from collections import deque
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any, Final

from fleetwire.hub.access import Access
from fleetwire.hub.guard import Guard
from fleetwire.hub.hub import Hub, Kept
from fleetwire.hub.limits import Limits
from fleetwire.hub.session import House, ReportDesk, Session
from fleetwire.hub.tokens import Tokens
from fleetwire.ports import Clock, EventKeeper, FleetDesk, KeptEvent, TokenDesk
from fleetwire.server.api.exchange import Office
from fleetwire.server.api.front import Front
from fleetwire.server.base_path import checked_base_path
from fleetwire.server.certificate import Certificate
from fleetwire.server.clients import ClientInfo, client_info
from fleetwire.server.clock import SystemClock
from fleetwire.server.deadlines import Deadlines
from fleetwire.server.door import Door, Rooms
from fleetwire.server.guests import Guests
from fleetwire.server.http import HttpSide
from fleetwire.server.keeping import sealed_events
from fleetwire.server.listening import Listener
from fleetwire.server.metrics import metrics
from fleetwire.server.origin import Doorkeeper, is_loopback
from fleetwire.server.pump import Pump
from fleetwire.server.websocket import WebSocketConnection
from fleetwire.wire.addresses import Proxies
from fleetwire.wire.channels import channel_of_type
from fleetwire.wire.errors import CloseCode, ConfigError, DataError, ListenError
from fleetwire.wire.labels import labels_of
from fleetwire.wire.signature import new_token

logger = logging.getLogger("fleetwire.server")

_TOKEN_CHARS_MIN: Final = 16  # what is shorter can be guessed by who has time
_STOP_S = 2.0  # for the clients' part of the closing handshake
_KEEP_S = 1.0  # for the last events to be kept


class WebSocketServer:
    """A WebSocket server with authentication, channels, broadcasting and heartbeats.

    Args:
        host: where to listen; nothing beyond this machine by default.
        port: 0 picks a free one (`port` and `url` then tell which).
        auth_token: what clients authenticate with. Without it one is made (`auth_token` tells it), on loopback only.
        heartbeat_interval: seconds between two pings.
        heartbeat_timeout: seconds of silence after which a client is cut off.
        limits: every other bound.
        allowed_hosts: further names under which the server is reached.
        allowed_origins: further origins whose pages may connect.
        expert_token: what experts authenticate with who may only report; differs from `auth_token`.
        base_path: the path under which a proxy serves all of it, like "/fleetwire".
        compression: take permessage-deflate from clients that offer it: fewer bytes for more CPU.
        trusted_proxies: addresses or networks of proxies whose `X-Forwarded-For` tells who somebody is.
        tls_cert: a PEM file with the certificate, which makes it speak wss and https; loaded anew when it changes.
        tls_key: the PEM file with its key.
        clock: the time; a test brings its own.

    Raises:
        ConfigError: a wrong argument, or no token for an address that others can reach.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 8765,
        auth_token: str | None = None,
        heartbeat_interval: float = 30,
        heartbeat_timeout: float = 60,
        *,
        limits: Limits | None = None,
        allowed_hosts: Collection[str] = (),
        allowed_origins: Collection[str] = (),
        expert_token: str | None = None,
        base_path: str = "",
        compression: bool = False,
        trusted_proxies: Collection[str] = (),
        tls_cert: str | os.PathLike[str] | None = None,
        tls_key: str | os.PathLike[str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        _check_arguments(host, port, auth_token, heartbeat_interval, heartbeat_timeout)
        if expert_token is not None and (not isinstance(expert_token, str) or not expert_token.strip()):
            raise ConfigError("expert_token must be a text that is not empty; leave it out to have none")
        if (tls_cert is None) != (tls_key is None):
            raise ConfigError("tls_cert and tls_key belong together: give both, or none")
        lists = {
            "allowed_hosts": allowed_hosts,
            "allowed_origins": allowed_origins,
            "trusted_proxies": trusted_proxies,
        }
        for name, listed in lists.items():
            if isinstance(listed, str):
                raise ConfigError(f"{name} must be a list of texts, not one text: [{listed!r}]")
        self.host = host
        self.auth_token = auth_token or new_token()
        self.heartbeat_interval = float(heartbeat_interval)
        self.heartbeat_timeout = float(heartbeat_timeout)
        self._asked_port = port
        self._limits = limits or Limits()
        self.clock = clock or SystemClock()
        own_hosts = {host, socket.gethostname(), *allowed_hosts}
        self._doorkeeper = Doorkeeper(is_loopback(host), own_hosts, allowed_origins)
        self._compression = compression
        self._proxies = Proxies(trusted_proxies)
        self._certificate = (
            Certificate(tls_cert, tls_key, self.clock) if tls_cert is not None and tls_key is not None else None
        )
        self.hub = Hub(secrets.token_hex(8), self._limits)
        self._house = House(
            self.hub,
            Access(self.auth_token, expert_token, Tokens(self._limits.tokens_max)),
            self._limits,
            self.heartbeat_interval,
            self.heartbeat_timeout,
            ReportDesk(),
            Guard(self._limits),
        )
        self._listener: Listener | None = None
        self._rooms: Rooms | None = None
        self._keeper: EventKeeper | None = None
        self._office = Office(
            self._house,
            self.clock,
            self._doorkeeper,
            checked_base_path(base_path),
            self._metrics,
            self._sessions,
            self._wake,
        )
        self._http = HttpSide(Front(self._office), WebSocketConnection)

    def __repr__(self) -> str:
        """Show where it listens, and never the token."""
        return f"<WebSocketServer {self.url} {'running' if self.running else 'stopped'}>"

    # --------------------------------------------------------------------------------------------------- start, stop

    @property
    def running(self) -> bool:
        """Whether it listens."""
        return self._listener is not None

    @property
    def port(self) -> int:
        """The port it listens on; before that, the one asked for."""
        if self._listener is not None and self._listener.sockets:
            return int(self._listener.sockets[0].getsockname()[1])
        return self._asked_port

    @property
    def url(self) -> str:
        """Where a client on this machine finds it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104
        scheme = "wss" if self._certificate is not None else "ws"
        return f"{scheme}://[{host}]:{self.port}" if ":" in host else f"{scheme}://{host}:{self.port}"

    async def start_server(self) -> None:
        """Listen; returns once clients can connect.

        Raises:
            ListenError: the address is taken, not ours, or not allowed.
            RuntimeError: it is running already.
        """
        if self.running:
            raise RuntimeError(f"the server is running already, on {self.url}")
        loop, clock = asyncio.get_running_loop(), self.clock
        pump = Pump(self.hub, clock, loop, self._keeper)
        deadlines, guests = Deadlines(clock), Guests(self._limits, self._proxies)
        rooms = Rooms(self._house, pump, clock, deadlines, guests, self._doorkeeper, self._proxies, self._compression)
        http = HttpSide(Front(self._office), WebSocketConnection)
        listener = Listener(rooms, lambda: Door(rooms, WebSocketConnection, http.open), self._certificate)
        try:
            host = await _one_address(self.host) if self._asked_port == 0 else self.host or None
            await listener.listen(host, self._asked_port, self._limits.send_buffer_bytes_max)
        except (OSError, UnicodeError) as error:  # UnicodeError: a host that can't be a name
            raise ListenError(_why_not(error, self.host, self._asked_port)) from error
        self._listener = listener
        http.start()
        self._http = http
        if self._certificate is not None:
            self._certificate.watch()
        self._rooms = rooms
        if not is_loopback(self.host):
            _warn_of_strangers(self.host or "all addresses", self.auth_token, self._certificate is not None)
        logger.debug("listening on %s", self.url)

    async def stop_server(self) -> None:
        """Stop: everybody is told, and told to come back; returns once all connections are gone. At most 5 seconds."""
        rooms, listener, self._listener = self._rooms, self._listener, None
        if listener is None or rooms is None:
            return
        listener.close()
        if self._certificate is not None:
            self._certificate.close()
        await rooms.pump.finish(_KEEP_S)
        for guest in rooms.guests.all():
            if isinstance(guest, WebSocketConnection):
                guest.close(CloseCode.service_restart, "the server stops: come back, retry_after=0")
            elif isinstance(guest, Door):
                guest.transport.abort()
        await self._http.stop()
        await rooms.guests.gone(_STOP_S)
        for guest in rooms.guests.all():
            guest.transport.abort()
        await rooms.guests.gone(_STOP_S)
        rooms.deadlines.close()
        rooms.pump.close()
        if self._rooms is rooms:  # it may have been started again meanwhile
            self._rooms = None
        logger.debug("stopped")

    async def __aenter__(self) -> "WebSocketServer":
        """Start."""
        await self.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop_server()

    # ----------------------------------------------------------------------------------------------------- what is kept

    def resume(self, epoch: str, position: int, events: Iterable[KeptEvent], *, unkept_until: int = 0) -> None:
        """Go on where an earlier run ended, so that clients find what they missed; before anything is published.

        Args:
            epoch: of that run.
            position: up to which it had reserved positions.
            events: the newest that it kept, in the order of positions.
            unkept_until: the newest position, of all runs, that may have been told without being kept; 0 if none.

        Raises:
            RuntimeError: something was published already, or the server runs.
        """
        if self.running:
            raise RuntimeError(f"the server is running already, on {self.url}: resume comes before start_server")
        moment = self.clock.moment()
        kept = (
            Kept(
                channel=event.channel,
                position=event.position,
                seq=event.seq,
                key=event.key,
                at=moment.now - (moment.utc_ms - event.utc_ms) / 1000,
                payload=event.payload,
                labels=event.labels,
            )
            for event in events
        )
        self.hub.restore(epoch, position, kept, moment.now, unkept_until=unkept_until)

    def keep_events(self, keeper: EventKeeper | None) -> None:
        """Name who keeps events before they are told; before `start_server`. None for nobody.

        Raises:
            RuntimeError: the server runs.
        """
        if self.running:
            raise RuntimeError(f"the server is running already, on {self.url}: name the keeper before start_server")
        self._keeper = keeper
        self.hub.keeps_events = keeper is not None

    # ----------------------------------------------------------------------------------------------------- who is here

    def get_connected_clients(self) -> list[ClientInfo]:
        """List the connected clients, those who are not authenticated yet included."""
        return [client_info(session) for session in self._sessions() if not session.closing]

    def _sessions(self) -> list[Session]:
        guests = self._rooms.guests.all() if self._rooms is not None else []
        sessions = [guest.session for guest in guests if isinstance(guest, WebSocketConnection)]
        return [session for session in sessions if session is not None]

    def _metrics(self) -> str:
        return metrics(self.hub, self._sessions())

    # ------------------------------------------------------------------------------------------------------ broadcast

    async def broadcast(
        self, type: str, data: Any, *, as_of: str | None = None, labels: Collection[str] | None = None
    ) -> None:
        """Tell all who subscribed; returns once those who keep up have been written to. Waits for no slow reader.

        Args:
            type: "ea_update", "portfolio_update", "trade_update", "news_update", "command_update" or "alert".
            data: anything with a JSON object's form; passed through unchanged. An `ea_update` needs its `ea_id`.
            as_of: when the source said it, like "2026-11-22T17:31:00.123Z".
            labels: whom it is about (`fleetwire.wire.labels`): those whose token is for a part of the fleet hear it
                only if that part has one of them. Without it the data tells: its `ea_id`, its `account` (or `server`
                and `login`), its `group`.

        Raises:
            DataError: the type is unknown, or the data is not of that form. Nothing was sent.
        """
        self.publish(type, data, as_of=as_of, labels=labels)
        await self.flushed()

    def publish(self, type: str, data: Any, *, as_of: str | None = None, labels: Collection[str] | None = None) -> None:
        """As `broadcast`, without waiting: it is sent at the end of this turn of the event loop."""
        now, utc, rooms = self.clock.monotonic(), self.clock.utc(), self._rooms
        said_at = now - _seconds_between(as_of, utc) if as_of is not None and as_of != utc else None
        heard_by = labels_of(channel_of_type(type), data) if labels is None else frozenset(labels)
        self.hub.publish(type, data, now=now, timestamp=utc, as_of=as_of, labels=heard_by, said_at=said_at)
        if rooms is not None:
            rooms.pump.wake()
        else:
            self._keep_for_later(now, utc)

    def _keep_for_later(self, now: float, utc: str) -> None:
        """Flush while nobody is here: those who come will find it."""
        self.hub.seal()
        if self._keeper is not None:
            self._keeper.keep_events(sealed_events(self.hub, self.clock.moment()), lambda: None)
        deque(self.hub.flush(now, utc), maxlen=0)

    def _wake(self) -> None:
        """See to it that what was published is sent."""
        if self._rooms is not None:
            self._rooms.pump.wake()

    def serve_fleet(self, desk: FleetDesk | None) -> None:
        """Name who keeps the fleet: whom the API asks, and who takes what clients report; None for nobody."""
        self._office.desk = desk
        self._house.desk.take = desk.take if desk is not None else None
        self._house.desk.acknowledge = desk.acknowledge_now if desk is not None else None
        self._house.desk.command = desk.order if desk is not None else None
        self._house.desk.refuse = desk.refuse if desk is not None else None

    @property
    def access(self) -> Access:
        """Whose tokens are whose."""
        return self._house.access

    def serve_tokens(self, desk: TokenDesk | None) -> None:
        """Name who makes and keeps tokens, whom the API asks; None for nobody."""
        self._office.tokens = desk

    def review_sessions(self) -> None:
        """End the sessions whose token, or whose secret, counts no more; called when tokens were changed."""
        at = self.clock.moment()
        for guest in self._rooms.guests.all() if self._rooms is not None else []:
            if isinstance(guest, WebSocketConnection):
                guest.review(self.access, at)

    def at_flush(self, aggregate: Callable[[], None]) -> None:
        """Call something back once, at the next flush, to publish what sums up what was published until then."""
        self.hub.at_flush(aggregate)
        if self._rooms is not None:
            self._rooms.pump.wake()
        else:
            moment = self.clock.moment()
            self._keep_for_later(moment.now, moment.utc)

    async def flushed(self) -> None:
        """Wait until what was published is written to those who keep up. Waits for no slow reader."""
        if self._rooms is not None:
            await self._rooms.pump.flushed()

    async def broadcast_ea_update(self, data: Any) -> None:
        """Tell what an expert is doing; `data` names it by its `ea_id`."""
        await self.broadcast("ea_update", data)

    async def broadcast_portfolio_update(self, data: Any) -> None:
        """Tell what the experts are doing together."""
        await self.broadcast("portfolio_update", data)

    async def broadcast_trade_update(self, data: Any) -> None:
        """Tell of a trade."""
        await self.broadcast("trade_update", data)

    async def broadcast_news_update(self, data: Any) -> None:
        """Tell of a calendar event."""
        await self.broadcast("news_update", data)

    async def broadcast_command_update(self, data: Any) -> None:
        """Tell of a step in a command's life."""
        await self.broadcast("command_update", data)

    async def broadcast_alert(self, data: Any) -> None:
        """Tell what a person should know."""
        await self.broadcast("alert", data)


def _warn_of_strangers(host: str, auth_token: str, is_tls: bool) -> None:
    """Say what is too weak for a port that others can reach."""
    if not is_tls:
        logger.warning(
            "ws:// on %s is readable by everybody on the way: give --tls-cert and --tls-key (tls_cert, tls_key), or "
            "put a proxy with TLS in front (docs/proxy.md)",
            host,
        )
    if len(auth_token) < _TOKEN_CHARS_MIN:
        logger.warning(
            "the auth_token is short, and others can reach %s: take at least %d random characters",
            host,
            _TOKEN_CHARS_MIN,
        )


def _check_arguments(
    host: str, port: int, auth_token: str | None, heartbeat_interval: float, heartbeat_timeout: float
) -> None:
    if not isinstance(host, str):
        raise ConfigError(f'host must be a text, not {host!r:.60}; "" means all addresses')
    if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= 65535:
        raise ConfigError(f"port must be a whole number from 0 to 65535, not {port!r}")
    for name, seconds in (("heartbeat_interval", heartbeat_interval), ("heartbeat_timeout", heartbeat_timeout)):
        if not isinstance(seconds, int | float) or not 0 < seconds < float("inf"):
            raise ConfigError(f"{name} must be a number of seconds above 0, not {seconds!r}")
    if auth_token is not None and (not isinstance(auth_token, str) or not auth_token.strip()):
        raise ConfigError("auth_token must be a text that is not empty; leave it out to have one made")
    if auth_token is None and not is_loopback(host):
        raise ConfigError(
            f"refusing to listen on {host or 'all addresses'} without a token: give --auth-token or "
            "WEBSOCKET_AUTH_TOKEN (auth_token in Python)"
        )


def _why_not(error: OSError | UnicodeError, host: str, port: int) -> str:
    """Say why an address can't be listened on, and what to do."""
    where = f"{host or '*'}:{port}"
    if isinstance(error, UnicodeError):
        return f"{host!r:.80} is no host: give the name or the address of this machine, like 127.0.0.1"
    if error.errno == errno.EADDRINUSE or "address already in use" in str(error).lower():
        return f"{where} is taken by another program: stop that, or choose another --port (0 picks a free one)"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{where} is not allowed: ports below 1024 belong to the system, choose another --port"
    if (
        error.errno == errno.EADDRNOTAVAIL
        or isinstance(error, socket.gaierror)
        or "could not bind on any" in str(error)
    ):
        return f"{where} is no address of this machine: choose another --host"
    return f"can't listen on {where}: {error.strerror or error}"


async def _one_address(host: str) -> str | None:
    """Choose one address of a name: for port 0, several would each get a port of their own."""
    if not host:
        return None
    found = await asyncio.get_running_loop().getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    by_family = sorted(found, key=lambda info: info[0] != socket.AF_INET)
    return str(by_family[0][4][0])


def _seconds_between(earlier: str, later: str) -> float:
    """Tell how many seconds lie between two UTC times.

    Raises:
        DataError: the earlier one is no time.
    """
    try:
        return max(0.0, (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds())
    except (ValueError, TypeError) as error:
        raise DataError(f'as_of must be a UTC time, like "2026-11-23T04:12:00.123Z", not {earlier!r:.40}') from error
