"""Reports in a folder are taken whole and once; what is wrong is put aside with the reason, and nothing is lost."""

import asyncio
import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from fleetwire.fleet.events import Account, DealReport, Fact
from fleetwire.sources import files
from fleetwire.sources.expert import read_facts
from fleetwire.sources.files import DropFolder
from fleetwire.wire.errors import DataError, StoreError
from tests.support import until

ACCOUNT = {"server": "Broker-Live", "login": 5, "currency": "EUR"}


class Fleet:
    """Takes facts, unless it is told to refuse some, or can't keep any."""

    def __init__(self) -> None:
        self.calls: list[tuple[Fact, ...]] = []
        self.refuses: set[int] = set()
        self.full = False

    async def __call__(self, *facts: Fact) -> None:
        if self.full:
            raise StoreError("the disk is full")
        for fact in facts:
            if isinstance(fact, DealReport) and fact.deal.ticket in self.refuses:
                raise DataError(f"deal {fact.deal.ticket} is from the future")
        self.calls.append(facts)

    @property
    def logins(self) -> list[int]:
        return [fact.login for call in self.calls for fact in call if isinstance(fact, Account)]

    @property
    def tickets(self) -> list[int]:
        return [fact.deal.ticket for call in self.calls for fact in call if isinstance(fact, DealReport)]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def body(login: int = 5, tickets: range = range(0)) -> bytes:
    deals = [{"ticket": ticket, "time_msc": ticket, "type": "buy"} for ticket in tickets]
    return json.dumps({"account": {**ACCOUNT, "login": login}, "deals": deals}).encode()


def put(folder: Path, name: str, content: bytes, age: int = 0) -> Path:
    """Write a file as an expert should: under another name, then renamed."""
    path = folder / name
    hidden = folder / f"{name}.tmp"
    hidden.write_bytes(content)
    os.utime(hidden, ns=(10**18 + age, 10**18 + age))
    os.replace(hidden, path)
    return path


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path, clock: Clock) -> DropFolder:
    return DropFolder(tmp_path / "drop", read_facts, settle_s=5, monotonic=clock)


@pytest.fixture
def path(folder: DropFolder) -> Path:
    folder.path.mkdir()
    return folder.path


async def test_a_folder_that_was_not_there_is_made_and_the_log_says_so_once(
    folder: DropFolder, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        await folder.turn(Fleet())
    assert folder.path.is_dir()
    assert caplog.text.count(f"{folder.path} was not there and has been made") == 1


async def test_a_folder_that_somebody_makes_at_the_same_moment_is_no_failure(
    folder: DropFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.path.mkdir()
    put(folder.path, "a.json", body())
    monkeypatch.setattr(Path, "exists", lambda path: path != folder.path)  # as it was a moment ago
    fleet = Fleet()
    assert await folder.turn(fleet) == 1
    assert (fleet.logins, folder.failing) == ([5], None)


async def test_reports_are_taken_the_oldest_first_and_go(folder: DropFolder, path: Path) -> None:
    fleet = Fleet()
    for login, age in ((1, 30), (2, 10), (3, 20)):
        put(path, f"{login}.json", body(login), age)
    assert await folder.turn(fleet) == 3
    assert fleet.logins == [2, 3, 1]
    assert names(path) == set()
    assert (folder.taken, folder.failed, folder.failing) == (3, 0, None)


async def test_the_folder_is_made_and_watched_until_the_source_is_cancelled(tmp_path: Path) -> None:
    folder, fleet = DropFolder(tmp_path / "not" / "yet", read_facts, poll_s=0.001), Fleet()
    running = asyncio.create_task(folder.run(fleet))
    await until((tmp_path / "not" / "yet" / "taking").exists)
    put(folder.path, "a.JSON", body(7))
    await until(lambda: fleet.logins == [7])
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_what_was_taken_can_be_kept(path: Path) -> None:
    folder = DropFolder(path, read_facts, keep_done=True)
    for login in (1, 2):
        put(path, "same name.json", body(login))
        await folder.turn(Fleet())
    assert len(names(path)) == 2
    assert {json.loads(file.read_bytes())["account"]["login"] for file in (path / "done").iterdir()} == {1, 2}


async def test_only_the_newest_of_what_is_done_stay(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "DONE_FILES_MAX", 2)
    folder = DropFolder(path, read_facts, keep_done=True)
    for number in range(4):
        put(path, f"{number}.json", body(1), age=number)
    await folder.turn(Fleet())
    assert names(path) == {"done/2.json", "done/3.json"}


async def test_a_half_written_file_is_left_until_it_is_whole(folder: DropFolder, path: Path, clock: Clock) -> None:
    fleet, whole = Fleet(), body(5, range(1, 4))
    for part in (0, 10, len(whole) - 1):
        (path / "a.json").write_bytes(whole[:part])
        assert await folder.turn(fleet) == 0
        clock.now += 4  # it is being written, however slowly
    (path / "a.json").write_bytes(whole)
    assert await folder.turn(fleet) == 1
    assert fleet.tickets == [1, 2, 3]


async def test_what_can_not_be_read_is_put_aside_with_the_reason(
    folder: DropFolder, path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    put(path, "bad.json", b'{"account": {"server": "S", "login": 5}}')
    put(path, "cut.json", body()[:-5])
    assert await folder.turn(Fleet()) == 0
    clock.now = 5
    assert await folder.turn(Fleet()) == 2
    assert names(path) == {
        f"failed/{name}" for name in ("bad.json", "bad.json.error.txt", "cut.json", "cut.json.error.txt")
    }
    said = (path / "failed" / "bad.json.error.txt").read_text()
    assert said == "account.currency: is missing\nNothing of the file was taken.\n"
    assert (path / "failed" / "cut.json").read_bytes() == body()[:-5]
    assert "bad.json: a report was refused: account.currency: is missing" in caplog.text
    assert folder.failed == 2


async def test_two_wrong_files_of_one_name_are_both_kept(folder: DropFolder, path: Path, clock: Clock) -> None:
    for content in (b"[1]", b"[2]"):
        put(path, "bad.json", content)
        await folder.turn(Fleet())
        clock.now += 5
        await folder.turn(Fleet())
    kept = [file.read_bytes() for file in (path / "failed").glob("*.json")]
    assert sorted(kept) == [b"[1]", b"[2]"]


async def test_of_a_partly_wrong_report_the_rest_is_taken(folder: DropFolder, path: Path) -> None:
    content = json.loads(body(5, range(1, 4)))
    content["deals"][1]["volume"] = -1
    put(path, "a.json", json.dumps(content).encode())
    fleet = Fleet()
    await folder.turn(fleet)
    assert fleet.tickets == [1, 3]
    said = (path / "failed" / "a.json.error.txt").read_text()
    assert said == "deals[1].volume: must be >= 0\nThe rest of the file was taken.\n"


async def test_what_the_fleet_refuses_is_told_and_the_rest_is_taken(folder: DropFolder, path: Path) -> None:
    fleet = Fleet()
    fleet.refuses = {2}
    put(path, "a.json", body(5, range(1, 4)))
    await folder.turn(fleet)
    assert set(fleet.tickets) == {1, 3}
    assert "deal 2 is from the future" in (path / "failed" / "a.json.error.txt").read_text()


async def test_a_file_goes_only_once_it_is_kept(
    folder: DropFolder, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fleet = Fleet()
    fleet.full = True
    put(path, "a.json", body(1))
    for _ in range(3):
        await folder.turn(fleet)
    assert names(path) == {"taking/a.json"}
    assert folder.failing is not None
    assert "the disk is full" in folder.failing
    assert [record.levelno for record in caplog.records] == [logging.ERROR], "it is said once"
    fleet.full = False
    put(path, "a.json", body(2))  # meanwhile the expert has written a new one under the same name
    await folder.turn(fleet)
    await folder.turn(fleet)
    assert fleet.logins == [1, 2]
    assert names(path) == set()
    assert folder.failing is None


async def test_what_was_being_taken_when_the_server_stopped_is_taken_again(folder: DropFolder, path: Path) -> None:
    async def stops(*facts: Fact) -> None:
        raise asyncio.CancelledError

    put(path, "a.json", body(1))
    with pytest.raises(asyncio.CancelledError):
        await folder.turn(stops)
    fleet = Fleet()
    assert await DropFolder(path, read_facts).turn(fleet) == 1
    assert fleet.logins == [1]


async def test_a_file_that_is_written_anew_while_it_is_taken_is_taken_too(folder: DropFolder, path: Path) -> None:
    fleet = Fleet()

    async def slow(*facts: Fact) -> None:
        if not fleet.calls:
            put(path, "a.json", body(2))
        await fleet(*facts)

    put(path, "a.json", body(1))
    await folder.turn(slow)
    await folder.turn(slow)
    assert fleet.logins == [1, 2]


async def test_links_folders_and_other_files_are_left_alone(
    folder: DropFolder, path: Path, tmp_path: Path, clock: Clock
) -> None:
    secret = tmp_path / "secret.json"
    secret.write_bytes(body(1))
    (path / "link.json").symlink_to(secret)
    (path / "folder.json").mkdir()
    os.mkfifo(path / "pipe.json")
    (path / "a.txt").write_bytes(body(1))
    for clock.now in (0, 60):
        assert await folder.turn(Fleet()) == 0
    assert secret.exists()
    assert {entry.name for entry in path.iterdir()} == {"link.json", "folder.json", "pipe.json", "a.txt", "taking"}


async def test_a_file_that_is_too_long_is_put_aside_unread(folder: DropFolder, path: Path, clock: Clock) -> None:
    put(path, "long.json", b" " * files.FILE_BYTES_MAX + body())
    await folder.turn(Fleet())
    clock.now = 5
    await folder.turn(Fleet())
    assert "longer than 1,024 KiB" in (path / "failed" / "long.json.error.txt").read_text()


async def test_many_facts_are_told_in_parts_and_many_files_in_turns(
    folder: DropFolder, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "FILES_PER_TURN", 2)
    put(path, "a.json", body(5, range(1, 2_500)))
    for number in range(3):
        put(path, f"{number}.json", body(1), age=number + 1)
    fleet = Fleet()
    assert await folder.turn(fleet) == 2
    assert [len(call) for call in fleet.calls] == [1_000, 1_000, 500, 1]
    assert await folder.turn(fleet) == 2


async def test_a_folder_that_went_away_is_told_once_and_tried_again(tmp_path: Path, caplog: Any) -> None:
    (tmp_path / "drop").write_text("a file stands where the folder was")
    folder, fleet = DropFolder(tmp_path / "drop", read_facts), Fleet()
    for _ in range(2):
        assert await folder.turn(fleet) == 0
    assert len(caplog.records) == 1
    assert folder.failing
    (tmp_path / "drop").unlink()
    await folder.turn(fleet)
    put(folder.path, "a.json", body(1))
    await folder.turn(fleet)
    assert fleet.logins == [1]
