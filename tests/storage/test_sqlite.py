"""SQLite under bad conditions: killed, full, broken, cut off from power, damaged, locked, used twice."""

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from msgspec.structs import replace

from fleetwire.ports import KeptDeal, KeptNote
from fleetwire.storage import SqliteStore, inspecting
from fleetwire.storage import writer as writer_module
from fleetwire.storage.reading import Reading
from fleetwire.storage.sqlite import SqliteConnection, SqliteDatabase
from fleetwire.storage.store import QueuedStore
from fleetwire.wire.errors import StoreError
from tests.storage.disks import Disk
from tests.storage.support import newest_whole, unit
from tests.support import until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fleetwire.db"


def kill_while_it_keeps(path: Path, after_lines: int) -> int:
    """Let another process keep units until it has acknowledged some, and kill it; give the last acknowledged one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.storage.keeper", str(path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    lines = [process.stdout.readline() for _ in range(after_lines)]
    process.kill()
    rest = process.communicate(timeout=30)[0]
    acknowledged = "".join(lines) + rest[: rest.rfind("\n") + 1]
    return int(acknowledged.split()[-1])


@pytest.mark.skipif(os.name == "nt", reason="kill -9")
async def test_what_was_acknowledged_is_there_after_each_kill(path: Path) -> None:
    """Killed eleven times in the midst of writing: all that was acknowledged is there, units are whole, in order."""
    for round_ in range(11):
        acknowledged = await asyncio.to_thread(kill_while_it_keeps, path, 1 + 37 * round_ % 150)
        store = SqliteStore(path)
        newest = await newest_whole(store, await store.open())  # the lock of the killed one is free
        await store.close()
        assert newest >= acknowledged


# -------------------------------------------------------------------------------------------------------- a bad disk


@pytest.mark.parametrize(
    ("trouble", "said"),
    [("full", "the disk is full: free some space"), ("broken", "the disk fails"), ("sync_fails", "the disk fails")],
)
async def test_a_disk_that_fails_and_recovers_loses_nothing(path: Path, trouble: str, said: str) -> None:
    """Who waits is told once, why; what waits is tried again, and is written once the disk works."""
    disk = Disk()
    store = SqliteStore(path, vfs=disk.name)
    await store.open()
    store.keep(unit(1))
    await store.committed()
    setattr(disk, trouble, True)
    told: list[Exception | None] = []
    store.keep(unit(2), told.append)
    store.keep(unit(3), told.append)
    with pytest.raises(StoreError, match=said):
        await store.committed()
    await until(lambda: len(told) == 2)
    health = store.health()
    assert said in str(health.failing)
    assert str(path) in str(health.failing)
    assert (health.open, health.pending) == (True, 8)
    refused = disk.refused
    await until(lambda: disk.refused > refused)  # it tries again
    setattr(disk, trouble, False)
    store.keep(unit(4), told.append)
    await until(lambda: store.health().failing is None)
    await store.committed()
    assert [type(each) for each in told] == [StoreError, StoreError, type(None)], "nobody is told twice"
    assert store.health().pending == 0
    await store.close()
    again = SqliteStore(path)
    assert await newest_whole(again, await again.open()) == 4
    await again.close()


async def test_whichever_write_or_sync_fails_once_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third of everything that is asked of the disk, from the creation of the file to its closing."""
    monkeypatch.setattr(writer_module, "FIRST_PAUSE_S", 0.001)
    for position in range(1, 1000, 3):
        path, disk = tmp_path / f"{position}.db", Disk()
        disk.fails_at = position
        store = SqliteStore(path, vfs=disk.name)
        try:
            await store.open()
        except StoreError as error:
            assert "the disk fails" in str(error)  # noqa: PT017
            await store.open()
        for number in (1, 2, 3):
            store.keep(unit(number))
            await until(lambda store=store: store.health().pending == 0)
        await store.close()
        again = SqliteStore(path)
        assert await newest_whole(again, await again.open()) == 3
        await again.close()
        if disk.done < position:
            break
    assert 20 < position < 1000


async def test_a_slow_disk_holds_up_neither_the_loop_nor_those_who_read(path: Path) -> None:
    """Handing over takes no time, reading goes on; what has come meanwhile is committed together."""
    disk = Disk()
    store = SqliteStore(path, vfs=disk.name)
    await store.open()
    store.keep(unit(1))
    await store.committed()
    disk.turns.clear()
    told: list[Exception | None] = []
    for number in range(2, 402):
        store.keep(unit(number), told.append)
        await asyncio.sleep(0)
    assert (await store.trade(("Alpha-Live", 1), 1)) is not None
    assert (await store.trade(("Alpha-Live", 1), 2)) is None, "it is not committed yet"
    assert (told, store.health().pending) == ([], 1600)
    synced = disk.synced
    disk.turns.set()
    await store.committed()
    assert told == [None] * 400
    assert disk.synced - synced < 10, "units are committed in groups"
    await store.close()


async def test_a_long_read_holds_up_neither_the_loop_nor_commits(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    enough = threading.Event()

    def read_long(reading: Reading) -> None:
        reading.deals_in_order(None)
        enough.wait(30)

    reading = asyncio.create_task(store._read(read_long))
    store.keep(unit(1))
    await store.committed()
    assert not reading.done()
    enough.set()
    await reading
    await store.close()


async def test_what_waits_is_bounded_and_beyond_it_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In records and in bytes; the refusal says why they wait."""
    monkeypatch.setattr(writer_module, "PENDING_MAX", 12)
    monkeypatch.setattr(writer_module, "PENDING_BYTES_MAX", 20_000)
    disk = Disk()
    store = SqliteStore(path, vfs=disk.name)
    await store.open()
    disk.full = True
    for number in (1, 2, 3):
        store.keep(unit(number))
    await until(lambda: store.health().failing)
    with pytest.raises(StoreError, match=r"12 records wait to be written, no more are taken: .*the disk is full"):
        store.keep(unit(4))
    disk.full = False
    await until(lambda: store.health().pending == 0)
    with pytest.raises(StoreError, match="1 records of about 20,400 bytes are more than may wait"):
        store.keep([KeptNote("large", bytes(20_000))])
    await store.close()


def test_the_docs_state_how_much_may_wait() -> None:
    page = (ROOT / "docs" / "storage.md").read_text("utf-8")
    assert f"{writer_module.PENDING_MAX:,} records or {writer_module.PENDING_BYTES_MAX // 2**20} MiB" in page
    assert f"after {writer_module.FIRST_PAUSE_S} seconds" in page
    assert f"up to {writer_module.LAST_PAUSE_S:.0f} seconds" in page


async def test_closing_on_a_disk_that_fails_says_what_is_lost(path: Path) -> None:
    disk = Disk()
    store = SqliteStore(path, vfs=disk.name)
    await store.open()
    disk.full = True
    store.keep(unit(1))
    with pytest.raises(StoreError, match=r"4 records were not written, and are lost: .*the disk is full"):
        await store.close()
    disk.full = False
    again = SqliteStore(path)
    assert await newest_whole(again, await again.open()) == 0
    await again.close()


class Careless(SqliteDatabase):
    """The control: does not wait for the disk at each commit."""

    def connect(self) -> SqliteConnection:
        connection = super().connect()
        connection.run("PRAGMA synchronous=NORMAL")
        return connection


async def lost_after_a_power_cut(
    new_store: Callable[[], QueuedStore], disk: Disk, folder: Path, cuts: int, sync_fails: bool = False
) -> int:
    """Cut the power again and again while units are kept; count the cuts after which something acknowledged is gone."""
    store = new_store()
    await store.open()
    acknowledged = lost = 0

    def done(error: Exception | None) -> None:
        nonlocal acknowledged
        acknowledged += error is None

    for cut in range(cuts):
        if sync_fails and cut % 3 == 1:  # a sync fails, and the units that it was for are written anew
            disk.sync_fails = True
            store.keep(unit(acknowledged + 1), done)
            await until(lambda: store.health().failing)
            disk.sync_fails = False
            await until(lambda: store.health().failing is None)
            acknowledged += 1  # told already that it was not; it is now
        for _ in range(3):
            store.keep(unit(acknowledged + 1), done)
            await store.committed()
        left = folder / f"cut-{cut}"
        left.mkdir()
        disk.write_what_is_left(left, seed=cut)
        found = SqliteStore(left / "fleetwire.db")
        newest = await newest_whole(found, await found.open())
        await found.close()
        lost += newest < acknowledged
    await store.close()
    return lost


async def test_a_power_cut_loses_nothing_acknowledged(path: Path, tmp_path: Path) -> None:
    disk = Disk()
    assert await lost_after_a_power_cut(lambda: SqliteStore(path, vfs=disk.name), disk, tmp_path, 12) == 0


async def test_a_power_cut_after_failed_syncs_loses_nothing_acknowledged(path: Path, tmp_path: Path) -> None:
    """What a failed sync left unwritten is written anew, and not taken for written."""
    disk = Disk()
    store = SqliteStore(path, vfs=disk.name)
    assert await lost_after_a_power_cut(lambda: store, disk, tmp_path, 12, sync_fails=True) == 0


class Alone(SqliteDatabase):
    """Has no other connection when one is made, as after a kill: SQLite recovers the log as far as it can read."""

    store: QueuedStore | None = None

    def connect(self) -> SqliteConnection:
        at_work = self.store._at_work if self.store else None
        if at_work is not None:
            with contextlib.suppress(apsw.IOError):
                at_work.reader.close()
        made = super().connect()
        if at_work is not None:
            at_work.reader.__init__(self)
        return made


class AloneAndTrusting(Alone):
    """The control: goes on behind what it has recovered."""

    def _begin_anew(self, raw: apsw.Connection) -> None:
        pass


@pytest.mark.parametrize(("kind", "loses"), [(Alone, False), (AloneAndTrusting, True)])
async def test_nothing_is_acknowledged_behind_what_a_failed_sync_left(
    path: Path, tmp_path: Path, kind: type[Alone], loses: bool
) -> None:
    """Who recovers it and goes on behind it loses what it acknowledges, at the next power cut; we begin a new log."""
    disk = Disk()
    store = SqliteStore(path, vfs=disk.name)
    store._database = kind(path, disk.name)
    store._database.store = store
    assert bool(await lost_after_a_power_cut(lambda: store, disk, tmp_path, 6, sync_fails=True)) == loses


async def test_the_power_cut_is_one_that_can_be_lost_to(path: Path, tmp_path: Path) -> None:
    """Without waiting for the disk at each commit, the same cuts lose something: the tests above are able to fail."""
    disk = Disk()

    def careless() -> QueuedStore:
        store = SqliteStore(path, vfs=disk.name)
        store._database = Careless(path, disk.name)
        return store

    assert await lost_after_a_power_cut(careless, disk, tmp_path, 6) > 0


# ---------------------------------------------------------------------------------------------------- bad databases


async def kept_units(path: Path, count: int = 50) -> None:
    store = SqliteStore(path)
    await store.open()
    for number in range(1, count + 1):
        store.keep(unit(number))
    await store.close()


async def test_garbage_is_refused_and_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"all of this is no database " * 1000)
    with pytest.raises(StoreError, match="is no database, or is damaged: give another --database, or restore a backup"):
        await SqliteStore(path).open()
    assert path.read_bytes().startswith(b"all of this")


async def test_another_programs_database_is_refused(path: Path) -> None:
    with apsw.Connection(str(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    with pytest.raises(StoreError, match="is a database of another program"):
        await SqliteStore(path).open()


async def test_a_newer_database_is_refused_with_its_number(path: Path) -> None:
    await kept_units(path)
    raw = apsw.Connection(str(path))
    raw.execute("PRAGMA user_version=99")
    raw.close()
    with pytest.raises(StoreError, match="has schema 99, written by a newer fleetwire; this one knows schemas up to 3"):
        await SqliteStore(path).open()


async def test_a_truncated_database_is_refused_or_found_damaged(path: Path) -> None:
    """Wherever it ends: either it can't be opened, or the check finds the damage; both name the file or the page."""
    await kept_units(path)
    whole = path.read_bytes()
    for part in (0.1, 0.3, 0.6, 0.95):
        path.write_bytes(whole[: int(len(whole) * part)])
        store = SqliteStore(path)
        try:
            await store.open()
        except StoreError as error:
            assert "fleetwire db check" in str(error)  # noqa: PT017
            assert str(path) in str(error)  # noqa: PT017
        else:
            assert await store.check()
            await store.close()


async def test_a_flipped_page_is_found_by_the_check(path: Path) -> None:
    await kept_units(path)
    content = bytearray(path.read_bytes())
    content[-4096 * 3 : -4096 * 2] = bytes(4096)
    path.write_bytes(content)
    store = SqliteStore(path)
    await store.open()
    assert await store.check()
    await store.close()


async def test_a_trade_that_is_not_what_its_deals_make_is_found(path: Path) -> None:
    await kept_units(path)
    raw = apsw.Connection(str(path))
    raw.execute("UPDATE trades SET result = 5 WHERE position_id = 3; DELETE FROM trades WHERE position_id = 4")
    raw.close()
    assert SqliteStore(path).check_now() == [
        "Alpha-Live/1: the trade of position 3 is not what its deals make",
        "Alpha-Live/1: the trade of position 4 is not what its deals make",
    ]


async def test_a_database_that_another_program_locks_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says who is in the way, and goes on once the other is done."""
    monkeypatch.setattr("fleetwire.storage.sqlite._BUSY_TIMEOUT_MS", 10)
    store = SqliteStore(path)
    await store.open()
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    store.keep(unit(1))
    await until(lambda: store.health().failing)
    assert "another program keeps the database locked: close it" in str(store.health().failing)
    other.execute("ROLLBACK")
    await until(lambda: store.health().pending == 0)
    await store.close()
    other.close()


async def test_a_log_that_another_program_still_reads_is_not_gone_on_with(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty one can't be begun then: the server says who is in the way."""
    monkeypatch.setattr("fleetwire.storage.sqlite._BUSY_TIMEOUT_MS", 10)
    store = SqliteStore(path)
    await store.open()
    store.keep(unit(1))
    await store.committed()
    other = apsw.Connection(str(path))
    other.execute("BEGIN")
    assert other.execute("SELECT count(*) FROM deals").fetchall() == [(2,)]
    await store.close()
    with pytest.raises(StoreError, match=r"another program keeps the database locked: close it \(somebody still reads"):
        await SqliteStore(path).open()
    other.execute("COMMIT")
    assert await newest_whole(store, await store.open()) == 1
    await store.close()
    other.close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_may_not_be_written_to_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(StoreError, match="can't be opened: Permission denied: give another --database"):
        await SqliteStore(closed / "fleetwire.db").open()


async def test_a_path_that_is_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"can't be opened: .*: give another --database"):
        await SqliteStore(tmp_path).open()


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
async def test_nobody_else_may_read_what_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "new" / "fleetwire.db"
    store = SqliteStore(path)
    await store.open()
    store.keep(unit(1))
    await store.committed()
    await store.backup(str(tmp_path / "copy.db"))
    files = [*path.parent.iterdir(), tmp_path / "copy.db"]
    assert {file.name for file in files} >= {"fleetwire.db", "fleetwire.db-wal", "fleetwire.db.lock", "copy.db"}
    assert {file.stat().st_mode & 0o077 for file in files} == {0}
    await store.close()


async def test_a_backup_made_while_it_is_in_use_is_whole(path: Path, tmp_path: Path) -> None:
    """Taken between units that go on being kept: it opens, and what is in it is whole."""
    store = SqliteStore(path)
    await store.open()
    for number in range(1, 300):
        store.keep(unit(number))
    await store.committed()
    backup = asyncio.create_task(store.backup(str(tmp_path / "copy.db")))
    for number in range(300, 600):
        store.keep(unit(number))
        await asyncio.sleep(0)
    await backup
    await store.close()
    copy = SqliteStore(tmp_path / "copy.db")
    assert await newest_whole(copy, await copy.open()) >= 299
    await copy.close()


async def test_a_check_while_it_is_in_use_sees_one_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deal that is kept after trades were computed, and before they are compared, is no damage."""
    store = SqliteStore(path)
    await store.open()
    store.keep(unit(1))
    loop, compute = asyncio.get_running_loop(), inspecting.compute_trades

    async def keep_more() -> None:
        store.keep([replace(record, ea_id=8) for record in unit(1) if isinstance(record, KeptDeal)])
        await store.committed()

    def compute_while_more_is_kept(*asked: Any) -> list:
        found = list(compute(*asked))
        asyncio.run_coroutine_threadsafe(keep_more(), loop).result(10)
        return found

    await store.committed()
    monkeypatch.setattr(inspecting, "compute_trades", compute_while_more_is_kept)
    assert await store.check() == []
    await store.close()


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights there")
async def test_another_name_for_the_same_file_is_in_use_too(path: Path, tmp_path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    (tmp_path / "other.db").symlink_to(path)
    with pytest.raises(StoreError, match="is in use by another fleetwire"):
        await SqliteStore(tmp_path / "other.db").open()
    await store.close()


async def test_two_that_are_in_memory_have_nothing_in_common() -> None:
    one, other = SqliteStore(":memory:"), SqliteStore(":memory:")
    await one.open()
    await other.open()
    one.keep(unit(1))
    await one.committed()
    assert [some async for some in other.deals_in_order()] == []
    await one.close()
    await other.close()


def test_a_store_shows_where_it_keeps_things(path: Path) -> None:
    assert repr(SqliteStore(path)) == f"<SqliteStore {path} closed>"
