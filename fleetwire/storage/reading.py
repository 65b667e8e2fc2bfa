"""How lists are read: filters, pages, curves, and what a restart begins with."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from fleetwire.fleet.events import ExpertId
from fleetwire.ports import (
    CommandQuery,
    KeptAccount,
    KeptCommand,
    KeptDeal,
    KeptEvent,
    KeptExpert,
    KeptNews,
    KeptToken,
    Memory,
    TradeQuery,
)
from fleetwire.storage.cursor import Place, read_cursor, write_cursor
from fleetwire.storage.database import Connection, Line
from fleetwire.storage.deals import DEAL_COLUMNS, deal_of
from fleetwire.storage.retention import DAY_MS
from fleetwire.storage.trades import Trade, trade_row
from fleetwire.storage.writing import TIERS
from fleetwire.wire.audit import GENESIS, AuditHead, AuditRow
from fleetwire.wire.errors import DataError
from fleetwire.wire.moment import utc_text
from fleetwire.wire.rows import AlertRow, EquityPoint, Page, TradeRow
from fleetwire.wire.tokens import Token

LIMIT_MAX: Final = 10_000
"""The most that one page, or one curve, may have."""
DEALS_AT_ONCE: Final = 4096
_NEWS_BEFORE_MS: Final = 2 * DAY_MS  # what a restart begins with
_COMMANDS_SETTLED_MAX: Final = 20_000  # of what a restart begins with; by count, for the clock may have been set
_INTEGER_MAX: Final = 2**63 - 1

_TRADE_STATUS: Final = ("open", "closed")
_ALERT_STATUS: Final = ("open", "raised", "acknowledged", "cleared")

_DEALS: Final = f"SELECT time_utc_ms, account, ea_id, {DEAL_COLUMNS} FROM deals"  # noqa: S608
_TRADES: Final = f"SELECT last_utc_ms, account, position_id, {', '.join(Trade.__struct_fields__)} FROM trades"  # noqa: S608

_COMMANDS: Final = """SELECT command_id, number, parent_id, ea_id, command, status, operator, issued_ms, settled_ms,
    memory FROM commands"""
_CHILDREN_OF_OPEN: Final = """WHERE settled_ms IS NOT NULL AND parent_id <> ''
    AND parent_id IN (SELECT command_id FROM commands WHERE settled_ms IS NULL AND ea_id IS NULL)"""


class Reading:
    """Reads; it remembers the names of the accounts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._names: dict[int, tuple[str, int]] = {}

    # --------------------------------------------------------------------------------------------------------- deals

    def deals_in_order(self, after: Place | None) -> list[Line]:
        """Read deals in order of (time_utc_ms, account's number, ticket), up to `DEALS_AT_ONCE`.

        Returns:
            (time_utc_ms, server, login, ticket, account's number, ea_id, all columns of the deal) of each.
        """
        beyond = "" if after is None else "WHERE (time_utc_ms, account, ticket) > (?, ?, ?)"
        found = self._connection.read(
            f"{_DEALS} {beyond} ORDER BY time_utc_ms, account, ticket LIMIT {DEALS_AT_ONCE}", after or ()
        )
        self._learn_names(found)
        names = self._names
        return [(line[0], *names[line[1]], line[3], *line[1:]) for line in found]

    def deals(self, query: TradeQuery) -> Page:
        """Read a page of deals, newest first.

        Raises:
            DataError: the query makes no sense.
        """
        if query.status is not None:
            raise DataError("status: deals have none; trades do")
        found, following = self._page("d", _DEALS, ("time_utc_ms", "account", "ticket"), query)
        return Page(items=[self._kept_deal(line) for line in found], next=following)

    def _kept_deal(self, line: Line) -> KeptDeal:
        time_utc_ms, account, ea_id, *deal = line
        return KeptDeal(*self._names[account], ea_id, time_utc_ms, deal_of(*deal))

    # -------------------------------------------------------------------------------------------------------- trades

    def trades(self, query: TradeQuery) -> Page:
        """Read a page of trades, newest first by their last deal.

        Raises:
            DataError: the query makes no sense.
        """
        if query.status is not None and query.status not in _TRADE_STATUS:
            raise DataError(f"status: {query.status[:40]!r} must be one of {', '.join(_TRADE_STATUS)}")
        found, following = self._page("t", _TRADES, ("last_utc_ms", "account", "position_id"), query)
        return Page(items=[self._trade_row(line) for line in found], next=following)

    def trade(self, account: tuple[str, int], position_id: int) -> TradeRow | None:
        """Read one trade."""
        found = self._page("t", _TRADES, (), TradeQuery(account=account, position_id=position_id, limit=1))[0]
        return self._trade_row(found[0]) if found else None

    def _trade_row(self, line: Line) -> TradeRow:
        _, account, position_id, *columns = line
        return trade_row(*self._names[account], position_id, Trade(*columns))

    # --------------------------------------------------------------------------------------------------------- pages

    def _page(self, kind: str, select: str, order: Sequence[str], query: TradeQuery) -> tuple[list[Line], str | None]:
        """Read a page of lines that begin with (time, account's number, ...).

        Returns:
            The lines, and the cursor of the page that follows.
        """
        check_limit("limit", query.limit)
        number = None
        if query.account is not None:
            number = self._account(*query.account)
            if number is None:
                return [], None
        conditions, values = _conditions(query, number, order[0] if order else "")
        if query.part is not None:
            numbers = [self._account(*account) for account in sorted(query.part.accounts)]
            condition, named = _of_part([one for one in numbers if one is not None], sorted(query.part.ea_ids))
            conditions.append(condition)
            values += named
        if query.before is not None:
            conditions.append(f"({', '.join(order)}) < (?, ?, ?)")
            values += read_cursor(kind, query.before)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        newest_first = f"ORDER BY {', '.join(f'{name} DESC' for name in order)}" if order else ""
        found = self._connection.read(f"{select} {where} {newest_first} LIMIT ?", [*values, query.limit + 1])
        self._learn_names(found)
        if len(found) <= query.limit:
            return found, None
        del found[query.limit :]
        number_at = 3 if kind == "d" else 2
        time, account = found[-1][:2]
        return found, write_cursor(kind, (time, account, found[-1][number_at]))

    def _account(self, server: str, login: int) -> int | None:
        found = self._connection.read("SELECT id FROM accounts WHERE server = ? AND login = ?", (server, login))
        return found[0][0] if found else None

    def _learn_names(self, lines: Sequence[Line]) -> None:
        """Read the names of all accounts if some of these lines belong to one that is not known yet."""
        if any(line[1] not in self._names for line in lines):
            self._names = {
                number: (server, login)
                for number, server, login in self._connection.read("SELECT id, server, login FROM accounts")
            }

    # -------------------------------------------------------------------------------------------------------- curves

    def equity(self, subject: str, from_ms: int, until_ms: int, points: int) -> list[EquityPoint]:
        """Read a curve from `from_ms` up to, and without, `until_ms`, from the finest tier that goes back so far.

        Raises:
            DataError: so many points can't be had.
        """
        check_limit("points", points)
        found = self._connection.read("SELECT id FROM subjects WHERE subject = ?", (subject,))
        if not found or until_ms <= from_ms:
            return []
        number = found[0][0]
        tier = self._finest_tier(number, from_ms)
        begin = from_ms - from_ms % tier
        # The points are spread over the time of which something is known, not over all that was asked for.
        first, last = self._connection.read(
            """SELECT min(utc_ms), max(utc_ms) FROM samples
            WHERE subject = ? AND tier = ? AND utc_ms >= ? AND utc_ms < ?""",
            (number, tier, begin, until_ms),
        )[0]
        if first is None:
            return []
        begin, until_ms = first, last + 1
        width = -(-(until_ms - begin) // points)
        lines = self._connection.read(
            """SELECT last.last_ms, last.balance, last.equity, stretch.lowest, stretch.highest
            FROM (SELECT max(utc_ms) AS newest, min(equity_min) AS lowest, max(equity_max) AS highest FROM samples
                WHERE subject = ? AND tier = ? AND utc_ms >= ? AND utc_ms < ? GROUP BY (utc_ms - ?) / ?) AS stretch
            JOIN samples AS last ON last.subject = ? AND last.tier = ? AND last.utc_ms = stretch.newest
            ORDER BY stretch.newest""",
            (number, tier, begin, until_ms, begin, width, number, tier),
        )
        return [
            EquityPoint(utc=utc_text(utc_ms), balance=balance, equity=equity, equity_min=lowest, equity_max=highest)
            for utc_ms, balance, equity, lowest, highest in lines
        ]

    def _finest_tier(self, subject: int, from_ms: int) -> int:
        """Find the finest tier that goes back to a moment, or at least as far as any other does."""
        begins = [
            self._connection.read("SELECT min(utc_ms) FROM samples WHERE subject = ? AND tier = ?", (subject, tier))
            for tier in TIERS
        ]
        known = {tier: found[0][0] for tier, found in zip(TIERS, begins, strict=True) if found[0][0] is not None}
        for tier, begin in known.items():
            coarser = [each for each in known if each > tier]
            if begin <= from_ms or all(begin - begin % each <= known[each] for each in coarser):
                return tier
        return TIERS[0]

    # ----------------------------------------------------------------------------------------------- alerts and news

    def alerts(self, status: str | None, before: int | None, limit: int) -> Page:
        """Read a page of alerts, newest first.

        Raises:
            DataError: there is no such status.
        """
        check_limit("limit", limit)
        if status is not None and status not in _ALERT_STATUS:
            raise DataError(f"status: {status[:40]!r} must be one of {', '.join(_ALERT_STATUS)}")
        values: list[Any] = [_INTEGER_MAX if before is None else before]
        which = ""
        if status == "open":
            which = "AND status <> 'cleared'"
        elif status is not None:
            which = "AND status = ?"
            values.append(status)
        found = self._connection.read(
            f"SELECT alert FROM alerts WHERE id < ? {which} ORDER BY id DESC LIMIT ?",  # noqa: S608
            [*values, limit + 1],
        )
        rows = [msgspec.json.decode(alert, type=AlertRow) for (alert,) in found[:limit]]
        return Page(items=rows, next=str(rows[-1].alert_id) if len(found) > limit else None)

    def news(self, from_ms: int, until_ms: int, limit: int) -> list[KeptNews]:
        """Read calendar events from `from_ms` up to, and without, `until_ms`."""
        check_limit("limit", limit)
        found = self._connection.read(
            """SELECT id, utc_ms, currency, importance, memory FROM news
            WHERE utc_ms >= ? AND utc_ms < ? ORDER BY utc_ms, id LIMIT ?""",
            (from_ms, until_ms, limit),
        )
        return [KeptNews(*line) for line in found]

    # ---------------------------------------------------------------------------------------------- commands and audit

    def commands(self, query: CommandQuery) -> Page:
        """Read a page of commands, newest first.

        Raises:
            DataError: the query makes no sense.
        """
        check_limit("limit", query.limit)
        conditions = ["number < ?"]
        values: list[Any] = [_INTEGER_MAX if query.before is None else query.before]
        if query.status == "open":
            conditions.append("settled_ms IS NULL")
        if not query.parts:
            conditions.append("parent_id = ''")
        for column, value in (
            ("ea_id = ?", query.ea_id),
            ("parent_id = ? AND parent_id <> ''", query.parent_id),
            ("status = ?", None if query.status == "open" else query.status),
            ("command = ?", query.command),
            ("operator = ?", query.by),
            ("issued_ms >= ?", query.from_ms),
            ("issued_ms < ?", query.until_ms),
        ):
            if value is not None:
                conditions.append(column)
                values.append(value)
        found = self._connection.read(
            f"{_COMMANDS} WHERE {' AND '.join(conditions)} ORDER BY number DESC LIMIT ?", [*values, query.limit + 1]
        )
        items = [KeptCommand(*line) for line in found[: query.limit]]
        return Page(items=items, next=str(items[-1].number) if len(found) > query.limit else None)

    def command(self, command_id: str) -> KeptCommand | None:
        """Read one command."""
        found = self._connection.read(f"{_COMMANDS} WHERE command_id = ?", (command_id,))
        return KeptCommand(*found[0]) if found else None

    def audit(self, after: int, limit: int) -> list[AuditRow]:
        """Read the audit, in order of numbers, from the row that follows `after`."""
        check_limit("limit", limit)
        found = self._connection.read(
            "SELECT entry FROM audit WHERE number > ? ORDER BY number LIMIT ?", (after, limit)
        )
        return [msgspec.json.decode(entry, type=AuditRow) for (entry,) in found]

    def audit_head(self) -> AuditHead:
        """Read where the audit ends."""
        found = self._connection.read("SELECT number, hash FROM audit_head")
        return AuditHead(*found[0]) if found else GENESIS

    def _commands_to_go_on_with(self) -> list[KeptCommand]:
        """Read what is under way, with its parents and children, and the newest of what settled lately."""
        read = self._connection.read
        found = read(f"{_COMMANDS} WHERE settled_ms IS NULL")
        found += read(f"{_COMMANDS} {_CHILDREN_OF_OPEN}")
        found += read(
            f"{_COMMANDS} WHERE settled_ms IS NOT NULL ORDER BY settled_ms DESC LIMIT {_COMMANDS_SETTLED_MAX}"
        )
        return [KeptCommand(*line) for line in {line[1]: line for line in found}.values()]

    # -------------------------------------------------------------------------------------------------------- memory

    def memory(self, events_max: int, now_ms: int) -> Memory:
        """Read what a restart begins with."""
        read = self._connection.read
        accounts = read("SELECT server, login, memory FROM accounts WHERE memory IS NOT NULL ORDER BY server, login")
        experts = read("SELECT ea_id, server, login, magic, symbol, name, memory FROM experts ORDER BY ea_id")
        alerts = read("SELECT alert FROM alerts WHERE status <> 'cleared' ORDER BY id")
        news = read(
            "SELECT id, utc_ms, currency, importance, memory FROM news WHERE utc_ms >= ? ORDER BY utc_ms, id",
            (now_ms - _NEWS_BEFORE_MS,),
        )
        tokens = read("SELECT token FROM tokens ORDER BY created_ms, id")
        return Memory(
            notes=dict(read("SELECT name, value FROM notes")),
            accounts=[KeptAccount(*line) for line in accounts],
            experts=[KeptExpert(ea_id, ExpertId(*expert), memory) for ea_id, *expert, memory in experts],
            events=self._newest_events(events_max),
            alerts=[msgspec.json.decode(alert, type=AlertRow) for (alert,) in alerts],
            last_alert_id=read("SELECT coalesce(max(id), 0) FROM alerts")[0][0],
            news=[KeptNews(*line) for line in news],
            commands=self._commands_to_go_on_with(),
            last_command_number=read("SELECT coalesce(max(number), 0) FROM commands")[0][0],
            audit_head=self.audit_head(),
            tokens=[KeptToken(msgspec.json.decode(token, type=Token)) for (token,) in tokens],
        )

    def _newest_events(self, events_max: int) -> list[KeptEvent]:
        found = [
            KeptEvent(of, position, seq, key, utc_ms, payload, _labels(labels))
            for channel in event_channels(self._connection)
            for of, position, seq, key, utc_ms, payload, labels in self._connection.read(
                """SELECT channel, position, seq, key, utc_ms, payload, labels FROM events WHERE channel = ?
                ORDER BY position DESC LIMIT ?""",
                (channel, events_max),
            )
        ]
        return sorted(found, key=lambda event: event.position)


def _labels(labels: str | None) -> frozenset[str] | None:
    return None if labels is None else msgspec.json.decode(labels, type=frozenset[str])


def event_channels(connection: Connection) -> Iterator[str]:
    """List the channels of which events are kept: a step through the index for each, however many events there are."""
    channel = ""
    while True:
        found = connection.read("SELECT min(channel) FROM events WHERE channel > ?", (channel,))
        channel = found[0][0]
        if channel is None:
            return
        yield channel


def check_limit(name: str, value: int) -> None:
    """Refuse what asks for nothing, or for too much.

    Raises:
        DataError: says which bound.
    """
    if not 1 <= value <= LIMIT_MAX:
        raise DataError(f"{name}: {value} must be from 1 to {LIMIT_MAX}")


def _of_part(accounts: Sequence[int], ea_ids: Sequence[int]) -> tuple[str, list[Any]]:
    """Write the condition that lets only one part of the fleet through."""
    either = [
        f"{column} IN ({', '.join('?' * len(listed))})"
        for column, listed in (("account + 0", accounts), ("ea_id + 0", ea_ids))
        if listed
    ]
    return (f"({' OR '.join(either)})" if either else "1 = 0"), [*accounts, *ea_ids]


def _conditions(query: TradeQuery, account: int | None, time: str) -> tuple[list[str], list[Any]]:
    """Write the conditions of a query, but for the cursor; times from `from_ms`, before `until_ms`.

    One of them leads, the one that leaves least: its index also has the order. The others are written as expressions,
    so that no planner without figures prefers their index.
    """
    is_open = "open" if query.status == "open" else None
    filters: tuple[tuple[str, str, int | str | None], ...] = (
        ("position_id", "position_id + 0", query.position_id),
        ("status", "status || ''", is_open),
        ("ea_id", "ea_id + 0", query.ea_id),
        ("account", "account + 0", account),
        ("symbol", "symbol || ''", query.symbol),
        ("status", "status || ''", query.status if is_open is None else None),
    )
    asked = [each for each in filters if each[2] is not None]
    conditions = [f"{masked if place else column} = ?" for place, (column, masked, _) in enumerate(asked)]
    values: list[Any] = [value for _, _, value in asked]
    for comparison, moment in ((">=", query.from_ms), ("<", query.until_ms)):
        if moment is not None:
            conditions.append(f"{time} {comparison} ?")
            values.append(moment)
    return conditions, values
