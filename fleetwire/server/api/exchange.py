"""What comes in and what goes out, free of the library that carries it; and what endpoints may use."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from fleetwire.hub.access import Identity
from fleetwire.hub.session import House, Session
from fleetwire.ports import Clock, FleetDesk, TokenDesk
from fleetwire.server.api.problem import Problem, ProblemKind
from fleetwire.server.origin import Doorkeeper
from fleetwire.wire.labels import Labels

JSON = "application/json"


class Request(NamedTuple):
    """One request, its body still unread.

    Args:
        method: as it was sent.
        path: still quoted, without the query.
        query: behind the "?", or "".
        headers: all of them; names in any case.
        reached_at: the server's own address on the connection.
        address: whose request it is, behind trusted proxies.
        has_body: whether bytes follow the head.
        read: reads the body, of at most so many bytes; None where it is longer.
    """

    method: str
    path: str
    query: str
    headers: "Headers"
    reached_at: str
    address: str
    has_body: bool
    read: Callable[[int], Awaitable[bytes | None]]


class Headers(Mapping[str, str]):
    """Headers whose names know no case; what aiohttp's `CIMultiDictProxy` is."""

    def getall(self, key: str, default: list[str]) -> list[str]:
        """Give all values of a name."""
        raise NotImplementedError


class Answer(Struct, kw_only=True):
    """What to answer; headers that every answer has come on top of these."""

    status: int = 200
    body: bytes = b""
    media: str = JSON
    headers: dict[str, str] = {}
    closes: bool = False


class Office:
    """What the endpoints of a server may use.

    Args:
        house: what all sessions share.
        clock: the time.
        doorkeeper: knows whose pages may ask.
        base_path: under which a proxy serves all of it, or "".
        metrics: writes what is counted.
        sessions: lists those of who is connected.
        published: is called when something was published.
    """

    def __init__(
        self,
        house: House,
        clock: Clock,
        doorkeeper: Doorkeeper,
        base_path: str,
        metrics: Callable[[], str],
        sessions: Callable[[], list[Session]],
        published: Callable[[], None],
    ) -> None:
        self.house = house
        self.clock = clock
        self.doorkeeper = doorkeeper
        self.base_path = base_path
        self.metrics = metrics
        self.sessions = sessions
        self.published = published
        self.desk: FleetDesk | None = None
        self.tokens: TokenDesk | None = None

    @property
    def fleet(self) -> FleetDesk:
        """Whom to ask about the fleet.

        Raises:
            Problem: nobody keeps one here.
        """
        if self.desk is None:
            text = "this server keeps no fleet: start it with --integrated, or use IntegrationService in Python"
            raise Problem(ProblemKind.no_fleet, text)
        return self.desk

    @property
    def token_desk(self) -> TokenDesk:
        """Whom to ask about tokens.

        Raises:
            Problem: nobody keeps any here.
        """
        if self.tokens is None:
            text = "this server keeps nothing, and so no tokens: start it with --integrated"
            raise Problem(ProblemKind.no_fleet, text)
        return self.tokens


class Call(NamedTuple):
    """One call of an endpoint.

    Args:
        office: what it may use.
        path: of the request, under the base path; links are made of it.
        asked: its parameters, each with its value or its default.
        identity: who calls; None where anybody may.
        body: what the request brought; a trailing NUL is taken off.
        etag_asked: the `If-None-Match` of the request.
        address: from where the call comes.
        accepts_coding: the `Accept-Encoding` of the request.
    """

    office: Office
    path: str
    asked: dict[str, Any]
    identity: Identity | None
    body: bytes
    etag_asked: str
    address: str = ""
    accepts_coding: str = ""

    @property
    def scope(self) -> Labels:
        """The labels of what the caller may see; None is everything."""
        return self.identity.scope if self.identity is not None else frozenset()

    @property
    def by(self) -> str:
        """Who calls, by name."""
        return self.identity.by if self.identity is not None else "nobody"
