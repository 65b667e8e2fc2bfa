"""The audit: rows in a chain, each of which holds the hash of the one before. Nothing is ever changed or removed."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from fleetwire.wire.signature import fingerprint

TEXT_CHARS_MAX: Final = 4096


class AuditRow(Struct, frozen=True, kw_only=True):
    """One row: who did what, when, from where, and why.

    Args:
        number: of the row; the first is 1.
        utc_ms: when.
        who: a token's id, "admin", "EA 1007" or "server"; never a token.
        address: from where; empty for the server itself.
        action: what was done or refused, like "command_queued", "command_refused", "token_revoked".
        subject: to what: a command's or a token's id.
        before: as it was; empty for what was not there.
        after: as it is.
        why: in the words of whoever did it, or the reason of a refusal.
        details: more of it, as JSON.
        previous: the hash of the row before.
        hash: of this one.
    """

    number: int
    utc_ms: int
    who: str
    address: str = ""
    action: str
    subject: str = ""
    before: str = ""
    after: str = ""
    why: str = ""
    details: str = ""
    previous: str
    hash: str


class AuditHead(NamedTuple):
    """Where the chain ends: the number of the last row, and its hash."""

    number: int
    hash: str


GENESIS: Final = AuditHead(0, "0" * 64)
"""Where every chain begins."""


class Wrong(NamedTuple):
    """The first place where a chain is broken."""

    number: int
    why: str


def chain(head: AuditHead, row: AuditRow, key: bytes = b"") -> str:
    """Give the hash of a row that follows a head.

    Args:
        head: the row before.
        row: the row; its own `previous` and `hash` count for nothing.
        key: with one, nobody who lacks it can make a chain that holds.
    """
    said = [head.number + 1, head.hash, *(getattr(row, name) for name in _SAID)]
    return fingerprint(_encode(said), key)


_SAID: Final = ("utc_ms", "who", "address", "action", "subject", "before", "after", "why", "details")
_encode: Final = msgspec.json.Encoder().encode


class AuditTrail:
    """Makes rows, each in its place.

    Args:
        head: where the chain ends now.
        key: of the chain, where it has one.
    """

    def __init__(self, head: AuditHead = GENESIS, key: bytes = b"") -> None:
        self.head = head
        self._key = key

    def __repr__(self) -> str:
        """Show where it ends; not the key."""
        return f"<{type(self).__name__} at row {self.head.number}>"

    def row(
        self,
        *,
        utc_ms: int,
        who: str,
        action: str,
        address: str = "",
        subject: str = "",
        before: str = "",
        after: str = "",
        why: str = "",
        details: str = "",
    ) -> AuditRow:
        """Make the next row; what is too long is cut. It has to be kept, in the order in which rows were made."""
        row = AuditRow(
            number=self.head.number + 1,
            utc_ms=utc_ms,
            who=_text(who),
            address=_text(address),
            action=_text(action),
            subject=_text(subject),
            before=_text(before),
            after=_text(after),
            why=_text(why),
            details=_text(details),
            previous=self.head.hash,
            hash="",
        )
        row = msgspec.structs.replace(row, hash=chain(self.head, row, self._key))
        self.head = AuditHead(row.number, row.hash)
        return row


def _text(value: str) -> str:
    """Cut what is too long, and leave out what no UTF-8 has (a lone surrogate)."""
    return value[:TEXT_CHARS_MAX].encode("utf-8", "replace").decode()


def verify(
    rows: Iterable[AuditRow],
    *,
    begin: AuditHead = GENESIS,
    end: AuditHead | None = None,
    anchors: Iterable[AuditHead] = (),
    key: bytes | None = b"",
) -> Wrong | None:
    """Look for the first place where a chain is broken.

    Args:
        rows: in the order in which they are kept.
        begin: what the first of them follows.
        end: where the chain ends, as the store notes it beside the rows: read it first, and no rows beyond it.
        anchors: where the chain ended at some time, as somebody wrote it down elsewhere.
        key: of the chain; empty where it has none. None looks only whether rows follow one another, not at what they
            say.

    Returns:
        The number of the first row that is wrong, missing or too much, and why; None if all is well.
    """
    head, written_down = begin, {anchor.number: anchor.hash for anchor in (*anchors, *([end] if end else []))}
    for row in rows:
        wrong = _wrong(head, row, key)
        if wrong is not None:
            return wrong
        head = AuditHead(row.number, row.hash)
        if written_down.pop(head.number, head.hash) != head.hash:
            return Wrong(head.number, f"row {head.number} is another than the one that was written down")
        if end is not None and head.number > end.number:
            return Wrong(head.number, f"row {head.number} stands behind the end: row {end.number} was the last")
    missing = [number for number in written_down if number > head.number]
    if missing:
        last = max(missing)
        return Wrong(head.number + 1, f"the rows from {head.number + 1} to {last} are missing at the end")
    return None


def _wrong(head: AuditHead, row: AuditRow, key: bytes | None) -> Wrong | None:
    due = head.number + 1
    if row.number > due:
        return Wrong(due, f"row {due} is missing: row {row.number} stands in its place")
    if row.number < due:
        return Wrong(due, f"row {row.number} stands where row {due} belongs: it is there twice, or out of order")
    if row.previous != head.hash:
        return Wrong(due, f"row {due} does not follow row {head.number}: one of the two is another than was written")
    if key is not None and row.hash != chain(head, row, key):
        return Wrong(due, f"row {due} was changed after it was written")
    return None
