"""SQLite, through `apsw`, which brings its own: one file, nothing to install."""

import itertools
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import apsw

from fleetwire.storage.database import Connection, Line, RefusedError, Values
from fleetwire.storage.filelock import FileLock
from fleetwire.storage.migrating import migrations
from fleetwire.storage.retention import DEFAULT_RETENTION, Retention
from fleetwire.storage.store import QueuedStore
from fleetwire.wire.errors import StoreError

MEMORY: Final = ":memory:"
_APPLICATION_ID: Final = 0x464C5457  # "FLTW": tells our files from other programs'
_BUSY_TIMEOUT_MS: Final = 5000  # for `fleetwire db` and other readers that hold a lock for a moment
_WAL_BYTES_KEPT: Final = 64 * 1024 * 1024
_CACHE_KIB: Final = 32 * 1024  # of pages, for each connection
_FINDINGS_MAX: Final = 100
_PAGES_AT_ONCE: Final = 2000  # of a backup
_NEW_MEMORY = itertools.count(1)

_READ: Final = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
_WRITE: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI

_REFUSED: Final = (
    apsw.ConstraintError,
    apsw.MismatchError,
    apsw.TooBigError,
    apsw.RangeError,
    apsw.BindingsError,
)
"""What SQLite says of data that it can't keep."""


class SqliteStore(QueuedStore):
    """Keeps a fleet in a file.

    Args:
        path: the file, made if there is none; ":memory:" keeps nothing beyond this object.
        retention: how long what is kept is kept.
        vfs: the name of an apsw VFS: how files are written; a test brings one that fails.
    """

    def __init__(self, path: str | Path, *, retention: Retention = DEFAULT_RETENTION, vfs: str | None = None) -> None:
        super().__init__(SqliteDatabase(path, vfs), retention)


class SqliteConnection:
    """One connection to SQLite."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.raw = connection

    def run(self, sql: str, values: Values = ()) -> int:
        """Run a statement; give how many lines it changed."""
        self.raw.execute(sql, values)
        return self.raw.changes()

    def run_many(self, sql: str, lines: Iterable[Values]) -> None:
        """Run a statement once for each line."""
        self.raw.executemany(sql, lines)

    def read(self, sql: str, values: Values = ()) -> list[Line]:
        """Read lines."""
        return self.raw.execute(sql, values).fetchall()

    def begin(self) -> None:
        """Begin a transaction that writes."""
        self.raw.execute("BEGIN IMMEDIATE")

    def begin_reading(self) -> None:
        """Begin a transaction that reads the state of one moment."""
        self.raw.execute("BEGIN")

    def commit(self) -> None:
        """End it: what it wrote is on disk when this returns."""
        self.raw.execute("COMMIT")

    def rollback(self) -> None:
        """End it: nothing of it was written. An error may have ended it already."""
        if self.raw.in_transaction:
            self.raw.execute("ROLLBACK")

    def close(self) -> None:
        """Close it."""
        self.raw.close(True)

    @property
    def lost(self) -> bool:
        """Never: what fails is the disk."""
        return False


class SqliteDatabase:
    """A file of SQLite, or one in memory.

    Args:
        path: where it is.
        vfs: how its files are written; the system's own way, if left out.
    """

    def __init__(self, path: str | Path, vfs: str | None = None) -> None:
        self.in_memory = str(path) == MEMORY
        self.path = Path(path).expanduser().resolve()
        self.name = MEMORY if self.in_memory else str(self.path)
        self.schema = 0
        self.troubles: tuple[type[Exception], ...] = (apsw.Error, OSError, MemoryError)
        self._vfs = "memdb" if self.in_memory else vfs
        # A name that begins with a slash is shared by the connections of this process.
        self._file = f"/fleetwire-{os.getpid()}-{next(_NEW_MEMORY)}" if self.in_memory else str(self.path)
        self._lock: FileLock | None = None

    # --------------------------------------------------------------------------------------------------- open, close

    def open(self) -> SqliteConnection:
        """Take it, create it or bring its schema up to date, and give the writer's connection."""
        if not self.in_memory:
            self._take()
        try:
            connection = self.connect()
            try:
                self._migrate(connection)
            except BaseException:
                connection.close()
                raise
        except apsw.Error as error:
            raise self.explain(error) from error
        return connection

    def _take(self) -> None:
        """Make the folder and the file, readable by nobody else, and lock it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = FileLock(self.path.with_name(self.path.name + ".lock"))
        except OSError as error:
            raise StoreError(f"{self.name}: can't be opened: {error.strerror}: give another --database") from error
        if not lock.take():
            owner = lock.owner()
            lock.give_back()
            raise StoreError(
                f"{self.name} is in use by another fleetwire (pid {owner}): stop it, or give another --database"
            )
        self._lock = lock
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise StoreError(f"{self.name}: can't be opened: {error.strerror}: give another --database") from error

    def close(self) -> None:
        """Give it back."""
        if self._lock is not None:
            self._lock.give_back()
            self._lock = None

    def connect(self) -> SqliteConnection:
        """Give a connection that writes; what it commits is on disk (`synchronous=FULL`)."""
        raw = self._connection(_WRITE)
        try:
            wanted = "memory" if self.in_memory else "wal"
            if raw.execute(f"PRAGMA journal_mode={wanted}").fetchall() != [(wanted,)]:
                raise StoreError(f"{self.name}: this disk takes no write-ahead log: give a --database on a local one")
            raw.execute("PRAGMA synchronous=FULL; PRAGMA fullfsync=ON; PRAGMA checkpoint_fullfsync=ON")
            raw.execute(f"PRAGMA foreign_keys=ON; PRAGMA journal_size_limit={_WAL_BYTES_KEPT}")
            self._begin_anew(raw)
        except BaseException:
            raw.close(True)
            raise
        return SqliteConnection(raw)

    def _begin_anew(self, raw: apsw.Connection) -> None:
        """Bring what stands in the log into the file, and begin an empty log.

        If a sync failed before, here or in a process that has ended since, some of the log may never have reached the
        disk, though everybody can read it: nothing that is acknowledged from now on may stand behind it.
        """
        if self.in_memory:
            return
        ((is_busy, _, _),) = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if is_busy:
            raise apsw.BusyError("somebody still reads the log")

    def connect_reader(self) -> SqliteConnection:
        """Give a connection that only reads."""
        try:
            return SqliteConnection(self._connection(_READ))
        except apsw.Error as error:
            raise self.explain(error) from error

    def _connection(self, flags: int) -> apsw.Connection:
        raw = apsw.Connection(self._file, flags=flags, vfs=self._vfs)
        raw.set_busy_timeout(_BUSY_TIMEOUT_MS)
        raw.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        return raw

    def _migrate(self, connection: SqliteConnection) -> None:
        """Bring the schema up to date."""
        known = migrations("sqlite")
        found = self.check_schema(connection)
        for step in [step for step in known if step.number > found]:
            connection.begin()
            try:
                connection.run(step.sql)
                connection.run(f"PRAGMA user_version={step.number}; PRAGMA application_id={_APPLICATION_ID}")
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
        self.schema = known[-1].number

    def check_schema(self, connection: Connection) -> int:
        """Give the number of its schema; 0 for an empty file.

        Raises:
            StoreError: it is newer than this program, or another program's.
        """
        known = migrations("sqlite")[-1].number
        found = int(connection.read("PRAGMA user_version")[0][0])
        application = int(connection.read("PRAGMA application_id")[0][0])
        tables = int(connection.read("SELECT count(*) FROM sqlite_schema")[0][0])
        if (tables or found) and application != _APPLICATION_ID:
            raise StoreError(f"{self.name} is a database of another program: give another --database")
        if found > known:
            raise StoreError(
                f"{self.name} has schema {found}, written by a newer fleetwire; this one knows schemas up to {known}: "
                "use the newer fleetwire, or give another --database"
            )
        return found

    # -------------------------------------------------------------------------------------------------------- errors

    def explain(self, error: Exception) -> StoreError:
        """Say in words what went wrong, and what to do."""
        if isinstance(error, StoreError):
            return error
        if isinstance(error, _REFUSED) or not isinstance(error, self.troubles):
            return RefusedError(f"can't be kept: {error}")
        text = next((text for kind, text in _IN_WORDS if isinstance(error, kind)), "the database fails")
        code = getattr(error, "extendedresult", None)
        said = f"{error}, SQLite {code}" if code is not None else str(error)
        return StoreError(f"{self.name}: {text} ({said})")

    # ------------------------------------------------------------------------------------------------- check, backup

    def check(self, connection: Connection) -> list[str]:
        """Let SQLite look at every page, index and reference."""
        try:
            schema = self.check_schema(connection)
            if schema < migrations("sqlite")[-1].number:
                return [f"has schema {schema}, of an older fleetwire: it is brought up to date when a server opens it"]
            found = [str(line[0]) for line in connection.read(f"PRAGMA integrity_check({_FINDINGS_MAX})")]
            strays = connection.read("SELECT * FROM pragma_foreign_key_check LIMIT ?", (_FINDINGS_MAX,))
        except (apsw.Error, StoreError) as error:
            return [str(self.explain(error))]
        findings = [] if found == ["ok"] else [line for text in found for line in text.splitlines()]
        return findings + [f"{table}: line {line} refers to nothing in {parent}" for table, line, parent, _ in strays]

    def backup(self, path: str) -> None:
        """Copy it page by page to a new file, while it is in use; what is committed meanwhile may be in it, or not."""
        target = Path(path)
        try:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError as error:
            raise StoreError(f"{path} exists already: give another file for the backup") from error
        except OSError as error:
            raise StoreError(f"{path}: the backup can't be written: {error.strerror}") from error
        try:
            self._copy(target)
        except BaseException as error:
            target.unlink(missing_ok=True)
            if isinstance(error, apsw.Error):
                raise StoreError(f"{path}: the backup can't be written: {self.explain(error)}") from error
            raise

    def _copy(self, target: Path) -> None:
        source = self._connection(_READ)
        copy = apsw.Connection(str(target))
        try:
            source.execute("BEGIN")  # one moment's state, however much is committed while it is copied
            source.execute("SELECT count(*) FROM sqlite_schema").fetchall()
            with copy.backup("main", source, "main") as running:
                while not running.done:
                    running.step(_PAGES_AT_ONCE)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without companions
        finally:
            source.close(True)
            copy.close(True)


_IN_WORDS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (apsw.FullError, "the disk is full: free some space"),
    (apsw.IOError, "the disk fails: see the system's log, and move the database to a disk that works"),
    (apsw.BusyError, "another program keeps the database locked: close it"),
    (apsw.LockedError, "another program keeps the database locked: close it"),
    (apsw.ReadOnlyError, "the file can't be written to: mend its permissions, or those of its folder"),
    (apsw.PermissionsError, "the file can't be written to: mend its permissions, or those of its folder"),
    (apsw.CantOpenError, "can't be opened: mend its permissions, or give another --database"),
    (apsw.NotADBError, "is no database, or is damaged: give another --database, or restore a backup"),
    (apsw.CorruptError, "the database is damaged: look with `fleetwire db check`, and restore a backup"),
    (apsw.NoMemError, "no memory is left"),
    (MemoryError, "no memory is left"),
    (OSError, "can't be opened or written"),
)
