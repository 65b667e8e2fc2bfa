"""Where a fleet is kept: SQLite with nothing to install, PostgreSQL as an extra; one port, `fleetwire.ports.Store`."""

from fleetwire.storage.retention import DEFAULT_RETENTION, Retention
from fleetwire.storage.sqlite import SqliteStore
from fleetwire.storage.store import QueuedStore

__all__ = ["QueuedStore", "Retention", "SqliteStore", "open_store"]


def open_store(database: str, retention: Retention = DEFAULT_RETENTION) -> QueuedStore:
    """Give the store of a `database` setting; it is opened by `Store.open`.

    Args:
        database: a file, ":memory:", or "postgresql://...".
        retention: how long what is kept is kept.
    """
    return SqliteStore(database, retention=retention)
