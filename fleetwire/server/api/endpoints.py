"""What each endpoint does: parameters in, an answer out."""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from fleetwire.hub.session import published_labels
from fleetwire.ports import AuditQuery, CommandQuery, ExpertQuery, Readiness, TradeQuery
from fleetwire.server.api.answers import from_memory, from_store, page, rows
from fleetwire.server.api.bodies import CancelBody, Curve, Figures, Health, PublishBody, TicketBody
from fleetwire.server.api.exchange import Answer, Call
from fleetwire.server.api.problem import Problem, ProblemKind
from fleetwire.server.clients import client_info
from fleetwire.server.metrics import CONTENT_TYPE
from fleetwire.version import __version__
from fleetwire.wire.channels import CHANNEL_BY_NAME
from fleetwire.wire.costly import why_costly
from fleetwire.wire.labels import account_label, may_see
from fleetwire.wire.messages import CommandData, PublishResponseData
from fleetwire.wire.moment import utc_text
from fleetwire.wire.rows import Page, TerminalRow
from fleetwire.wire.signature import new_token
from fleetwire.wire.tokens import NOBODY, Commander, IssuedToken, RotateRequest, TokenRequest
from fleetwire.wire.twice import named_twice

_DAY_MS = 86_400_000
Asked = TypeVar("Asked")
_publish_decoder = msgspec.json.Decoder(PublishBody)
_command_decoder = msgspec.json.Decoder(CommandData)
_cancel_decoder = msgspec.json.Decoder(CancelBody)
_token_decoder = msgspec.json.Decoder(TokenRequest)
_rotate_decoder = msgspec.json.Decoder(RotateRequest)

# ------------------------------------------------------------------------------------------------------- the server's


def health(call: Call) -> Answer:
    """Answer at all."""
    return rows(call, Health(version=__version__))


def readiness(call: Call) -> Answer:
    """Tell whether it can do its work; a server without a fleet can."""
    desk = call.office.desk
    found = desk.ready() if desk is not None else Readiness(ready=True, checks={"fleet": "none is kept here"})
    answer = rows(call, found)
    answer.status = 200 if found.ready else 503
    return answer


def metrics(call: Call) -> Answer:
    """Tell what is counted."""
    return Answer(body=call.office.metrics().encode(), media=CONTENT_TYPE)


def clients(call: Call) -> Answer:
    """List who is connected; only those of the page are described, since there may be many."""
    here = [session for session in call.office.sessions() if not session.closing]
    found = page(here, lambda one: (one.connected_at, one.client_id), call.asked["limit"], call.asked["cursor"])
    described = [client_info(session) for session in found.items]
    return rows(call, Page(items=described, total=found.total, next=found.next))


def ticket(call: Call) -> Answer:
    """Give a ticket to whoever has shown its token."""
    assert call.identity is not None  # noqa: S101  (told to the type checker: the route needs a right)
    house, made = call.office.house, new_token()
    house.guard.tickets.give(made, call.identity, call.office.clock.monotonic())
    answer = rows(call, TicketBody(ticket=made, expires_in_s=house.limits.ticket_s))
    answer.headers["Cache-Control"] = "no-store"
    return answer


def publish(call: Call) -> Answer:
    """Tell all who subscribed to a channel."""
    why = why_costly(call.body)
    if why is not None:
        raise Problem(ProblemKind.malformed_json, f"the body {why}")
    asked = _read_body(_publish_decoder, call.body)
    identity = call.identity
    if identity is None:
        raise Problem(ProblemKind.not_authenticated, "publishing needs a token")
    channel = CHANNEL_BY_NAME.get(asked.channel)
    if channel is None:
        text = f"no channel {asked.channel!r:.60}: there are {', '.join(CHANNEL_BY_NAME)}"
        raise Problem(ProblemKind.invalid_data, text)
    office = call.office
    now, utc = office.clock.monotonic(), office.clock.utc()
    hub = office.house.hub
    labels = published_labels(hub, identity, channel, asked.data, asked.key)
    entry = hub.publish(channel.type, asked.data, now=now, timestamp=utc, key=asked.key, labels=labels)
    office.published()
    data = PublishResponseData(status="published", channel=channel.name, position=entry.position, seq=entry.seq or None)
    return rows(call, data)


def _read_body(decoder: "msgspec.json.Decoder[Asked]", body: bytes) -> Asked:
    try:
        asked = decoder.decode(body)
    except (ValueError, RecursionError) as error:  # msgspec's errors and UnicodeDecodeError are ValueErrors
        raise Problem(ProblemKind.malformed_json, _why(error)) from None
    name = None if decoder is _publish_decoder else named_twice(body)  # what is published is passed on as it is
    if name is not None:
        raise Problem(ProblemKind.malformed_json, f"{name!r:.60} stands there twice: say it once")
    return asked


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply: no body needs that"
    return f"{str(error).replace('`', '').rstrip('.')}: the body is one JSON object, in UTF-8"


# --------------------------------------------------------------------------------------------------- from memory


def fleet(call: Call) -> Answer:
    """Give everything at a glance."""
    return from_memory(call, call.office.fleet.fleet)


def accounts(call: Call) -> Answer:
    """List accounts."""

    def found() -> Page:
        listed = call.office.fleet.fleet().accounts
        seen = [row for row in listed if may_see(call.scope, (account_label(row.account),))]
        return _page(call, seen, lambda row: (row.server, row.login))

    return from_memory(call, found)


def terminals(call: Call) -> Answer:
    """List terminals."""

    def found() -> Page:
        listed: Iterable[TerminalRow] = call.office.fleet.fleet().terminals
        listed = [row for row in listed if may_see(call.scope, (account_label(row.account),))]
        if call.asked["account"] is not None:
            listed = [row for row in listed if row.account == _account(call)]
        return _page(call, listed, lambda row: (row.account, row.terminal))

    return from_memory(call, found)


def experts(call: Call) -> Answer:
    """List experts."""
    asked = dict(call.asked)
    query = ExpertQuery(after=asked.pop("cursor"), **asked)
    return from_memory(call, lambda: call.office.fleet.experts(query, call.scope))


def sparklines(call: Call) -> Answer:
    """Give what experts have earned in the last minutes."""
    return rows(call, call.office.fleet.sparklines(call.scope))


def expert(call: Call) -> Answer:
    """Give one expert."""
    ea_id = call.asked["ea_id"]

    def found() -> Any:
        row = call.office.fleet.expert(ea_id, call.scope)
        if row is None:
            raise Problem(ProblemKind.not_found, f"there is no expert {ea_id}: /api/v1/experts lists those there are")
        return row

    return from_memory(call, found)


def positions(call: Call) -> Answer:
    """List open positions."""
    asked = call.asked

    def found() -> Page:
        all_of_them = call.office.fleet.positions(asked["ea_id"], asked["account"], asked["symbol"], call.scope).items
        return _page(call, all_of_them, lambda row: (row.account, row.ticket))

    return from_memory(call, found)


def prices(call: Call) -> Answer:
    """List prices."""

    def found() -> Page:
        all_of_them = call.office.fleet.prices(call.asked["symbol"]).items
        return _page(call, all_of_them, lambda row: (row.server, row.symbol))

    return from_memory(call, found)


def statistics(call: Call) -> Answer:
    """Give the figures of a subject."""
    subject = _subject(call)

    def found() -> Figures:
        figures = call.office.fleet.statistics(subject, call.scope)
        if figures is None:
            raise Problem(ProblemKind.not_found, f"nothing is known of {subject}: /api/v1/fleet lists what there is")
        return Figures(subject=subject, statistics=figures)

    return from_memory(call, found)


# ------------------------------------------------------------------------------------------------------ from the store


async def trades(call: Call) -> Answer:
    """List trades."""
    return from_store(call, await call.office.fleet.trades(_trade_query(call), call.scope, call.asked["strategy"]))


async def deals(call: Call) -> Answer:
    """List deals."""
    return from_store(call, await call.office.fleet.deals(_trade_query(call), call.scope))


async def equity(call: Call) -> Answer:
    """Give a curve."""
    subject, (from_ms, until_ms) = _subject(call), _span(call, before_ms=_DAY_MS, after_ms=0)
    points = await call.office.fleet.equity(subject, from_ms, until_ms, call.asked["points"], call.scope)
    curve = Curve(subject=subject, from_utc=utc_text(from_ms), until_utc=utc_text(until_ms), points=points)
    return from_store(call, curve)


async def alerts(call: Call) -> Answer:
    """List alerts."""
    asked = call.asked
    desk = call.office.fleet
    return from_store(call, await desk.alerts(asked["status"], asked["cursor"], asked["limit"], call.scope))


async def acknowledge(call: Call) -> Answer:
    """Acknowledge an alert."""
    return rows(call, await call.office.fleet.acknowledge(call.asked["alert_id"], call.by, call.scope))


async def news(call: Call) -> Answer:
    """List calendar events."""
    from_ms, until_ms = _span(call, before_ms=_DAY_MS, after_ms=7 * _DAY_MS)
    return from_store(call, await call.office.fleet.news(from_ms, until_ms, call.asked["limit"]))


async def command(call: Call) -> Answer:
    """Give a command; the answer is on disk."""
    asked = _read_order(_command_decoder, call)
    return rows(call, await call.office.fleet.command(asked, _asks(call), call.address))


async def cancel(call: Call) -> Answer:
    """Take a command back."""
    asked = _read_order(_cancel_decoder, call)
    fleet = call.office.fleet
    return rows(call, await fleet.cancel(call.asked["command_id"], asked.reason, _asks(call), call.address))


def _read_order(decoder: "msgspec.json.Decoder[Asked]", call: Call) -> Asked:
    """Read what somebody orders; what can't be read is not refused without a trace."""
    try:
        return _read_body(decoder, call.body)
    except Problem as problem:
        call.office.fleet.refuse("command over HTTP", call.by, call.address, problem.detail)
        raise


async def commands(call: Call) -> Answer:
    """List commands."""
    asked = dict(call.asked)
    from_ms, until_ms = asked.pop("from"), asked.pop("until")
    if from_ms is not None and until_ms is not None:
        _check_order(from_ms, until_ms)
    parts = asked.pop("parts") != "no"
    query = CommandQuery(parts=parts, from_ms=from_ms, until_ms=until_ms, before=asked.pop("cursor"), **asked)
    return from_store(call, await call.office.fleet.commands(query, _reads(call)))


async def one_command(call: Call) -> Answer:
    """Give one command."""
    command_id = call.asked["command_id"]
    row = await call.office.fleet.find_command(command_id, _reads(call))
    if row is None:
        raise Problem(ProblemKind.not_found, f"there is no command {command_id!r:.80}: /api/v1/commands lists them")
    return from_store(call, row)


async def audit(call: Call) -> Answer:
    """List rows of the audit."""
    asked = dict(call.asked)
    query = AuditQuery(before=asked.pop("cursor"), **asked)
    return from_store(call, await call.office.fleet.audit(query))


async def report(call: Call) -> Answer:
    """Take a report of a terminal, and tell what to do next."""
    try:
        reporter = call.identity.reporter if call.identity is not None else NOBODY
        return rows(call, await call.office.fleet.report(call.body, reporter))
    except RecursionError as error:
        raise Problem(ProblemKind.malformed_json, _why(error)) from None


# -------------------------------------------------------------------------------------------------------------- tokens


def tokens(call: Call) -> Answer:
    """List tokens."""
    return rows(call, _page(call, call.office.token_desk.listed(), lambda row: (row.created_at, row.token_id)))


async def create_token(call: Call) -> Answer:
    """Make a token."""
    request = _read_body(_token_decoder, call.body)
    return _secret(call, await call.office.token_desk.create(request, call.by, call.address))


async def rotate_token(call: Call) -> Answer:
    """Give a token another secret."""
    request = _read_body(_rotate_decoder, call.body)
    return _secret(
        call, await call.office.token_desk.rotate(call.asked["token_id"], request.overlap_s, call.by, call.address)
    )


async def revoke_token(call: Call) -> Answer:
    """Let a token count no more."""
    return rows(call, await call.office.token_desk.revoke(call.asked["token_id"], call.by, call.address))


def _secret(call: Call, issued: IssuedToken) -> Answer:
    """Answer with a token: nobody on the way may keep it."""
    return rows(call, issued, {"Cache-Control": "no-store"})


# -------------------------------------------------------------------------------------------------------- what is asked


def _asks(call: Call) -> Commander:
    """Tell what the caller may command."""
    return call.identity.asks if call.identity is not None else Commander()


def _reads(call: Call) -> Commander:
    """Tell whose commands the caller may read: its own, and those of its part."""
    return Commander(by=call.by, scope=call.scope)


def _page(call: Call, found: Iterable[Any], key: Any) -> Page:
    return page(list(found), key, call.asked["limit"], call.asked["cursor"])


def _account(call: Call) -> str:
    server, login = call.asked["account"]
    return f"{server}/{login}"


def _trade_query(call: Call) -> TradeQuery:
    asked = dict(call.asked)
    asked.pop("strategy", None)
    from_ms, until_ms = asked.pop("from"), asked.pop("until")
    if from_ms is not None and until_ms is not None:
        _check_order(from_ms, until_ms)
    return TradeQuery(from_ms=from_ms, until_ms=until_ms, before=asked.pop("cursor"), **asked)


def _span(call: Call, before_ms: int, after_ms: int) -> tuple[int, int]:
    """Read `from` and `until`; where one is missing, it is reckoned from now, or from the other."""
    now_ms = call.office.clock.moment().utc_ms
    from_ms, until_ms = call.asked["from"], call.asked["until"]
    if until_ms is None:
        until_ms = max(now_ms + after_ms, from_ms or 0)
    if from_ms is None:
        from_ms = max(0, min(now_ms, until_ms) - before_ms)
    _check_order(from_ms, until_ms)
    return from_ms, until_ms


def _check_order(from_ms: int, until_ms: int) -> None:
    if from_ms > until_ms:
        text = f"from ({utc_text(from_ms)}) is later than until ({utc_text(until_ms)}): swap them"
        raise Problem(ProblemKind.wrong_parameter, text)


def _subject(call: Call) -> str:
    """Name the subject of a curve or of figures."""
    asked = call.asked
    named = [name for name in ("ea_id", "account", "currency") if asked[name] is not None]
    if len(named) != 1:
        text = "name one subject: ea_id=1007, or account=Server/login, or currency=EUR"
        raise Problem(ProblemKind.wrong_parameter, text)
    if named == ["account"]:
        return f"account:{_account(call)}"
    return f"ea:{asked['ea_id']}" if named == ["ea_id"] else f"currency:{asked['currency']}"
