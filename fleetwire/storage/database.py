"""What a store asks of a database: a few verbs, the same for SQLite and PostgreSQL. All of them block: threads only.

SQL is written once, for both: `?` stands for a value, upserts are `ON CONFLICT`, and nothing is used that only one has.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from fleetwire.wire.errors import StoreError

Values = Sequence[Any]
Line = tuple[Any, ...]

PAIRS_AT_ONCE: Final = 200
"""How many pairs one statement asks for."""


class RefusedError(StoreError):
    """A unit itself is at fault, not the disk: it can never be written, however often it is tried."""


class Connection(Protocol):
    """One connection, used by one thread at a time."""

    def run(self, sql: str, values: Values = ()) -> int:
        """Run a statement; give how many lines it changed."""

    def run_many(self, sql: str, lines: Iterable[Values]) -> None:
        """Run a statement once for each line."""

    def read(self, sql: str, values: Values = ()) -> list[Line]:
        """Read lines."""

    def begin(self) -> None:
        """Begin a transaction that writes."""

    def begin_reading(self) -> None:
        """Begin a transaction that reads the state of one moment."""

    def commit(self) -> None:
        """End it: what it wrote is on disk when this returns."""

    def rollback(self) -> None:
        """End it: nothing of it was written."""

    def close(self) -> None:
        """Close it."""

    @property
    def lost(self) -> bool:
        """Whether it has to be replaced by another."""


class Database(Protocol):
    """A database that belongs to one process at a time."""

    name: str
    schema: int
    troubles: tuple[type[Exception], ...]
    """What is raised where the database, its disk or the way there fails; anything else is not its fault."""

    def open(self) -> Connection:
        """Take it, create it or bring its schema up to date, and give the writer's connection.

        Raises:
            StoreError: it can't be opened, is corrupt or newer than this program, or another process has it.
        """

    def connect(self) -> Connection:
        """Give the writer another connection, after the one before it has failed."""

    def connect_reader(self) -> Connection:
        """Give a connection that only reads."""

    def explain(self, error: Exception) -> StoreError:
        """Say in words what went wrong, and what to do; a `RefusedError` if what was to be written is at fault."""

    def check(self, connection: Connection) -> list[str]:
        """Look for damage in what the database itself is made of."""

    def backup(self, path: str) -> None:
        """Write a consistent copy to a new file, on a connection of its own.

        Raises:
            StoreError: it can't be written, or the file exists.
        """

    def close(self) -> None:
        """Give it back; its connections are closed already."""


def read_pairs(connection: Connection, sql: str, pairs: Sequence[tuple[int, int]]) -> list[Line]:
    """Read the lines of many pairs of numbers.

    Args:
        connection: where from.
        sql: with `{pairs}` where the list of pairs belongs.
        pairs: any number of them.
    """
    found: list[Line] = []
    for begin in range(0, len(pairs), PAIRS_AT_ONCE):
        part = pairs[begin : begin + PAIRS_AT_ONCE]
        listed = ", ".join(["(?, ?)"] * len(part))
        found += connection.read(sql.format(pairs=f"(VALUES {listed})"), [number for pair in part for number in pair])
    return found
