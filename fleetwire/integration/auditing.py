"""Pages of the audit, newest first."""

from typing import Final

from fleetwire.ports import AuditQuery, Store
from fleetwire.wire.audit import AuditRow
from fleetwire.wire.moment import utc_text
from fleetwire.wire.rows import AuditedRow, Page

LOOKED_AT_MAX: Final = 5000
"""Rows that one page is picked from: the audit is kept for good, and nobody waits for all of it."""
_AT_ONCE: Final = 1000


async def audit_page(store: Store, query: AuditQuery) -> Page:
    """List rows of the audit. Where rows are picked, a page may hold fewer than there are; `next` goes on."""
    before = query.before if query.before is not None else (await store.audit_head()).number + 1
    last = max(1, before - LOOKED_AT_MAX)
    found: list[AuditRow] = []
    while before > last and len(found) < query.limit:
        after = max(last, before - _AT_ONCE) - 1
        rows = await store.audit(after, before - 1 - after)
        found += [row for row in reversed(rows) if _fits(row, query)]
        before = after + 1
    shown = found[: query.limit]
    if len(found) > len(shown):
        before = shown[-1].number
    return Page(items=[_told(row) for row in shown], next=str(before) if before > 1 else None)


def _fits(row: AuditRow, query: AuditQuery) -> bool:
    if query.who is not None and row.who != query.who:
        return False
    subject = query.subject
    return subject is None or row.subject == subject or row.subject.startswith(f"{subject}.")


def _told(row: AuditRow) -> AuditedRow:
    return AuditedRow(
        number=row.number,
        time_utc=utc_text(row.utc_ms),
        who=row.who,
        address=row.address or None,
        action=row.action,
        subject=row.subject or None,
        before=row.before or None,
        after=row.after or None,
        why=row.why or None,
        details=row.details or None,
        hash=row.hash,
    )
