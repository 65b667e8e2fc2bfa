"""PostgreSQL under bad conditions: gone and back, killed connections, missing, secret."""

import sys
from collections.abc import Iterator

import pytest

from fleetwire.storage import open_store
from fleetwire.wire.errors import ConfigError, StoreError
from tests.contracts.store.conftest import InPostgres
from tests.contracts.store.postgres_server import program
from tests.storage.support import newest_whole, unit
from tests.support import until

CANARY = "canary-91f3"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pytest.importorskip("psycopg")
    from tests.contracts.store.postgres_server import postgres_server

    with postgres_server() as address:
        yield address


@pytest.fixture
def address(server: str) -> str:
    InPostgres(server).empty()
    return server


def end_all_connections(address: str) -> None:
    import psycopg

    with psycopg.connect(address, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fleetwire'")


async def test_connections_that_are_lost_are_replaced_and_nothing_is(address: str) -> None:
    """Both, the one that writes and the one that reads, as after a restart of the server."""
    store = open_store(address)
    await store.open()
    for number in range(1, 30):
        store.keep(unit(number))
        if number % 10 == 0:
            end_all_connections(address)
    await until(lambda: store.health().pending == 0)
    end_all_connections(address)
    with pytest.raises(StoreError, match="can't be reached, or fails"):
        _ = [some async for some in store.deals_in_order()]
    store.keep(unit(30))
    await until(lambda: store.health().pending == 0)
    assert store.health().failing is None
    await store.close()
    again = open_store(address)
    assert await newest_whole(again, await again.open()) == 30
    await again.close()


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://u:{CANARY}@127.0.0.1:1/fleet",
        f"postgresql://u:{CANARY}@h@127.0.0.1:1/fleet?connect_timeout=2",
        f"postgresql://u@127.0.0.1:1/fleet?password={CANARY}",
        f"postgresql://u:{CANARY}@127.0.0.1:1/fleet?nonsense=1",
        f"postgresql://u:{CANARY}@[",
    ],
)
async def test_the_password_is_in_no_error_and_no_repr(address: str, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("psycopg")

    async def try_it() -> None:
        store = open_store(address)
        assert CANARY not in repr(store)
        await store.open()

    with pytest.raises((StoreError, ConfigError)) as refused:
        await try_it()
    assert CANARY not in f"{refused.value!r} {refused.value.__cause__!r} {caplog.text}"


async def test_a_server_that_is_not_there_is_named(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError, match=r"postgresql://u@127\.0\.0\.1:1/fleet: the server can't be reached"):
        await open_store("postgresql://u@127.0.0.1:1/fleet").open()


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "fleetwire.storage.postgres", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r'pip install "fleetwire\[postgres\]"'):
        open_store("postgresql://u@127.0.0.1/fleet")


async def test_a_newer_schema_is_refused_with_its_number(address: str) -> None:
    import psycopg

    store = open_store(address)
    await store.open()
    await store.close()
    with psycopg.connect(address, autocommit=True) as other:
        other.execute("INSERT INTO fleetwire.migrations VALUES (99)")
    try:
        with pytest.raises(StoreError, match="has schema 99, written by a newer fleetwire"):
            await open_store(address).open()
        assert "has schema 99" in open_store(address).check_now()[0]
    finally:
        with psycopg.connect(address, autocommit=True) as other:
            other.execute("DELETE FROM fleetwire.migrations WHERE number = 99")


async def test_a_backup_is_one_that_pg_restore_reads(address: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    dump, restore = program("pg_dump"), program("pg_restore")
    if dump is None or restore is None:
        pytest.skip("PostgreSQL's client programs are not installed")
    monkeypatch.setenv("PATH", dump.removesuffix("/pg_dump"))
    store = open_store(address)
    await store.open()
    store.keep(unit(1))
    await store.committed()
    await store.backup(str(tmp_path / "fleet.dump"))
    listed = subprocess.run(
        [restore, "--list", str(tmp_path / "fleet.dump")], capture_output=True, text=True, check=True
    )
    assert "TABLE DATA fleetwire deals" in listed.stdout
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match="pg_dump is not installed"):
        await store.backup(str(tmp_path / "other.dump"))
    await store.close()
