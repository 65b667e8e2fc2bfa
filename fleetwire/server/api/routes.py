"""The one table of routes: routing, checking, `Allow`, and the API's description are derived from it."""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from fleetwire.hub.access import Right
from fleetwire.ports import Readiness, Receipt, ReportBody
from fleetwire.server.api import endpoints
from fleetwire.server.api.bodies import CancelBody, Curve, Figures, Health, PublishBody, TicketBody
from fleetwire.server.api.exchange import JSON, Answer, Call
from fleetwire.server.api.parameters import Kind, Parameter
from fleetwire.server.api.problem import ProblemKind
from fleetwire.server.clients import ClientInfo
from fleetwire.server.metrics import CONTENT_TYPE
from fleetwire.wire.messages import CommandData, CommandResponseData, PublishResponseData
from fleetwire.wire.rows import (
    AccountRow,
    AlertRow,
    AuditedRow,
    CommandRow,
    DealRow,
    ExpertRow,
    FleetRow,
    NewsRow,
    PositionRow,
    PriceRow,
    SparklinesRow,
    TerminalRow,
    TradeRow,
)
from fleetwire.wire.tokens import IssuedToken, RotateRequest, TokenRequest, TokenRow

Endpoint = Callable[[Call], Answer | Awaitable[Answer]]
_ID_MAX = 2**63 - 1


class Body(Struct, frozen=True, kw_only=True):
    """What a request brings.

    Args:
        form: the type that it has, as JSON.
        limit: the name of the limit for its bytes.
    """

    form: Any
    limit: str


class Route(Struct, frozen=True, kw_only=True):
    """One thing that can be asked for.

    Args:
        method: "GET" (with which goes HEAD) or "POST".
        path: below the base path; `{name}` stands for a parameter.
        name: of the operation, for generated clients.
        summary: one line.
        endpoint: does it.
        answers: the type of the answer's body; None where it is no JSON.
        lists: the type of the rows, where the answer is a page of them.
        media: the answer's type.
        right: what the caller must be allowed to do; None where anybody may.
        in_parts: whether a caller may come whose token is for a part of the fleet: the answer leaves out the rest.
        channel: that tells the same; a caller whose token names others may not come.
        parameters: of the path and of the query.
        body: what it brings; None for nothing.
        tagged: whether the answer has an ETag.
        may_fail: what can go wrong besides what can go wrong with every route of its kind.
    """

    method: str
    path: str
    name: str
    summary: str
    endpoint: Endpoint
    answers: Any = None
    lists: Any = None
    media: str = JSON
    right: Right | None = None
    in_parts: bool = True
    channel: str | None = None
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    tagged: bool = False
    may_fail: tuple[ProblemKind, ...] = ()


def _whole(name: str, description: str, **more: Any) -> Parameter:
    return Parameter(name=name, kind=Kind.whole, description=description, **({"high": _ID_MAX} | more))


def _text(name: str, description: str, **more: Any) -> Parameter:
    return Parameter(name=name, kind=Kind.text, description=description, **more)


def _time(name: str, description: str) -> Parameter:
    return Parameter(name=name, kind=Kind.time, description=description)


_EA_ID = _whole("ea_id", "of this expert")
_ACCOUNT = Parameter(name="account", kind=Kind.account, description="of this account, as Server/login")
_SYMBOL = _text("symbol", "of this symbol", high=64)
_LIMIT = _whole("limit", "how many rows at most", high=1000, default=100)
_CURSOR = _text("cursor", "the page that follows: `next` of the page before", high=1024)
_PAGED = (_LIMIT, _CURSOR)
_PAGED_BY_ID = (_LIMIT, _whole("cursor", "the page that follows: `next` of the page before", low=0))
_SUBJECT = (_EA_ID, _ACCOUNT, _text("currency", "of all accounts of this currency", high=16))
_TRADED = (
    _EA_ID,
    _ACCOUNT,
    _SYMBOL,
    _whole("position_id", "of this position", low=0),
    _time("from", "from this time on"),
    _time("until", "until this time"),
    *_PAGED,
)
_COMMAND_ID = _text("command_id", "its id", in_path=True, high=80)
_STATUS = (
    "queued", "delivered", "accepted", "executed", "partial", "rejected", "failed", "expired", "cancelled", "unknown",
)  # fmt: skip
_FLEET = (ProblemKind.no_fleet,)
_STORE = (ProblemKind.no_fleet, ProblemKind.store_unavailable)
_COMMANDED = (
    *_STORE,
    ProblemKind.invalid_data,
    ProblemKind.not_found,
    ProblemKind.conflict,
    ProblemKind.rate_limited,
)
_REPORT: dict[str, Any] = {
    "method": "POST",
    "endpoint": endpoints.report,
    "answers": Receipt,
    "right": Right.report,
    "body": Body(form=ReportBody, limit="report_bytes_max"),
    "may_fail": (*_STORE, ProblemKind.invalid_data),
}


_TOKEN_ID = _text("token_id", "its id", high=64, in_path=True)
_TOKENS: dict[str, Any] = {
    "right": Right.manage_tokens,
    "in_parts": False,
    "may_fail": (*_STORE, ProblemKind.not_found, ProblemKind.invalid_data),
}


def _read(path: str, name: str, summary: str, endpoint: Endpoint, **more: Any) -> Route:
    """Declare a route of the API that reads."""
    usual: dict[str, Any] = {"right": Right.hear, "tagged": True, "may_fail": _FLEET}
    whole_path = f"/api/v1/{path}"
    return Route(method="GET", path=whole_path, name=name, summary=summary, endpoint=endpoint, **(usual | more))


ROUTES = (
    Route(
        method="GET",
        path="/healthz",
        name="health",
        summary="whether the process answers",
        endpoint=endpoints.health,
        answers=Health,
    ),
    Route(
        method="GET",
        path="/readyz",
        name="readiness",
        summary="whether it can do its work: 200, or 503 with what is wrong",
        endpoint=endpoints.readiness,
        answers=Readiness,
    ),
    Route(
        method="GET",
        path="/metrics",
        name="metrics",
        summary="what is counted, for Prometheus",
        endpoint=endpoints.metrics,
        media=CONTENT_TYPE,
    ),
    _read(
        "fleet",
        "fleet",
        "everything at a glance",
        endpoints.fleet,
        answers=FleetRow,
        in_parts=False,
        channel="portfolio_updates",
    ),
    _read(
        "accounts",
        "accounts",
        "accounts",
        endpoints.accounts,
        lists=AccountRow,
        parameters=_PAGED,
        channel="portfolio_updates",
    ),
    _read(
        "terminals",
        "terminals",
        "terminals",
        endpoints.terminals,
        lists=TerminalRow,
        parameters=(_ACCOUNT, *_PAGED),
        channel="portfolio_updates",
    ),
    _read(
        "experts",
        "experts",
        "experts, in the order of their ids",
        endpoints.experts,
        lists=ExpertRow,
        channel="ea_updates",
        parameters=(
            _SYMBOL,
            _text("strategy", "of this strategy"),
            _text("group", "of this group"),
            _ACCOUNT,
            _text("status", "whose status is this, like active or stale", high=32),
            _text("link", "whose link is this", choices=("fresh", "late", "stale", "lost")),
            _text("text", "with this in name, symbol, strategy or id"),
            *_PAGED_BY_ID,
        ),
    ),
    _read(
        "experts/sparklines",
        "sparklines",
        "what each expert has earned in the last minutes",
        endpoints.sparklines,
        answers=SparklinesRow,
        channel="ea_updates",
        tagged=False,
    ),
    _read(
        "experts/{ea_id}",
        "expert",
        "one expert",
        endpoints.expert,
        answers=ExpertRow,
        channel="ea_updates",
        parameters=(_whole("ea_id", "its id", in_path=True),),
        may_fail=(ProblemKind.not_found,),
    ),
    _read(
        "positions",
        "positions",
        "open positions",
        endpoints.positions,
        lists=PositionRow,
        channel="ea_updates",
        parameters=(_EA_ID, _ACCOUNT, _SYMBOL, *_PAGED),
    ),
    _read(
        "trades",
        "trades",
        "trades (all deals of one position), newest first by their last deal",
        endpoints.trades,
        lists=TradeRow,
        channel="trade_updates",
        parameters=(
            _text("status", "that are this", choices=("open", "closed")),
            _text("strategy", "of the experts of this strategy"),
            *_TRADED,
        ),
        may_fail=_STORE,
    ),
    _read(
        "deals",
        "deals",
        "deals, newest first",
        endpoints.deals,
        lists=DealRow,
        channel="trade_updates",
        parameters=_TRADED,
        may_fail=_STORE,
    ),
    _read(
        "equity",
        "equity",
        "balance and equity of one subject over time",
        endpoints.equity,
        answers=Curve,
        channel="ea_updates",
        parameters=(
            *_SUBJECT,
            _time("from", "from this time on; a day before the end, where left out"),
            _time("until", "until this time; now, where left out"),
            _whole("points", "how many points at most", low=2, high=5000, default=500),
        ),
        may_fail=(*_STORE, ProblemKind.not_found),
    ),
    _read(
        "statistics",
        "statistics",
        "the figures of one subject",
        endpoints.statistics,
        answers=Figures,
        channel="ea_updates",
        parameters=_SUBJECT,
        may_fail=(ProblemKind.not_found,),
    ),
    _read(
        "alerts",
        "alerts",
        "alerts, newest first",
        endpoints.alerts,
        lists=AlertRow,
        channel="alerts",
        parameters=(
            _text(
                "status",
                "that are this; open are all that are not cleared",
                choices=("open", "raised", "acknowledged", "cleared"),
            ),
            *_PAGED_BY_ID,
        ),
        may_fail=_STORE,
    ),
    Route(
        method="POST",
        path="/api/v1/alerts/{alert_id}/ack",
        name="acknowledge",
        summary="acknowledge an open alert; the answer is the alert",
        endpoint=endpoints.acknowledge,
        answers=AlertRow,
        channel="alerts",
        right=Right.acknowledge,
        parameters=(_whole("alert_id", "its id", in_path=True),),
        may_fail=(ProblemKind.not_found, ProblemKind.store_unavailable),
    ),
    _read(
        "news",
        "news",
        "calendar events, in order of time",
        endpoints.news,
        lists=NewsRow,
        channel="news_updates",
        parameters=(
            _time("from", "from this time on; a day ago, where left out"),
            _time("until", "until this time; in a week, where left out"),
            _LIMIT,
        ),
        may_fail=_STORE,
    ),
    Route(
        method="POST",
        path="/api/v1/commands",
        name="command",
        summary="give a command to an expert, an account, a group, a strategy or all; the answer is on disk",
        endpoint=endpoints.command,
        answers=CommandResponseData,
        right=Right.command,
        body=Body(form=CommandData, limit="body_bytes_max"),
        may_fail=_COMMANDED,
    ),
    _read(
        "commands",
        "commands",
        "commands, newest first",
        endpoints.commands,
        lists=CommandRow,
        channel="command_updates",
        parameters=(
            _EA_ID,
            _text("parent_id", "that are parts of this command", high=64),
            _text("parts", "no leaves out parts of commands for several experts", choices=("yes", "no")),
            _text("status", "that are this; open are all that are under way", choices=("open", *_STATUS)),
            _text("command", "of this name", high=64),
            _text("by", "that this token asked for", high=64),
            _time("from", "issued from this time on"),
            _time("until", "issued until this time"),
            *_PAGED_BY_ID,
        ),
        may_fail=_STORE,
    ),
    _read(
        "commands/{command_id}",
        "one_command",
        "one command",
        endpoints.one_command,
        answers=CommandRow,
        channel="command_updates",
        parameters=(_COMMAND_ID,),
        may_fail=(ProblemKind.not_found, ProblemKind.store_unavailable),
    ),
    Route(
        method="POST",
        path="/api/v1/commands/{command_id}/cancel",
        name="cancel",
        summary="take a command back that no expert has been given yet",
        endpoint=endpoints.cancel,
        answers=CommandResponseData,
        right=Right.command,
        parameters=(_COMMAND_ID,),
        body=Body(form=CancelBody, limit="body_bytes_max"),
        may_fail=_COMMANDED,
    ),
    _read(
        "audit",
        "audit",
        "who did what, when, from where and why, newest first; for admins",
        endpoints.audit,
        lists=AuditedRow,
        right=Right.read_audit,
        in_parts=False,
        parameters=(
            _text("subject", "about this command or token; the parts of a command with it", high=80),
            _text("who", "that this token, expert (like EA 1007) or the server did", high=80),
            *_PAGED_BY_ID,
        ),
        may_fail=_STORE,
    ),
    _read(
        "prices",
        "prices",
        "prices",
        endpoints.prices,
        lists=PriceRow,
        channel="price_updates",
        parameters=(_SYMBOL, *_PAGED),
    ),
    _read(
        "clients",
        "clients",
        "who is connected by WebSocket",
        endpoints.clients,
        lists=ClientInfo,
        parameters=_PAGED,
        right=Right.see_clients,
        in_parts=False,
        tagged=False,
        may_fail=(),
    ),
    _read(
        "tokens",
        "tokens",
        "tokens, oldest first; never the tokens themselves",
        endpoints.tokens,
        lists=TokenRow,
        parameters=_PAGED,
        right=Right.manage_tokens,
        in_parts=False,
        tagged=False,
    ),
    Route(
        method="POST",
        path="/api/v1/tokens",
        name="create_token",
        summary="make a token; this answer alone holds it",
        endpoint=endpoints.create_token,
        answers=IssuedToken,
        body=Body(form=TokenRequest, limit="body_bytes_max"),
        **_TOKENS,
    ),
    Route(
        method="POST",
        path="/api/v1/tokens/{token_id}/rotate",
        name="rotate_token",
        summary="give a token another secret; this answer alone holds it",
        endpoint=endpoints.rotate_token,
        answers=IssuedToken,
        parameters=(_TOKEN_ID,),
        body=Body(form=RotateRequest, limit="body_bytes_max"),
        **_TOKENS,
    ),
    Route(
        method="POST",
        path="/api/v1/tokens/{token_id}/revoke",
        name="revoke_token",
        summary="let a token count no more, and close the sessions that it has opened",
        endpoint=endpoints.revoke_token,
        answers=TokenRow,
        parameters=(_TOKEN_ID,),
        **_TOKENS,
    ),
    Route(
        method="POST",
        path="/api/v1/publish",
        name="publish",
        summary="tell something to all who subscribed to a channel",
        endpoint=endpoints.publish,
        answers=PublishResponseData,
        right=Right.publish,
        body=Body(form=PublishBody, limit="body_bytes_max"),
        may_fail=(ProblemKind.invalid_data,),
    ),
    Route(
        method="POST",
        path="/api/v1/ticket",
        name="ticket",
        summary="a ticket to open a WebSocket with, where the token can't be sent: good once, for half a minute",
        endpoint=endpoints.ticket,
        answers=TicketBody,
        right=Right.hear,
    ),
    Route(
        path="/api/v1/ea/report",
        name="report",
        summary="report what a terminal knows; the answer brings commands and says when to report again",
        **_REPORT,
    ),
    Route(path="/api/v1/report", name="report_alias", summary="the same as /api/v1/ea/report", **_REPORT),
)


class Routes:
    """Finds the route of a request.

    Args:
        table: all routes.
    """

    def __init__(self, table: tuple[Route, ...]) -> None:
        self._plain: dict[str, dict[str, Route]] = {}
        patterns: dict[str, dict[str, Route]] = {}
        for route in table:
            (patterns if "{" in route.path else self._plain).setdefault(route.path, {})[route.method] = route
        self._patterns = [(_pattern(path), methods) for path, methods in patterns.items()]

    def at(self, path: str) -> tuple[dict[str, Route], dict[str, str]]:
        """Find what is at a path: by method, and the texts of its parameters; nothing where nothing is."""
        methods = self._plain.get(path)
        if methods is not None:
            return methods, {}
        for pattern, found in self._patterns:
            match = pattern.fullmatch(path)
            if match is not None:
                return found, {name: unquote(text) for name, text in match.groupdict().items()}
        return {}, {}


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]{1,256})", re.escape(path)))


def allowed(methods: dict[str, Route]) -> str:
    """Write `Allow` for what is at a path."""
    listed = [*methods, "HEAD"] if "GET" in methods else [*methods]
    return ", ".join([*listed, "OPTIONS"])
