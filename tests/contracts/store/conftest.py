"""Every store there is, as a house that can be opened again and again."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from fleetwire.ports import Memory, Store
from fleetwire.storage import Retention, open_store
from fleetwire.storage.retention import DEFAULT_RETENTION
from tests.contracts.store.postgres_server import postgres_server

TABLES = (
    "accounts, experts, deals, trades, subjects, samples, events, alerts, news, notes, commands, audit, audit_head"
    ", tokens"
)


class House:
    """A place where a fleet is kept; what was kept is there again when it is opened again."""

    lasts = True
    never_kept: ClassVar = {"profit": float("nan")}  # what no deal of it may have

    def __init__(self, database: str) -> None:
        self.database = database

    def store(self, retention: Retention = DEFAULT_RETENTION) -> Store:
        return open_store(self.database, retention)

    def empty(self) -> None:
        """Forget everything."""
        path = Path(self.database)
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()

    def opened(self, retention: Retention = DEFAULT_RETENTION) -> AbstractAsyncContextManager[tuple[Store, Memory]]:
        @asynccontextmanager
        async def open_it():
            store = self.store(retention)
            memory = await store.open()
            try:
                yield store, memory
            finally:
                await store.close()

        return open_it()


class InMemory(House):
    """Nothing lasts there."""

    lasts = False

    def empty(self) -> None:
        pass


class InPostgres(House):
    """A database of a real server."""

    def empty(self) -> None:
        import psycopg

        with psycopg.connect(self.database, autocommit=True) as connection:
            if connection.execute("SELECT to_regclass('fleetwire.notes')").fetchone()[0]:
                connection.execute("SET search_path TO fleetwire")
                connection.execute(f"TRUNCATE {TABLES}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server that was started for these tests."""
    pytest.importorskip("psycopg")
    with postgres_server() as address:
        yield address


@pytest.fixture(params=["sqlite", "memory", "postgres"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    if request.param == "sqlite":
        yield House(str(tmp_path / "fleetwire.db"))
    elif request.param == "memory":
        yield InMemory(":memory:")
    else:
        found = InPostgres(request.getfixturevalue("postgres"))
        found.empty()
        yield found


@pytest.fixture
def lasting(house: House) -> House:
    if not house.lasts:
        pytest.skip("what is in memory does not last")
    return house
