"""The import command: reports become history in the database, once, however often they are imported."""

import argparse
import asyncio
from pathlib import Path

import msgspec
import pytest

from fleetwire.cli.imports import add_arguments, run
from fleetwire.fleet.account import AccountMemory
from fleetwire.fleet.book import UNIT
from fleetwire.ports import Memory
from fleetwire.sources.report import history as history_module
from fleetwire.sources.report import read_report
from fleetwire.storage import open_store
from fleetwire.wire.errors import ReportError, StoreError

DATA = Path(__file__).resolve().parents[1] / "data"
TESTER = DATA / "ReportTester-Pendulum.html"
HISTORY = DATA / "ReportHistory-400000005.html"


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database that does not exist yet, far from anybody's own settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "fleet.db"


def imported(database: Path, *files: Path) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([*map(str, files), "--database", str(database)]))


async def kept(database: Path) -> tuple[Memory, list[tuple[str, int, int | None, int]]]:
    """What the database holds: its memory, and of each deal the account, the expert and the ticket."""
    store = open_store(str(database))
    memory = await store.open()
    deals = [
        (deal.server, deal.login, deal.ea_id, deal.deal.ticket)
        async for batch in store.deals_in_order()
        for deal in batch
    ]
    await store.close()
    return memory, deals


def test_a_report_imported_twice_gives_the_same_history_once(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert imported(database, HISTORY, TESTER) == 0
    memory, deals = asyncio.run(kept(database))
    assert imported(database, TESTER, HISTORY) == 0
    again, deals_again = asyncio.run(kept(database))
    assert deals_again == deals
    assert len(deals) == 16
    assert [expert.expert for expert in again.experts] == [expert.expert for expert in memory.experts]
    assert {(account.server, account.login) for account in again.accounts} == {deal[:2] for deal in deals}
    assert capsys.readouterr().out.splitlines() == [
        "ReportHistory-400000005.html  400000005  10 deals, 10 of them new",
        "ReportTester-Pendulum.html  Pendulum  6 deals, 6 of them new",
        "ReportTester-Pendulum.html  Pendulum  6 deals, 0 of them new",
        "ReportHistory-400000005.html  400000005  10 deals, 0 of them new",
    ]


def test_an_imported_account_begins_with_what_was_there_however_often_it_is_imported(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of a history, told one after the other, must not pass for what was there before."""
    monkeypatch.setattr(history_module, "DEALS_PER_CALL", 1)
    opening = read_report(HISTORY).opening_balance
    for _ in range(2):
        imported(database, HISTORY)
        memory, _ = asyncio.run(kept(database))
        (account,) = memory.accounts
        book = msgspec.msgpack.decode(account.memory, type=AccountMemory).book
        assert book.opening == round(opening * UNIT)


def test_if_one_report_can_not_be_read_none_is_imported(database: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.html").write_text("<html>nothing</html>")
    with pytest.raises(ReportError, match=r"broken\.html"):
        imported(database, HISTORY, tmp_path / "broken.html")
    assert not database.exists()


async def test_a_database_that_a_server_has_open_is_left_alone(database: Path) -> None:
    store = open_store(str(database))
    await store.open()
    try:
        with pytest.raises(StoreError, match="in use by another fleetwire"):
            await asyncio.to_thread(imported, database, HISTORY)
    finally:
        await store.close()
