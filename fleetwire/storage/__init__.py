"""Where a fleet is kept: SQLite with nothing to install, PostgreSQL as an extra; one port, `fleetwire.ports.Store`."""

from fleetwire.storage.address import is_postgres, without_password
from fleetwire.storage.database import RefusedError
from fleetwire.storage.retention import DEFAULT_RETENTION, Retention
from fleetwire.storage.sqlite import SqliteStore
from fleetwire.storage.store import QueuedStore
from fleetwire.wire.errors import ConfigError

__all__ = ["QueuedStore", "RefusedError", "Retention", "SqliteStore", "is_postgres", "open_store", "without_password"]


def open_store(database: str, retention: Retention = DEFAULT_RETENTION) -> QueuedStore:
    """Give the store of a `database` setting; it is opened by `Store.open`.

    Args:
        database: a file, ":memory:", or "postgresql://...".
        retention: how long what is kept is kept.

    Raises:
        ConfigError: it is an address of PostgreSQL, and the extra for it is not installed, or it is a wrong one.
    """
    if is_postgres(database):
        from fleetwire.storage.postgres import PostgresStore  # what only those who use it have to install

        return PostgresStore(database, retention=retention)
    if "://" in database:
        raise ConfigError(f"database ({database.partition('://')[0]}://...): give a file, or postgresql://...")
    return SqliteStore(database, retention=retention)
