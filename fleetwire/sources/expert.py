"""What experts say: the body of a report over HTTP or in a file, and a message over the socket, as facts.

A body that is no report is refused whole. One wrong element of a list is refused by itself, and the rest is taken; but
of the account's `positions` all are taken or none: what such a list leaves out would count as closed.
"""

import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from msgspec.json import Decoder

from fleetwire.fleet.events import (
    Account,
    AccountPositions,
    CommandAck,
    Deal,
    DealReport,
    ExpertId,
    ExpertReport,
    Fact,
    NewsEvent,
    Position,
    PriceReport,
    Terminal,
)
from fleetwire.wire.costly import why_costly
from fleetwire.wire.errors import DataError
from fleetwire.wire.moment import read_utc

BODY_BYTES_MAX: Final = 2**20
REFUSED_MAX: Final = 100  # elements; with more, the whole body is refused

_SPEAKABLE: Final = Account | AccountPositions | ExpertReport | DealReport | NewsEvent | PriceReport | CommandAck
_Element = TypeVar("_Element")


class ReportBody(Struct, frozen=True, kw_only=True):
    """A report, each part complete by itself: what the body says once (the account, the terminal) stands in each.

    `refused` has an entry for each element that was not taken: `where` it stands, and the `error`.
    """

    account: Account | None = None
    prices: list[PriceReport] = []
    deals: list[DealReport] = []
    positions: AccountPositions | None = None
    experts: list[ExpertReport] = []
    events: list[NewsEvent] = []
    acks: list[CommandAck] = []
    refused: list[dict[str, Any]] = []


def read_report(body: bytes) -> ReportBody:
    """Read the body of a report: a JSON object with any of the fields of `_Body`.

    Args:
        body: UTF-8; a byte order mark before it and zeros behind it (MQL5's StringToCharArray) do not matter.

    Raises:
        DataError: it is no report, or so much of it is wrong that nothing was taken; the text says what and where.
    """
    if len(body) > BODY_BYTES_MAX:
        raise DataError(f"the report is longer than {BODY_BYTES_MAX // 1024:,} KiB: send it in parts")
    text = body.rstrip(b"\0").removeprefix(b"\xef\xbb\xbf")
    why = why_costly(text)
    if why is not None:
        raise DataError(f"the report {why}")
    if not text.strip():
        raise DataError("the report is empty")
    return _Completion(_decoded(_body, text, "")).report()


def facts_of(body: ReportBody) -> list[Fact]:
    """List the facts of a report in the order in which they have to be taken.

    The account and prices come before what is valued by them, deals before the positions that they left, experts before
    what they say of commands.
    """
    first: list[Fact] = [] if body.account is None else [body.account]
    full: list[Fact] = [] if body.positions is None else [body.positions]
    return [*first, *body.prices, *body.deals, *full, *body.experts, *body.acks, *body.events]


def read_facts(body: bytes) -> tuple[list[Fact], list[dict[str, Any]]]:
    """Read a report's facts, and what was refused of it.

    Raises:
        DataError: it is no report.
    """
    report = read_report(body)
    return facts_of(report), report.refused


def fact_of(kind: str, data: dict[str, Any]) -> Fact:
    """Make a fact of what came over the socket.

    Args:
        kind: the message's type: `ea_report`, `account_report`, `positions_report`, `deal`, `news_report`,
            `price_report` or `command_ack`.
        data: the message's data, decoded.

    Raises:
        DataError: it has not the fields of its kind; the text says which.
    """
    try:
        fact: Fact = msgspec.convert({**data, "type": kind}, _SPEAKABLE)
    except msgspec.ValidationError as error:
        raise DataError(f"{kind}: {_said(error, '')}") from None
    if isinstance(fact, NewsEvent):
        _check_time(fact, kind)
    if isinstance(fact, DealReport) and fact.expert is None:
        _check_account(fact, kind)
    return fact


# ---------------------------------------------------------------------------------------------------------- the form


class _Who(ExpertId, frozen=True, kw_only=True):
    """An expert in a body whose account is known may leave it out."""

    server: Annotated[str, Meta(max_length=128)] = ""
    login: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


_NOT_TOLD: Final = (Position(ticket=0, time_msc=0, type="", volume=0, price_open=0, symbol=""),)  # told apart from []


class _Expert(ExpertReport, frozen=True, kw_only=True):
    expert: _Who
    positions: tuple[Position, ...] | None = _NOT_TOLD


class _Price(PriceReport, frozen=True, kw_only=True):
    server: Annotated[str, Meta(max_length=128)] = ""


class _Wrapped(Struct, frozen=True, kw_only=True):
    """A deal with the word of whose it is; an element without `deal` is a deal itself."""

    deal: Raw | UnsetType = UNSET
    expert: _Who | None = None
    ea_id: Annotated[int, Meta(gt=0, le=2**63 - 1)] | None = None
    server: Annotated[str, Meta(max_length=128)] = ""
    login: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


class _Body(Struct, frozen=True, kw_only=True):
    account: Account | None = None
    terminal: Terminal | None = None
    experts: list[Raw] | UnsetType = UNSET
    positions: Raw | UnsetType = UNSET
    deals: Raw | UnsetType = UNSET
    events: list[Raw] | UnsetType = UNSET
    prices: list[Raw] | UnsetType = UNSET
    acks: list[Raw] | UnsetType = UNSET


_body: Final = Decoder(_Body)
_expert: Final = Decoder(_Expert)
_positions: Final = Decoder(tuple[Position, ...])
_wrapped: Final = Decoder(_Wrapped)
_deal: Final = Decoder(Deal)
_plain_deals: Final = Decoder(list[Deal])
_elements: Final = Decoder(list[Raw])
_event: Final = Decoder(NewsEvent)
_price: Final = Decoder(_Price)
_ack: Final = Decoder(CommandAck)


class _Completion:
    """Takes a body apart, element by element, and writes into each what the body says once.

    Args:
        body: as it came.
    """

    def __init__(self, body: _Body) -> None:
        if body == _Body():
            raise DataError(f"the report has none of {', '.join(_Body.__struct_fields__)}")
        self._body = body
        self._account = body.account
        if self._account is not None and self._account.terminal is None:
            self._account = msgspec.structs.replace(self._account, terminal=body.terminal)
        self._refused: list[dict[str, Any]] = []

    def report(self) -> ReportBody:
        """Give what can be taken.

        Raises:
            DataError: too much of it can't.
        """
        body = self._body
        return ReportBody(
            account=self._account,
            prices=list(self._each("prices", body.prices, self._price)),
            deals=self._deals(),
            positions=next(self._each("positions", body.positions, self._positions), None),
            experts=list(self._each("experts", body.experts, self._expert)),
            events=list(self._each("events", body.events, self._event)),
            acks=list(self._each("acks", body.acks, lambda raw, where: _decoded(_ack, raw, where))),
            refused=self._refused,
        )

    def _deals(self) -> list[DealReport]:
        """Read the deals: all at once where they are the account's, as most often, else one by one."""
        told = self._body.deals
        if isinstance(told, UnsetType):
            return []
        if self._account is not None:
            server, login = self._account.server, self._account.login
            try:
                plain = _plain_deals.decode(told)
            except (
                msgspec.DecodeError,
                ValueError,
                RecursionError,
            ):  # something in it is wrong, or of an expert: what, will show
                pass
            else:
                return [DealReport(server=server, login=login, deal=deal) for deal in plain]
        return list(self._each("deals", _decoded(_elements, told, "deals"), self._deal))

    def _each(
        self, name: str, told: list[Raw] | Raw | UnsetType, read: Callable[[Raw, str], _Element]
    ) -> Iterator[_Element]:
        """Read the elements of a list, or the one that is told whole; note those that are refused."""
        if isinstance(told, UnsetType):
            return
        for where, raw in [(name, told)] if isinstance(told, Raw) else self._places(name, told):
            try:
                yield read(raw, where)
            except DataError as error:
                if len(self._refused) == REFUSED_MAX:
                    raise DataError(
                        f"more than {REFUSED_MAX} elements are wrong, nothing was taken; the last was {error}"
                    ) from None
                self._refused.append({"where": where, "error": str(error)})

    @staticmethod
    def _places(name: str, told: list[Raw]) -> Iterator[tuple[str, Raw]]:
        return ((f"{name}[{index}]", raw) for index, raw in enumerate(told))

    def _price(self, raw: Raw, where: str) -> PriceReport:
        price = _decoded(_price, raw, where)
        server = price.server or (self._account.server if self._account else "")
        if not server:
            raise DataError(f"{where}.server: is missing, and the report has no account that tells it")
        return PriceReport(**{**msgspec.structs.asdict(price), "server": server})

    def _deal(self, raw: Raw, where: str) -> DealReport:
        wrapped = _decoded(_wrapped, raw, where)
        if isinstance(wrapped.deal, UnsetType):
            found = DealReport(deal=_decoded(_deal, raw, where))
        else:
            found = DealReport(
                expert=None if wrapped.expert is None else self._identity(wrapped.expert, where),
                ea_id=wrapped.ea_id,
                server=wrapped.server,
                login=wrapped.login,
                deal=_decoded(_deal, wrapped.deal, f"{where}.deal"),
            )
        if found.expert is None and not (found.server or found.login) and self._account is not None:
            found = DealReport(server=self._account.server, login=self._account.login, deal=found.deal)
        if found.expert is None:
            _check_account(found, where)
        return found

    def _positions(self, raw: Raw, where: str) -> AccountPositions:
        positions = _decoded(_positions, raw, where)
        if self._account is None:
            raise DataError(f"{where}: the report has no account that they are of")
        return AccountPositions(server=self._account.server, login=self._account.login, positions=positions)

    def _expert(self, raw: Raw, where: str) -> ExpertReport:
        told = _decoded(_expert, raw, where)
        fields = msgspec.structs.asdict(told)
        fields["expert"] = self._identity(told.expert, where)
        if told.positions is _NOT_TOLD:
            fields["positions"] = None if self._tells_positions_of(fields["expert"]) else ()
        if told.terminal is None:
            fields["terminal"] = self._body.terminal
        return ExpertReport(**fields)

    def _tells_positions_of(self, expert: ExpertId) -> bool:
        """Whether the body lists the positions of an expert's account; also if that list was refused."""
        account = self._account
        if isinstance(self._body.positions, UnsetType):
            return False
        return account is None or (account.server, account.login) == (expert.server, expert.login)

    def _identity(self, who: _Who, where: str) -> ExpertId:
        server, login = who.server, who.login
        if not server and not login and self._account is not None:
            server, login = self._account.server, self._account.login
        for name, value in (("server", server), ("login", login)):
            if not value:
                raise DataError(f"{where}.expert.{name}: is missing, and the report has no account that tells it")
        return ExpertId(server, login, who.magic, who.symbol, who.name)

    def _event(self, raw: Raw, where: str) -> NewsEvent:
        event = _decoded(_event, raw, where)
        if event.time_msc is not None and not event.server and self._account is not None:
            event = msgspec.structs.replace(event, server=self._account.server, login=self._account.login)
        _check_time(event, where)
        return event


def _check_time(event: NewsEvent, where: str) -> None:
    """Refuse an event that does not tell when it is."""
    if event.time_utc:
        try:
            read_utc(event.time_utc)
        except (ValueError, OverflowError):
            raise DataError(f"{where}.time_utc: is no ISO 8601 time, like 2026-12-04T13:30:00Z") from None
    elif event.time_msc is None:
        raise DataError(f"{where}: has no time: give time_utc, or time_msc by the trade server's clock")
    elif not event.server:
        raise DataError(f"{where}.server: is missing: whose clock is time_msc by?")


def _check_account(report: DealReport, where: str) -> None:
    """Refuse a deal of which nobody knows the account."""
    for name, value in (("server", report.server), ("login", report.login)):
        if not value:
            raise DataError(f"{where}.{name}: is missing: whose deal is it?")


# --------------------------------------------------------------------------------------------------------- the errors


def _decoded(decoder: "Decoder[_Element]", text: bytes | Raw, where: str) -> _Element:
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        raise DataError(_said(error, where)) from None
    except RecursionError:
        wrong = "is nested too deeply"
    except UnicodeDecodeError:
        wrong = "is not UTF-8"
    except (msgspec.DecodeError, ValueError) as error:
        wrong = f"is no JSON: {str(error).removeprefix('JSON is malformed: ')}"
    raise DataError(f"{where or 'the report'}: {wrong}")


def _said(error: msgspec.ValidationError, where: str) -> str:
    """Say what is wrong: first where, then what."""
    text, _, path = str(error).partition(" - at `")
    place = where + path.rstrip("`").removeprefix("$").replace("[...]", "")
    missing = re.fullmatch(r"Object missing required field `(\w+)`", text)
    if missing:
        place, text = f"{place}.{missing[1]}", "is missing"
    for pattern, said in _SENTENCES:
        text = re.sub(pattern, said, text)
    text = text.replace("`", "")
    return f"{place.removeprefix('.')}: {text}" if place else f"the report: {text}"


_SENTENCES: Final[tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]] = (
    (r"^Expected `\w+` matching regex '\^\((.*)\)\$'$", lambda found: f"must be {_one_of(found[1].split('|'))}"),
    (r"^Expected `(?:int|float)` ([<>]=?) (-?[\d.e+]+?)(?:\.0)?$", r"must be \1 \2"),
    (r"^Expected `str` of length >= (\d+)$", r"must not be empty"),
    (r"^Expected `str` of length <= (\d+)$", r"must have at most \1 characters"),
    (r"^Expected `(.*)`, got `(.*)`$", lambda found: f"must be {_kinds(found[1])}, not {_kinds(found[2])}"),
    (r"^Number out of range$|^Integer value out of range$", "is too large a number"),
    (r"(?s)^Invalid value .*$", "is not known here"),
)
_KINDS: Final = {
    "object": "an object",
    "array": "a list",
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
}


def _kinds(names: str) -> str:
    return _one_of([_KINDS.get(name, name) for name in names.split(" | ")])


def _one_of(names: list[str]) -> str:
    *others, last = [name or "empty" for name in names]
    return f"{', '.join(others)} or {last}" if others else last
