"""Looking for damage that a database can't see: trades that are not what their deals make, a broken audit."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

import msgspec

from fleetwire.storage.database import Connection, read_pairs
from fleetwire.storage.trades import Trade
from fleetwire.storage.writing import compute_trades
from fleetwire.wire.audit import GENESIS, AuditHead, AuditRow, verify

FINDINGS_MAX: Final = 100
_POSITIONS_AT_ONCE: Final = 2000
_ROWS_AT_ONCE: Final = 2000

_COLUMNS: Final = ", ".join(Trade.__struct_fields__)
_KEPT: Final = f"SELECT account, position_id, {_COLUMNS} FROM trades WHERE (position_id, account) IN {{pairs}}"  # noqa: S608
_BOTH: Final = """SELECT position_id, account FROM (
    SELECT position_id, account FROM deals WHERE position_id > 0 AND (position_id, account) > (?, ?)
    UNION SELECT position_id, account FROM trades WHERE (position_id, account) > (?, ?)) AS positions
    ORDER BY position_id, account LIMIT ?"""


def check_trades(connection: Connection) -> list[str]:
    """Compute every trade anew from its deals, and tell which differ from those that are kept; the first hundred."""
    return list(islice(_differences(connection), FINDINGS_MAX))


def check_audit(connection: Connection) -> list[str]:
    """Tell the first place where the audit's rows do not follow one another.

    Whether each row is what was written is for `fleetwire audit verify` to say, which has the key.
    """
    found = connection.read("SELECT number, hash FROM audit_head")
    try:
        wrong = verify(_audit_rows(connection), end=AuditHead(*found[0]) if found else GENESIS, key=None)
    except msgspec.MsgspecError as error:
        return [f"the audit holds a row that fleetwire does not write: {error}"]
    return [f"the audit is broken at row {wrong.number}: {wrong.why}"] if wrong is not None else []


def _audit_rows(connection: Connection) -> Iterator[AuditRow]:
    after = 0
    while True:
        found = connection.read(
            "SELECT number, entry FROM audit WHERE number > ? ORDER BY number LIMIT ?", (after, _ROWS_AT_ONCE)
        )
        if not found:
            return
        yield from (msgspec.json.decode(entry, type=AuditRow) for _, entry in found)
        after = found[-1][0]


def _differences(connection: Connection) -> Iterator[str]:
    accounts = connection.read("SELECT id, server, login FROM accounts")
    names = {number: f"{server}/{login}" for number, server, login in accounts}
    last = (0, 0)
    while True:
        positions = [(line[0], line[1]) for line in connection.read(_BOTH, (*last, *last, _POSITIONS_AT_ONCE))]
        if not positions:
            return
        computed = {(account, position): trade for account, position, trade in compute_trades(connection, positions)}
        kept = {(line[0], line[1]): Trade(*line[2:]) for line in read_pairs(connection, _KEPT, positions)}
        for account, position in sorted(computed.keys() | kept.keys()):
            if computed.get((account, position)) != kept.get((account, position)):
                yield f"{names.get(account, account)}: the trade of position {position} is not what its deals make"
        last = positions[-1]
