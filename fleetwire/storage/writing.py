"""How records become lines of tables; everything in the transaction of whoever calls."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from fleetwire.ports import (
    KeptAccount,
    KeptAlert,
    KeptAudit,
    KeptCommand,
    KeptDeal,
    KeptEvent,
    KeptExpert,
    KeptNews,
    KeptNote,
    KeptToken,
    Record,
    Sample,
)
from fleetwire.storage.database import Connection, RefusedError, read_pairs
from fleetwire.storage.deals import DEAL_COLUMNS, deal_of
from fleetwire.storage.retention import DAY_MS
from fleetwire.storage.trades import PositionDeal, Trade, trade_of
from fleetwire.wire.moment import read_utc

RAW, MINUTE, HOUR = 1, 60_000, DAY_MS // 24
TIERS: Final = (RAW, MINUTE, HOUR)
"""The stretches of time that samples are kept for, in milliseconds, finest first."""

_TRADE_COLUMNS: Final = ", ".join(Trade.__struct_fields__)

_ACCOUNT: Final = """INSERT INTO accounts (id, server, login, memory) VALUES (?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET memory = excluded.memory"""
_EXPERT_ELSEWHERE: Final = """DELETE FROM experts
    WHERE server = ? AND login = ? AND magic = ? AND symbol = ? AND name = ? AND ea_id <> ?"""
_NOTE: Final = """INSERT INTO notes (name, value) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value"""


def _upsert(table: str, key: str, columns: str) -> str:
    """Write the statement that inserts a line, or replaces that of the same key."""
    names = [name.strip() for name in columns.split(",")]
    keys = {name.strip() for name in key.split(",")}
    changed = ", ".join(f"{name} = excluded.{name}" for name in names if name not in keys)
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({columns}) VALUES ({marks}) ON CONFLICT ({key}) DO UPDATE SET {changed}"  # noqa: S608


_EXPERT: Final = _upsert("experts", "ea_id", "ea_id, server, login, magic, symbol, name, memory")
_DEAL: Final = _upsert("deals", "account, ticket", f"account, ea_id, time_utc_ms, {DEAL_COLUMNS}")
_TRADE: Final = _upsert("trades", "account, position_id", f"account, position_id, {_TRADE_COLUMNS}")
_EVENT: Final = _upsert("events", "channel, position", "channel, position, seq, key, utc_ms, payload, labels")
_TOKEN: Final = _upsert("tokens", "id", "id, created_ms, token")
_ALERT: Final = _upsert("alerts", "id", "id, status, cleared_ms, alert")
_COMMAND: Final = _upsert(
    "commands",
    "command_id",
    "command_id, number, parent_id, ea_id, command, status, operator, issued_ms, settled_ms, memory",
)
# Written again as it is, a row stays as it is; written differently, the database refuses.
_AUDIT: Final = """INSERT INTO audit (number, entry) VALUES (?, ?)
    ON CONFLICT (number) DO UPDATE SET entry = excluded.entry WHERE audit.entry <> excluded.entry"""
_AUDIT_HEAD: Final = _upsert("audit_head", "id", "id, number, hash")
_NEWS: Final = _upsert("news", "id", "id, utc_ms, currency, importance, memory")

# What came later in time is the last value, whatever came later here.
_SAMPLE: Final = """INSERT INTO samples (subject, tier, utc_ms, last_ms, balance, equity, equity_min, equity_max)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (subject, tier, utc_ms) DO UPDATE SET
    balance = CASE WHEN excluded.last_ms >= samples.last_ms THEN excluded.balance ELSE samples.balance END,
    equity = CASE WHEN excluded.last_ms >= samples.last_ms THEN excluded.equity ELSE samples.equity END,
    last_ms = CASE WHEN excluded.last_ms >= samples.last_ms THEN excluded.last_ms ELSE samples.last_ms END,
    equity_min = CASE WHEN excluded.equity_min < samples.equity_min THEN excluded.equity_min
        ELSE samples.equity_min END,
    equity_max = CASE WHEN excluded.equity_max > samples.equity_max THEN excluded.equity_max
        ELSE samples.equity_max END"""

_POSITIONS_OF_DEALS: Final = "SELECT account, position_id FROM deals WHERE (account, ticket) IN {pairs}"
DEALS_OF_POSITIONS: Final = (
    f"SELECT account, position_id, ea_id, time_utc_ms, {DEAL_COLUMNS} FROM deals "  # noqa: S608
    "WHERE (position_id, account) IN {pairs}"
)


class Writing:
    """Writes records. It remembers which number each account and subject has; `forget` after a rollback."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._accounts: dict[tuple[str, int], int] = {}
        self._subjects: dict[str, int] = {}

    def forget(self) -> None:
        """Remember no numbers: some may be of accounts that were not written."""
        self._accounts.clear()
        self._subjects.clear()

    def write(self, records: Iterable[Record]) -> None:
        """Write records; of those with the same key the last one stands.

        Raises:
            RefusedError: one of them is none, or has a number that no database keeps.
        """
        sorted_out: dict[Any, list[Any]] = {kind: [] for kind in self._kinds}
        for record in records:
            if type(record) not in sorted_out:
                raise RefusedError(f"a {type(record).__name__} can't be kept")
            sorted_out[type(record)].append(record)
        for kind, found in sorted_out.items():
            if found:
                self._kinds[kind](self, found)

    # ------------------------------------------------------------------------------------------------------- by kind

    def _write_accounts(self, accounts: list[KeptAccount]) -> None:
        lines = [(self._account(each.server, each.login), each.server, each.login, each.memory) for each in accounts]
        self._connection.run_many(_ACCOUNT, lines)

    def _write_experts(self, experts: list[KeptExpert]) -> None:
        """Write them one by one: an expert that is kept under another id now is no longer kept under the former one."""
        for each in experts:
            self._connection.run(_EXPERT_ELSEWHERE, (*astuple(each.expert), each.ea_id))
            self._connection.run(_EXPERT, (each.ea_id, *astuple(each.expert), each.memory))

    def _write_deals(self, deals: list[KeptDeal]) -> None:
        """Write deals, and compute the trades that they belong to, or belonged to, anew."""
        lines, now = {}, []
        for each in deals:
            account = self._account(each.server, each.login)
            lines[account, each.deal.ticket] = (account, each.ea_id, each.time_utc_ms, *astuple(each.deal))
            now.append((account, each.deal.position_id))
        before = read_pairs(self._connection, _POSITIONS_OF_DEALS, list(lines))
        self._connection.run_many(_DEAL, lines.values())
        self._write_trades(sorted({(position, account) for account, position in [*now, *before] if position}))

    def _write_trades(self, positions: Sequence[tuple[int, int]]) -> None:
        """Compute the trades of these (position_id, number of the account) anew, and write them."""
        computed = compute_trades(self._connection, positions)
        trades = {(account, position): trade for account, position, trade in computed}
        lines = [(account, position, *astuple(trade)) for (account, position), trade in trades.items()]
        self._connection.run_many(_TRADE, lines)
        gone = [(account, position) for position, account in positions if (account, position) not in trades]
        self._connection.run_many("DELETE FROM trades WHERE account = ? AND position_id = ?", gone)

    def _write_samples(self, samples: list[Sample]) -> None:
        """Write samples into every tier, each stretch of time once."""
        stretches: dict[tuple[int, int, int], list[float]] = {}
        for each in samples:
            subject = self._subject(each.subject)
            for tier in TIERS:
                key = (subject, tier, each.utc_ms - each.utc_ms % tier)
                known = stretches.get(key)
                if known is None:
                    stretches[key] = [each.utc_ms, each.balance, each.equity, each.equity, each.equity]
                    continue
                if each.utc_ms >= known[0]:
                    known[:3] = [each.utc_ms, each.balance, each.equity]
                known[3:] = [min(known[3], each.equity), max(known[4], each.equity)]
        self._connection.run_many(_SAMPLE, [(*key, *values) for key, values in stretches.items()])

    def _write_events(self, events: list[KeptEvent]) -> None:
        self._connection.run_many(_EVENT, [(*astuple(each)[:-1], _labels(each)) for each in events])

    def _write_alerts(self, alerts: list[KeptAlert]) -> None:
        self._connection.run_many(
            _ALERT,
            [
                (row.alert_id, row.status, read_utc(row.cleared_at) if row.cleared_at else None, _json(row))
                for row in (each.row for each in alerts)
            ],
        )

    def _write_news(self, news: list[KeptNews]) -> None:
        self._connection.run_many(_NEWS, map(astuple, news))

    def _write_commands(self, commands: list[KeptCommand]) -> None:
        """Write commands; of those that took several steps meanwhile, only the last."""
        last = {each.command_id: each for each in commands}
        self._connection.run_many(_COMMAND, map(astuple, last.values()))

    def _write_audit(self, rows: list[KeptAudit]) -> None:
        self._connection.run_many(_AUDIT, [(each.row.number, _json(each.row)) for each in rows])
        end = max((each.row for each in rows), key=lambda row: row.number)
        self._connection.run(_AUDIT_HEAD, (1, end.number, end.hash))

    def _write_tokens(self, tokens: list[KeptToken]) -> None:
        """Write tokens in the order in which they came: one that is dropped may have been kept before."""
        for each in tokens:
            token = each.token
            if each.is_dropped:
                self._connection.run("DELETE FROM tokens WHERE id = ?", (token.token_id,))
            else:
                self._connection.run(_TOKEN, (token.token_id, token.created_ms, _json(token)))

    def _write_notes(self, notes: list[KeptNote]) -> None:
        self._connection.run_many(_NOTE, map(astuple, notes))

    _kinds: Final[dict[Any, Callable[..., None]]] = {
        KeptAccount: _write_accounts,
        KeptExpert: _write_experts,
        KeptDeal: _write_deals,
        Sample: _write_samples,
        KeptEvent: _write_events,
        KeptAlert: _write_alerts,
        KeptNews: _write_news,
        KeptNote: _write_notes,
        KeptCommand: _write_commands,
        KeptAudit: _write_audit,
        KeptToken: _write_tokens,
    }

    # ------------------------------------------------------------------------------------------------------- numbers

    def _account(self, server: str, login: int) -> int:
        """Give the number of an account, a new one where it has none."""
        number = self._accounts.get((server, login))
        if number is None:
            found = self._connection.read("SELECT id FROM accounts WHERE server = ? AND login = ?", (server, login))
            number = found[0][0] if found else self._next_number("accounts")
            if not found:
                self._connection.run(
                    "INSERT INTO accounts (id, server, login) VALUES (?, ?, ?)", (number, server, login)
                )
            self._accounts[server, login] = number
        return number

    def _subject(self, subject: str) -> int:
        """Give the number of a subject, a new one where it has none."""
        number = self._subjects.get(subject)
        if number is None:
            found = self._connection.read("SELECT id FROM subjects WHERE subject = ?", (subject,))
            number = found[0][0] if found else self._next_number("subjects")
            if not found:
                self._connection.run("INSERT INTO subjects (id, subject) VALUES (?, ?)", (number, subject))
            self._subjects[subject] = number
        return number

    def _next_number(self, table: str) -> int:
        found = self._connection.read(f"SELECT coalesce(max(id), 0) + 1 FROM {table}")  # noqa: S608
        return int(found[0][0])


def compute_trades(connection: Connection, positions: Sequence[tuple[int, int]]) -> Iterable[tuple[int, int, Trade]]:
    """Compute the trades of some positions from their deals.

    Args:
        connection: where from.
        positions: (position_id, number of the account) of each.

    Returns:
        The number of the account, the position_id and the trade, of each position that is a trade.
    """
    found: dict[tuple[int, int], list[PositionDeal]] = {}
    for account, position, ea_id, time_utc_ms, *deal in read_pairs(connection, DEALS_OF_POSITIONS, positions):
        found.setdefault((account, position), []).append(PositionDeal(ea_id, time_utc_ms, deal_of(*deal)))
    for (account, position), deals in found.items():
        trade = trade_of(deals)
        if trade is not None:
            yield account, position, trade


def _labels(event: KeptEvent) -> str | None:
    return None if event.labels is None else msgspec.json.encode(sorted(event.labels)).decode()


def _json(row: msgspec.Struct) -> str:
    return msgspec.json.encode(row).decode()
