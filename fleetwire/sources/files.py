"""Reports as JSON files in a watched folder: for experts that may call no URL, on shares that tell of no changes.

A file is claimed by moving it into `taking/` beside it, so that a newer one of the same name is another file. It goes
only once the fleet has it; what was being taken when the server stopped is taken again, which changes nothing.

Commands for the experts that report here are written to `commands/`, each as a file of its own, whole from the moment
at which it has its name. Whoever takes one removes it, and says what became of it in the `acks` of a report.
"""

import asyncio
import contextlib
import heapq
import itertools
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from fleetwire.fleet.events import Fact
from fleetwire.ports import Report
from fleetwire.wire.errors import CommandError, DataError, StoreError

FILE_BYTES_MAX: Final = 2**20
GIVEN_MAX: Final = 10_000
"""Commands that wait to be written; the queue gives again what comes above."""
COMMANDS_KEPT_S: Final = 7 * 86_400.0
"""How long a command that nobody takes stays in the folder; all have expired by then."""
FILES_PER_TURN: Final = 200
ENTRIES_MAX: Final = 10_000  # of the folder that are looked at in one turn
DONE_FILES_MAX: Final = 1_000  # that are kept in `done/`
FACTS_PER_CALL: Final = 1_000
REFUSED_MAX: Final = 100  # that are told of one file
BACKOFF_S: Final = 15.0  # before a store or a folder that failed is tried again

ReadFacts = Callable[[bytes], tuple[list[Fact], list[dict[str, Any]]]]
"""Reads a report: its facts, and what was refused of it. Raises DataError."""

logger = logging.getLogger("fleetwire.sources.files")


class _Seen(NamedTuple):
    """How a file looked that could not be read, and since when it looks so."""

    size: int
    mtime_ns: int
    since_s: float


class DropFolder:
    """Takes reports from a folder.

    Args:
        path: the folder; it is made if there is none.
        read: reads a file's content: `fleetwire.sources.expert.read_facts`.
        keep_done: move what was taken to `done/` (the newest thousand stay) instead of deleting it.
        poll_s: seconds between two looks at the folder.
        settle_s: how many seconds a file that can't be read has to stay unchanged before it counts as wrong, and not as
            half written.
        monotonic: tells the seconds.
        on_refused: is told of each file that can't be read as a report, or not all of it: its name, and why.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        read: ReadFacts,
        *,
        keep_done: bool = False,
        poll_s: float = 1.0,
        settle_s: float = 5.0,
        monotonic: Callable[[], float] = time.monotonic,
        on_refused: Callable[[str], None] | None = None,
    ) -> None:
        self.path = Path(path)
        self.name = f"folder {self.path.name}"
        self.failing: str | None = None
        """Why nothing can be taken at the moment."""
        self.taken = 0
        self.failed = 0
        self._read = read
        self._keep_done = keep_done
        self._poll_s = poll_s
        self._settle_s = settle_s
        self._monotonic = monotonic
        self._on_refused = on_refused
        self._unread: dict[str, _Seen] = {}
        self._given: dict[str, dict[str, Any]] = {}  # file name -> what is to be written
        self._bell = asyncio.Event()

    def give(self, order: dict[str, Any]) -> None:
        """Take a command for one of the experts that report here; it is written in the next turn."""
        if len(self._given) < GIVEN_MAX:
            self._given[f"{order['target']}-{order['id']}.json"] = order
            self._bell.set()

    async def run(self, report: Report) -> None:
        """Take files until cancelled."""
        while True:
            taken = await self.turn(report)
            pause = BACKOFF_S if self.failing else self._poll_s
            await self._rest(0 if taken == FILES_PER_TURN else pause)

    async def _rest(self, pause_s: float) -> None:
        """Wait for the next turn; a command shortens that, unless nothing can be written."""
        if self.failing or not pause_s:
            await asyncio.sleep(pause_s)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._bell.wait()

    async def turn(self, report: Report) -> int:
        """Take what is in the folder, the oldest first; tell how many files went."""
        count = 0
        self._bell.clear()
        try:
            given, self._given = self._given, {}
            if given:
                await asyncio.to_thread(self._write_commands, given)
            for claimed in await asyncio.to_thread(self._claim):
                await self._take(claimed, report)
                count += 1
            if count and self._keep_done:
                await asyncio.to_thread(self._thin_out)
        except (OSError, StoreError) as error:
            self._say_failing(f"{self.path}: {error}")
        else:
            self._say_failing(None)
        return count

    async def _take(self, claimed: Path, report: Report) -> None:
        """Report a file, then let it go.

        Raises:
            StoreError: the facts were not kept; the file stays.
        """
        try:
            facts, refused = await asyncio.to_thread(self._facts, claimed)
        except FileNotFoundError:  # somebody took it away
            return
        except DataError as error:
            unread = [str(error)]
            wrong = [*unread, "Nothing of the file was taken."]
        except OSError as error:
            unread = [f"the file can't be read: {error.strerror or error}"]
            wrong = [*unread, "Nothing of it was taken."]
        else:
            unread = [entry["error"] for entry in refused]
            wrong = unread + await _reported(facts, report)
            wrong = [*wrong[:REFUSED_MAX], "The rest of the file was taken."] if wrong else []
        if unread and self._on_refused is not None:
            self._on_refused(f"{claimed.name}: {unread[0]}")
        await asyncio.to_thread(self._let_go, claimed, wrong)
        self.taken += not wrong
        self.failed += bool(wrong)

    def _say_failing(self, failing: str | None) -> None:
        if failing is not None and failing != self.failing:
            logger.error("no reports can be taken from the folder, it is tried again: %s", failing)
        elif failing is None and self.failing is not None:
            logger.info("reports are taken again from %s", self.path)
        self.failing = failing

    # ------------------------------------------------------------------------- what blocks, and runs in a thread

    @property
    def _taking(self) -> Path:
        return self.path / "taking"

    def _write_commands(self, given: dict[str, dict[str, Any]]) -> None:
        """Write commands, each whole or not at all; drop those that nobody has taken for so long."""
        folder = self.path / "commands"
        folder.mkdir(parents=True, exist_ok=True)
        for name, order in given.items():
            half = folder / f"{name}.part"
            half.write_bytes(msgspec.json.encode(order))
            os.replace(half, folder / name)
        oldest = time.time() - COMMANDS_KEPT_S
        with os.scandir(folder) as entries:
            old = [entry.path for entry in itertools.islice(entries, ENTRIES_MAX) if entry.stat().st_mtime < oldest]
        for path in old:
            Path(path).unlink(missing_ok=True)

    def _claim(self) -> list[Path]:
        """Claim what can be read, or will never be; give it after what was claimed before, the oldest first."""
        if not self.path.exists():
            self.path.mkdir(parents=True, exist_ok=True)  # somebody else may make it just now
            logger.warning("%s was not there and has been made: write reports into it", self.path)
        self._taking.mkdir(exist_ok=True)
        claimed = [self._taking / entry.name for entry in _oldest(self._taking)]
        busy = {path.name for path in claimed}
        unread: dict[str, _Seen] = {}
        for entry in _oldest(self.path):
            if len(claimed) == FILES_PER_TURN:
                break
            if entry.name not in busy and self._is_whole(entry, unread):
                target = self._taking / entry.name
                try:
                    os.replace(entry.path, target)
                except OSError:  # its writer has it open, or has taken it back: the next turn will see
                    continue
                claimed.append(target)
        self._unread = unread
        return claimed

    def _is_whole(self, entry: "os.DirEntry[str]", unread: dict[str, _Seen]) -> bool:
        """Whether a file can be read; or can't, and has not changed for so long that nobody is writing it."""
        try:
            found = entry.stat(follow_symlinks=False)
            self._facts(Path(entry.path))
        except FileNotFoundError:
            return False
        except (DataError, OSError):
            before = self._unread.get(entry.name)
            now = self._monotonic()
            if before is None or before[:2] != (found.st_size, found.st_mtime_ns):
                before = _Seen(found.st_size, found.st_mtime_ns, now)
            unread[entry.name] = before
            return now - before.since_s >= self._settle_s
        return True

    def _facts(self, path: Path) -> tuple[list[Fact], list[dict[str, Any]]]:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            body = file.read(FILE_BYTES_MAX + 1)
        if len(body) > FILE_BYTES_MAX:
            raise DataError(f"the file is longer than {FILE_BYTES_MAX // 1024:,} KiB: write several")
        return self._read(body)

    def _let_go(self, claimed: Path, wrong: list[str]) -> None:
        """Put a file where it belongs now that the fleet has what can be had of it."""
        if wrong:
            target = _moved(claimed, self.path / "failed")
            target.with_name(f"{target.name}.error.txt").write_text("\n".join([*wrong, ""]), "utf-8")
            logger.warning("%s: a report was refused: %s", target, wrong[0])
        elif self._keep_done:
            _moved(claimed, self.path / "done")
        else:
            claimed.unlink(missing_ok=True)

    def _thin_out(self) -> None:
        """Keep the newest of what is done."""
        done = sorted((self.path / "done").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        for path in done[: max(0, len(done) - DONE_FILES_MAX)]:
            path.unlink(missing_ok=True)


async def _reported(facts: list[Fact], report: Report) -> list[str]:
    """Report facts; tell what the fleet refused of them.

    Raises:
        StoreError: they were not kept.
    """
    refused: list[str] = []
    for begin in range(0, len(facts), FACTS_PER_CALL):
        batch = facts[begin : begin + FACTS_PER_CALL]
        try:
            await report(*batch)
        except (DataError, CommandError):  # one of them: those behind it have not been taken
            for fact in batch:
                try:
                    await report(fact)
                except (DataError, CommandError) as error:
                    refused.append(str(error))
    return refused


def _oldest(folder: Path) -> list["os.DirEntry[str]"]:
    """List the ordinary JSON files of a folder, the oldest first: as many as one turn takes, and some more."""
    with os.scandir(folder) as entries:
        return heapq.nsmallest(2 * FILES_PER_TURN, _reports(entries), key=_age)


def _reports(entries: Iterator["os.DirEntry[str]"]) -> Iterator["os.DirEntry[str]"]:
    for entry in itertools.islice(entries, ENTRIES_MAX):
        if entry.name.lower().endswith(".json") and entry.is_file(follow_symlinks=False):
            yield entry


def _age(entry: "os.DirEntry[str]") -> tuple[int, str]:
    try:
        return entry.stat(follow_symlinks=False).st_mtime_ns, entry.name
    except FileNotFoundError:  # it went while we looked
        return 0, entry.name


def _moved(path: Path, folder: Path) -> Path:
    """Move a file into a folder, under a name that is free there."""
    folder.mkdir(exist_ok=True)
    target = folder / path.name
    if target.exists():
        target = folder / f"{path.stem}.{time.time_ns()}{path.suffix}"
    os.replace(path, target)
    return target
