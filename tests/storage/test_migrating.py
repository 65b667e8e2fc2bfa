"""Migrations are numbered without a gap, and the same in number for every database."""

from pathlib import Path

import apsw
import pytest

from fleetwire.storage import SqliteStore, sqlite
from fleetwire.storage.migrating import migrations
from fleetwire.wire.audit import GENESIS


def test_they_are_numbered_from_one_without_a_gap() -> None:
    for kind in ("sqlite", "postgres"):
        assert [step.number for step in migrations(kind)] == list(range(1, len(migrations(kind)) + 1))
    assert [step.name for step in migrations("sqlite")] == [step.name for step in migrations("postgres")]


async def test_a_database_of_each_older_schema_is_brought_up_to_date_with_all_that_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = migrations("sqlite")
    for number in range(1, len(every)):
        path = tmp_path / f"schema-{number}.db"
        with monkeypatch.context() as older:
            older.setattr(sqlite, "migrations", lambda _, until=number: every[:until])
            database = sqlite.SqliteDatabase(path)
            connection = database.open()
            connection.run("INSERT INTO notes (name, value) VALUES ('epoch', x'01')")
            connection.close()
            database.close()
        store = SqliteStore(path)
        memory = await store.open()
        assert memory.notes == {"epoch": b"\x01"}
        assert (memory.commands, memory.last_command_number, memory.audit_head) == ([], 0, GENESIS)
        assert store.health().schema == len(every)
        assert await store.check() == []
        await store.close()


async def test_of_events_that_were_kept_before_labels_were_only_news_is_everybodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, all_steps = tmp_path / "kept.db", migrations("sqlite")
    with monkeypatch.context() as before:
        before.setattr(sqlite, "migrations", lambda _: [step for step in all_steps if step.number < 3])
        database = sqlite.SqliteDatabase(path)
        database.open().close()
        database.close()
    old = apsw.Connection(str(path))
    for position, channel in enumerate(("alerts", "news_updates", "trade_updates"), 1):
        columns = "channel, position, seq, utc_ms, payload"
        old.execute(f"INSERT INTO events ({columns}) VALUES (?, ?, 1, 1, x'7b7d')", (channel, position))
    old.close()
    store = sqlite.SqliteStore(path)
    memory = await store.open()
    await store.close()
    assert {event.channel: event.labels for event in memory.events} == {
        "alerts": frozenset(),
        "news_updates": None,
        "trade_updates": frozenset(),
    }
