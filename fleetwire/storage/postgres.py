"""PostgreSQL, through psycopg: an extra, for those who have one already. Tables stand in a schema of its own."""

import logging
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from fleetwire.storage.address import without_password
from fleetwire.storage.database import Connection, Line, RefusedError, Values
from fleetwire.storage.migrating import migrations
from fleetwire.storage.retention import DEFAULT_RETENTION, Retention
from fleetwire.storage.store import QueuedStore
from fleetwire.wire.errors import ConfigError, StoreError

try:
    import psycopg
    from psycopg import conninfo, errors
except ImportError as missing:
    raise ConfigError('a database at "postgresql://..." needs an extra: pip install "fleetwire[postgres]"') from missing

logger = logging.getLogger("fleetwire.storage")

_LOCK: Final = 0x464C5457  # an advisory lock of the database: "FLTW"
_LOCK_PATIENCE_MS: Final = 1000
_CONNECT_TIMEOUT_S: Final = 10
_SILENCE_MS: Final = 20_000  # after which a server that does not answer counts as gone

_REFUSED: Final = (psycopg.DataError, psycopg.IntegrityError)
"""What PostgreSQL says of data that it can't keep."""

_IN_WORDS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (errors.DiskFull, "the server's disk is full: free some space there"),
    (errors.ReadOnlySqlTransaction, "the server takes no writes: connect to the primary"),
    (errors.InsufficientPrivilege, "the user may not do this: grant it CREATE on the database"),
    (errors.InvalidPassword, "the server refuses the user or the password"),
    (errors.TooManyConnections, "the server has no connection left"),
    (psycopg.OperationalError, "the server can't be reached, or fails"),
)


class PostgresStore(QueuedStore):
    """Keeps a fleet in a PostgreSQL database.

    Args:
        address: "postgresql://user:password@host:port/database".
        retention: how long what is kept is kept.

    Raises:
        ConfigError: it is no such address.
    """

    def __init__(self, address: str, *, retention: Retention = DEFAULT_RETENTION) -> None:
        super().__init__(PostgresDatabase(address), retention)


class PostgresConnection:
    """One connection to PostgreSQL."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self.raw = connection

    def run(self, sql: str, values: Values = ()) -> int:
        """Run a statement, or several without values; give how many lines it changed."""
        return self._execute(sql, values).rowcount

    def run_many(self, sql: str, lines: Iterable[Values]) -> None:
        """Run a statement once for each line."""
        with self.raw.cursor() as cursor:
            cursor.executemany(_marked(sql), list(lines))

    def read(self, sql: str, values: Values = ()) -> list[Line]:
        """Read lines."""
        return self._execute(sql, values).fetchall()

    def _execute(self, sql: str, values: Values) -> "psycopg.Cursor[Any]":
        return self.raw.execute(_marked(sql), values) if values else self.raw.execute(sql.encode())

    def begin(self) -> None:
        """Begin a transaction that writes."""
        self._execute("BEGIN", ())

    def begin_reading(self) -> None:
        """Begin a transaction that reads the state of one moment."""
        self._execute("BEGIN ISOLATION LEVEL REPEATABLE READ", ())

    def commit(self) -> None:
        """End it: what it wrote is on disk when this returns."""
        self._execute("COMMIT", ())

    def rollback(self) -> None:
        """End it: nothing of it was written."""
        self._execute("ROLLBACK", ())

    def close(self) -> None:
        """Close it."""
        self.raw.close()

    @property
    def lost(self) -> bool:
        """Whether it has to be replaced by another."""
        return self.raw.broken or self.raw.closed


class PostgresDatabase:
    """A PostgreSQL database.

    Args:
        address: where it is.
    """

    def __init__(self, address: str) -> None:
        self.name = without_password(address)
        self.schema = 0
        self.troubles: tuple[type[Exception], ...] = (psycopg.Error, OSError, MemoryError)
        try:
            self._parameters: dict[str, Any] = dict(conninfo.conninfo_to_dict(address))
        except psycopg.ProgrammingError:
            raise ConfigError(f"database ({self.name}): is no address of a PostgreSQL database") from None

    def open(self) -> PostgresConnection:
        """Take it, create it or bring its schema up to date, and give the writer's connection."""
        try:
            connection = self.connect()
            try:
                self._migrate(connection)
            except BaseException:
                connection.close()
                raise
        except psycopg.Error as error:
            raise self.explain(error) from error
        return connection

    def connect(self) -> PostgresConnection:
        """Give a connection that writes, and has the lock; what it commits is on disk."""
        connection = self._connection("off")
        try:
            self._take_lock(connection)
            if connection.read("SHOW synchronous_commit")[0][0] == "off":
                connection.run("SET synchronous_commit TO on")
        except BaseException:
            connection.close()
            raise
        return connection

    def _take_lock(self, connection: PostgresConnection) -> None:
        """Take the lock; the server may need a moment to see that a connection that had it is gone."""
        connection.run(f"SET lock_timeout TO {_LOCK_PATIENCE_MS}")
        try:
            connection.read("SELECT pg_advisory_lock(?)", (_LOCK,))
        except errors.LockNotAvailable as error:
            raise StoreError(
                f"{self.name} is in use by another fleetwire ({self._owner(connection)}): "
                "stop it, or give another --database"
            ) from error
        connection.run("SET lock_timeout TO DEFAULT")

    def _owner(self, connection: PostgresConnection) -> str:
        found = connection.read(
            """SELECT pid, client_addr FROM pg_stat_activity WHERE pid IN (SELECT pid FROM pg_locks
            WHERE locktype = 'advisory' AND objid = ? AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))""",
            (_LOCK,),
        )
        return f"its connection has pid {found[0][0]}, from {found[0][1] or 'this machine'}" if found else "gone by now"

    def connect_reader(self) -> PostgresConnection:
        """Give a connection that only reads."""
        try:
            return self._connection("on")
        except psycopg.Error as error:
            raise self.explain(error) from error

    def _connection(self, read_only: str) -> PostgresConnection:
        settings: dict[str, Any] = {
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "tcp_user_timeout": _SILENCE_MS,
            "application_name": "fleetwire",
            **self._parameters,
        }
        raw = psycopg.connect(**settings, autocommit=True)
        connection = PostgresConnection(raw)
        try:
            connection.run("SET search_path TO fleetwire")
            connection.run(f"SET default_transaction_read_only TO {read_only}")
        except BaseException:
            raw.close()
            raise
        return connection

    def _migrate(self, connection: PostgresConnection) -> None:
        """Bring the schema up to date."""
        known = migrations("postgres")
        found = self._schema(connection)
        if found > known[-1].number:
            raise StoreError(
                f"{self.name} has schema {found}, written by a newer fleetwire; this one knows schemas up to "
                f"{known[-1].number}: use the newer fleetwire, or give another --database"
            )
        for step in [step for step in known if step.number > found]:
            connection.begin()
            try:
                if not found and step.number == 1:
                    connection.run("CREATE SCHEMA IF NOT EXISTS fleetwire; CREATE TABLE migrations (number BIGINT)")
                connection.run(step.sql)
                connection.run("INSERT INTO migrations (number) VALUES (?)", (step.number,))
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
        self.schema = known[-1].number
        if connection.read("SHOW fsync")[0][0] == "off":
            logger.warning("%s runs with fsync off: what it acknowledges may be lost with the power", self.name)

    def _schema(self, connection: PostgresConnection) -> int:
        if connection.read("SELECT to_regclass('fleetwire.migrations')")[0][0] is None:
            return 0
        return int(connection.read("SELECT coalesce(max(number), 0) FROM migrations")[0][0])

    def close(self) -> None:
        """Nothing has to be given back: the lock was the connection's."""

    def explain(self, error: Exception) -> StoreError:
        """Say in words what went wrong, and what to do."""
        if isinstance(error, StoreError):
            return error
        if isinstance(error, _REFUSED) or not isinstance(error, self.troubles):
            return RefusedError(f"can't be kept: {_first_line(error)}")
        text = next((text for kind, text in _IN_WORDS if isinstance(error, kind)), "the database fails")
        return StoreError(f"{self.name}: {text} ({self._without_secret(_first_line(error))})")

    def _without_secret(self, text: str) -> str:
        """Leave the password out of what others say, should they ever say it."""
        secret = self._parameters.get("password")
        return text.replace(str(secret), "***") if secret else text

    def check(self, connection: Connection) -> list[str]:
        """Look for a schema that is missing or old, and for indexes that PostgreSQL itself holds to be unusable."""
        known = migrations("postgres")[-1].number
        found = connection.read("SELECT to_regclass('fleetwire.migrations')")[0][0]
        schema = connection.read("SELECT coalesce(max(number), 0) FROM migrations")[0][0] if found else 0
        if schema != known:
            return [f"has schema {schema}, and this fleetwire has {known}: it is brought up to date by a newer server"]
        broken = connection.read("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
        return [f"the index {index} is unusable: REINDEX it" for (index,) in broken]

    def backup(self, path: str) -> None:
        """Let `pg_dump` write its own format, which `pg_restore` reads."""
        if Path(path).exists():
            raise StoreError(f"{path} exists already: give another file for the backup")
        parameters = dict(self._parameters)
        password = parameters.pop("password", None)
        environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
        address = conninfo.make_conninfo(**parameters)
        command = ["pg_dump", "--format=custom", "--schema=fleetwire", f"--file={path}", f"--dbname={address}"]
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True)  # noqa: S603
        except FileNotFoundError as error:
            raise StoreError("pg_dump is not installed: install PostgreSQL's client programs") from error
        if done.returncode:
            Path(path).unlink(missing_ok=True)
            raise StoreError(f"{path}: the backup can't be written: {self._without_secret(done.stderr).strip()}")


def _first_line(error: Exception) -> str:
    """Leave out the details: they repeat the data."""
    return str(error).strip().partition("\n")[0]


def _marked(sql: str) -> bytes:
    """Mark values as psycopg wants them."""
    return sql.replace("?", "%s").encode()
